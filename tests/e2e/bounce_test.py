"""What a sender gets whose mail failed after it was promised."""

import shim
import tap
import unittest


class BounceTest(unittest.TestCase):
    def test_sender_is_told(self):
        """One recipient is refused after the promise: a bounce reaches the sender, through the API."""
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, {"shimta": "delivery = queue\n"})
        self.addCleanup(daemon.end)
        sandbox.fault("error=13-003")
        mail = "From: shop@example.jp\r\nSubject: Bonjour\r\nBcc: secret@example.org\r\n\r\nx\r\n"
        self.assertEqual(daemon.send("shop@example.jp", ["yamada@example.org"], mail)[0], 250)
        daemon.wait_line(r"delivered .*from=<> to=shop@example\.jp")
        bounce = sandbox.copies()["shop@example.jp"][0]
        self.assertEqual(bounce["Subject"], "Undelivered mail: Bonjour")
        self.assertIn("<yamada@example.org>", shim.text_of(bounce))
        names = [part.get_filename() for part in bounce.iter_attachments()]
        self.assertEqual(names, ["delivery-status.txt", "original-message.eml"])
        self.assertNotIn(b"secret@", bounce.as_bytes())

    def test_without_a_queue(self):
        """Nothing can be kept: whom a 250 leaves out the sender hears of at once."""
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, {"shimta": "queue = none\n", "account main": "max-calls = 1\n"})
        self.addCleanup(daemon.end)
        sandbox.fault("error=13-002")
        hidden = [f"h{n}@example.org" for n in range(3)]
        mail = "From: shop@example.jp\r\nSubject: x\r\n\r\nx\r\n"
        self.assertEqual(daemon.send("shop@example.jp", hidden, mail)[0], 250)
        lost = daemon.wait_line(r"lost .*to=(h\d@example\.org)").group(1)
        daemon.wait_line(r"delivered .*from=<> to=shop@example\.jp")
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), sorted({*hidden, "shop@example.jp"} - {lost}))
        self.assertIn(f"<{lost}>", shim.text_of(copies["shop@example.jp"][0]))

    def test_a_queue_in_memory_ends(self):
        """What goes with the process is named."""
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, {"shimta": "queue = memory\n"})
        self.addCleanup(daemon.end)
        sandbox.fault("status=503", 1000)
        code, text = daemon.send("shop@example.jp", ["y@example.org"], "From: shop@example.jp\r\n\r\nx\r\n")
        self.assertEqual(code, 250)
        daemon.end()
        daemon.wait_line("lost id=" + text.rpartition(" Q")[2] + " from=shop@example.jp recipients=1")


if __name__ == "__main__":
    tap.main()
