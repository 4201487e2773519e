"""What the daemon refuses before the API has seen it: who is told of it, and what sendmail's exit status claims."""

import unittest

import shim
import tap

MAIL = b"From: shop@example.jp\nTo: someone@example.org\nSubject: Order\n\nx\n"
CASES = [  # label, arguments, mail, exit status, the refusal
    ("no recipient", ["-t"], b"From: shop@example.jp\nSubject: Order\n\nx\n", 64, "554 5.5.4"),
    ("bad recipient", ["-t"], MAIL.replace(b"someone@", b"some@@one@"), 67, "553 5.1.3"),
    ("loop", ["-h200", "a@example.org"], MAIL, 69, "554 5.4.6"),
    ("too big", ["a@example.org"], MAIL + b"y" * 76 * 20000, 65, "552 5.3.4"),
    ("too big, -t", ["-t"], MAIL + b"y\n" * 760000, 65, "552 5.3.4"),
]


class RefusalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = shim.Sandbox()
        cls.addClassCleanup(cls.sandbox.end)

    def setUp(self):
        self.sandbox.clear()

    def daemon(self, shimta=""):
        daemon = shim.Daemon(self.sandbox.url, {"shimta": shimta, "listen submit": "max-size = 1M\n"})
        self.addCleanup(daemon.end)
        return daemon

    def notice(self, daemon, after):
        number = daemon.wait_line(r"notice id=\S+ notice=(\S+) to=shop@example\.jp", after).group(1)
        daemon.wait_line(rf"delivered id={number} .*to=shop@example\.jp", after)
        return self.sandbox.copies()["shop@example.jp"][-1]

    def test_mailed(self):
        daemon = self.daemon()
        for label, args, mail, status, refusal in CASES:
            for mode in ("-oee", "-oem", "-oew"):
                with self.subTest(label, mode=mode):
                    after = len(daemon.lines)
                    done = daemon.sendmail(mode, "-fshop@example.jp", *args, stdin=mail)
                    self.assertIn(refusal, done.stderr.decode())
                    self.assertTrue(done.stderr.endswith(b"; returned to the sender\n"), done.stderr)
                    self.assertEqual(done.returncode, 0 if mode == "-oee" else status)
                    notice = self.notice(daemon, after)
                    self.assertEqual(notice["Subject"], "Undelivered mail: Order")
                    if refusal.startswith("552"):
                        self.assertLess(len(notice.as_bytes()), 100000)
        self.assertEqual({row["to"] for row in self.sandbox.box()}, {"shop@example.jp"})

    def test_not_mailed(self):
        """Nothing is claimed where nobody is told: no wish, no sender, no interest, no store; an argument that is refused."""
        queue, none = self.daemon(), self.daemon("queue = none\n")
        for label, args, mail, status, _ in CASES:
            for daemon, more in ((queue, ["-fshop@example.jp"]), (queue, ["-oep", "-fshop@example.jp"]), (queue, ["-oee", "-f", "<>"]),
                                 (queue, ["-oee", "-fshop@example.jp", "-Nnever"]), (none, ["-oee", "-fshop@example.jp"])):
                with self.subTest(label, more=more):
                    done = daemon.sendmail(*more, *args, stdin=mail)
                    self.assertNotIn(b"returned to", done.stderr)
                    self.assertNotEqual(done.returncode, 0)
        done = queue.sendmail("-oee", "-fshop@example.jp", "a@example.org", "x@" + "d" * 70 + ".example", stdin=MAIL)
        self.assertEqual(done.returncode, 67)
        self.assertEqual(self.sandbox.box(), [])


if __name__ == "__main__":
    tap.main()
