"""What the API's answer becomes for the sender: its error table against the real programs, and peers that lie,
hang, redirect or break. Never a 5xx without a proven verdict, never a mail sent twice."""

import http.server
import socket
import ssl
import subprocess
import tempfile
import threading
import os

import mails
import shim
import tap
import unittest

# API fault of the sandbox -> beginning of the reply to the final dot.
VERDICTS = {
    "error=11-005": "553 5.1.3", "error=13-003": "553 5.1.3", "error=11-004": "554 5.5.3",
    "error=11-008": "552 5.3.4", "error=13-007": "552 5.3.4", "error=11-006": "554 5.6.0",
    "error=11-009": "554 5.6.0", "error=11-010": "554 5.6.0", "error=11-011": "554 5.6.0",
    "error=11-012": "554 5.6.0", "error=11-013": "554 5.6.0", "error=11-014": "554 5.6.0",
    "error=11-015": "554 5.6.0", "error=11-016": "554 5.6.0", "error=11-017": "554 5.6.0",
    "error=11-018": "554 5.6.0", "error=11-019": "554 5.6.0", "error=13-006": "550 5.7.1",
    "error=13-009": "451 4.7.5", "error=13-004": "454 4.7.0", "error=11-007": "451 4.3.2",
    "error=13-005": "451 4.3.2", "error=13-001": "451 4.3.0", "error=13-002": "451 4.3.0",
    "error=13-008": "451 4.3.0", "error=01-001": "451 4.3.0",
    "status=401": "454 4.7.0", "status=403": "454 4.7.0", "status=413": "552 5.3.4", "status=429": "451 4.3.2",
    "status=500": "451 4.3.0", "status=502": "451 4.3.0", "status=503": "451 4.3.0", "status=404": "451 4.3.0",
    "html": "451 4.3.0", "close-before": "451 4.4.2", "close-after": "451 4.4.2", "truncate": "451 4.4.2",
    "reset": "451 4.4.2",
}


def send(daemon, message=None):
    code, text = daemon.send("shop@example.jp", ["yamada@example.org"], message or mails.order(cc=()))
    return f"{code} {text}"


class SandboxTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = shim.Sandbox()
        cls.addClassCleanup(cls.sandbox.end)
        cls.daemon = shim.Daemon(cls.sandbox.url, {"account main": "max-pause = 0s\n", "shimta": shim.NO_QUEUE})
        cls.addClassCleanup(cls.daemon.end)

    def test_verdicts(self):
        for fault, want in VERDICTS.items():
            with self.subTest(fault=fault):
                self.sandbox.clear()
                self.sandbox.fault(fault)
                reply = send(self.daemon)
                self.assertTrue(reply.startswith(want), f"{fault}: {reply}")
                stored = len(self.sandbox.box())
                self.assertEqual(stored, 1 if fault in ("close-after", "truncate") else 0, "sent twice, or when refused")
                # The next mail is not hurt.
                self.assertTrue(send(self.daemon).startswith("250 2.0.0 Ok: queued as <"))

    def test_api_code_is_in_reply_and_log(self):
        before = len(self.daemon.lines)
        self.sandbox.fault("error=13-006")
        reply = send(self.daemon)
        self.assertIn("13-006", reply)
        self.assertIn("example.jp", reply)
        self.assertIn("13-006", self.daemon.wait_line(r"to=yamada@example\.org", before).string)

    def test_slow_answer_arrives(self):
        self.sandbox.fault("delay=1500")
        self.assertTrue(send(self.daemon).startswith("250 "))

    def test_client_gone_before_the_answer(self):
        """The attempt ends as it ends, once."""
        self.sandbox.clear()
        before = len(self.daemon.lines)
        self.sandbox.fault("delay=500")
        with self.daemon.raw() as talk:
            talk.hello()
            for step in ("MAIL FROM:<a@example.jp>", "RCPT TO:<gone@example.org>", "DATA"):
                talk.ask(step)
            talk.put(shim.stuff(mails.order(cc=())))
        self.daemon.wait_line(r"delivered .*to=gone@example\.org", before)
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_half_closed_client_gets_its_answer(self):
        with self.daemon.raw() as talk:
            talk.hello()
            for step in ("MAIL FROM:<a@example.jp>", "RCPT TO:<half@example.org>", "DATA"):
                talk.ask(step)
            talk.put(shim.stuff(mails.order(cc=())))
            talk.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(talk.reply()[0], 250)

    def test_wrong_key(self):
        daemon = shim.Daemon(self.sandbox.url, {"shimta": shim.NO_QUEUE}, key="wrong-key-also-secret")
        self.addCleanup(daemon.end)
        self.assertTrue(send(daemon).startswith("454 4.7.0"))
        self.assertNotIn("wrong-key-also-secret", daemon.text())


