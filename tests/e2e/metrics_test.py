"""Figures and health over HTTP, for whoever watches the daemon."""

import base64
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import secure
import shim
import tap

MAIL = b"Subject: s\r\n\r\nx\r\n"
LISTEN = {"metrics": "address = 127.0.0.1:0\n"}


def parse(text):
    """The exposition format, strictly: {name: {labels: value}}; each family once, its head before its values."""
    figures, family, families = {}, None, {}
    assert text.endswith("\n")
    for line in text.splitlines():
        head = re.fullmatch(r"# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) (.+)", line)
        if head and head.group(1) == "HELP":
            family = head.group(2)
            assert family not in families, line
        elif head:
            assert head.group(2) == family and head.group(3) in ("counter", "gauge", "histogram"), line
            assert (head.group(3) == "counter") == family.endswith("_total"), line
            families[family] = head.group(3)
        else:
            value = re.fullmatch(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\["\\n])*",?)+)\})? (-?[0-9.e+]+)', line)
            assert value, line
            name = value.group(1)
            plain = re.sub("_(bucket|sum|count)$", "", name) if families[family] == "histogram" else name
            assert plain == family, line
            assert value.group(2) not in figures.setdefault(name, {}), line
            figures[name][value.group(2)] = float(value.group(3))
    return figures


class MetricsTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def start(self, **more):
        daemon = shim.Daemon(self.sandbox.url, more={**LISTEN, **more})
        self.addCleanup(daemon.end)
        self.port = int(daemon.wait_line(r"^metrics .*port=(\d+)").group(1))
        return daemon

    def ask(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=shim.PATIENCE)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def figures(self):
        status, text = self.ask("/metrics")
        self.assertEqual(status, 200)
        self.assertNotIn(shim.KEY, text)
        return parse(text)

    def test_what_happened_is_counted(self):
        daemon = self.start(shimta=shim.NO_QUEUE)
        self.assertEqual(daemon.send("shop@example.jp", ["a@example.org", "b@example.org"], MAIL)[0], 250)
        self.sandbox.fault("error=13-004")
        daemon.send("shop@example.jp", ["c@example.org"], MAIL)
        with daemon.raw() as talk:
            talk.hello()
            figures = self.figures()
        tcp = 'listener="tcp"'
        self.assertEqual(figures["shimta_sessions"][tcp], 1)
        self.assertEqual(figures["shimta_sessions_total"][tcp], 3)
        self.assertEqual(figures["shimta_messages_total"][tcp + ',class="2"'], 1)
        self.assertEqual(sum(figures["shimta_messages_total"].values()), 2)
        self.assertEqual(figures["shimta_recipients_total"][tcp], 2)
        self.assertEqual(figures["shimta_message_bytes_total"][tcp], len(MAIL))
        self.assertEqual(figures["shimta_outcomes_total"]['account="main",result="delivered"'], 2)
        self.assertEqual(sum(figures["shimta_outcome_codes_total"].values()), 3)
        calls = figures["shimta_api_calls_total"]['account="main"']
        self.assertEqual(figures["shimta_api_request_duration_seconds_count"]['account="main"'], calls)
        self.assertEqual(figures["shimta_api_request_duration_seconds_bucket"]['account="main",le="+Inf"'], calls)
        self.assertGreater(figures["process_resident_memory_bytes"][None], 1e6)
        self.assertGreater(figures["process_open_fds"][None], 5)
        self.assertLess(figures["process_open_fds"][None], figures["process_max_fds"][None])

    def test_the_queue(self):
        daemon = self.start()
        self.sandbox.fault("status=503", 100)
        self.assertIn("queued as Q", daemon.send("shop@example.jp", ["a@example.org"], MAIL)[1])
        figures = self.figures()
        self.assertEqual(sum(figures["shimta_queue_entries"].values()), 1)
        self.assertEqual(figures["shimta_queue_bytes"][None], len(MAIL))
        self.assertEqual(figures["shimta_queued_total"][None], 1)
        self.assertIn("shimta_queue_oldest_seconds", figures)
        self.assertIn("shimta_storage_waiting", figures)
        self.assertGreater(figures["shimta_journal_bytes"][None], 0)

    def test_tls_auth_and_refusals(self):
        with tempfile.TemporaryDirectory() as folder:
            pem, key = secure.certificate(folder, "mx.test")
            users = secure.write(os.path.join(folder, "users"), secure.user_line("u", "pw"))
            daemon = self.start(**{"listen tcp": f"tls = starttls\ntls-certificate = {pem}\ntls-key = {key}\nauth = yes\n"
                                   f"password-file = {users}\nmax-connections-per-client = 1\n"})
            with daemon.smtp() as client:
                client.starttls(context=secure.context())
                client.ehlo()
                for password in (b"bad", b"pw"):
                    client.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0u\0" + password).decode())
                with daemon.raw() as second:
                    self.assertEqual(second.reply()[0], 421)
            shim.until(lambda: self.figures()["shimta_sessions"]['listener="tcp"'] == 0, "the session has ended")
            with daemon.raw() as talk:
                talk.hello()
                self.assertEqual(talk.ask("STARTTLS")[0], 220)
                talk.put(b"no handshake at all, but enough bytes for one\r\n")
                talk.sock.recv(100)
            shim.until(lambda: len(self.figures()["shimta_tls_handshakes_total"]) == 2, "the failure is counted")
        figures = self.figures()
        self.assertEqual(figures["shimta_tls_handshakes_total"]['listener="tcp",result="failed"'], 1)
        self.assertEqual(figures["shimta_tls_handshakes_total"]['listener="tcp",result="TLSv1.3"'], 1)
        self.assertEqual(figures["shimta_auth_total"]['mechanism="PLAIN",result="wrong"'], 1)
        self.assertEqual(figures["shimta_auth_total"]['mechanism="PLAIN",result="good"'], 1)
        self.assertEqual(list(figures["shimta_refused_clients_total"].values()), [1])

    @unittest.skipUnless(shutil.which("promtool"), "there is no promtool")
    def test_promtool(self):
        daemon = self.start()
        daemon.send("shop@example.jp", ["a@example.org"], MAIL)
        done = subprocess.run(["promtool", "check", "metrics"], input=self.ask("/metrics")[1], capture_output=True,
                              text=True, timeout=shim.PATIENCE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_nothing_else(self):
        self.start()
        for method, path, wanted in (("GET", "/", 404), ("GET", "/metrics/", 404), ("POST", "/metrics", 405),
                                     ("PUT", "/health", 405), ("HEAD", "/health", 200), ("GET", "/health", 200)):
            with self.subTest(method=method, path=path):
                self.assertEqual(self.ask(path, method)[0], wanted)

    def test_account_that_does_not_work(self):
        daemon = self.start()
        self.sandbox.fault("status=429/600")
        daemon.send("shop@example.jp", ["a@example.org"], MAIL)
        daemon.wait_line("account-paused")
        status, text = self.ask("/health")
        self.assertEqual(status, 503)
        self.assertRegex(text, r"\Aaccount main: .+\n\Z")
        self.assertEqual(self.figures()["shimta_account_paused"]['account="main"'], 1)

    def test_queue_without_room(self):
        daemon = self.start(shimta="queue-max-entries = 1\n")
        self.sandbox.fault("status=503", 100)
        self.assertIn("queued as Q", daemon.send("shop@example.jp", ["a@example.org"], MAIL)[1])
        status, text = self.ask("/health")
        self.assertEqual(status, 503)
        self.assertRegex(text, r"(?m)^queue: .+ as many entries as it may$")

    def test_while_it_stops(self):
        self.sandbox.fault("delay=1000")
        daemon = self.start()
        with daemon.raw() as talk:
            talk.hello()
            for step in ("MAIL FROM:<a@example.jp>", "RCPT TO:<b@example.org>", "DATA"):
                talk.ask(step)
            talk.put(MAIL + b".\r\n")
            daemon.child.send_signal(signal.SIGTERM)
            daemon.wait_line("^stopping")
            self.assertEqual(self.ask("/health"), (503, "daemon: it is shutting down\n"))
            self.assertEqual(talk.reply()[0], 250)
        self.assertEqual(daemon.wait(), 0)

    def hup(self, daemon, old, new, wanted):
        with open(daemon.conf) as file:
            text = file.read()
        self.assertIn(old, text)
        with open(daemon.conf, "w") as file:
            file.write(text.replace(old, new))
        before = len(daemon.lines)
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_line(f"^{wanted}", before)
        return "\n".join(daemon.lines[before:])

    def test_reload(self):
        """It moves, stays where it is if it cannot, lets in whom it may from then on, and ends."""
        daemon = self.start()
        wrong, taken = "address = 127.0.0.1:0\nnetworks = bad\n", f"address = 127.0.0.1:{daemon.port}\nmode = 600\n"
        ours = "[metrics]\n" + LISTEN["metrics"]
        self.assertIn("networks", self.hup(daemon, ours, "[metrics]\n" + wrong, "reload-failed"))
        self.assertEqual(self.ask("/health")[0], 200)
        self.hup(daemon, wrong, taken, "reload-failed")
        self.assertEqual(self.ask("/health")[0], 200)
        lines = self.hup(daemon, taken, "address = localhost:0\nnetworks = 192.0.2.1\n", "reloaded")
        self.port = int(re.search(r"^metrics .*port=(\d+)", lines, re.M).group(1))
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.ask("/health")
        self.hup(daemon, "networks = 192.0.2.1\n", "networks = 127.0.0.1, ::1\n", "reloaded")
        self.assertEqual(self.ask("/health")[0], 200)
        self.hup(daemon, "[metrics]\naddress = localhost:0\nnetworks = 127.0.0.1, ::1\n", "", "reloaded")
        with self.assertRaises(OSError):
            self.ask("/health")

    def test_not_to_be_had(self):
        """At the start: each reload tries again, and takes what else has changed meanwhile."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            metrics = f"address = 127.0.0.1:{other.getsockname()[1]}\n"
            daemon = shim.Daemon(self.sandbox.url, more={"metrics": metrics})
            self.addCleanup(daemon.end)
            daemon.wait_line("^metrics-failed ")
            self.assertIn("metrics-failed ", self.hup(daemon, "[listen tcp]\n", "[listen tcp]\nmax-recipients = 7\n", "reloaded"))
            with daemon.raw() as talk:
                self.assertIn("RCPTMAX=7", str(talk.hello()))
            self.port = other.getsockname()[1]
            other.close()
            lines = self.hup(daemon, metrics, metrics, "reloaded")
            self.assertNotIn("metrics-failed", lines)
            self.assertEqual(self.ask("/health")[0], 200)

    def test_open_to_others(self):
        daemon = self.start()
        with open(daemon.conf) as file:
            text = file.read()
        with open(daemon.conf + ".open", "w") as file:
            file.write(text.replace("[metrics]\n" + LISTEN["metrics"], "[metrics]\naddress = *:9925\n"))
        done = subprocess.run([shim.program("shimtad"), "-n", "-c", daemon.conf + ".open"], capture_output=True, text=True,
                              timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 78)
        self.assertRegex(done.stderr, r"\[metrics\] address: .*open to other machines")


if __name__ == "__main__":
    tap.main()
