"""What the daemon adds to a session: access, deadlines, line ends, two ways out, without an API."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import shim
import tap

NOWHERE = "http://127.0.0.1:9"
MAIL, RCPT = "MAIL FROM:<a@example.jp>", "RCPT TO:<b@example.org>"


def serve(case, **listen):
    lines = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in listen.items())
    daemon = shim.Daemon(NOWHERE, {"listen tcp": lines, "shimta": f"drain-timeout = 2s\nspool-memory = 4k\n{shim.NO_QUEUE}"})
    case.addCleanup(daemon.end)
    return daemon


def at_data(talk):
    talk.hello()
    for step in (MAIL, RCPT, "DATA"):
        code = talk.ask(step)[0]
    assert code == 354, code


class AccessTest(unittest.TestCase):
    def test_other_networks_are_refused(self):
        daemon = serve(self, networks="192.0.2.0/24")
        with daemon.raw() as talk:
            code, text = talk.reply()
            self.assertEqual(f"{code} {text[:5]}", "554 5.7.1")
            self.assertEqual(talk.reply()[0], 0)
        daemon.wait_line(r"refused client=127.0.0.1 listener=tcp dsn=5.7.1")

    def test_A99_connections_of_one_client(self):
        daemon = serve(self, max_connections_per_client=2)
        with daemon.raw() as first, daemon.raw() as second, daemon.raw() as third:
            self.assertEqual([first.reply()[0], second.reply()[0]], [220, 220])
            code, text = third.reply()
            self.assertEqual(f"{code} {text[:5]}", "421 4.7.0")
            first.ask("QUIT")
            first.reply()
            with daemon.raw() as fourth:
                self.assertEqual(fourth.reply()[0], 220)

    def test_A99_connections_in_all(self):
        daemon = shim.Daemon(NOWHERE, {"shimta": "max-connections = 2\n"})
        self.addCleanup(daemon.end)
        with daemon.raw() as first, daemon.raw() as second, daemon.raw() as third:
            self.assertEqual([first.reply()[0], second.reply()[0]], [220, 220])
            code, text = third.reply()
            self.assertEqual((f"{code} {text[:5]}", third.reply()[0]), ("421 4.3.2", 0))

    def test_connections_of_one_network(self):
        """Unless it says otherwise a section lets in ten times as many from a network as from a client of it."""
        daemon = serve(self, max_connections_per_client=1)
        talks = [self.come_from(daemon, f"127.0.5.{n}") for n in range(1, 12)]
        self.assertEqual([talk.reply()[0] for talk in talks], 10 * [220] + [421])
        daemon.wait_line(r"refused client=127.0.5.11 listener=tcp dsn=4.7.0 .*network")
        self.assertEqual(self.come_from(daemon, "127.0.6.1").reply()[0], 220)

    def come_from(self, daemon, address):
        sock = socket.create_connection(("127.0.0.1", daemon.port), shim.PATIENCE, source_address=(address, 0))
        talk = shim.Dialogue(sock)
        self.addCleanup(talk.close)
        return talk

    def test_few_descriptors(self):
        """The surplus gets an answer, and everyone is served once the crowd has left."""
        daemon = shim.Daemon(NOWHERE, {"listen tcp": "max-connections-per-client = 0\n"},
                             preexec_fn=lambda: __import__("resource").setrlimit(7, (64, 64)))
        self.addCleanup(daemon.end)
        crowd = [daemon.raw() for _ in range(200)]
        codes = [talk.reply()[0] for talk in crowd]
        for talk in crowd:
            talk.close()
        self.assertEqual(set(codes), {220, 421})
        self.assertEqual(codes.count(220), 16)

        def served():
            with daemon.raw() as talk:
                return talk.reply()[0] == 220
        shim.until(served, "the crowd has left")


class DeadlineTest(unittest.TestCase):
    def expect_timeout(self, talk):
        code, text = talk.reply()
        self.assertEqual(f"{code} {text[:5]}", "421 4.4.2")
        self.assertEqual(talk.reply()[0], 0)

    def test_a_whole_session(self):
        """However busy it is; what is being sent is answered first."""
        daemon = serve(self, session_timeout="2s", max_idle_commands=1000000)
        with daemon.raw() as talk:
            talk.hello()
            code, text = talk.ask("NOOP")
            while code == 250:
                code, text = talk.ask("NOOP")
            self.assertEqual((code, text[:5]), (421, "4.4.2"))
        with daemon.raw() as talk:
            at_data(talk)
            daemon.wait_line(r"timeout client=")
            with daemon.raw() as other:
                other.hello()
                self.expect_timeout(other)  # more than two seconds later
            talk.put(b"Subject: x\r\n\r\nx\r\n.\r\n")
            self.assertEqual(talk.reply()[0], 451)  # the API is nowhere
            self.expect_timeout(talk)

    def test_stress(self):
        """Above 80 of 100 connections an error is the last one; the others come to rest again."""
        daemon = shim.Daemon(NOWHERE, {"listen tcp": "command-timeout = 5s\n", "shimta": f"max-connections = 10\n{shim.NO_QUEUE}"})
        self.addCleanup(daemon.end)
        talks = [daemon.raw() for _ in range(8)]
        for talk in talks:
            talk.hello()
        self.assertEqual([talks[0].ask("WRONG")[0], talks[0].ask("NOOP")[0]], [500, 250])
        more = daemon.raw()
        self.assertEqual(more.hello()[0], 250)
        daemon.wait_line(r"stress sessions=9")
        self.assertEqual(talks[1].ask("NOOP")[0], 250)
        self.assertEqual(talks[0].ask("WRONG")[0], 500)
        self.assertEqual(talks[0].reply()[0], 421)
        full = [daemon.raw() for _ in range(3)]
        self.assertEqual(sorted(talk.reply()[0] for talk in full), [220, 220, 421], "who is too many is told at once")
        for talk in talks[1:6] + full + [more]:
            talk.close()
        daemon.wait_line(r"stress-over sessions=5")
        self.assertEqual([talks[6].ask("WRONG")[0], talks[6].ask("NOOP")[0]], [500, 250])
        for talk in talks[6:]:
            talk.close()

    def test_silent_client(self):
        with serve(self, command_timeout="1s").raw() as talk:
            talk.reply()
            self.expect_timeout(talk)

    def test_bytes_do_not_prolong_a_command(self):
        with serve(self, command_timeout="1s").raw() as talk:
            talk.hello()
            talk.sock.settimeout(0.1)
            for _ in range(600):
                try:
                    talk.put("N")
                    if talk.sock.recv(100, socket.MSG_PEEK):
                        break
                except TimeoutError:
                    continue
            talk.sock.settimeout(shim.PATIENCE)
            self.expect_timeout(talk)

    def test_commands_do(self):
        with serve(self, command_timeout="2s", max_idle_commands=1000000).raw() as talk, \
             serve(self, command_timeout="2s").raw() as silent:
            talk.hello()
            silent.reply()
            while not silent_has_ended(silent):
                self.assertEqual(talk.ask("RSET")[0], 250)

    def test_slow_data(self):
        with serve(self, data_timeout="1s", min_data_rate=100000).raw() as talk:
            at_data(talk)
            talk.sock.settimeout(0.05)
            for _ in range(1200):
                try:
                    talk.put("x")
                    if talk.sock.recv(100, socket.MSG_PEEK):
                        break
                except TimeoutError:
                    continue
            talk.sock.settimeout(shim.PATIENCE)
            self.expect_timeout(talk)

    def test_data_without_end(self):
        """However fast: the session's time, and as much again."""
        with serve(self, session_timeout="1s").raw() as talk:
            at_data(talk)
            talk.sock.settimeout(0.05)
            for _ in range(1200):
                try:
                    talk.put("x" * 70 + "\r\n")
                    if talk.sock.recv(100, socket.MSG_PEEK):
                        break
                except TimeoutError:
                    continue
            talk.sock.settimeout(shim.PATIENCE)
            self.expect_timeout(talk)

    def test_client_that_reads_nothing(self):
        """It is cut off, and meanwhile others are served."""
        daemon = serve(self, write_timeout="1s", max_errors=1000000, max_idle_commands=1000000)
        with daemon.raw() as mute:
            mute.hello()
            mute.sock.setblocking(False)
            while True:
                try:
                    mute.sock.send(b"HELP\r\n" * 1000)
                except BlockingIOError:
                    with daemon.raw() as talk:
                        self.assertEqual(talk.hello()[0], 250)
                except OSError:
                    break
        daemon.wait_line(r"^(?:<\d>)?timeout client=127\.0\.0\.1 listener=tcp unsent=[1-9]\d* text=.*read")


