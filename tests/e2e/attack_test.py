"""Beyond the rows of hostile_test.py: any byte of a dialogue as the last one, slow clients by the thousand, bytes that
belong into no command, and more recipients than anybody has."""

import os
import resource
import shutil
import socket
import struct
import tempfile
import unittest

import mails
import secure
import shim
import tap

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST
HELLO = b"EHLO client.test\r\n"
MESSAGE = b"From: a@example.jp\r\nSubject: s\r\n\r\nx\r\n..\r\n"
VERBS = ["HELO", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT", "AUTH", "STARTTLS",
         "XCLIENT", "XFORWARD", "ETRN", "LHLO"]


def setUpModule():
    global sandbox, crowded
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    crowded = most >= 4096
    if crowded:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, most))
    sandbox = shim.Sandbox("--quiet")
    unittest.addModuleCleanup(sandbox.end)


def serve(test, more=None, **listen):
    listen = {"max-connections-per-client": 0, **listen}
    lines = "".join(f"{name.replace('_', '-')} = {value}\n" for name, value in listen.items())
    daemon = shim.Daemon(sandbox.url, {"listen tcp": lines, **(more or {})})
    test.addCleanup(daemon.end)
    sandbox.clear()
    return daemon


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.child.pid}/fd"))


def mail(daemon):
    return daemon.send("a@example.jp", ["normal@example.org"], mails.order(cc=()))[0]


class CutTest(unittest.TestCase):
    """FIN and RST behind each byte: who had an answer has his mail, once; who did not end his mail has sent none."""

    def groups(self, kind, to):
        """What is sent at once, each with the number of its replies; and how many bytes end the mail."""
        first, second, dots = MESSAGE[:30], MESSAGE[30:], MESSAGE.replace(b"\r\n..", b"\r\n....") + b".\r\n"
        envelope = [b"MAIL FROM:<a@example.jp>\r\n", b"RCPT TO:<%s>\r\n" % to.encode()]
        if kind == "one by one":
            before, last = [(HELLO, 1), *((step, 1) for step in envelope), (b"DATA\r\n", 1)], (dots, 1)
        elif kind == "pipelined":
            before, last = [(HELLO, 1), (b"".join(envelope) + b"DATA\r\n", 3)], (dots, 1)
        else:
            before, last = [(HELLO, 1)], (b"".join(envelope) + b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (
                len(first), first, len(second), second), 4)
        return [*before, last, (b"QUIT\r\n", 1)], sum(len(data) for data, _ in before) + len(last[0])

    def cut(self, daemon, groups, left, reset):
        """Sends that many bytes; returns the codes that were read."""
        codes = []
        with daemon.raw() as talk:
            self.assertEqual(talk.reply()[0], 220)
            for data, replies in groups:
                talk.put(data[:left])
                if left <= len(data):
                    break
                codes += [talk.reply()[0] for _ in range(replies)]
                left -= len(data)
            if reset:
                talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return codes
            talk.sock.shutdown(socket.SHUT_WR)
            while code := talk.reply()[0]:
                codes.append(code)
        return codes

    def every_byte(self, kind):
        daemon = serve(self)
        self.assertEqual(mail(daemon), 250)
        before, promised, never = descriptors(daemon), set(), set()
        total = sum(len(data) for data, _ in self.groups(kind, "r0000@example.org")[0])
        for reset in (False, True):
            for left in range(total + 1):
                to = f"{'fr'[reset]}{left:04d}@example.org"
                groups, end = self.groups(kind, to)
                codes = self.cut(daemon, groups, left, reset)
                self.assertLessEqual(set(codes), {221, 250, 354, 421, 500, 501, 503, 554}, (left, codes))
                if left < end:
                    never.add(to)
                elif not reset:
                    self.assertEqual([code for code in codes if code not in (221, 354)], [250] * 4 if kind != "in chunks" else [250] * 5)
                    promised.add(to)
        self.assertEqual(mail(daemon), 250)
        shim.until(lambda: descriptors(daemon) <= before + 8, "nothing is left open but connections to the API")
        self.assertEqual(daemon.end(), 0)
        there = [row["to"] for row in sandbox.box()]
        self.assertEqual(len(set(there)), len(there) - 1, "none twice but the two normal ones")
        self.assertLessEqual(promised, set(there))
        self.assertFalse(never & set(there))

    def test_one_by_one(self):
        self.every_byte("one by one")

    def test_pipelined(self):
        self.every_byte("pipelined")

    def test_in_chunks(self):
        self.every_byte("in chunks")


