"""The policies for line ends, each with the forms that other servers take for the end of a message (A41 to A51)."""

import shim
import tap
import unittest

HEAD = b"From: a@example.jp\r\nTo: b@example.org\r\nSubject: s\r\n\r\n"
ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\r\n.\r", b"\r\n.\r\r\n"]
NULS = [b"\r\n.\0\r\n", b"\r\n\0.\r\n"]
BARE = [b"a\nb", b"a\rb"]


class LineEndsTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def daemon(self, policy):
        daemon = shim.Daemon(self.sandbox.url, {"listen tcp": f"bare-lf = {policy}\n"})
        self.addCleanup(daemon.end)
        return daemon

    def send(self, daemon, middle, chunk):
        with daemon.raw() as talk:
            talk.hello()
            for step in ("MAIL FROM:<a@example.jp>", "RCPT TO:<b@example.org>"):
                self.assertEqual(talk.ask(step)[0], 250)
            message = (HEAD + b"first" + middle + b"MAIL FROM:<evil@example.jp>\r\nRCPT TO:<victim@example.org>\r\n"
                       b"DATA\r\nSubject: second\r\n\r\nsmuggled\r\n")
            if chunk:
                talk.put(b"BDAT %d LAST\r\n" % len(message) + message)
            else:
                self.assertEqual(talk.ask("DATA")[0], 354)
                talk.put(message + b".\r\n")
            code, text = talk.reply()
            self.assertEqual(talk.ask("NOOP")[0], 250, "one reply, and the session goes on")
            return f"{code} {text[:5]}"

    def judge(self, policy, forms, want):
        daemon = self.daemon(policy)
        for form in forms:
            for chunk in (False, True):
                with self.subTest(policy=policy, form=form, chunk=chunk):
                    self.sandbox.clear()
                    self.assertEqual(self.send(daemon, form, chunk), want)
                    people = [row["to"] for row in self.sandbox.box()]
                    self.assertEqual(people, ["b@example.org"] if want.startswith("250") else [])

    def test_normalise(self):
        self.judge("normalise", ENDS + NULS + BARE, "250 2.0.0")

    def test_accept_is_another_word(self):
        self.judge("accept", ENDS[:1], "250 2.0.0")

    def test_refuse(self):
        self.judge("refuse", ENDS + BARE, "550 5.5.2")
        self.judge("refuse", NULS, "250 2.0.0")

    def test_refuse_terminators(self):
        self.judge("refuse-terminators", ENDS, "550 5.5.2")
        self.judge("refuse-terminators", NULS + BARE, "250 2.0.0")

    def test_A51_commands(self):
        for policy, want in (("normalise", 250), ("refuse-terminators", 250), ("refuse", 500)):
            with self.daemon(policy).raw() as talk:
                talk.reply()
                self.assertEqual(talk.ask(b"EHLO client.test\n")[0], want)


if __name__ == "__main__":
    tap.main()
