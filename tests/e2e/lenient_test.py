"""What a listener tolerates that only this machine can reach, and that others do not."""

import shim
import tap
import unittest

NAMES = ["EHLO <script>", "EHLO a\tb", "EHLO My PC", "EHLO 山田", "EHLO " + "a" * 600, "HELO (\\\r;x"]
PATHS = ["MAIL FROM :<a@example.jp>", "mail from : a@example.jp"]
RIGHT = ["MAIL FROM: <a@example.jp>", "mail from:a@example.jp"]


class LenientTest(unittest.TestCase):
    def daemon(self, conf):
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, {"listen tcp": conf})
        self.addCleanup(daemon.end)
        return sandbox, daemon

    def ask(self, daemon, before, command):
        with daemon.raw() as talk:
            talk.reply()
            for line in before:
                self.assertEqual(talk.ask(line)[0], 250)
            talk.put(command.encode() + b"\r\n")
            return talk.reply()[0]

    def judge(self, conf, want):
        _, daemon = self.daemon(conf)
        for command in NAMES:
            self.assertEqual(self.ask(daemon, [], command), want, command)
        for command in PATHS:
            self.assertEqual(self.ask(daemon, ["EHLO c.test"], command), want, command)
        for command in RIGHT:
            self.assertEqual(self.ask(daemon, ["EHLO c.test"], command), 250, command)
        self.assertEqual(self.ask(daemon, [], "EHLO"), 501)

    def test_loopback(self):
        self.judge("", 250)

    def test_strict(self):
        self.judge("lenient = no\n", 501)

    def test_behind_a_proxy(self):
        self.judge("proxy-networks = 192.0.2.1\n", 501)

    def test_mail(self):
        sandbox, daemon = self.daemon("")
        with daemon.raw() as talk:
            talk.reply()
            for line in ["HELO <script>\x1b[2J", "mail from : a@example.jp", "rcpt to : b@example.org"]:
                self.assertEqual(talk.ask(line)[0], 250, line)
            self.assertEqual(talk.ask("DATA")[0], 354)
            talk.put(b"From: a@example.jp\r\nTo: b@example.org\r\nSubject: s\r\n\r\nx\r\n.\r\n")
            self.assertEqual(talk.reply()[0], 250)
        self.assertEqual([row["to"] for row in sandbox.box()], ["b@example.org"])


if __name__ == "__main__":
    tap.main()
