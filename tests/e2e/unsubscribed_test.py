#!/usr/bin/python3
"""Who has unsubscribed from a sender's mails has by the header that recipients see."""

import socket
import unittest

import feedback_test
import shim
import tap


class UnsubscribedTest(unittest.TestCase):
    setUp, start = feedback_test.FeedbackTest.setUp, feedback_test.FeedbackTest.start

    def newsletter(self, *recipients, shown="news@example.jp"):
        return f"From: {shown}\nTo: {', '.join(recipients)}\nSubject: News\n\nHello.\n".encode()

    def test_unsubscribed_from_the_header(self):
        """Applications have an envelope sender of their own: who has unsubscribed has by the header."""
        self.api.unsubscribed = {"news@example.jp": ["u@example.org"]}
        daemon = self.start(sections={"listen lmtp": "address = 127.0.0.1:0\nprotocol = lmtp\n"})
        port = int(daemon.wait_line(r"^listening listener=lmtp .*port=(\d+)").group(1))
        self.assertEqual(daemon.sendmail("-t", "-i", stdin=self.newsletter("u@example.org")).returncode, 0)
        daemon.wait_line("^suppressed .*address=u@example.org kind=unsubscribed")
        number = len(self.api.sent)

        done = daemon.sendmail("-t", "-i", stdin=self.newsletter("u@example.org"))
        self.assertEqual(done.returncode, 77)
        self.assertRegex(done.stderr, b"550 5.7.1 .*it has unsubscribed on")
        code, text = self.put(daemon.raw(), "MAIL FROM:<bounces+7@example.jp>", "u@example.org")[0]
        self.assertEqual((code, text[:5]), (550, "5.7.1"))
        self.assertEqual(len(self.api.sent), number)

        self.assertEqual(self.put(daemon.raw(), "MAIL FROM:<bounces+8@example.jp>", "u@example.org", "v@example.org")[0][0],
                         250)
        daemon.wait_line("^delivered .*to=bounces.8@example.jp")
        sent = {address: body for _, address, _, body in self.api.sent[number:]}
        self.assertEqual(sorted(sent), ["bounces+8@example.jp", "v@example.org"])
        self.assertIn("u@example.org", sent["bounces+8@example.jp"])

        replies = self.put(shim.Dialogue(socket.create_connection(("127.0.0.1", port), shim.PATIENCE)),
                           "MAIL FROM:<bounces+9@example.jp>", "w@example.org", "u@example.org", lmtp=True)
        self.assertEqual([(code, text[:5]) for code, text in replies], [(250, "2.0.0"), (550, "5.7.1")])
        done = daemon.sendmail("-t", "-i", stdin=self.newsletter("u@example.org", shown="other@example.jp"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def put(self, talk, mail_from, *recipients, lmtp=False):
        """A newsletter. The replies behind DATA."""
        with talk:
            talk.reply()
            talk.ask("LHLO client.test" if lmtp else "EHLO client.test")
            for line in (mail_from, *(f"RCPT TO:<{address}>" for address in recipients)):
                self.assertEqual(talk.ask(line)[0], 250)
            talk.ask("DATA")
            talk.put(shim.stuff(self.newsletter(*recipients).decode().replace("\n", "\r\n")))
            return [talk.reply() for _ in (recipients if lmtp else [1])]

    def test_unsubscribed_from_who_stands_in(self):
        """The API knows a From that the account cannot sign for by another."""
        self.api.unsubscribed = {"default@example.com": ["u@example.org"], "news@example.jp": ["v@example.org"]}
        daemon = self.start("from-domains = example.com\ndefault-from = default@example.com\n")
        self.assertEqual(daemon.sendmail("-t", "-i", stdin=self.newsletter("u@example.org")).returncode, 0)
        daemon.wait_line("^suppressed .*address=u@example.org kind=unsubscribed")
        self.assertEqual(daemon.sendmail("-t", "-i", stdin=self.newsletter("u@example.org")).returncode, 77)
        self.assertEqual(daemon.sendmail("-t", "-i", stdin=self.newsletter("v@example.org")).returncode, 0)
        self.assertFalse([path for path in self.api.questions if "news%40" in path])


if __name__ == "__main__":
    tap.main()
