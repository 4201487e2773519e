"""The operator's socket against clients that send anything: it stays up, answers in order, and keeps no more than a bound."""

import json
import os
import random
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "..", "..")),
                                "tests", "e2e"))
import shim  # noqa: E402
import tap  # noqa: E402
import unittest  # noqa: E402

LIMIT = 64 * 1024


class ControlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = shim.Sandbox()
        cls.addClassCleanup(cls.sandbox.end)
        cls.daemon = shim.Daemon(cls.sandbox.url)
        cls.addClassCleanup(cls.daemon.end)
        cls.path = os.path.join(cls.daemon.folder, "control.sock")

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(shim.PATIENCE)
        sock.connect(self.path)
        self.addCleanup(sock.close)
        return sock

    def answers(self, data, count):
        """The last lines of so many answers to what is sent."""
        last = []
        with self.connect() as sock, sock.makefile("rb") as file:
            threading.Thread(target=self.feed, args=(sock, data), daemon=True).start()
            while len(last) < count:
                row = json.loads(file.readline())
                if row.get("done"):
                    last.append(row)
        return last

    @staticmethod
    def feed(sock, data):
        try:
            sock.sendall(data)
        except OSError:
            pass  # refused before all of it was read

    def alive(self):
        self.assertNotIn("error", self.answers(b'{"do":"stats"}\n', 1)[0])

    def test_mode(self):
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def test_refused_requests(self):
        rows = [b"", b"{}", b"[]", b"1", b"{", b'{"do":1}', b'{"do":"frob"}', b'{"do":"stats"} x', b"\0", b"\xff\xfe",
                b'{"do":"stats"}\0', b'{"do":"show"}', b'{"do":"trace"}', b'{"do":"lines","id":3}',
                b'{"do":"change","ids":["x"]}', b'{"do":"change","action":"frob","ids":[]}', b"[" * 5000]
        last = self.answers(b"\n".join(rows) + b"\n", len(rows))
        self.assertTrue(all("error" in row for row in last), last)
        self.alive()

    def test_requests_that_were_sent_at_once_are_answered_in_order(self):
        last = self.answers(b'{"do":"stats"}\n{"do":"frob"}\n' * 2000, 4000)
        self.assertEqual(["error" in row for row in last], [False, True] * 2000)

    def test_byte_by_byte(self):
        sock = self.connect()
        for byte in b'{"do":"frob"}\n':
            sock.sendall(bytes([byte]))
        self.assertIn("error", json.loads(sock.makefile("rb").readline()))

    def test_request_without_end(self):
        sock = self.connect()
        try:
            for _ in range(64):
                sock.sendall(b"x" * LIMIT)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.alive()

    def test_reader_that_never_reads(self):
        sock = self.connect()
        sock.setblocking(False)
        before, sent = self.daemon.status("VmRSS"), 0
        try:
            while sent < 64 << 20:
                sent += sock.send(b'{"do":"stats"}\n' * 4096)
        except BlockingIOError:
            pass
        self.assertLess(sent, 4 << 20)
        self.alive()
        if not shim.sanitized():
            self.assertLess(self.daemon.status("VmRSS") - before, 4096)

    def test_leaving_with_requests_on_their_way(self):
        for _ in range(200):
            sock = self.connect()
            self.feed(sock, b'{"do":"trace","what":"x"}\n' * 5)
            sock.close()
        stats = b'{"do":"stats"}\n'
        shim.until(lambda: "error" not in self.answers(stats, 1)[0], "places are free again")

    def test_random_frames(self):
        rand = random.Random(4)
        words = [b'"do"', b":", b",", b"{", b"}", b"[", b"]", b'"list"', b'"show"', b'"change"', b'"flush"', b'"trace"',
                 b'"lines"', b'"stats"', b'"id"', b'"ids"', b'"after"', b'"what"', b'"action"', b'"delete"', b'"x"',
                 b"-1", b"1e308", b"99999999999999999999", b"true", b"null", b'"\\u0000"', b'"\xff"', b"\0", b"\r"]
        good = [b'{"do":"list","after":%s,"held":%s}', b'{"do":"show","id":%s,"after":%s}',
                b'{"do":"change","action":"hold","ids":[%s,%s]}', b'{"do":"trace","what":%s,"x":%s}',
                b'{"do":"lines","id":%s,"after":%s}', b'{"do":"flush","sender":%s,"recipient":%s}']
        for _ in range(100):
            frames = []
            for _ in range(1000):
                kind = rand.random()
                if kind < 0.02:
                    frames.append(rand.choice(good) % (rand.choice(words), rand.choice(words)))
                elif kind < 0.6:
                    frames.append(b"".join(rand.choice(words) for _ in range(rand.randrange(12))))
                else:
                    frames.append(rand.randbytes(rand.randrange(40)).replace(b"\n", b"\r"))
            self.assertEqual(len(self.answers(b"\n".join(frames) + b"\n", 1000)), 1000)
        self.alive()

    def test_stranger(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        os.chmod(self.daemon.folder, 0o711)
        os.chmod(self.path, 0o666)  # as if somebody had opened it
        self.addCleanup(os.chmod, self.path, 0o600)
        script = ("import os, socket, sys\nos.setgid(65534); os.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\n"
                  "s.connect(sys.argv[1])\nprint(s.makefile().read())\n")
        done = subprocess.run([sys.executable, "-c", script, self.path], capture_output=True, text=True,
                              timeout=shim.PATIENCE)
        self.assertIn("only root", done.stdout, done.stderr)
        self.daemon.wait_line("control-refused ")


if __name__ == "__main__":
    tap.main()
