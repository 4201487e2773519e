"""The sandbox's events at shimtad's [webhook]: a bounce comes home within moments."""

import http.client
import http.server
import os
import tempfile
import threading
import unittest

import secure
import shim
import tap

SECRET = "s3cret-of-the-hook"


class Way:
    """Passes posts on to a port that is known later, as a web server in front would."""

    def __init__(self):
        self.port, self.statuses = None, []
        way = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                connection = http.client.HTTPConnection("127.0.0.1", way.port, timeout=shim.PATIENCE)
                connection.request("POST", self.path, body, {"Content-Type": self.headers["Content-Type"]})
                status = connection.getresponse().status
                connection.close()
                way.statuses.append(status)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


class EventTest(unittest.TestCase):
    def test_bounce_comes_home(self):
        way = Way()
        self.addCleanup(way.end)
        sandbox = shim.Sandbox("--event-delay", "500", "--webhook", way.url, "--webhook-key", SECRET)
        self.addCleanup(sandbox.end)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        secret = secure.write(os.path.join(folder.name, "secret"), SECRET + "\n")
        daemon = shim.Daemon(sandbox.url, more={"webhook": f"address = 127.0.0.1:0\nsecret-file = {secret}\n",
                                                "account main": "feedback = yes\n"})
        self.addCleanup(daemon.end)
        way.port = int(daemon.wait_line(r"^webhook .*port=(\d+)").group(1))
        mail = "From: shop@example.jp\r\nTo: bounce-a@example.org\r\nSubject: Bonjour\r\n\r\nx\r\n"
        self.assertEqual(daemon.send("shop@example.jp", ["bounce-a@example.org"], mail)[0], 250)
        daemon.wait_line(r"delivered .*from=<> to=shop@example\.jp")
        bounce = sandbox.copies()["shop@example.jp"][0]
        status = next(part for part in bounce.walk() if part.get_filename() == "delivery-status.txt")
        text = status.get_payload(decode=True).decode()
        self.assertIn("bounce-a@example.org", text)
        self.assertIn("5.1.1", text)
        self.assertEqual(set(way.statuses), {200})


if __name__ == "__main__":
    tap.main()
