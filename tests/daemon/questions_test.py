"""sendmail -bv, -bt, newaliases and the queue's questions, asked of the real daemon."""

import os
import re
import shutil
import socket
import subprocess
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
            "shimta": f"queue = none\nalias-file = {self.aliases}\n",
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

    def test_queue(self):
        """The list, page after page, the count, runs by id, recipient and sender."""
        daemon = shim.Daemon("http://127.0.0.1:1", more={"shimta": "retry-min = 1h\nwait = 10s\n"})
        self.addCleanup(daemon.end)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(daemon.socket)
            talk = shim.Dialogue(sock)
            talk.hello()
            for number in range(450):
                talk.ask(f"MAIL FROM:<s{number % 2}@example.jp> XDELIVERY=later")
                talk.ask(f"RCPT TO:<u{number}@example.org>")
                talk.ask("DATA")
                self.assertEqual(talk.ask(f"Subject: {number}\r\n\r\n{'x' * 1000}\r\n.\r\n".encode())[0], 250)
        listed = daemon.sendmail("-bp").stdout.decode().splitlines()
        self.assertRegex(listed[0], "^-+Queue ID-+ --Size--")
        rows = [line for line in listed[1:] if re.match(r"[0-9A-Za-z]{16}[ *!] +\d+ \w{3} \w{3} \d\d \d\d:\d\d:\d\d s[01]@example.jp$", line)]
        self.assertEqual(len(rows), 450)
        self.assertEqual(sorted(line.strip() for line in listed if line.startswith(" " * 47)),
                         sorted(f"u{number}@example.org" for number in range(450)))
        self.assertRegex(listed[-1], r"^-- \d+ Kbytes in 450 Requests\.$")
        self.assertEqual(daemon.sendmail("-bP").stdout, b"450\n")
        one = next(row for row in rows if row.endswith("s0@example.jp") and not listed[listed.index(row) + 1].endswith(" u18@example.org"))
        for option, count in (("-qSs1@", 225), (f"-qI{one[:16]}", 1), ("-qRu18@EXAMPLE", 1), ("-qSnobody", 0)):
            done = daemon.sendmail("-v", option)
            self.assertEqual((done.returncode, done.stdout), (0, f"{count} mails are tried now\n".encode()), option)
        check = shutil.which("check_mailq", path="/usr/lib/nagios/plugins")
        if check and os.getuid() == 0:
            self.check_mailq(daemon, check)

    def check_mailq(self, daemon, check):
        """Debian's monitoring plugin runs /usr/bin/mailq: ours, in a name space of its own."""
        script = os.path.join(self.state, "mailq")
        with open(os.open(script, os.O_CREAT | os.O_WRONLY, 0o755), "w") as file:
            file.write(f"#!/bin/sh\nSHIMTA_CONF={daemon.conf} exec {shim.program('sendmail')} -bp\n")
        for conf, status, text in ((daemon.conf, 2, "CRITICAL: postfix mailq is 450"), (self.daemon.conf, 0, "OK: postfix mailq")):
            with open(script, "w") as file:
                file.write(f"#!/bin/sh\nSHIMTA_CONF={conf} exec {shim.program('sendmail')} -bp\n")
            done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$1" /usr/bin/mailq && exec "$2" -M postfix -w 10 -c 100', "sh",
                                   script, check], capture_output=True, text=True, timeout=shim.PATIENCE)
            if done.returncode == 32 or "unshare" in done.stderr or "mount" in done.stderr:
                self.skipTest(f"no name spaces here: {done.stderr}")
            self.assertEqual((done.returncode, done.stdout[:len(text)]), (status, text), done)

    def test_a_client_that_leaves(self):
        for question in (b"XALIASES", b"XQUEUE LIST", b"XTEST VERIFY <a@x>"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(self.daemon.socket)
                sock.sendall(question + b"\r\n")
        self.test_verify()


if __name__ == "__main__":
    tap.main()
