"""A queue that was damaged, restored from a backup, or written by another version: refused or set aside with a clear
line, never silently empty."""

import os
import random
import re
import shutil
import sqlite3
import stat
import unittest

import load
import reckoning
import rig
import shim

CLEAR = re.compile(r"cannot read|damaged|corrupt|malformed|not a database|set aside|unreadable|cannot be read|missing|newer|later version|held|another program", re.I)


class DamageTest(unittest.TestCase):
    def world(self):
        self.sandbox = shim.Sandbox("--quiet", "--arara-connections", "50", "--connections", "50")
        self.addCleanup(self.sandbox.end)
        self.sandbox.fault("status=503", 1000000)
        world = rig.Rig(self.sandbox, "arara", {"listen tcp": "delivery = queue\n"})
        self.addCleanup(world.end)
        self.queue = os.path.join(world.state, "queue")
        self.db = os.path.join(self.queue, "queue.db")
        return world

    def filled(self, count=12, kill=False, names=("cron", "200k", "order")):
        """A world with that many mails waiting and nobody running."""
        world = self.world()
        self.assertTrue(world.start(), world.daemon.text())
        work = load.Load(world, only=names)
        with world.raw() as talk:
            talk.hello()
            for number in range(count):
                self.assertTrue(work.by_smtp(talk, names[number % len(names)]), work.log[-1])
        self.assertEqual(len(work.promised()), count)
        if kill:
            world.kill()
        else:
            self.assertEqual(world.stop(), 0)
        return world, work

    def finish(self, world, log):
        self.sandbox.get("/fault", kind="none")
        world.drain()
        reckoning.check(self, world, log, trace=0)
        self.assertEqual(world.stop(), 0, world.daemon.text()[-2000:])

    def refused(self, world):
        self.assertFalse(world.start(), "it started on a damaged queue")
        self.assertGreater(world.daemon.wait(), 0, world.daemon.text()[-2000:])
        self.assertRegex(world.daemon.text(), CLEAR)
        self.assertIn(world.state, world.daemon.text())

    def test_F05_truncated(self):
        for size in (0, 1, 100, 4096, 10000):
            for kill in (False, True):
                with self.subTest(size=size, kill=kill):
                    world, work = self.filled(kill=kill)
                    keep = {name: read(os.path.join(self.queue, name)) for name in os.listdir(self.queue)
                            if name.startswith("queue.db")}
                    with open(self.db, "r+b") as file:
                        file.truncate(size)
                    self.refused_or_whole(world, work)
                    world.stop()
                    for name, content in keep.items():
                        with open(os.path.join(self.queue, name), "wb") as file:
                            file.write(content)
                    self.assertTrue(world.start(), world.daemon.text())
                    self.finish(world, work.log)

    def refused_or_whole(self, world, work):
        """Refused with a clear line, or nothing is missing (what was lost was in the log file still)."""
        if world.start():
            self.assertEqual(len(world.queue()), len(work.log), "it started with less, and said nothing")
        else:
            self.assertGreater(world.daemon.wait(), 0, world.daemon.text()[-2000:])
            self.assertRegex(world.daemon.text(), CLEAR)

    def test_F05_another_file_in_its_place(self):
        for content in (b"", b"hello\n" * 1000, bytes(100000), b"SQLite format 3\0" + bytes(4080)):
            with self.subTest(content=content[:20]):
                world, _ = self.filled()
                for name in os.listdir(self.queue):
                    if name.startswith("queue.db"):
                        os.unlink(os.path.join(self.queue, name))
                with open(self.db, "wb") as file:
                    file.write(content)
                os.chmod(self.db, 0o600)
                self.refused(world)

    def test_F05_database_gone_but_not_its_mails(self):
        world, _ = self.filled()
        mails = sorted(os.listdir(os.path.join(self.queue, "mail")))
        self.assertTrue(mails)
        for name in os.listdir(self.queue):
            if name.startswith("queue.db"):
                os.unlink(os.path.join(self.queue, name))
        if world.start():
            self.assertRegex(world.daemon.text(), CLEAR)
        self.assertTrue(self.still_there(mails), "the mails' files were taken for orphans")

    def still_there(self, names):
        found = {name for _, _, files in os.walk(os.path.dirname(self.queue)) for name in files}
        return set(names) <= found

    def test_F05_bits_flipped(self):
        rand = random.Random(3)
        world, work = self.filled(count=9)
        keep = {name: read(os.path.join(self.queue, name)) for name in os.listdir(self.queue) if name.startswith("queue.db")}
        mails = shutil.copytree(os.path.join(self.queue, "mail"), os.path.join(world.folder, "mail"))
        for number in range(int(os.environ.get("CRASH_FLIPS", "25"))):
            with self.subTest(number=number):
                self.sandbox.clear()
                for name in os.listdir(self.queue):
                    if name.startswith("queue.db"):
                        os.unlink(os.path.join(self.queue, name))
                shutil.rmtree(os.path.join(self.queue, "mail"))
                shutil.copytree(mails, os.path.join(self.queue, "mail"))
                for name, content in keep.items():
                    content = bytearray(content)
                    if name == "queue.db":
                        for _ in range(rand.choice((1, 5, 200))):
                            content[rand.randrange(len(content))] ^= 1 << rand.randrange(8)
                    with open(os.open(os.path.join(self.queue, name), os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                        file.write(content)
                self.sandbox.get("/fault", kind="none")
                try:
                    self.survives(world, work)
                finally:
                    world.stop()

    def survives(self, world, work):
        """No signal, no hang; who got nothing is in the queue, or the log says that something is wrong."""
        if not world.start():
            self.assertGreater(world.daemon.wait(), 0, world.daemon.text()[-2000:])
            self.assertRegex(world.daemon.text(), CLEAR)
            return
        world.sendmail("-q")
        try:
            shim.until(lambda: self.settled(world, work) or CLEAR.search(world.daemon.text()), "sent, or said so")
        except AssertionError as problem:
            raise AssertionError(f"{problem}:\n{world.daemon.text()[-3000:]}") from None
        self.assertEqual(world.stop(), 0, world.daemon.text()[-2000:])

    def settled(self, world, work):
        """By the log: an address may have been hit, and Arara knows the request_ids of the rounds before."""
        return world.daemon.ended or (len(re.findall(r"^delivered ", world.daemon.text(), re.M))
                                      >= sum(len(sent.recipients) for sent in work.log))

    def test_F05_deleted_under_the_daemon(self):
        world, work = self.filled()
        self.assertTrue(world.start(), world.daemon.text())
        for name in os.listdir(self.queue):
            if name.startswith("queue.db"):
                os.unlink(os.path.join(self.queue, name))
        code, text = world.send("a@example.jp", ["late@example.org"], load.real_mails()["cron"])
        self.sandbox.get("/fault", kind="none")
        if code == 250:
            shim.until(lambda: any(row["to"] == "late@example.org" for row in self.sandbox.box()), "a promise is kept")
        else:
            self.assertIn(code, (451, 452), text)
        world.stop()

    def test_F05_newer_schema(self):
        world, work = self.filled()
        with sqlite3.connect(self.db) as db:
            was, = db.execute("PRAGMA user_version").fetchone()
            self.assertGreater(was, 0, "the schema has a version")
            db.execute("PRAGMA user_version = 9999")
        db.close()
        self.refused(world)
        self.assertRegex(world.daemon.text(), r"newer|later")
        with sqlite3.connect(self.db) as db:
            db.execute(f"PRAGMA user_version = {was}")
        db.close()
        self.assertTrue(world.start(), world.daemon.text())
        self.finish(world, work.log)

    def test_F05_unsafe_folder(self):
        world, work = self.filled()
        for path, mode in ((self.queue, 0o777), (self.queue, 0o770), (world.state, 0o757), (self.db, 0o666)):
            with self.subTest(path=os.path.basename(path), mode=oct(mode)):
                was = stat.S_IMODE(os.stat(path).st_mode)
                os.chmod(path, mode)
                trusted = world.start()
                os.chmod(path, was)
                if trusted:
                    world.stop()
                self.assertFalse(trusted, "it trusts what others may write")
                self.assertEqual(world.daemon.wait(), 78, world.daemon.text())
        os.rename(self.queue, self.queue + "2")
        os.symlink(self.queue + "2", self.queue)
        self.assertFalse(world.start(), "it follows a symbolic link")
        self.assertEqual(world.daemon.wait(), 78, world.daemon.text())
        os.unlink(self.queue)
        os.rename(self.queue + "2", self.queue)
        self.assertTrue(world.start(), world.daemon.text())
        self.finish(world, work.log)

    def test_F17_old_backup(self):
        """Taken while running, restored after more was sent: what was sent since goes twice, nothing is lost."""
        world, work = self.filled()
        self.assertTrue(world.start(), world.daemon.text())
        source, copy = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True), sqlite3.connect(os.path.join(world.folder, "backup.db"))
        source.backup(copy)
        self.assertEqual(copy.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        source.close()
        copy.close()
        mails = shutil.copytree(os.path.join(self.queue, "mail"), os.path.join(world.folder, "mail"))
        self.sandbox.get("/fault", kind="none")
        world.drain()
        world.stop()
        for name in os.listdir(self.queue):
            if name.startswith("queue.db"):
                os.unlink(os.path.join(self.queue, name))
        shutil.copyfile(os.path.join(world.folder, "backup.db"), self.db)
        os.chmod(self.db, 0o600)
        shutil.rmtree(os.path.join(self.queue, "mail"))
        shutil.copytree(mails, os.path.join(self.queue, "mail"))
        self.assertTrue(world.start(), world.daemon.text())
        # Arara knows the request_ids of the first time: even these are no duplicates.
        self.finish(world, work.log)

    def test_F17_old_backup_without_its_files(self):
        world, work = self.filled()
        shutil.rmtree(os.path.join(self.queue, "mail"))
        os.mkdir(os.path.join(self.queue, "mail"), 0o700)
        if world.start():
            world.sendmail("-q")
            self.sandbox.get("/fault", kind="none")
            large = [sent for sent in work.log if sent.name == "200k"]
            shim.until(lambda: len(world.queue()) == len(large), "only the large ones are left, held")
            self.assertRegex(world.daemon.text(), CLEAR)
            reckoning.check(self, world, work.log, trace=0)
            world.stop()

    def test_F18_queue_of_an_old_version(self):
        """queue-N.sql are dumps of queues as each schema wrote them."""
        found = sorted(name for name in os.listdir(os.path.dirname(os.path.abspath(__file__))) if re.fullmatch(r"queue-\d+\.sql", name))
        self.assertTrue(found)
        for name in found:
            with self.subTest(name=name):
                world = self.world()
                os.mkdir(self.queue, 0o700)
                with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
                    script = file.read()
                db = sqlite3.connect(self.db)
                db.executescript(script)
                db.close()
                os.chmod(self.db, 0o600)
                self.sandbox.get("/fault", kind="none")
                self.assertTrue(world.start(), world.daemon.text())
                world.drain()
                self.assertEqual(sorted(row["to"] for row in self.sandbox.box()),
                                 sorted(set(re.findall(r"r\d+-\d+@example\.org", script))))
                world.stop()


def read(path):
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    rig.main()
