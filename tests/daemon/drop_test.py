"""Mail that sendmail left in drop-dir: delivered once, whatever else lies there."""

import ctypes
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import unittest

SOURCE = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
import shim  # noqa: E402
import tap  # noqa: E402

MAIL = "From: shop@example.jp\nTo: someone@example.org\nSubject: {}\n\n本文\n"
ENVELOPE = "MAIL FROM:<shop@example.jp> XSUBMIT\r\nRCPT TO:<{}@example.org>\r\n"
WHOLE = ENVELOPE + "DATA\r\nFrom: shop@example.jp\r\nSubject: x\r\n\r\nx\r\n.\r\n"


def setUpModule():
    global sandbox
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)


class DropTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()
        self.state = tempfile.mkdtemp(prefix="shimta-drop-")
        os.chmod(self.state, 0o711)
        self.addCleanup(shutil.rmtree, self.state, True)
        self.drop = os.path.join(self.state, "drop")
        self.failed = os.path.join(self.drop, "failed")
        self.taken = os.path.join(self.drop, "taken")
        self.number = 0

    def start(self, queue="none", url=None, **more):
        more["shimta"] = f"queue = {queue}\nsubmit-wait = 0s\n" + more.get("shimta", "")
        daemon = shim.Daemon(url or sandbox.url, more=more, state=self.state)
        self.addCleanup(daemon.end)
        self.away = os.path.join(self.state, "away.conf")  # what sendmail would see without the daemon
        with open(daemon.conf) as conf, open(self.away, "w") as away:
            away.write(conf.read().replace(daemon.socket, daemon.socket + ".gone"))
        return daemon

    def test_limits_follow_a_reload(self):
        daemon = self.start(**{"listen submit": "max-size = 1024\n"})
        large = MAIL.format("big@example.org").encode() + b"0123456789\n" * 400

        def leave(wanted):
            done = daemon.sendmail("-i", "-fshop@example.jp", "big@example.org", stdin=large, env={"SHIMTA_CONF": self.away})
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            daemon.wait_line(wanted)

        def edit(path):
            with open(path) as file:
                text = file.read()
            with open(path, "w") as file:
                file.write(text.replace("max-size = 1024\n", "max-size = 64k\n"))

        edit(self.away)
        leave(r"5\.3\.4")
        self.assertEqual(sandbox.box(), [])
        edit(daemon.conf)
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_line("^reloaded")
        leave("delivered .*big@example.org")

    def leave(self, daemon, to, *options):
        done = daemon.sendmail("-i", "-fshop@example.jp", *options, to, stdin=MAIL.format(to).encode(), env={"SHIMTA_CONF": self.away})
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def put(self, text, name=None):
        """A file of its own, complete when it appears."""
        self.number += 1
        name = name or f"mail.{self.number:032x}"
        with open(os.path.join(self.state, "new"), "w") as file:
            file.write(text)
        os.rename(file.name, os.path.join(self.drop, name))
        return name

    def wait_empty(self):
        shim.until(lambda: sorted(os.listdir(self.drop)) == ["failed", "taken"] and not os.listdir(self.taken), "the folder is empty")

    def copies(self):
        copies = sandbox.copies()
        self.assertEqual({len(mails) for mails in copies.values()} - {1}, set())
        return sorted(to.split("@")[0] for to in copies)

    def test_folder(self):
        self.start()
        self.assertEqual(os.stat(self.drop).st_mode & 0o7777, 0o1733)
        self.assertEqual(os.stat(self.failed).st_mode & 0o7777, 0o700)
        self.assertEqual(os.stat(self.taken).st_mode & 0o7777, 0o700)

    def test_while_it_runs(self):
        for queue in ("none", "sqlite"):
            with self.subTest(queue):
                sandbox.clear()
                self.three_mails(self.start(queue))

    def three_mails(self, daemon):
        for to in ("one", "two", "three"):
            self.leave(daemon, f"{to}@example.org", "-Lweb")
        self.wait_empty()
        shim.until(lambda: self.copies() == ["one", "three", "two"], "all three are delivered")
        mail = sandbox.copies()["two@example.org"][0]
        self.assertEqual((mail["Subject"], shim.text_of(mail)), ("two@example.org", "本文\n"))
        daemon.wait_line(r"delivered .*client=drop user=\S+ tag=web from=shop@example.jp to=one@example.org")
        daemon.end()

    def test_stored_before_it_is_removed(self):
        """With a queue the API's troubles are not the file's: it is gone, and the mail is waiting under its id. A file that
        a crash has left beside its entry is the same mail; one that was only taken is one."""
        daemon = self.start("sqlite", "http://127.0.0.1:1")
        self.put(WHOLE.format("late"))
        self.wait_empty()
        listed = daemon.sendmail("-bp").stdout.decode()
        self.assertRegex(listed, r"\nshop|shop@example.jp\n(.*\n)*.* late@example.org\n\n-- 1 Kbytes in 1 Request.\n$")
        daemon.child.kill()
        daemon.wait()
        self.put(WHOLE.format("late"), "taken/" + re.search(r"^(\w{16})\*? +\d+ ", listed, re.M).group(1))
        self.put(WHOLE.format("new"), "taken/0123456789BCDFGH")
        daemon = self.start("sqlite", "http://127.0.0.1:1")
        self.wait_empty()
        self.assertEqual(daemon.sendmail("-bP").stdout, b"2\n")
        daemon.end()
        daemon = self.start("sqlite")
        self.assertEqual(daemon.sendmail("-q").returncode, 0)
        shim.until(lambda: daemon.sendmail("-bP").stdout == b"0\n", "the queue is empty")
        self.assertEqual(self.copies(), ["late", "new"])

    def test_local_users(self):
        """The rule of the socket holds here, too: who left the file is who owns it."""
        daemon = self.start(**{"listen submit": f"local-users = {os.getuid()}\n"})
        self.leave(daemon, "one@example.org")
        shim.until(lambda: self.copies() == ["one"], "it is delivered")
        daemon.end()
        daemon = self.start(**{"listen submit": f"local-users = {os.getuid() + 1}\n"})
        self.leave(daemon, "two@example.org")
        daemon.wait_line(r"drop-refused .*5\.7\.1 You may not send mail here")
        self.wait_empty()
        self.assertEqual(self.copies(), ["one"])

    def test_at_start(self):
        daemon = self.start()
        daemon.end()
        for number in range(300):  # more than are taken of one owner, or in one look
            self.leave(daemon, f"user{number}@example.org")
        self.start()
        self.wait_empty()
        self.assertEqual(self.copies(), sorted(f"user{number}" for number in range(300)))

    def test_large(self):
        daemon = self.start()
        body = "x" * 70 + "\n"
        done = daemon.sendmail("-fshop@example.jp", "big@example.org", stdin=(MAIL.format("big") + body * 40000).encode(),
                               env={"SHIMTA_CONF": self.away})
        self.assertEqual(done.returncode, 0)
        self.wait_empty()
        self.assertGreater(shim.text_of(sandbox.copies()["big@example.org"][0]).count(body), 7000)  # as far as the text goes
        self.assertEqual(self.copies(), ["big"])

    def test_only_one_mail_of_a_file(self):
        self.start()
        self.put(WHOLE.format("good") + WHOLE.format("evil"))
        self.wait_empty()
        self.assertEqual(self.copies(), ["good"])

    def test_not_whole(self):
        """Cut short, other commands, nothing at all: for the operator, and nobody gets a mail."""
        daemon = self.start()
        bad = ["", "MAIL", "QUIT\r\n", "XQUEUE RUN\r\n", "\0" * 100000, WHOLE.format("a")[:-3], ENVELOPE.format("a"), "x" * 5000 + "\n",
               ENVELOPE.format("a") + "RSET\r\n" + WHOLE.format("b"), "MAIL FROM:<a b@@c>\r\n" + WHOLE.format("c"),
               WHOLE.format("d@@"), ENVELOPE.format("e") + "DATA\r\n\r\n.." * 3, "EHLO x\r\n" + WHOLE.format("f")]
        for text in bad:
            self.put(text)
        self.put(WHOLE.format("good"))
        shim.until(lambda: len(os.listdir(self.failed)) == len(bad), "all are in failed")
        self.wait_empty()
        self.assertEqual(self.copies(), ["good"])
        for name in os.listdir(self.failed):
            daemon.wait_line(f"drop-refused id={name} .*text=")

    def test_odd_things(self):
        """What is no file of sendmail's is put aside unread; what cannot be moved stays."""
        daemon = self.start()
        secret = os.path.join(self.state, "secret")
        with open(secret, "w") as file:
            file.write(WHOLE.format("secret"))
        os.link(secret, os.path.join(self.drop, f"mail.{1:032x}"))
        os.symlink(secret, os.path.join(self.drop, f"mail.{2:032x}"))
        os.mkfifo(os.path.join(self.drop, f"mail.{3:032x}"))
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(os.path.join(self.drop, f"mail.{4:032x}"))
        for name in ("junk", "mail.", f"mail.{5:031x}", f"mail.{5:033x}", "mail." + "G" * 32, "new.old"):
            with open(os.path.join(self.drop, name), "w") as file:
                file.write(WHOLE.format("junk"))
        os.utime(os.path.join(self.drop, "new.old"), (0, 0))
        with open(os.path.join(self.drop, "new.fresh"), "w"):
            pass
        os.mkdir(os.path.join(self.drop, "folder"))
        self.put(WHOLE.format("good"), f"mail.{9:032x}")
        shim.until(lambda: sorted(os.listdir(self.drop)) == ["failed", "folder", "new.fresh", "taken"], "the rest is put aside")
        shim.until(lambda: not os.listdir(self.taken), "the mail is sent")
        self.assertEqual(len(os.listdir(self.failed)), 10)
        self.assertEqual(self.copies(), ["good"])
        daemon.wait_line(r"drop-useless files=\d+")
        self.assertEqual(os.stat(secret).st_nlink, 2)

    def test_one_failure_keeps_nobody_else(self):
        """What fails for the moment stays, with what its owner has besides; the others' mail goes through."""
        if os.getuid() != 0:
            self.skipTest("needs root for files of two owners")
        daemon = self.start()
        daemon.end()
        for number in range(40):
            name = self.put(WHOLE.format(f"user{number}"), f"mail.{number:032x}")
            os.chown(os.path.join(self.drop, name), number % 2 * 65534, -1)
        sandbox.fault("status=503")
        daemon = self.start()
        daemon.wait_line("drop-deferred .*text=")

        def left():
            entries = [entry for folder in (self.drop, self.taken) for entry in os.scandir(folder)]
            try:
                return {entry.stat().st_uid for entry in entries if entry.is_file()}
            except FileNotFoundError:  # taken meanwhile
                return {}

        shim.until(lambda: len(left()) == 1, "one owner's are left")
        self.assertLess(len(sandbox.box()), 40)

    def test_deferred_mail_is_tried_again(self):
        daemon = self.start()
        sandbox.fault("status=503")
        self.leave(daemon, "late@example.org")
        daemon.wait_line("drop-deferred .*text=\"451 ")
        self.assertEqual(len(os.listdir(self.taken)), 1)
        daemon.end()
        self.start()
        self.wait_empty()
        self.assertEqual(self.copies(), ["late"])

    def test_names_give_no_ids(self):
        """Whoever knows the id of a mail makes none that has it, whatever the name of his file."""
        daemon = self.start("sqlite", "http://127.0.0.1:1")
        ids = set()
        for number in range(3):
            self.put(WHOLE.format("evil"), f"mail.{1:032x}")
            self.wait_empty()
            ids |= set(re.findall(r"^(\w{16})\*? +\d+ ", daemon.sendmail("-bp").stdout.decode(), re.M))
            self.assertEqual(len(ids), number + 1)

    def test_exchanged_for_a_folder(self):
        """A file that changes places with a folder all the time keeps nobody else's mail."""
        daemon = self.start()
        libc = ctypes.CDLL(None)
        for number in range(200):
            name = os.path.join(self.drop, self.put(WHOLE.format("evil"))).encode()
            folder = os.path.join(self.drop, f"folder{number}").encode()
            os.mkdir(folder)
            libc.renameat2(-100, name, -100, folder, 2)
            libc.renameat2(-100, name, -100, folder, 2)
        self.put(WHOLE.format("good"))
        shim.until(lambda: any(row["to"].startswith("good@") for row in sandbox.box()), "the other mail is there")
        self.assertNotIn("drop-stuck", daemon.text())

    def test_failed_is_full(self):
        """Nothing of which nobody was told is deleted: what comes after many failures waits until they are gone."""
        daemon = self.start()
        daemon.end()
        for number in range(250):
            self.put("junk", f"mail.{number:032x}")
        daemon = self.start()
        daemon.wait_line("drop-full ")
        files = sum(len(files) for _, _, files in os.walk(self.drop))
        self.assertEqual((files, len(os.listdir(self.failed)) >= 200, len(os.listdir(self.drop)) > 2), (250, True, True))
        daemon.end()
        shutil.rmtree(self.failed)
        self.start()
        self.wait_empty()

    def test_many_recipients(self):
        """As many as the header may name."""
        daemon = self.start("sqlite", **{"listen submit": "max-recipients = 100\n"})
        everybody = [f"user{number}@example.org" for number in range(1200)]
        for conf in (self.away, daemon.conf):
            sandbox.clear()
            done = daemon.sendmail("-fshop@example.jp", *everybody, stdin=MAIL.format("all").encode(), env={"SHIMTA_CONF": conf})
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            shim.until(lambda: len(sandbox.box()) == 1200, "all have it")
            self.wait_empty()

    def test_notices(self):
        """Who was told that his mail is safe is told when it is not."""
        daemon = self.start("sqlite")
        for args, mail in ((["-t"], b"Subject: x\n\nx\n"), (["-t"], b"To: a@@b@c\nSubject: x\n\nx\n"), (["-h200", "a@example.org"], b"Subject: x\n\n")):
            sandbox.clear()
            done = daemon.sendmail("-fshop@example.jp", *args, stdin=mail, env={"SHIMTA_CONF": self.away})
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            shim.until(lambda: [row["to"] for row in sandbox.box()] == ["shop@example.jp"], "the sender has a notice")
            daemon.wait_line("drop-refused .*; returned to the sender")

    def test_folder_of_somebody_else(self):
        if os.getuid() != 0:
            self.skipTest("needs root for a folder of somebody else")
        os.mkdir(self.drop)
        os.chown(self.drop, 65534, 65534)
        daemon = self.start()
        daemon.wait_line("drop-unusable text=\"cannot use .*: it belongs to somebody else")

    def test_link_to_a_folder(self):
        os.mkdir(os.path.join(self.state, "real"))
        os.symlink("real", self.drop)
        self.start().wait_line("drop-unusable text=")
        self.assertEqual(os.listdir(os.path.join(self.state, "real")), [])


if __name__ == "__main__":
    tap.main()