class PeerTest(unittest.TestCase):
    """Peers that are not the API."""

    def daemon_for(self, url, more="max-pause = 0s\n"):
        daemon = shim.Daemon(url, {"account main": more, "shimta": shim.NO_QUEUE})
        self.addCleanup(daemon.end)
        return daemon

    def test_nobody_listens(self):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            daemon = self.daemon_for(f"http://127.0.0.1:{sock.getsockname()[1]}")
            self.assertTrue(send(daemon).startswith("451 4.4.1"))

    def test_F13_name_not_found(self):
        daemon = self.daemon_for("https://no-such-host.invalid")
        self.assertTrue(send(daemon).startswith("451 4.4.1"))

    def test_F10_redirects_are_not_followed(self):
        seen = []

        class Target(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append(self.path)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Redirect(Target):
            status = 307

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(Redirect.status)
                self.send_header("Location", f"http://127.0.0.1:{target.server_port}/steal")
                self.send_header("Content-Length", "0")
                self.end_headers()

        target, redirect = serve(self, Target), serve(self, Redirect)
        daemon = self.daemon_for(f"http://127.0.0.1:{redirect.server_port}")
        for Redirect.status in (301, 302, 303, 307, 308):
            self.assertTrue(send(daemon).startswith("451 4.3.0"))
        self.assertEqual(seen, [])

    def test_F10_certificate_must_fit(self):
        """A self-signed peer gets not one byte of the request."""
        folder = tempfile.mkdtemp(prefix="shimta-tls-")
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                        "-days", "2", "-subj", "/CN=other.example"], check=True, capture_output=True)
        seen = []

        class Peer(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append(self.path)

            def log_message(self, *_):
                pass

        server = serve(self, Peer, lambda sock: tls(sock, cert, key))
        daemon = self.daemon_for(f"https://127.0.0.1:{server.server_port}")
        self.assertTrue(send(daemon).startswith("451 4.4.1"))
        self.assertEqual(seen, [])

    def test_environment_names_no_proxy(self):
        seen = []

        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append(self.path)

            do_CONNECT = do_POST

            def log_message(self, *_):
                pass

        proxy = serve(self, Proxy)
        url = f"http://127.0.0.1:{proxy.server_port}"
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, env={"http_proxy": url, "https_proxy": url, "HTTPS_PROXY": url, "ALL_PROXY": url})
        self.addCleanup(daemon.end)
        self.assertTrue(send(daemon).startswith("250 "))
        self.assertEqual(seen, [])

    def test_endless_answer_is_cut(self):
        class Flood(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(1 << 30))
                self.end_headers()
                try:
                    for _ in range(4096):
                        self.wfile.write(b"x" * 65536)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        daemon = self.daemon_for(f"http://127.0.0.1:{serve(self, Flood).server_port}")
        self.assertTrue(send(daemon).startswith("451 4.4.2"))
        if not shim.sanitized():
            self.assertLess(daemon.status("VmHWM"), 64 * 1024)


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A peer that broke off is what these tests are about."""


def serve(test, handler, wrap=lambda sock: sock):
    server = QuietServer(("127.0.0.1", 0), handler)
    server.socket = wrap(server.socket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(lambda: (server.shutdown(), server.server_close()))
    return server


def tls(sock, cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context.wrap_socket(sock, server_side=True)


if __name__ == "__main__":
    tap.main()
