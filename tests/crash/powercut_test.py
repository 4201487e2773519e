"""F01: the power goes. A traced run is cut at hundreds of moments, each time into something a disk may really hold then
(powercut.py); on a machine that lets us, a real ext4 is shut down under the daemon as well."""

import copy
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import load
import powercut
import reckoning
import rig
import shim
import store

CUTS = int(os.environ.get("CRASH_CUTS", "200"))
REAL_CUTS = int(os.environ.get("CRASH_REAL_CUTS", "8"))
ACK = re.compile(rb"^250 2\.0\.0 Ok: queued as Q(\w+)", re.M)


@unittest.skipUnless(powercut.works(), "strace cannot trace here")
@unittest.skipIf(shim.sanitized(), "the plain build is what runs on disks")
class PowerCutTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="shimta-cut-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.trace = os.path.join(self.folder, "trace")
        self.state = os.path.join(self.folder, "state")
        os.mkdir(self.state, 0o755)

    def cuts(self, count, heed=lambda name: True, seed=1):
        """Yields (what was said before, folder as after the cut) for that many moments."""
        with open(self.trace) as file:
            lines = list(powercut.whole_lines(file))
        rand = random.Random(seed)
        moments = set(rand.sample(range(len(lines)), min(count, len(lines))))
        disk = powercut.Disk(self.state, heed)
        # In memory, where there is such a place: what is read there need not be written to a disk.
        place = tempfile.mkdtemp(prefix="shimta-cut-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(shutil.rmtree, place, True)
        os.chmod(place, 0o755)
        cut = os.path.join(place, "cut")
        for number, line in enumerate(lines):
            disk.follow(line)
            if number in moments:
                shutil.rmtree(cut, True)
                os.mkdir(cut, 0o755)
                powercut.write_tree(disk.after_cut(rand), disk.folder, cut)
                yield disk.said, cut
        self.assertEqual(disk.odd, [], "the trace misses something")
        self.disk = disk

    def churn(self, groups, seed):
        done = subprocess.run([*powercut.traced(self.trace), store.DRIVER, "churn", os.path.join(self.state, "queue"), str(groups), str(seed)],
                              capture_output=True, timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)

    def losses(self, count, **more):
        """Cuts after which the store lacks a mail that was durable, or has one that differs."""
        told, bad = store.Told(), []
        for said, cut in self.cuts(count, **more):
            told.read(said)
            queue = os.path.join(cut, "queue")
            if not os.path.isdir(queue):
                self.assertFalse(told.durable, "the folder is gone")
                continue
            bad += told.wrong(queue)
        return bad

    def test_F01_power_cut_store(self):
        self.churn(120, 1)
        self.assertEqual(self.losses(CUTS), [])
        for path, content in self.disk.everything().items():
            if os.path.exists(path) and not path.endswith("-shm"):
                with open(path, "rb") as file:
                    self.assertEqual(file.read(), content, f"{path} is not what the trace says")

    def test_F01_control_unsynced_log_is_caught(self):
        """synchronous=NORMAL, in effect: commits that nothing forces to the disk."""
        self.churn(40, 2)
        self.assertTrue(self.losses(40, heed=lambda name: not name.endswith("-wal")))

    def test_F01_control_unsynced_mails_are_caught(self):
        """Large mails whose own files are not synced."""
        self.churn(60, 3)
        self.assertTrue(self.losses(60, heed=lambda name: "/mail/" not in name and name != powercut.UNNAMED))

    def test_F01_power_cut_drop_file(self):
        """Exit 0 of a sendmail that found no daemon: the file is there whole, under its name."""
        sandbox = shim.Sandbox("--quiet")
        self.addCleanup(sandbox.end)
        world = rig.Rig(sandbox, state=self.state, more={"shimta": "submit-wait = 0s\n"})
        self.addCleanup(world.end)
        drop = os.path.join(self.state, "drop")
        os.mkdir(drop)
        os.chmod(drop, 0o1733)
        text = load.real_mails()["200k"]
        done = subprocess.run([*powercut.traced(self.trace), shim.program("sendmail"), "-i", "-f", "a@example.jp", "b@example.org"],
                              input=text, capture_output=True, timeout=shim.PATIENCE, env={**os.environ, "SHIMTA_CONF": world.conf})
        self.assertEqual(done.returncode, 0, done.stderr)
        name, = os.listdir(drop)
        disk = powercut.Disk(self.state)
        with open(self.trace) as file:
            for line in powercut.whole_lines(file):
                disk.follow(line)
        with open(os.path.join(drop, name), "rb") as file:
            content = file.read()
        for seed in range(50):
            found = disk.after_cut(random.Random(seed))
            self.assertEqual(found.get(os.path.join(drop, name)), content)

    def test_F01_power_cut_daemon(self):
        sandbox = shim.Sandbox("--quiet")
        self.addCleanup(sandbox.end)
        sandbox.fault("status=503", 1000000)
        world = rig.Rig(sandbox, "arara", {"listen tcp": "delivery = queue\n"}, state=self.state)
        self.addCleanup(world.end)
        self.assertTrue(world.start(before=powercut.traced(self.trace)), "no start")
        work = load.Load(world, only=["order", "cron", "200k", "60k", "old"]).start(smtp=3, sendmail=0)
        shim.until(lambda: len(work.promised()) > 60, "sixty mails")
        work.stop()
        world.kill()
        promised, seen, whole = set(), 0, 0
        for said, cut in self.cuts(CUTS // 2):
            promised.update(name.decode() for text in said[seen:] for name in ACK.findall(text))
            seen = len(said)
            queue = os.path.join(cut, "queue")
            have = store.dump(queue) if os.path.isdir(queue) else {}
            self.assertFalse(promised - have.keys(), f"of {len(promised)}")
            whole += len(promised) > 0
        self.assertGreater(whole, CUTS // 8, "cuts with mail in the queue")
        self.restarts(work)

    def restarts(self, work):
        """The daemon itself starts on what is left and sends it."""
        for number, (said, cut) in enumerate(self.cuts(4, seed=7)):
            sandbox = shim.Sandbox("--quiet")
            self.addCleanup(sandbox.end)
            with self.subTest(cut=number):
                for name in os.listdir(cut):
                    if name == "drop":
                        os.chmod(os.path.join(cut, name), 0o1733)
                again = rig.Rig(sandbox, "arara", state=cut)
                try:
                    self.assertTrue(again.start(), again.daemon.text())
                    again.drain()
                    promised = {name.decode() for text in said for name in ACK.findall(text)}
                    log = [copy.copy(sent) for sent in work.log]  # who had no answer yet may be there too
                    for sent in log:
                        known = ACK.search(sent.text.encode())
                        sent.result = load.PROMISED if known and known.group(1).decode() in promised else load.UNKNOWN
                    self.assertEqual(sum(sent.result == load.PROMISED for sent in log), len(promised))
                    reckoning.check(self, again, log, trace=0)
                finally:
                    again.end()


def can_mount():
    return (os.getuid() == 0 and all(map(shutil.which, ("xfs_io", "mkfs.ext4", "unshare", "nsenter"))) and os.path.exists("/dev/loop-control")
            and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0)


@unittest.skipUnless(can_mount(), "needs root, loop devices, xfsprogs and e2fsprogs")
class RealDiskTest(unittest.TestCase):
    def run_ok(self, *argv):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 0, f"{argv}: {done.stdout}{done.stderr}")

    def mount(self):
        self.run_ok("mount", "-o", "loop", self.image, self.disk)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            self.run_ok("umount", self.disk)
            self.mounted = False

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="shimta-disk-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)
        self.image, self.disk, self.mounted = os.path.join(self.folder, "image"), os.path.join(self.folder, "disk"), False
        os.mkdir(self.disk)
        with open(self.image, "wb") as file:
            file.truncate(1 << 30)
        self.run_ok("mkfs.ext4", "-q", self.image)
        try:
            self.mount()
        except AssertionError as problem:
            self.skipTest(f"no loop mounts here: {problem}")
        self.addCleanup(self.unmount)
        os.mkdir(os.path.join(self.disk, "state"), 0o755)

    def test_F01_power_cut_ext4(self):
        sandbox = shim.Sandbox("--quiet", "--arara-connections", "10")
        self.addCleanup(sandbox.end)
        sandbox.fault("status=503", 1000000)
        world = rig.Rig(sandbox, "arara", {"listen tcp": "delivery = queue\n", "shimta": "queue-reserve = 0\n"},
                        state=os.path.join(self.disk, "state"))
        self.addCleanup(world.end)
        work = load.Load(world, only=["order", "cron", "200k", "60k"])
        rand = random.Random(1)
        for _ in range(REAL_CUTS):
            self.assertTrue(world.start(), world.daemon.text())
            work.start(smtp=3, sendmail=0)
            time.sleep(rand.uniform(0.05, 0.3))
            sure = set(work.promised())
            self.run_ok("xfs_io", "-x", "-c", "shutdown", self.disk)
            world.kill()
            work.stop()
            for sent in set(work.promised()) - sure:
                # The program outlives this cut, unlike a real one: a sync under way may return as if it had been done.
                sent.result = load.UNKNOWN
            self.unmount()
            self.mount()
            have = store.dump(os.path.join(self.disk, "state", "queue"))
            promised = {name.decode() for sent in work.promised() for name in ACK.findall(sent.text.encode())}
            self.assertFalse(promised - have.keys(), f"of {len(promised)} after cut {world.kills}:\n{world.daemon.text()[-3000:]}")
        self.assertTrue(world.start(), world.daemon.text())
        sandbox.get("/fault", kind="none")
        world.drain()
        for sent in work.log:
            if sent.result == load.REFUSED:
                sent.result = load.UNKNOWN  # an error of the disk leaves open what is on it
        reckoning.check(self, world, work.log, trace=0)
        self.assertGreater(len(work.promised()), REAL_CUTS)
        world.stop()


if __name__ == "__main__":
    rig.main()
