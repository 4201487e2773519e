"""sendmail -bv, -bt, newaliases and the queue's questions, asked of the real daemon."""

import os
import socket
import sys
import unittest

SOURCE = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
import shim  # noqa: E402
import tap  # noqa: E402


class QuestionTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        self.state = self.sandbox.folder
        self.aliases = os.path.join(self.state, "aliases")
        self.write("root: admin@example.org\nstaff: a@example.org, b@news.example\n")
        account = shim.CMC.format(url=self.sandbox.url, user=self.sandbox.user, key_file=os.path.join(self.state, ".key"))
        self.daemon = shim.Daemon(self.sandbox.url, more={
            "shimta": f"state-dir = {self.state}\nqueue = none\nalias-file = {self.aliases}\n",
            "account main": "fallback = second\nfrom-domains = example.jp\ndefault-from = noreply@example.jp\n",
            "account second": account, "route news": "to = *@news.example\naccount = second\n",
            "route boss": "sender = boss@example.jp\naccount = second\n"})
        self.addCleanup(self.daemon.end)

    def write(self, text):
        with open(self.aliases, "w") as file:
            file.write(text)

    def ask(self, *args, want=0):
        done = self.daemon.sendmail(*args)
        self.assertEqual(done.returncode, want, done)
        return done.stdout.decode().splitlines()

    def test_verify(self):
        self.assertEqual(self.ask("-bv", "root", "x@news.example"), [
            "root... deliverable: mailer main, user admin@example.org", "x@news.example... deliverable: mailer second, user x@news.example"])
        self.assertEqual(self.ask("-bv", "staff", "nobody"), [
            "staff... deliverable: mailer main, user a@example.org", "staff... deliverable: mailer second, user b@news.example",
            "nobody... deliverable: mailer main, user nobody@example.jp"])
        self.assertEqual(self.ask("-bv", "-fboss@example.jp", "山田@x.test"), ["山田@x.test... deliverable: mailer second, user 山田@x.test"])
        self.assertEqual(self.ask("-bv", "a@@b", want=67), ["a@@b... 501 5.1.3 Bad address"])

    def test_more_than_a_session_may_be_idle(self):
        self.assertEqual(len(self.ask("-bv", *["a@x.test"] * 150)), 150)
        self.assertEqual(len(self.ask("-bv", *["a@@x.test"] * 150, want=67)), 150)

    def test_route(self):
        lines = self.ask("-bt", "staff")
        self.assertEqual(lines[0], "a@example.org: mailer customers-mail-cloud, account main, no route")
        self.assertEqual(lines[1:3], ["  fallback: account second", "  From: of example.jp, else noreply@example.jp"])
        self.assertRegex(lines[3], r"^  limits: .*attachments=10 to=10")
        self.assertEqual(lines[4], "b@news.example: mailer customers-mail-cloud, account second, route news")
        self.assertIn("route boss", self.ask("-bt", "-f", "boss@example.jp", "a@x.test")[0])

    def test_newaliases(self):
        self.write("root: other@example.org\n")
        self.assertIn("admin@example.org", self.ask("-bv", "root")[0])
        self.ask("-bi")
        self.assertIn("other@example.org", self.ask("-bv", "root")[0])
        self.daemon.wait_line("aliases-read")
        sent = self.daemon.sendmail("-fshop@example.jp", "root", stdin=b"Subject: x\n\nx\n")
        self.assertEqual(sent.returncode, 0, sent)
        self.assertEqual(list(self.sandbox.copies()), ["other@example.org"])
        sent = self.daemon.sendmail("-n", "-fshop@example.jp", "root", stdin=b"Subject: x\n\nx\n")
        self.assertIn("root@example.jp", self.sandbox.copies())
        self.write("root: ok@example.org\nno colon\n")
        done = self.daemon.sendmail("-bi")
        self.assertEqual(done.returncode, 78)
        self.assertIn(f"{self.aliases}:2:".encode(), done.stderr)
        self.assertIn("other@example.org", self.ask("-bv", "root")[0])  # as before
        os.unlink(self.aliases)
        self.ask("-bi", want=78)

    def test_no_queue(self):
        self.assertEqual(self.ask("-bp"), ["Mail queue is empty"])
        self.assertEqual(self.ask("-bP"), ["0"])
        self.assertEqual(self.ask("-q", "-v"), ["0 mails are tried now"])

    def test_a_client_that_leaves(self):
        for question in (b"XALIASES", b"XQUEUE LIST", b"XTEST VERIFY <a@x>"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(self.daemon.socket)
                sock.sendall(question + b"\r\n")
        self.test_verify()


if __name__ == "__main__":
    tap.main()
