"""BDAT and BINARYMIME through the real daemon to the API. A31 to A40 that conversations cannot show."""

import os
import socket
import struct

import mails
import shim
import tap
import unittest

MAIL = "MAIL FROM:<a@example.jp>"
RCPT = "RCPT TO:<b@example.org>"
HEAD = b"From: a@example.jp\r\nTo: b@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


def setUpModule():
    global sandbox, daemon
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    daemon = shim.Daemon(sandbox.url, {"listen tcp": "max-size = 2M\nbare-lf = refuse\n"})
    unittest.addModuleCleanup(daemon.end)


def with_binary(content):
    """A mail whose attachment is not encoded in any way."""
    return (HEAD + b"Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            + "本文".encode() + b"\r\n--=_b\r\nContent-Type: application/octet-stream; name=raw.bin\r\n"
            b"Content-Disposition: attachment; filename=raw.bin\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            + content + b"\r\n--=_b--\r\n")


class ChunksTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()

    def begin(self, mail=MAIL):
        talk = daemon.raw()
        self.addCleanup(talk.close)
        self.assertIn("CHUNKING", talk.hello()[1])
        self.assertEqual(talk.ask(mail)[0], 250)
        self.assertEqual(talk.ask(RCPT)[0], 250)
        return talk

    def received(self):
        row, = sandbox.box()
        return sandbox.mail(row["number"])

    def chunk(self, talk, data, last=False):
        talk.put(b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data)
        return talk.reply()

    def test_binary_attachment(self):
        every = bytes(range(256))
        for name, content in (("every byte", every), ("lines", b"\n.\n\r.\r\r\n.\r\n\0\n\r" * 99), ("nothing but NUL", bytes(5000)),
                              ("much", every * 4000), ("a dot", b"."), ("no line end", b"x" * 1_000_000)):
            with self.subTest(name=name):
                sandbox.clear()
                talk = self.begin(MAIL + " BODY=BINARYMIME")
                code, text = self.chunk(talk, with_binary(content), True)
                self.assertEqual(code, 250, text)
                mail = self.received()
                part, = mail.iter_attachments()
                self.assertEqual(part.get_filename(), "raw.bin")
                self.assertTrue(part.get_payload(decode=True) == content)
                self.assertEqual(shim.text_of(mail).rstrip("\n"), "本文")

    def test_binary_text(self):
        """Bytes that are no text become such: the API takes nothing else."""
        talk = self.begin(MAIL + " BODY=BINARYMIME")
        code, text = self.chunk(talk, HEAD + b"Content-Transfer-Encoding: binary\r\n\r\na\0b\nc\rd\xff", True)
        self.assertEqual(code, 250, text)
        self.assertTrue(shim.text_of(self.received()).startswith("a"))

    def test_bare_line_ends_are_refused_as_in_data(self):
        talk = self.begin()
        self.assertEqual(self.chunk(talk, HEAD + b"\r\nx\ny\r\n", True), (550, "5.5.2 Bare CR or LF in the message"))
        self.assertEqual(sandbox.box(), [])

    def test_order_in_chunks_of_any_size(self):
        message = mails.order(cc=())
        for size in (1, 7, 100, 100_000):
            with self.subTest(size=size):
                sandbox.clear()
                talk = self.begin()
                for at in range(0, len(message), size):
                    code, text = self.chunk(talk, message[at:at + size], at + size >= len(message))
                    self.assertEqual(code, 250, text)
                self.assertEqual(shim.text_of(self.received()), mails.TEXT)

    def test_one_group(self):
        """RFC 3030: everything but EHLO may be sent at once."""
        talk = daemon.raw()
        self.addCleanup(talk.close)
        talk.hello()
        message = mails.order(cc=())
        talk.put(f"{MAIL}\r\n{RCPT}\r\nBDAT {len(message)} LAST\r\n".encode() + message + b"NOOP\r\n")
        self.assertEqual([talk.reply()[0] for _ in range(4)], [250] * 4)

    def test_A34_too_much_is_read_and_forgotten(self):
        talk = self.begin()
        talk.put(b"BDAT 90000000 LAST\r\n")
        before = daemon.status("VmRSS")
        for _ in range(900):
            talk.put(bytes(100_000))
        self.assertEqual(talk.reply(), (552, "5.3.4 Message too big"))
        self.assertEqual(talk.ask("NOOP")[0], 250)
        if not shim.sanitized():
            self.assertLess(daemon.status("VmRSS") - before, 4096)
        self.assertEqual(sandbox.box(), [])

    def test_A39_many_chunks_take_no_memory(self):
        talk = self.begin()
        talk.put(b"BDAT %d\r\n" % len(HEAD) + HEAD + b"BDAT 2\r\n\r\n")
        self.assertEqual([talk.reply()[0] for _ in range(2)], [250] * 2)
        before = daemon.status("VmRSS")
        times = 10_000 if os.environ.get("SOAK") else 1000
        for _ in range(times):
            talk.put(b"BDAT 1\r\nx" * 100)
            self.assertEqual([talk.reply()[0] for _ in range(100)], [250] * 100)
        if not shim.sanitized():
            self.assertLess(daemon.status("VmRSS") - before, 2048)
        self.assertEqual(self.chunk(talk, b"\r\n", True)[0], 250)
        self.assertEqual(shim.text_of(self.received()).strip()[:100_000], "x" * 100_000)

    def test_A40_gone_in_the_middle(self):
        for abort in (False, True):
            talk = self.begin()
            talk.put(b"BDAT 1000 LAST\r\nSubject: half\r\n")
            if abort:
                talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            talk.close()
        self.assertEqual(daemon.send("a@example.jp", ["b@example.org"], mails.order(cc=()))[0], 250)
        self.assertEqual(len(sandbox.box()), 1)


if __name__ == "__main__":
    tap.main()
