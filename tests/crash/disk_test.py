"""Disks that are full, read-only or broken. Nothing is promised that isn't kept, and service comes back by itself."""

import os
import shutil
import subprocess
import tempfile
import unittest

import load
import powercut
import reckoning
import rig
import shim

QUEUE = {"listen tcp": "delivery = queue\n", "shimta": "queue-reserve = 0\n"}


class Namespace:
    """A mount namespace of its own, which vanishes with its holder; as root, or as a user who may have one."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="shimta-mount-")
        os.chmod(self.folder, 0o755)
        self.user = [] if os.getuid() == 0 else ["-r"]
        self.holder = subprocess.Popen(["unshare", "-m", *self.user, "sh", "-c", "echo ready; exec sleep 900"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        self.works = self.holder.stdout.readline() == b"ready\n"
        self.enter = ["nsenter", "-t", str(self.holder.pid), "-m", *(["-U", "--preserve-credentials"] if self.user else []), "--"]
        self.inside = f"/proc/{self.holder.pid}/root{self.folder}"

    def mount(self, options):
        done = subprocess.run([*self.enter, "mount", "-t", "tmpfs", "-o", f"mode=755,{options}", "none", self.folder], capture_output=True)
        return done.returncode == 0

    def remount(self, options):
        return subprocess.run([*self.enter, "mount", "-o", f"remount,{options}", self.folder], capture_output=True).returncode == 0

    def end(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class DiskTest(unittest.TestCase):
    def world(self, state=None, more=None, fault="status=503"):
        self.sandbox = shim.Sandbox("--quiet", "--connections", "50", "--arara-connections", "50")
        self.addCleanup(self.sandbox.end)
        if fault:
            self.sandbox.fault(fault, 1000000)
        world = rig.Rig(self.sandbox, "arara", more or QUEUE, state=state)
        self.addCleanup(world.end)
        return world

    def finish(self, world, log, sure=True):
        if not sure:
            for sent in log:
                sent.result = load.UNKNOWN if sent.result == load.REFUSED else sent.result
        self.sandbox.get("/fault", kind="none")
        world.drain()
        reckoning.check(self, world, log, trace=0)
        self.assertEqual(world.stop(), 0, world.daemon.text()[-2000:])


class FullTest(DiskTest):
    def setUp(self):
        self.space = Namespace()
        self.addCleanup(self.space.end)
        if not self.space.works or not shutil.which("nsenter"):
            self.skipTest("no mount namespace here")

    def small(self, options, **more):
        if not self.space.mount(options):
            self.skipTest("tmpfs cannot be mounted here")
        return self.world(state=self.space.folder, **more)

    def deliver(self, world, work, count, names=None):
        """That many mails over one session each; the codes of their replies."""
        codes = []
        for number in range(count):
            with world.raw() as talk:
                talk.hello()
                work.by_smtp(talk, names[number % len(names)] if names else None)
            codes.append(work.log[-1].text[:3])
        return codes

    def test_F03_full_disk_in_every_phase(self):
        world = self.small("size=6m")
        self.assertTrue(world.start(before=self.space.enter), world.daemon.text())
        work = load.Load(world, only=["cron", "60k", "200k", "order"])
        filler = os.path.join(self.space.inside, "filler")
        for left in (0, 4096, 20000, 90000, 250000, 600000):
            with self.subTest(left=left):
                self.assertIn("250", self.deliver(world, work, 2, ["cron", "200k"]), "room for two")
                free = os.statvfs(self.space.inside)
                with open(filler, "wb") as file:
                    try:
                        file.write(bytes(max(0, free.f_bavail * free.f_frsize - left)))
                    except OSError:
                        pass
                codes = self.deliver(world, work, 12, ["200k", "order", "60k"])
                self.assertEqual(set(codes) - {"250"}, {"452"}, codes)
                os.unlink(filler)
                self.sandbox.get("/fault", kind="none")
                world.drain("the queue is empty again")
                self.sandbox.fault("status=503", 1000000)
        self.finish(world, work.log)

    def test_F03_direct_deliveries_go_on(self):
        world = self.small("size=2m", more={"listen tcp": "delivery = auto\n"}, fault=None)
        self.assertTrue(world.start(before=self.space.enter), world.daemon.text())
        work = load.Load(world, only=["order"])
        self.assertEqual(self.deliver(world, work, 3), ["250"] * 3)
        self.sandbox.fault("status=503", 1)
        codes = self.deliver(world, work, 1)
        self.assertRegex(work.log[-1].text, r"^4[0-9]{2} 4\.3\.[01]", codes)
        world.drain()
        self.assertEqual(self.deliver(world, work, 3), ["250"] * 3)
        self.finish(world, work.log)

    def test_F03_no_inodes(self):
        world = self.small("size=20m,nr_inodes=60")
        self.assertTrue(world.start(before=self.space.enter), world.daemon.text())
        work = load.Load(world, only=["200k", "cron"])
        codes = self.deliver(world, work, 70, ["200k"])
        self.assertEqual(set(codes), {"250", "452"})
        self.sandbox.get("/fault", kind="none")
        world.drain()
        self.assertEqual(self.deliver(world, work, 5, ["200k"]), ["250"] * 5)
        self.finish(world, work.log)

    def test_F03_read_only_disk(self):
        world = self.small("size=6m")
        self.assertTrue(world.start(before=self.space.enter), world.daemon.text())
        world.stop()
        self.assertTrue(self.space.remount("ro"))
        self.assertFalse(world.start(before=self.space.enter))
        self.assertIn(self.space.folder, world.daemon.text())
        self.assertGreater(world.daemon.wait(), 0)
        self.assertTrue(self.space.remount("rw"))
        self.assertTrue(world.start(before=self.space.enter), world.daemon.text())
        work = load.Load(world, only=["200k", "cron"])
        self.assertEqual(self.deliver(world, work, 2), ["250"] * 2)
        self.finish(world, work.log)


@unittest.skipUnless(powercut.works(), "strace cannot trace here")
@unittest.skipIf(shim.sanitized(), "a sanitizer's own calls are not the point")
class InjectedTest(DiskTest):
    """R4: errors at the Nth call. Whoever is refused may come again; nobody who was promised loses anything."""

    def inject(self, order, fault="status=503"):
        call = order.split(":")[0]
        world = self.world(fault=fault)
        tracer = ["strace", "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={order}"]
        if world.start(before=tracer):
            work = load.Load(world, only=["cron", "60k", "200k", "order"]).start(smtp=3, sendmail=1)
            shim.until(lambda: world.daemon.ended or len(work.log) > 60, "sixty mails")
            work.stop()
            log = work.log
            self.assertIsNone(world.daemon.child.poll(), world.daemon.text()[-3000:])
            self.assertEqual(world.stop(), 0, world.daemon.text()[-3000:])
        else:
            self.assertGreater(world.daemon.wait(), 0, "a signal at start")
            log = []
        self.assertTrue(world.start(), world.daemon.text())
        self.finish(world, log, sure=False)
        return log

    def test_F04_injected_errors(self):
        for order in ("pwrite64:error=ENOSPC:when=40+3", "pwrite64:error=EIO:when=40+7", "pwrite64:error=EROFS:when=60+1",
                      "fdatasync:error=EIO:when=6+3", "fsync:error=EIO:when=2+2", "fdatasync:error=ENOSPC:when=9+1",
                      "ftruncate:error=EIO:when=2+2", "unlink:error=EIO:when=1+2", "accept4:error=EMFILE:when=3+4",
                      "accept4:error=ECONNABORTED:when=2+3", "openat:error=EMFILE:when=120+5", "openat:error=ENOSPC:when=120+3",
                      "epoll_wait:error=EINTR:when=3+5"):
            with self.subTest(order=order):
                self.inject(order)

    def test_F04_connect_fails_to_the_api(self):
        for error in ("ETIMEDOUT", "ECONNREFUSED", "ENETUNREACH"):
            with self.subTest(error=error):
                log = self.inject(f"connect:error={error}:when=1+2", fault=None)
                self.assertTrue([sent for sent in log if sent.result == load.PROMISED])


if __name__ == "__main__":
    rig.main()