class CommandTest(unittest.TestCase):
    def ask_each(self, daemon, form, wanted):
        for verb in VERBS:
            with self.subTest(verb=verb), daemon.raw() as talk:
                talk.hello()
                noop = talk.ask("NOOP")
                for line in form(verb.encode()):
                    code, text = talk.ask(line)
                    self.assertIn(code, wanted, (line[:40], code, text))
                    self.assertTrue(text.isascii() and text.replace("\n", "").isprintable(), ascii(text))
                    if code == 221 or line[:4] == b"BDAT" and code == 501:  # what follows it may be no command
                        break
                    self.assertEqual(talk.ask("NOOP"), noop, "one reply, and the session goes on")

    def test_A12_A96_bytes_in_each_verb(self):
        """NULs and 8-bit, in the verb, behind it, in its argument: never cut there, never said again."""
        daemon = serve(self, max_errors=1000)
        self.ask_each(daemon, lambda verb: [verb[:2] + b"\0" + verb[2:] + b" x\r\n", verb + b"\0\r\n", b"\0" + verb + b"\r\n",
                                            verb + b"\xff\r\n", verb[:2] + b"\xe3\x81\x82\r\n"], {500, 501, 502, 503, 504, 555})
        self.ask_each(daemon, lambda verb: [verb + b" a\0b\r\n", verb + b" \xff\xfe\r\n", verb + b" \x1b[2J\r\n"],
                      {214, 250, 252, 500, 501, 502, 503, 504, 555})

    def test_A95_long_commands_of_each_verb(self):
        daemon = serve(self, max_errors=1000)
        self.ask_each(daemon, lambda verb: [verb + b" " + b"x" * 60_000 + b"\r\n", (verb * 30_000)[:60_000] + b"\r\n"], {500})
        for size in (64 * 1024, 10_000_000):
            with daemon.raw() as talk:
                talk.hello()
                try:
                    talk.put(b"x" * size)
                    talk.put(b"x")
                except OSError:
                    pass
                self.assertIn(talk.reply()[0], (500, 0))
                self.assertEqual(talk.reply()[0], 0, "closed without a line end")
        self.assertEqual(mail(daemon), 250)
        if not shim.sanitized():
            self.assertLess(daemon.status("VmHWM"), 64 * 1024)

    def ten_thousand(self, talk):
        talk.hello()
        self.assertEqual(talk.ask("MAIL FROM:<a@example.jp>")[0], 250)
        codes = []
        for at in range(0, 10_000, 500):
            talk.put("".join(f"RCPT TO:<r{n}@example.org>\r\n" for n in range(at, at + 500)))
            codes += [talk.reply()[0] for _ in range(500)]
        return codes

    def test_A98_ten_thousand_recipients(self):
        with serve(self).raw() as talk:
            self.assertEqual(self.ten_thousand(talk), [250] * 1000 + [452] * 9000)
            self.assertEqual(talk.ask("NOOP")[0], 250)
            self.assertEqual(talk.ask("DATA")[0], 354)
            talk.put(shim.stuff(MESSAGE))
            self.assertEqual(talk.reply()[0], 250)
            self.assertEqual(talk.ask("NOOP")[0], 250)
            wanted = sorted(f"r{n}@example.org" for n in range(1000))
            shim.until(lambda: len(sandbox.box()) >= 1000, "all are sent")
            self.assertEqual(sorted(row["to"] for row in sandbox.box()), wanted)

    def test_A98_ten_thousand_where_the_limit_allows_it(self):
        daemon = serve(self, max_recipients=10_000)
        with daemon.raw() as talk:
            before = daemon.status("VmRSS")
            self.assertEqual(self.ten_thousand(talk), [250] * 10_000)
            self.assertEqual(talk.ask("RCPT TO:<one-more@example.org>")[0], 452)
            if not shim.sanitized():
                self.assertLess(daemon.status("VmRSS") - before, 16 * 1024)
            self.assertEqual(talk.ask("RSET")[0], 250)
            self.assertEqual(talk.transaction("a@example.jp", ["b@example.org"], mails.order(cc=()))[0], 250)
        self.assertEqual([row["to"] for row in sandbox.box()], ["b@example.org"])


