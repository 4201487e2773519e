"""shimta passwd: what it makes of a file of users, on a terminal and in a pipe, and that shimtad takes it."""

import fcntl
import glob
import json
import os
import pty
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import termios
import time
import unittest

import secure
import shim
import tap

SECRET = "correct horse 電池"


class Terminal:
    """shimta on a terminal of its own; what it prints there can be waited for."""

    def __init__(self, *argv):
        self.shown = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts what is in the background with it ignored
            os.execv(shim.program("shimta"), ["shimta", *argv])

    def wait(self, text):
        deadline = time.monotonic() + shim.PATIENCE
        while text not in self.shown:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, self.shown
            self.shown += os.read(self.fd, 4096)

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def shows_typing(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        """The status, after everything was read."""
        try:
            while data := os.read(self.fd, 4096):
                self.shown += data
        except OSError:  # how a terminal ends
            pass
        os.close(self.fd)
        return os.waitpid(self.pid, 0)[1]


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="shimta-passwd-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = os.path.join(self.folder, "users")

    def shimta(self, *argv, stdin="", status=0):
        done = subprocess.run([shim.program("shimta"), "passwd", *argv], input=stdin.encode(), capture_output=True,
                              timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def passwd(self, *argv, **more):
        return self.shimta("--file", self.file, *argv, **more)

    def text(self):
        with open(self.file, encoding="utf-8") as file:
            return file.read()

    def users(self):
        return self.passwd("--list").stdout.decode().split()


class FileTest(Case):
    def test_a_line_is_added_changed_and_removed(self):
        self.passwd("ann", stdin=SECRET + "\n")
        first = self.text()
        self.passwd("ben", stdin=SECRET)  # a pipe need not end with a line end
        self.assertEqual(self.users(), ["ann", "ben"])
        self.passwd("ann", stdin="other\r\n")
        self.assertEqual(self.users(), ["ann", "ben"])
        self.assertNotIn(first, self.text())
        self.passwd("-D", "ann")
        self.assertEqual(self.users(), ["ben"])
        self.assertNotIn(SECRET, first)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assertEqual(os.listdir(self.folder), ["users"])

    def test_everything_else_in_the_file_stays(self):
        text = "# the printers\n" + secure.user_line("p1", "x") + "\n" + secure.user_line("p10", "y").rstrip("\n")
        secure.write(self.file, text)
        self.passwd("ann", stdin=SECRET)
        self.assertTrue(self.text().startswith(text + "\nann:"))
        self.passwd("--delete", "p1")
        self.assertEqual(self.users(), ["p10", "ann"])
        self.assertIn("# the printers\n\np10:", self.text())

    def test_owner_and_link_stay_and_others_get_no_access(self):
        real = os.path.join(self.folder, "real")
        secure.write(real, secure.user_line("p1", "x"))
        os.chmod(real, 0o644)
        os.symlink("real", self.file)
        if os.getuid() == 0:
            os.chown(real, 65534, 65534)
        before = os.stat(real)
        self.passwd("ann", stdin=SECRET)
        self.assertTrue(os.path.islink(self.file))
        after = os.stat(real)
        self.assertNotEqual(after.st_ino, before.st_ino)
        self.assertEqual((after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)), (before.st_uid, before.st_gid, 0o600))

    def test_list(self):
        secure.write(self.file, secure.user_line("ann", "x") + secure.user_line("ben", "y", scram=False) + "# carl:x\n")
        rows = [json.loads(line) for line in self.passwd("--list", "--json").stdout.splitlines()]
        self.assertEqual(rows, [{"user": "ann", "hash": True, "scram": True}, {"user": "ben", "hash": True, "scram": False}])

    def test_what_is_refused_changes_nothing(self):
        self.passwd("ann", status=65)
        self.passwd("ann", stdin="\n", status=65)
        self.passwd("ann", stdin="x" * 512, status=65)
        self.passwd("ann", stdin="x\0y\n", status=65)
        self.assertEqual(os.listdir(self.folder), [])
        for words in ([], ["a:b"], ["#a"], ["a\nb"], [""], ["ann", SECRET], ["ann", "--list"], ["-D"], ["-D", "--list"]):
            self.passwd(*words, stdin=SECRET, status=64)
        self.passwd("-D", "ann", status=66)
        self.assertEqual(os.listdir(self.folder), [])
        secure.write(self.file, secure.user_line("ann", "x"))
        self.passwd("-D", "ben", status=1)
        secure.write(self.file, secure.user_line("ann", "x") + "ben:plain\n")
        before = self.text()
        error = self.passwd("carl", stdin=SECRET, status=65).stderr.decode()
        self.assertIn("users:2:", error)
        self.assertEqual((self.text(), os.listdir(self.folder)), (before, ["users"]))
        self.passwd("ben", stdin=SECRET)  # who mends it may
        self.passwd("carl", stdin=SECRET)

    def test_two_at_once_lose_nothing(self):
        names = [f"user{number}" for number in range(12)]
        running = [subprocess.Popen([shim.program("shimta"), "passwd", "--file", self.file, name], stdin=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL) for name in names]
        for child in running:
            child.stdin.write(SECRET.encode())
            child.stdin.close()
        self.assertEqual([child.wait(shim.PATIENCE) for child in running], [0] * len(names))
        self.assertEqual(sorted(self.users()), sorted(names))

    def test_it_waits_for_who_has_the_file(self):
        self.passwd("ann", stdin=SECRET)
        with open(self.file) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            child = subprocess.Popen([shim.program("shimta"), "passwd", "--file", self.file, "-D", "ann"],
                                     stderr=subprocess.DEVNULL)
            shim.until(lambda: any(f":{os.fstat(file.fileno()).st_ino} " in line and "->" in line
                                   for line in open("/proc/locks")), "waiting for the lock")
            secure.write(self.file + ".new", self.text() + secure.user_line("ben", "y"))
            os.rename(self.file + ".new", self.file)
        self.assertEqual(child.wait(shim.PATIENCE), 0)
        self.assertEqual(self.users(), ["ben"])


class TerminalTest(Case):
    def ask(self, *answers):
        terminal = Terminal("passwd", "--file", self.file, "ann")
        for prompt, answer in zip((b"Password: ", b"Once more: "), answers):
            terminal.wait(prompt)
            self.assertFalse(terminal.shows_typing())
            terminal.type(answer)
        return terminal

    def test_asks_twice_and_shows_nothing(self):
        terminal = self.ask(SECRET, SECRET)
        status = terminal.end()
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, terminal.shown)
        self.assertNotIn(SECRET.encode(), terminal.shown)
        self.assertEqual(self.users(), ["ann"])

    def test_two_that_differ(self):
        terminal = self.ask(SECRET, SECRET + "x")
        self.assertEqual(os.waitstatus_to_exitcode(terminal.end()), 65)
        self.assertIn(b"not the same", terminal.shown)
        self.assertEqual(os.listdir(self.folder), [])

    def test_interrupted_the_terminal_is_as_before(self):
        terminal = Terminal("passwd", "--file", self.file, "ann")
        terminal.wait(b"Password: ")
        other = os.open(os.path.realpath(f"/proc/{terminal.pid}/fd/0"), os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, other)
        os.write(terminal.fd, b"half\x03")
        self.assertEqual(os.WTERMSIG(os.waitpid(terminal.pid, 0)[1]), signal.SIGINT)
        self.assertTrue(terminal.shows_typing())
        os.close(terminal.fd)
        self.assertEqual(os.listdir(self.folder), [])


