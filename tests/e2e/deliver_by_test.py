"""DELIVERBY (RFC 2852): what is late comes back, or its sender is told."""

import time

import mails
import shim
import tap
import unittest

SENDER, TO = "shop@example.jp", "b@example.org"


class DeliverByTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        self.daemon = shim.Daemon(self.sandbox.url, {"shimta": "retry-min = 1h\nretry-max = 1h\n"})
        self.addCleanup(self.daemon.end)

    def send(self, by, options=""):
        with self.daemon.raw() as talk:
            self.assertIn("DELIVERBY 5", talk.hello()[1])
            code, text = talk.ask(f"MAIL FROM:<{SENDER}> BY={by}")
            if code != 250:
                return code, text
            self.assertEqual(talk.ask(f"RCPT TO:<{TO}>{options}")[0], 250)
            self.assertEqual(talk.ask("DATA")[0], 354)
            talk.put(shim.stuff(mails.order(cc=())))
            return talk.reply()

    def notice(self):
        shim.until(lambda: SENDER in self.sandbox.copies(), "the sender has heard")
        mail = self.sandbox.copies()[SENDER][0]
        return "\n".join(part.get_payload(decode=True).decode("utf-8", "replace") for part in mail.walk() if not part.is_multipart())

    def test_late_is_returned(self):
        """Without another try, though the API would take it now."""
        self.sandbox.fault("status=503")
        began = time.time()
        code, text = self.send("5;R")
        self.assertEqual(code, 250)
        self.assertIn("queued as Q", text)
        self.assertIn("5.4.7", self.notice())
        self.assertGreaterEqual(time.time() - began, 5)
        self.assertNotIn(TO, self.sandbox.copies())
        self.daemon.wait_line(rf"bounced id=\w+ .*to={TO} ")

    def test_late_in_a_pause(self):
        """The account is left alone for an hour; whose time is over does not wait for the end of that."""
        self.sandbox.fault("status=429/3600", 100)
        for _ in range(3):
            self.assertEqual(self.send("3600;R")[0], 250)
        self.daemon.wait_line("account-paused")
        self.assertEqual(self.send("5;R")[0], 250)
        line = self.daemon.wait_line(rf"bounced id=\w+ .*to={TO} .*").group()
        self.assertIn("5.4.7", line)
        self.assertEqual(self.daemon.text().count("bounced"), 1)
        self.assertNotIn("account-well", self.daemon.text())

    def test_late_is_told(self):
        """And tried again at that time."""
        self.sandbox.fault("status=503", 2)
        self.assertEqual(self.send("2;N")[0], 250)
        self.assertIn("delayed", self.notice())
        self.daemon.wait_line(rf"delayed id=\w+ .*to={TO} ")

    def test_trace(self):
        self.assertEqual(self.send("60;RT")[0], 250)
        self.assertIn("relayed", self.notice())

    def test_in_time(self):
        self.assertEqual(self.send("60;R")[0], 250)
        self.assertEqual(self.send("60;N", " NOTIFY=NEVER")[0], 250)
        self.assertEqual(self.send("-10;N")[0], 250)
        self.assertEqual(set(self.sandbox.copies()), {TO})
        self.assertNotIn("relayed ", self.daemon.text())

    def test_refused(self):
        for by in ("0;R", "-1;R", "4;R", "R", "5", "5;X", "5;RX", "1000000000;R"):
            self.assertEqual(self.send(by)[0], 501, by)


if __name__ == "__main__":
    tap.main()