class SlowErrorTest(unittest.TestCase):
    ERRORS = 5  # nobody minds

    def err(self, talk, n):
        for _ in range(n):
            self.assertEqual(talk.ask("NONSENSE")[0], 500)

    def test_delayed(self):
        daemon = shim.Daemon(NOWHERE, {"listen tcp": "error-delay = 1s\n", "metrics": "address = 127.0.0.1:0\n"})
        self.addCleanup(daemon.end)
        with daemon.raw() as talk:
            talk.hello()
            self.err(talk, self.ERRORS)
            began = time.monotonic()
            self.err(talk, 1)
            self.assertGreaterEqual(time.monotonic() - began, 0.9)
            self.assertEqual(talk.ask("RSET")[0], 250)
        port = daemon.wait_line(r"^metrics .*port=(\d+)").group(1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=shim.PATIENCE) as answer:
            self.assertIn(b'shimta_error_delays_total{listener="tcp"} 1\n', answer.read())

    def test_pipelined(self):
        """What was sent together is answered together, once for all its errors, and in its order."""
        with serve(self, error_delay="1s").raw() as talk:
            talk.hello()
            began = time.monotonic()
            talk.put("NONSENSE\r\n" * 9 + f"{MAIL}\r\n{RCPT}\r\nDATA\r\n")
            self.assertEqual([talk.reply()[0] for _ in range(12)], [500] * 9 + [250, 250, 354])
            self.assertGreaterEqual(time.monotonic() - began, 0.9)
            talk.put("\r\n.\r\n")
            self.assertEqual(talk.reply()[0], 451)

    def test_bounded(self):
        """The last word is not held back."""
        with serve(self, error_delay="60s", max_errors=6).raw() as talk:
            talk.hello()
            self.err(talk, 6)
            self.assertEqual((talk.reply()[0], talk.reply()[0]), (421, 0))

    def test_drain(self):
        daemon = serve(self, error_delay="60s")
        with daemon.raw() as talk:
            talk.hello()
            self.err(talk, self.ERRORS)
            talk.put("NONSENSE\r\n")
            with daemon.raw() as other:  # by its turn the error is answered
                other.hello()
            daemon.child.send_signal(signal.SIGTERM)
            self.assertEqual((talk.reply()[0], talk.reply()[0], talk.reply()[0]), (500, 421, 0))
            self.assertEqual(daemon.wait(), 0)

    def test_not_among_ourselves(self):
        """Unless it is said."""
        daemon = serve(self)
        self.assertIn("error-delay = 0", subprocess.run([shim.program("shimtad"), "-n", "-c", daemon.conf],
                                                            capture_output=True, text=True).stdout)


