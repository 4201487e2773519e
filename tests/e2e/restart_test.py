"""The end of a daemon under load, and the next one on the same sockets: nobody is refused, nothing is lost."""

import os
import re
import shutil
import signal
import socket
import sys
import threading
import time
import unittest

import shim
import tap

MAIL = b"Subject: s\r\n\r\nx\r\n"
RESTARTS = 5

# What a service manager does: the descriptors named by the first argument become 3, 4, … of the program.
PASS = """import os, sys
fds = [os.dup2(int(fd), 100 + n) for n, fd in enumerate(sys.argv[1].split(","))]
for n, fd in enumerate(fds):
    os.dup2(fd, 3 + n)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[2], sys.argv[2:])
"""


class RestartTest(unittest.TestCase):
    """Sockets that outlive the daemon: connections queue there until the next one is up."""

    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        first = shim.Daemon(self.sandbox.url)  # writes the configuration
        self.folder, self.conf = first.folder, first.conf
        shim.Process.end(first)
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.tcp.getsockname()[1]
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(first.socket)
        self.unix.listen(4096)
        self.addCleanup(self.tcp.close)
        self.addCleanup(self.unix.close)

    def start(self, *more, names="tcp:submit"):
        fds = [self.tcp.fileno(), self.unix.fileno(), *(one.fileno() for one in more)]
        daemon = shim.Process([sys.executable, "-c", PASS, ",".join(map(str, fds)), shim.program("shimtad"), "-c", self.conf],
                              env={"LISTEN_FDNAMES": names}, pass_fds=fds)
        daemon.wait_line(r"^ready\b")
        return daemon

    def deliver(self, to):
        """As any client does: whoever hears 421, or nothing, comes again. A refused connection is an error."""
        while True:
            with shim.Dialogue(socket.create_connection(("127.0.0.1", self.port), shim.PATIENCE)) as talk:
                try:
                    if talk.reply()[0] != 220:
                        continue
                    talk.ask("EHLO client.test")
                    if talk.transaction("shop@example.jp", [to], MAIL)[0] == 250:
                        return
                except OSError:
                    pass

    def test_restarts_under_load(self):
        sent, wrong, over = [], [], threading.Event()

        def client(number):
            turn = 0
            try:
                while not over.is_set():
                    to = f"u{number}.{turn}@example.org"
                    self.deliver(to)
                    sent.append(to)
                    turn += 1
            except OSError as error:
                wrong.append(error)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        daemon = self.start()
        for thread in threads:
            thread.start()
        for _ in range(RESTARTS):
            enough = len(sent) + 6
            shim.until(lambda: len(sent) >= enough or wrong, "mails go through")
            self.assertEqual(daemon.end(), 0, daemon.text())
            self.assertTrue(os.path.exists(self.unix.getsockname()), "the file is not the daemon's")
            daemon = self.start()
        over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(daemon.end(), 0)
        self.assertEqual(wrong, [])
        self.assertEqual(set(sent) - {row["to"] for row in self.sandbox.box()}, set())

    def test_each_socket_finds_its_section(self):
        daemon = self.start()
        try:
            self.assertRegex(daemon.text(), rf"listening listener=tcp .*port={self.port}\b")
            self.assertRegex(daemon.text(), rf"listening listener=submit address={re.escape(self.unix.getsockname())}")
            self.assertNotIn("sockets-unused", daemon.text())
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.unix.getsockname())
                self.assertEqual(client.recv(4), b"220 ")
        finally:
            self.assertEqual(daemon.end(), 0)

    def test_figures_have_theirs_by_name(self):
        """Who asks while the daemon restarts waits, too; what no section takes is closed."""
        with open(self.conf, "a") as file:
            file.write("[metrics]\naddress = 127.0.0.1:9\n")
        with socket.create_server(("127.0.0.1", 0)) as figures, socket.create_server(("127.0.0.1", 0)) as other:
            with socket.create_connection(figures.getsockname(), shim.PATIENCE) as early:
                early.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                daemon = self.start(figures, other, names="tcp:submit:metrics:other")
                try:
                    self.assertIn(b" 200 OK", early.recv(4096))
                    self.assertRegex(daemon.text(), "sockets-unused number=1")
                finally:
                    self.assertEqual(daemon.end(), 0)


class StopTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def sessions(self, drain):
        """A daemon, and 50 sessions in each state: (state, dialogue)."""
        steps = ("EHLO client.test", "MAIL FROM:<shop@example.jp>", "RCPT TO:<a@example.org>", "DATA")
        daemon = shim.Daemon(self.sandbox.url, more={"shimta": f"drain-timeout = {drain}\n",
                                                     "listen tcp": "max-connections-per-client = 0\n"})
        self.addCleanup(daemon.end)
        talks = []
        for state in range(6):
            for _ in range(50):
                talk = daemon.raw()
                self.addCleanup(talk.close)
                talk.reply()
                for step in steps[:state]:
                    self.assertIn(talk.ask(step)[0] // 100, (2, 3))
                if state == 5:
                    talk.put(MAIL[:10])
                talks.append((state, talk))
        return daemon, talks

    def test_sessions_in_each_state(self):
        """Between commands 421 at once; a message that has begun to come is taken, and its answer comes."""
        daemon, talks = self.sessions("60s")
        daemon.child.send_signal(signal.SIGTERM)
        for state, talk in talks:
            if state >= 4:
                talk.put((MAIL if state == 4 else MAIL[10:]) + b".\r\n")
        for state, talk in talks:
            with self.subTest(state=state):
                if state >= 4:
                    self.assertEqual(talk.reply()[0], 250)
                code, text = talk.reply()
                self.assertEqual((code, text[:6]), (421, "4.3.2 "))
                self.assertEqual(talk.reply()[0], 0)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(len(self.sandbox.box()), 100)

    def test_clients_that_never_end(self):
        """No longer than drain-timeout and three seconds, which makes ten with its default."""
        daemon, talks = self.sessions("1s")
        began = time.monotonic()
        daemon.child.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        if not shim.sanitized():
            self.assertLess(time.monotonic() - began, 1 + 3)
        self.assertEqual({talk.reply()[0] for _, talk in talks}, {421})
        self.assertEqual(self.sandbox.box(), [])

    def test_second_signal(self):
        daemon, _ = self.sessions("3600s")
        daemon.child.send_signal(signal.SIGTERM)
        daemon.wait_line("^stopping ")
        daemon.child.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        daemon.wait_line("^stopping-now ")


if __name__ == "__main__":
    tap.main()
