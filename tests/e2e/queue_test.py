"""What is promised is kept: mail that is not through at once waits on disk, is tried again, and arrives once. Real
programs; the sandbox's faults; every wait is for an event."""

import os
import re
import shutil
import socket
import tempfile
import unittest

import mails
import shim
import tap

QUICK = "retry-min = 1s\nretry-max = 1s\n"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class QueueTest(unittest.TestCase):
    def sandbox(self, *options):
        sandbox = shim.Sandbox(*options)
        self.addCleanup(sandbox.end)
        return sandbox

    def daemon(self, url, shimta="", state=None, retry=QUICK, **more):
        sections = more.pop("more", {})
        daemon = shim.Daemon(url, {**sections, "shimta": retry + shimta}, state=state, **more)
        self.addCleanup(daemon.end)
        return daemon

    def state(self):
        folder = tempfile.mkdtemp(prefix="shimta-state-")
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def send(self, daemon, *recipients):
        code, text = daemon.send("shop@example.jp", list(recipients), mails.order(cc=()))
        return f"{code} {text}"

    def queue_id(self, reply):
        match = re.search(r"250 2\.0\.0 Ok: queued as (?:.*\n)*?(?:2\.0\.0 )?Q(\w{16})$", reply)
        self.assertTrue(match, reply)
        return match.group(1)

    def assert_once(self, sandbox, *recipients):
        self.assertEqual(sorted(row["to"] for row in sandbox.box()), sorted(recipients))

    def test_api_is_down_and_comes_back(self):
        sandbox = self.sandbox()
        sandbox.fault("status=503", 1000)
        daemon = self.daemon(sandbox.url)
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        daemon.wait_line(rf"queued id={queue_id} ")
        daemon.wait_line(rf"deferred id={queue_id} ", len(daemon.lines))
        self.assertEqual(sandbox.box(), [])
        sandbox.mend()
        daemon.wait_line(rf"delivered id={queue_id} .*to=yamada@example\.org")
        self.assert_once(sandbox, "yamada@example.org")

    def test_nobody_listens_and_then_somebody_does(self):
        port = free_port()
        daemon = self.daemon(f"http://127.0.0.1:{port}")
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        sandbox = self.sandbox("--listen", f"127.0.0.1:{port}")
        daemon.wait_line(rf"delivered id={queue_id} ")
        self.assert_once(sandbox, "yamada@example.org")

    def test_partly_delivered(self):
        """Hidden recipients have a call each; one of the calls fails."""
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, more={"account main": "max-calls = 1\n"})
        hidden = [f"hidden{n}@example.net" for n in range(3)]
        sandbox.get("/fault", kind="error=13-002", every="2")
        reply = self.send(daemon, *hidden)
        self.assertTrue(reply.startswith("250 2.0.0 Ok: queued as <"), reply)
        queue_id = self.queue_id(reply)
        sandbox.mend()
        for address in hidden:
            daemon.wait_line(rf"delivered id={queue_id} .*to={re.escape(address)}")
        self.assert_once(sandbox, *hidden)

    def test_wait_is_over_and_the_result_comes_late(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, "wait = 1s\n")
        sandbox.fault("delay=3000")
        before = len(daemon.lines)
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        self.assertNotIn("delivered", "\n".join(daemon.lines[before:]))
        daemon.wait_line(rf"delivered id={queue_id} ")
        self.assertEqual(daemon.end(), 0)
        self.assert_once(sandbox, "yamada@example.org")

    def test_restart_with_a_queue(self):
        self.restart(15)

    def test_kill_and_restart_with_a_queue(self):
        self.restart(9)

    def restart(self, signal):
        sandbox, state = self.sandbox(), self.state()
        sandbox.fault("status=503", 1000)
        daemon = self.daemon(sandbox.url, state=state)
        ids = [self.queue_id(self.send(daemon, f"to{n}@example.org")) for n in range(3)]
        daemon.end(signal)
        sandbox.mend()
        again = self.daemon(sandbox.url, state=state)
        for queue_id in ids:
            again.wait_line(rf"delivered id={queue_id} ")
        self.assert_once(sandbox, *(f"to{n}@example.org" for n in range(3)))

    def test_killed_in_the_middle_of_a_call(self):
        """Promised because the wait was over; the answer comes to nobody. Arara knows the call again."""
        sandbox, state = self.sandbox("--arara-connections", "2"), self.state()
        sandbox.fault("delay=20000@/send")
        daemon = self.daemon(sandbox.url, "wait = 1s\n", state=state, account=shim.ARARA)
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        daemon.end(9)
        again = self.daemon(sandbox.url, state=state, account=shim.ARARA)
        again.wait_line(rf"delivered id={queue_id} ")
        self.assert_once(sandbox, "yamada@example.org")

    def test_killed_in_the_middle_of_a_call_that_is_for_the_operator(self):
        sandbox, state = self.sandbox(), self.state()
        more = {"account main": "unknown-outcome = hold\n"}
        sandbox.fault("delay=20000")
        daemon = self.daemon(sandbox.url, "delivery = queue\n", state=state, more=more)
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        daemon.end(9)
        again = self.daemon(sandbox.url, state=state, more=more)
        again.wait_line(rf"held id={queue_id} .*may have been taken")

    def test_unknown_outcome_is_tried_again_as_the_same_call(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, account=shim.ARARA)
        sandbox.fault("close-after@/send")
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        daemon.wait_line(rf"unknown id={queue_id} ")
        daemon.wait_line(rf"delivered id={queue_id} ")
        self.assert_once(sandbox, "yamada@example.org")

    def test_unknown_outcome_is_held(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, more={"account main": "unknown-outcome = hold\n"})
        sandbox.fault("close-after")
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        daemon.wait_line(rf"held id={queue_id} .*may have been taken")

    def test_store_first(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, "delivery = queue\n")
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        daemon.wait_line(rf"delivered id={queue_id} ")
        self.assert_once(sandbox, "yamada@example.org")
        huge = mails.order(cc=()) + b"x" * (1 << 20) + b"\r\n"
        code, text = daemon.send("shop@example.jp", ["sato@example.org"], huge)
        daemon.wait_line(rf"delivered id={self.queue_id(f'{code} {text}')} ")
        self.assert_once(sandbox, "yamada@example.org", "sato@example.org")

    def test_a_listener_of_its_own_mind(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, "delivery = queue\n", more={"listen tcp": "delivery = wait\n"})
        sandbox.fault("error=13-002")
        self.assertTrue(self.send(daemon, "yamada@example.org").startswith("451 4.3.0"))
        self.assertNotIn("queued id=", daemon.text())

    def test_refused_at_once_although_it_would_be_queued(self):
        daemon = self.daemon(self.sandbox().url, "delivery = queue\nmax-received = 5\n")
        loop = b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n" * 6
        code, text = daemon.send("shop@example.jp", ["yamada@example.org"], loop + mails.order(cc=()))
        self.assertEqual((code, text[:5]), (554, "5.4.6"))

    def test_sendmail_for_later(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, retry="retry-min = 1h\nretry-max = 1h\n")
        done = daemon.sendmail("-odq", "yamada@example.org", stdin=b"Subject: s\n\nx\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        queue_id = daemon.wait_line(r"queued id=(\w+) ").group(1)
        self.assertEqual(sandbox.box(), [])
        self.assertEqual(daemon.sendmail("-q").returncode, 0)
        daemon.wait_line(rf"delivered id={queue_id} ")
        self.assert_once(sandbox, "yamada@example.org")

    def test_full_store(self):
        """No promise, but what needs none goes on."""
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, "queue-max-entries = 1\n")
        sandbox.fault("error=13-002", 2)
        self.queue_id(self.send(daemon, "first@example.org"))
        reply = self.send(daemon, "second@example.org")
        self.assertTrue(reply.startswith("452 4.3.1"), reply)
        self.assertTrue(self.send(daemon, "third@example.org").startswith("250 2.0.0 Ok: queued as <"))

    def test_sender_is_told_of_the_delay(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, "delay-warning = 1s\n")
        sandbox.fault("error=13-002", 1000)
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        notice = daemon.wait_line(rf"delayed id={queue_id} .*to=yamada@example\.org notice=(\w+) ").group(1)
        sandbox.get("/fault", kind="none")
        daemon.wait_line(rf"delivered id={notice} ")
        daemon.wait_line(rf"delivered id={queue_id} ")

    def test_given_up_and_returned(self):
        sandbox = self.sandbox()
        daemon = self.daemon(sandbox.url, "queue-lifetime = 1s\n")
        sandbox.fault("error=13-002", 3)
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        notice = daemon.wait_line(rf"notice id={queue_id} notice=(\w+) to=shop@example\.jp").group(1)
        daemon.wait_line(rf"expired id={queue_id} .*to=yamada@example\.org .*dsn=4\.4\.7 ")
        daemon.wait_line(rf"bounced id={queue_id} .*to=yamada@example\.org notice={notice} ")
        daemon.wait_line(rf"queued id={notice} ")
        daemon.wait_line(rf"delivered id={notice} ")
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), ["shop@example.jp"])
        self.assertIn("yamada@example.org", copies["shop@example.jp"][0].as_string())


if __name__ == "__main__":
    tap.main()
