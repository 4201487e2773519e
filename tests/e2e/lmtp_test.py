"""A listener that speaks LMTP, with Python's client."""

import smtplib

import mails
import shim
import tap
import unittest


class LmtpTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        self.daemon = shim.Daemon(self.sandbox.url, {"listen tcp": "protocol = lmtp\n"})
        self.addCleanup(self.daemon.end)
        self.client = smtplib.LMTP("127.0.0.1", self.daemon.port, timeout=shim.PATIENCE)
        self.addCleanup(self.client.close)

    def test_replies(self):
        people = [f"r{n}@example.org" for n in range(3)]
        code, _ = self.client.docmd("LHLO", "client.test")
        self.assertEqual(code, 250)
        self.client.mail("shop@example.jp")
        for person in people + people[:1]:
            self.assertEqual(self.client.rcpt(person)[0], 250)
        code, text = self.client.data(mails.order(cc=()))
        replies = [(code, text)] + [self.client.getreply() for _ in range(3)]
        self.assertEqual([code for code, _ in replies], [250] * 4, replies)
        self.assertEqual(sorted(self.sandbox.copies()), people)
        self.assertEqual(self.client.noop()[0], 250)

    def test_smtp_is_not_spoken(self):
        self.assertEqual(self.client.docmd("EHLO", "client.test")[0], 500)


if __name__ == "__main__":
    tap.main()