def silent_has_ended(talk):
    talk.sock.setblocking(False)
    try:
        return bool(talk.sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


class MessageTest(unittest.TestCase):
    """Nobody listens at the API's address: a mail that reaches the relay is answered 451 4.4.1."""

    def answer(self, daemon, message):
        code, text = daemon.send("a@example.jp", ["b@example.org"], message)
        return f"{code} {text[:5]}"

    def test_bare_line_ends(self):
        strict, usual = serve(self, bare_lf="refuse"), serve(self)
        for body, bare in ((b"a\r\nb\r\n", False), (b"a\nb\r\n", True), (b"a\rb\r\n", True), (b"\n\r\n", True),
                           (b"a\r\r\n", True), (b"", False)):
            with self.subTest(body=body):
                message = b"Subject: x\r\n\r\n" + body
                self.assertEqual(self.answer(strict, message), "550 5.5.2" if bare else "451 4.4.1")
                self.assertEqual(self.answer(usual, message), "451 4.4.1")

    def test_A100_half_closed(self):
        """The answer still comes to a client that has shut its end behind the dot."""
        daemon = serve(self)
        for size in (10, 100000):
            with daemon.raw() as talk:
                at_data(talk)
                talk.put(b"x" * size + b"\r\n.\r\n")
                talk.sock.shutdown(socket.SHUT_WR)
                self.assertEqual(talk.reply()[0], 451)
                self.assertEqual(talk.reply()[0], 0)

    def test_no_room_for_the_spool(self):
        """The folder for large messages is gone: 452 for these, others go on."""
        daemon = serve(self)
        folder = os.path.join(daemon.folder, "spool")
        os.mkdir(folder)
        with open(daemon.conf) as file:
            text = file.read().replace("spool-memory", f"spool-folder = {folder}\nspool-memory")
        self.assertEqual(daemon.child.poll(), None)
        with open(daemon.conf, "w") as file:
            file.write(text.replace(daemon.socket, daemon.socket + "2"))
        other = shim.Process([shim.program("shimtad"), "-c", daemon.conf])
        self.addCleanup(other.end)
        port = int(other.wait_line(r"listening .*port=(\d+)").group(1))
        os.rmdir(folder)
        with shim.Dialogue(socket.create_connection(("127.0.0.1", port), shim.PATIENCE)) as talk:
            at_data(talk)
            talk.put(b"x" * 900 + b"\r\n")
            for _ in range(100):
                talk.put(b"x" * 998 + b"\r\n")
            talk.put(b".\r\n")
            code, reply = talk.reply()
            self.assertEqual(f"{code} {reply[:5]}", "452 4.3.1")
            self.assertEqual(talk.ask("NOOP")[0], 250)
            self.assertEqual(talk.transaction("a@example.jp", ["b@example.org"], b"Subject: x\r\n\r\nsmall\r\n")[0], 451)

    def test_user_of_the_socket(self):
        daemon = serve(self)
        done = daemon.sendmail("b@example.org", stdin=b"Subject: x\n\nx\n")
        self.assertEqual(done.returncode, 75)
        name = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        daemon.wait_line(rf"deferred .*client=unix user={re.escape(name)}\b")


class StdioTest(unittest.TestCase):
    def run_session(self, text):
        daemon = serve(self)
        return subprocess.run([shim.program("shimtad"), "-c", daemon.conf, "--stdio"], input=text, capture_output=True,
                              timeout=shim.PATIENCE)

    def test_session(self):
        done = self.run_session(b"EHLO x\r\nQUIT\r\n")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"XSENDMAIL", done.stdout)
        self.assertTrue(done.stdout.endswith(b"221 2.0.0 Bye\r\n"))

    def test_end_of_input_behind_the_dot(self):
        done = self.run_session(b"EHLO x\r\n" + f"{MAIL}\r\n{RCPT}\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n".encode())
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.splitlines()[-1].startswith(b"451 4.4.1"), done.stdout)

    def test_no_input(self):
        done = self.run_session(b"")
        self.assertEqual((done.returncode, done.stdout[:3]), (0, b"220"))


