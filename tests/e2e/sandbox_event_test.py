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
                try:
                    connection.request("POST", self.path, body, {"Content-Type": self.headers["Content-Type"]})
                    status = connection.getresponse().status
                except (OSError, http.client.HTTPException):  # nobody is there: again later
                    status = 502
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
    def start(self, *options):
        way = Way()
        self.addCleanup(way.end)
        sandbox = shim.Sandbox("--webhook", way.url, "--webhook-key", SECRET, *options)
        self.addCleanup(sandbox.end)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        secret = secure.write(os.path.join(folder.name, "secret"), SECRET + "\n")
        daemon = shim.Daemon(sandbox.url, more={"webhook": f"address = 127.0.0.1:0\nsecret-file = {secret}\n",
                                                "account main": "feedback = yes\n"})
        self.addCleanup(daemon.end)
        way.port = int(daemon.wait_line(r"^webhook .*port=(\d+)").group(1))
        return way, sandbox, daemon

    def check_bounce(self, sandbox, *recipients):
        copies = sandbox.copies()["shop@example.jp"]
        self.assertEqual(len(copies), 1)
        status = next(part for part in copies[0].walk() if part.get_filename() == "delivery-status.txt")
        text = status.get_payload(decode=True).decode()
        for to in recipients:
            self.assertEqual(text.count(f"Final-Recipient: rfc822; {to}"), 1, text)
        self.assertIn("5.1.1", text)

    def test_bounce_comes_home(self):
        way, sandbox, daemon = self.start("--event-delay", "500")
        mail = "From: shop@example.jp\r\nTo: bounce-a@example.org\r\nSubject: Bonjour\r\n\r\nx\r\n"
        self.assertEqual(daemon.send("shop@example.jp", ["bounce-a@example.org"], mail)[0], 250)
        daemon.wait_line(r"delivered .*from=<> to=shop@example\.jp")
        self.check_bounce(sandbox, "bounce-a@example.org")
        self.assertEqual(set(way.statuses), {200})

    def test_event_before_the_answer(self):
        """The API tells what became of a mail before shimtad knows that the API has it, and never again."""
        way, sandbox, daemon = self.start("--event-delay", "0", "--latency", "700")
        mail = "From: shop@example.jp\r\nTo: bounce-a@example.org\r\nSubject: Bonjour\r\n\r\nx\r\n"
        with daemon.raw() as talk:
            talk.hello()
            talk.put("MAIL FROM:<shop@example.jp>\r\nRCPT TO:<bounce-a@example.org>\r\nDATA\r\n")
            self.assertEqual([talk.reply()[0] for _ in range(3)], [250, 250, 354])
            talk.put(shim.stuff(mail))
            shim.until(lambda: len(way.statuses) == 2, "both events")  # of deliveries and of bounces
            self.assertNotIn("\ndelivered ", daemon.text())
            self.assertEqual(talk.reply()[0], 250)
        daemon.wait_line(r"delivered .*from=<> to=shop@example\.jp")
        self.check_bounce(sandbox, "bounce-a@example.org")
        self.assertEqual(set(way.statuses), {200})
        self.assertEqual(daemon.text().count("\nreturned "), 1)


if __name__ == "__main__":
    tap.main()