class SlowTest(unittest.TestCase):
    """1,200 slow clients: in a command, in data, in the handshake, and such as never read."""

    EACH = 300

    def setUp(self):
        if not crowded:
            self.skipTest("needs 4096 descriptors")
        self.folder = tempfile.mkdtemp(prefix="shimta-slow-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.crowd = []

    def start(self, **listen):
        pair = secure.certificate(self.folder, "mx.example.jp")
        tls = "tls = implicit\ntls-certificate = {}\ntls-key = {}\n".format(*pair)
        same = "".join(f"{name.replace('_', '-')} = {value}\n" for name, value in listen.items())
        self.daemon = serve(self, {"listen implicit": "address = 127.0.0.1:0\nmax-connections-per-client = 0\n" + tls + same},
                            max_idle_commands=1000000, **listen)
        self.implicit = int(self.daemon.wait_line(r"listening listener=implicit .*port=(\d+)").group(1))

    def connect(self, port):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(shim.PATIENCE)
        sock.connect(("127.0.0.1", port))
        self.addCleanup(sock.close)
        self.crowd.append(sock)
        return sock

    def gather(self):
        talks = []
        for _ in range(2 * self.EACH):
            talks.append(shim.Dialogue(self.connect(self.daemon.port)))
        for number, talk in enumerate(talks):
            talk.hello()
            if number % 2:
                for step in ("MAIL FROM:<slow@example.jp>", "RCPT TO:<slow@example.org>", "DATA"):
                    talk.ask(step)
                talk.put("Subject: half")
            else:
                talk.put("NOO")
        for _ in range(self.EACH):
            self.connect(self.implicit).sendall(b"\x16\x03\x01\x02\x00\x01")
        for _ in range(self.EACH):
            sock = self.connect(self.daemon.port)
            sock.recv(1000)
            sock.setblocking(False)
            try:
                for _ in range(50):
                    sock.send(b"HELP\r\n" * 100)
            except BlockingIOError:
                pass

    def test_F09_others_are_served(self):
        """Before any of them is given up."""
        self.start()
        before = self.daemon.status("VmRSS")
        self.gather()
        for number in range(10):
            for sock in self.crowd[number::10]:
                try:
                    sock.setblocking(False)
                    sock.send(b"x")
                except OSError:  # his own side is full
                    pass
            self.assertEqual(mail(self.daemon), 250)
        for sock in self.crowd[:3 * self.EACH]:
            with self.assertRaises(BlockingIOError):
                sock.recv(1)
        if not shim.sanitized():
            self.assertLess(self.daemon.status("VmRSS") - before, 100 * 1024)
        self.assertEqual([row["to"] for row in sandbox.box()], ["normal@example.org"] * 10)

    def test_F09_all_are_given_up(self):
        self.start(command_timeout="3s", data_timeout="3s", write_timeout="3s", min_data_rate=1000)
        self.assertEqual(mail(self.daemon), 250)
        before = descriptors(self.daemon)
        self.gather()
        self.assertEqual(mail(self.daemon), 250)
        shim.until(lambda: descriptors(self.daemon) <= before + 4, "all are closed")
        self.assertEqual(mail(self.daemon), 250)
        self.assertEqual(self.daemon.end(), 0)
        self.assertEqual([row["to"] for row in sandbox.box()], ["normal@example.org"] * 3)


if __name__ == "__main__":
    tap.main()
