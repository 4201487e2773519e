"""What becomes of mails of absurd structure: nothing is lost, nothing is opened, and each has one meaning that is written
down here. That they stop nobody is hostile_test's."""

import base64
import io
import unittest
import zipfile

import shim
import tap

HEAD = b"From: a@example.jp\r\nTo: b@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
MULTIPART = HEAD + b"Content-Type: multipart/mixed; "
MIXED = MULTIPART + b"boundary=b\r\n\r\n"
MEMORY = 64 * 1024  # KiB, whatever comes


def setUpModule():
    global sandbox, daemon
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    daemon = shim.Daemon(sandbox.url)
    unittest.addModuleCleanup(daemon.end)


class AbsurdTest(unittest.TestCase):
    def tearDown(self):
        if not shim.sanitized():
            self.assertLess(daemon.status("VmHWM"), MEMORY)

    def raw(self, message):
        sandbox.clear()
        code, text = daemon.send("a@example.jp", ["b@example.org"], message)
        self.assertEqual(code, 250, text)
        row, = sandbox.box()
        return row["number"]

    def mail(self, message):
        return sandbox.mail(self.raw(message))

    def refused(self, message):
        sandbox.clear()
        code, text = daemon.send("a@example.jp", ["b@example.org"], message)
        self.assertEqual((code, text[:5]), (554, "5.6.0"))
        self.assertEqual(sandbox.box(), [])

    def test_A62_nested(self):
        """To a depth of a hundred the text is found; below that the whole body is text."""
        def nested(depth):
            return HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
                                   for n in range(depth)) + b"\r\ndeep\r\n"

        self.assertEqual(shim.text_of(self.mail(nested(100))).strip(), "deep")
        for depth in (1000, 100_000):
            mail = self.mail(nested(depth))
            self.assertTrue(shim.text_of(mail).startswith("--b0\n"))
            last = list(mail.walk())[-1]
            text = last.get_content().replace("\r\n", "\n").rstrip()
            self.assertTrue(text.endswith(f"--b{depth - 1}\n\ndeep"), text[-100:])

    def test_A62_letters_in_letters(self):
        """What is forwarded is not looked into, however deep it goes."""
        number = self.raw(HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1000 + b"the end\r\n")
        copy = sandbox.get(f"/messages/{number}")  # too deep for Python's parser
        self.assertEqual(copy.count(b"message/rfc822"), 1000)
        self.assertIn(b"\r\n\r\nthe end\r\n", copy)

    def name(self, parameters):
        part, = self.mail(MIXED + b"--b\r\nContent-Disposition: attachment" + parameters + b"\r\n\r\nx\r\n--b--\r\n").iter_attachments()
        return part.get_filename()

    def test_A65_continuations(self):
        """Up to the first gap; and what has a charset goes before what has none, wherever it stands."""
        self.refused(MIXED + b"--b\r\nContent-Disposition: attachment" + b"".join(
            b";\r\n filename*%d=x" % n for n in range(200_000)) + b"\r\n\r\nx\r\n--b--\r\n")
        self.assertEqual(self.name(b"; filename*0=a; filename*1=b; filename*2=c"), "abc")
        self.assertEqual(self.name(b"; filename*2=c; filename*0=a; filename*1=b"), "abc")
        self.assertEqual(self.name(b"; filename*0=a; filename*2=c"), "a")
        self.assertEqual(self.name(b"; filename=n; filename*=utf-8''z"), "z")
        self.assertEqual(self.name(b"; filename*=utf-8''z; filename=n"), "z")
        self.assertEqual(self.name(b"; filename*0=a; filename*2=c; filename*=utf-8''z"), "z")

    def test_A66_boundaries(self):
        """One that cannot be found is none: the body is text then."""
        self.refused(MULTIPART + b"boundary=" + b"b" * 100_000 + b"\r\n\r\n--" + b"b" * 100_000 + b"\r\n\r\nx\r\n")
        inner = b"--bc\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nkept\r\n--b--\r\n--bc--\r\n"
        for name, message, want in (
                ("long", MULTIPART + b"boundary=" + b"b" * 2000 + b"\r\n\r\n--" + b"b" * 2000 + b"\r\n\r\nkept\r\n", "kept"),
                ("none", MULTIPART[:-2] + b"\r\n\r\n--b\r\n\r\nkept\r\n", "--b\n\nkept"),
                ("empty", MULTIPART + b"boundary=\"\"\r\n\r\nbefore\r\n\r\nkept\r\n", "before\n\nkept"),
                ("prefix of another", MULTIPART + b"boundary=bc\r\n\r\n" + inner, "kept"),
                ("blank behind", MULTIPART + b"boundary=\"b \"\r\n\r\n--b \r\n\r\nkept\r\n--b --\r\n", "kept"),
                ("in a comment", MULTIPART + b"(boundary=no) boundary=b\r\n\r\n--no\r\n--b\r\n\r\nkept\r\n--b--\r\n", "kept")):
            with self.subTest(name=name):
                self.assertEqual(shim.text_of(self.mail(message)).strip(), want)

    def attached(self, coded):
        part, = self.mail(MIXED + b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=a.zip"
                          b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + coded + b"\r\n--b--\r\n").iter_attachments()
        self.assertEqual(part.get_filename(), "a.zip")
        return part.get_payload(decode=True)

    def test_A77_bomb(self):
        """An archive of 256 MB in 256 kB, and that in an archive: neither is opened."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as file:
            for _ in range(256):
                file.write(bytes(1 << 20))
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", content.getvalue())
        for bomb in (content.getvalue(), outer.getvalue()):
            self.assertEqual(self.attached(base64.encodebytes(bomb).replace(b"\n", b"\r\n")), bomb)

    def test_A77_one_line(self):
        """Base64 without a line break: as much as the account takes, and more is too big."""
        content = bytes(range(256)) * (28 << 10)
        self.assertEqual(self.attached(base64.b64encode(content)), content)
        code, text = daemon.send("a@example.jp", ["b@example.org"], HEAD + b"Content-Type: application/zip; name=a.zip\r\n"
                                 b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * (25 << 18) + b"\r\n")
        self.assertEqual((code, text[:5]), (552, "5.3.4"))


if __name__ == "__main__":
    tap.main()
