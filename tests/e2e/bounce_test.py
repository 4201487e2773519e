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


if __name__ == "__main__":
    tap.main()