class StopTest(unittest.TestCase):
    def test_time_runs_out(self):
        daemon = serve(self)
        with daemon.raw() as talk:
            at_data(talk)
            daemon.child.send_signal(signal.SIGTERM)
            code, text = talk.reply()
            self.assertEqual(f"{code} {text[:5]}", "421 4.3.2")
        self.assertEqual(daemon.wait(), 0)
        self.assertFalse(os.path.exists(daemon.socket))

    def test_second_signal(self):
        daemon = shim.Daemon(NOWHERE, {"shimta": "drain-timeout = 1h\n"})
        self.addCleanup(daemon.end)
        with daemon.raw() as talk:
            at_data(talk)
            daemon.child.send_signal(signal.SIGTERM)
            daemon.wait_line(r"^stopping ")
            daemon.child.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0)

    def test_notification(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("")
            manager.settimeout(shim.PATIENCE)
            name = "@" + manager.getsockname()[1:].decode()
            daemon = shim.Daemon(NOWHERE, env={"NOTIFY_SOCKET": name})
            self.addCleanup(daemon.end)
            self.assertEqual(manager.recv(100), b"READY=1")
            daemon.child.send_signal(signal.SIGTERM)
            self.assertEqual(manager.recv(100), b"STOPPING=1")
            self.assertEqual(daemon.wait(), 0)


if __name__ == "__main__":
    tap.main()
