"""XCLIENT and XFORWARD: who is believed, and what it changes."""

import mails
import shim
import tap
import unittest


class XclientTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def start(self, more):
        daemon = shim.Daemon(self.sandbox.url, {"listen tcp": more})
        self.addCleanup(daemon.end)
        return daemon

    def test_only_from_there(self):
        daemon = self.start("xclient-networks = 192.0.2.0/24\n")
        with daemon.raw() as talk:
            self.assertNotIn("XCLIENT", talk.hello()[1])
            self.assertEqual(talk.ask("XCLIENT ADDR=127.0.0.1")[0], 502)
            self.assertEqual(talk.ask("XFORWARD ADDR=127.0.0.1")[0], 502)

    def test_networks_judge_the_client(self):
        daemon = self.start("xclient-networks = 127.0.0.1\nnetworks = 127.0.0.1 192.0.2.0/24 2001:db8::/32\n")
        with daemon.raw() as talk:
            self.assertIn("XCLIENT NAME ADDR", talk.hello()[1])
            self.assertEqual(talk.ask("XCLIENT ADDR=192.0.2.7")[0], 220)
            talk.ask("EHLO other.test")
            self.assertEqual(talk.ask("XCLIENT ADDR=192.0.2.256")[0], 501)
            self.assertEqual(talk.ask("XCLIENT ADDR=IPV6:2001:db8::9 HELO=far.test")[0], 220)
            talk.ask("EHLO other.test")
            self.assertEqual(talk.transaction("shop@example.jp", ["b@example.org"], mails.order(cc=()))[0], 250)
            self.assertEqual(talk.ask("XCLIENT ADDR=198.51.100.1")[0], 554)
            self.assertEqual(talk.reply(), (0, ""))
        daemon.wait_line(r"stands-for client=127\.0\.0\.1 for=2001:db8::9")
        daemon.wait_line(r"client=2001:db8::9")

    def test_users_judge_the_login(self):
        """A name that a trusted client says is one like those shown by AUTH; without one nobody is known."""
        daemon = self.start("xclient-networks = 127.0.0.1\nusers = alice\nsenders = alice:*@example.jp\n")
        for login, sender, want in (("alice", "shop@example.jp", 250), ("bob", "shop@example.jp", 550),
                                    ("alice", "shop@example.org", 553), ("[UNAVAILABLE]", "shop@example.jp", 550)):
            with daemon.raw() as talk:
                talk.hello()
                self.assertEqual(talk.ask(f"XCLIENT LOGIN={login}")[0], 220)
                talk.ask("EHLO other.test")
                self.assertEqual(talk.ask(f"MAIL FROM:<{sender}>")[0], want, f"{login} as {sender}")

    def test_forwarded_until_the_mail_is_over(self):
        daemon = self.start("xclient-networks = 127.0.0.1\n")
        with daemon.raw() as talk:
            talk.hello()
            self.assertEqual(talk.ask("XFORWARD NAME=[UNAVAILABLE] ADDR=198.51.100.1 HELO=far.test")[0], 250)
            for client in ("198.51.100.1", "127.0.0.1"):
                after = len(daemon.lines)
                self.assertEqual(talk.transaction("shop@example.jp", ["b@example.org"], mails.order(cc=()).replace(
                    b"order-12", client.encode()))[0], 250)
                daemon.wait_line(rf"client={client}\b", after)


if __name__ == "__main__":
    tap.main()