class ConfigurationTest(Case):
    def conf(self, *files, user=""):
        path = os.path.join(self.folder, "shimta.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[shimta]\n{user}")
            for number, users in enumerate(files):
                file.write(f"[listen n{number}]\naddress = 127.0.0.1:0\nauth = required\npassword-file = {users}\n")
        return path

    def test_the_file_is_that_of_the_listeners(self):
        conf = self.conf(self.file, self.file, user="user = nobody\n")
        self.shimta("-c", conf, "ann", stdin=SECRET)
        self.assertEqual(self.users(), ["ann"])
        self.assertEqual(os.stat(self.file).st_uid, 65534 if os.getuid() == 0 else os.getuid())

    def test_none_or_several_must_be_chosen_from(self):
        self.assertIn(b"--file", self.shimta("-c", self.conf(), "ann", stdin=SECRET, status=78).stderr)
        several = self.conf(self.file, self.file + "2")
        self.assertIn(b"--file", self.shimta("-c", several, "ann", stdin=SECRET, status=78).stderr)
        self.shimta("-c", several, "--file", self.file, "ann", stdin=SECRET)
        self.assertEqual(glob.glob(self.file + "*"), [self.file])

    def test_shimtad_takes_it(self):
        self.passwd("ann", stdin=SECRET)
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, more={
            "listen tcp": f"auth = required\nauth-without-tls = yes\npassword-file = {self.file}\n"})
        self.addCleanup(daemon.end)
        for way in (secure.plain, secure.login, secure.scram):
            for password, code in ((SECRET, 235), (SECRET + "x", 535)):
                with self.subTest(way=way.__name__, code=code), daemon.raw() as talk:
                    talk.hello()
                    self.assertEqual(way(talk, "ann", password)[0], code)
        self.passwd("ben", stdin="another")
        lines = len(daemon.lines)
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_line("reload", after=lines)
        with daemon.raw() as talk:
            talk.hello()
            self.assertEqual(secure.plain(talk, "ben", "another")[0], 235)


if __name__ == "__main__":
    tap.main()
