"""A mail whose caller says which account it goes through."""

import unittest

import shim
import tap

MAIL = b"From: shop@example.jp\nTo: a@example.org\nSubject: x\n\nx\n"


class AccountTest(unittest.TestCase):
    def setUp(self):
        self.one, self.other = shim.Sandbox(), shim.Sandbox()
        self.addCleanup(self.one.end)
        self.addCleanup(self.other.end)
        self.other_key = self.other.folder + "/.key"
        more = {"account other": shim.CMC.format(url=self.other.url, user=self.other.user, key_file=self.other_key),
                "shimta": "retry-min = 1s\nretry-max = 1s\n", "route all": "to = *@example.org\naccount = main\n"}
        self.daemon = shim.Daemon(self.one.url, more)
        self.addCleanup(self.daemon.end)

    def send(self, *args):
        return self.daemon.sendmail("-fshop@example.jp", *args, "a@example.org", stdin=MAIL)

    def test_chosen(self):
        for way in (["-odi"], ["-odb"]):
            self.other.clear()
            self.assertEqual(self.send(*way, "--account=other").returncode, 0)
            shim.until(lambda: len(self.other.box()) == 1, "it went through that account")
        self.assertEqual(self.send("-odi").returncode, 0)
        self.assertEqual((len(self.one.box()), len(self.other.box())), (1, 1))

    def test_remembered(self):
        """By a mail that waits."""
        self.other.fault("status=503", 1000)
        done = self.send("-v", "--account=other")
        self.assertIn(b"queued as Q", done.stdout)
        self.other.mend()
        shim.until(lambda: len(self.other.box()) == 1, "it went through that account")
        self.assertEqual(self.one.box(), [])

    def test_none_of_that_name(self):
        done = self.send("--account=none")
        self.assertEqual(done.returncode, 78)
        self.assertIn(b"550 5.3.5 There is no account of that name", done.stderr)


if __name__ == "__main__":
    tap.main()
