"""FUTURERELEASE (RFC 4865): mail that is not to go yet, and goes."""

import re
import subprocess
import time

import mails
import shim
import tap
import unittest


class HoldTest(unittest.TestCase):
    def send(self, daemon, parameter):
        with daemon.raw() as talk:
            self.assertIn("FUTURERELEASE 2592000 ", talk.hello()[1])
            self.assertEqual(talk.ask(f"MAIL FROM:<shop@example.jp> {parameter}")[0], 250)
            self.assertEqual(talk.ask("RCPT TO:<b@example.org>")[0], 250)
            self.assertEqual(talk.ask("DATA")[0], 354)
            talk.put(shim.stuff(mails.order(cc=())))
            code, text = talk.reply()
            self.assertEqual(code, 250)
            return text

    def start(self, more=""):
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, {"shimta": more})
        self.addCleanup(daemon.end)
        return sandbox, daemon

    def test_not_before(self):
        sandbox, daemon = self.start()
        began = time.time()
        text = self.send(daemon, "HOLDFOR=2")
        queue_id = re.search(r"queued as Q(\w+)$", text).group(1)
        self.assertEqual(sandbox.box(), [])
        daemon.wait_line(rf"delivered id={queue_id} ")
        self.assertGreaterEqual(time.time() - began, 2)
        self.assertEqual(len(sandbox.box()), 1)

    def test_past(self):
        sandbox, daemon = self.start()
        self.send(daemon, "HOLDUNTIL=2001-01-01T00:00:00Z")
        self.assertEqual(len(sandbox.box()), 1)

    def shimta(self, daemon, *argv):
        done = subprocess.run([shim.program("shimta"), "-c", daemon.conf, "queue", *argv], capture_output=True,
                              text=True, timeout=shim.PATIENCE)
        return done.stdout + done.stderr

    def test_who_releases(self):
        """A run of the queue, a flush and a retry do not; the operator who says so does. More days than a retry waits."""
        sandbox, daemon = self.start()
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 86400))
        text = self.send(daemon, f"HOLDUNTIL={until}")
        queue_id = re.search(r"queued as Q(\w+)$", text).group(1)
        self.assertEqual(daemon.sendmail("-q").returncode, 0)
        self.assertIn("0 due now", self.shimta(daemon, "flush"))
        self.assertIn("its sender holds it back", self.shimta(daemon, "retry", queue_id))
        self.assertRegex(self.shimta(daemon, "show", queue_id), "not before +20")
        self.assertEqual(sandbox.box(), [])
        self.shimta(daemon, "release", queue_id)
        daemon.wait_line(rf"delivered id={queue_id} ")
        self.assertEqual(len(sandbox.box()), 1)

    def test_kept_by_the_api(self):
        """Where it can: with the time, to the minute and never before it. For less than minutes our queue keeps it."""
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, account=shim.ARARA)
        self.addCleanup(daemon.end)
        text = self.send(daemon, "HOLDUNTIL=" + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)))
        self.assertNotIn("queued as Q", text)
        self.assertIn("0 due now", self.shimta(daemon, "flush"))
        self.assertIn("queued as Q", self.send(daemon, "HOLDFOR=200"))
        sandbox.fault("status=503@/send")
        kept = self.send(daemon, "HOLDFOR=7200")
        self.assertIn("queued as Q", kept, "what the API does not take our queue keeps")

    def test_nothing_to_keep_it_in(self):
        _, daemon = self.start("queue = none\n")
        with daemon.raw() as talk:
            self.assertNotIn("FUTURERELEASE", talk.hello()[1])
            self.assertEqual(talk.ask("MAIL FROM:<shop@example.jp> HOLDFOR=2")[0], 555)


if __name__ == "__main__":
    tap.main()
