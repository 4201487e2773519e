"""Descriptors, memory, clocks, a second daemon."""

import glob
import os
import subprocess
import tempfile
import time
import unittest

import load
import reckoning
import rig
import shim

FAKETIME = next(iter(sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))), None)


class LimitsTest(unittest.TestCase):
    def world(self, options=(), more=None, **kind):
        self.sandbox = shim.Sandbox("--quiet", "--arara-connections", "50", "--connections", "50", *options)
        self.addCleanup(self.sandbox.end)
        world = rig.Rig(self.sandbox, "arara", {"listen tcp": "delivery = queue\n", **(more or {})}, **kind)
        self.addCleanup(world.end)
        return world

    def finish(self, world, log, trace=5):
        self.sandbox.get("/fault", kind="none")
        world.drain()
        result = reckoning.check(self, world, log, trace=trace)
        self.assertEqual(world.stop(), 0, world.daemon.text()[-2000:])
        return result

    def send(self, world, count, work=None, names=("cron", "200k", "order")):
        work = work or load.Load(world, only=names)
        with world.raw() as talk:
            talk.hello()
            for number in range(count):
                self.assertTrue(work.by_smtp(talk, names[number % len(names)]), work.log[-1])
        return work

    @unittest.skipIf(shim.sanitized(), "a sanitizer needs descriptors itself")
    def test_F07_descriptors_run_out(self):
        world = self.world(more={"listen tcp": "delivery = queue\nmax-connections-per-client = 1000\n"})
        self.assertTrue(world.start(before=["prlimit", "--nofile=64:64"]), world.daemon.text())
        first = world.raw()
        self.addCleanup(first.close)
        first.hello()
        crowd, told = [], {}
        for _ in range(500):
            talk = world.raw()
            crowd.append(talk)
            code = talk.reply()[0]
            told[code] = told.get(code, 0) + 1
        self.assertEqual(set(told), {220, 421}, told)
        work = load.Load(world, only=["cron", "200k"])
        for name in ("cron", "200k") * 10:
            self.assertTrue(work.by_smtp(first, name), work.log[-1])
        self.assertEqual(len(work.promised()), 20, work.log)
        shim.until(lambda: len(self.sandbox.box()) == sum(len(sent.recipients) for sent in work.log), "they are sent")
        before = cpu_s(world)
        time.sleep(0.5)
        self.assertLess(cpu_s(world) - before, 0.25, "it spins")
        for talk in crowd:
            talk.close()
        shim.until(lambda: self.served(world), "a normal client is served")
        self.assertNotIn("Too many open files", world.daemon.text())
        self.finish(world, work.log)

    def served(self, world):
        with world.raw() as talk:
            return talk.reply()[0] == 220

    def test_F08_terminated_under_load(self):
        world = self.world(["--latency", "20"])
        work = load.Load(world, only=["cron", "200k", "order"]).start(smtp=6, sendmail=2)
        for _ in range(6):
            self.assertTrue(world.start(), world.daemon.text())
            have = len(work.promised())
            shim.until(lambda: len(work.promised()) > have + 10, "ten more mails")
            self.assertEqual(world.stop(), 0, world.daemon.text()[-2000:])
        work.stop()
        self.assertTrue(world.start(), world.daemon.text())
        self.finish(world, work.log)

    def test_F09_slow_and_silent_clients(self):
        """Hundreds of them, stuck at each state: others are served and nothing of theirs is kept."""
        world = self.world(more={"listen tcp": "delivery = queue\nmax-connections-per-client = 1000\n"})
        self.assertTrue(world.start(), world.daemon.text())
        steps = ["EHLO x.test\r\n", "MAIL FROM:<slow@example.jp>\r\n", "RCPT TO:<slow@example.org>\r\n", "DATA\r\n", "Subject: x\r\n\r\nhalf"]
        slow = []
        for number in range(300):
            talk = world.raw()
            slow.append(talk)
            self.assertEqual(talk.reply()[0], 220)
            for step in steps[:number % (len(steps) + 1)]:
                talk.put(step)
                if step.endswith("\r\n") and not step.startswith("Subject"):
                    talk.reply()
            talk.put("E")
        work = self.send(world, 20)
        self.assertEqual(len(work.promised()), 20)
        for talk in slow:
            talk.close()
        self.finish(world, work.log)

    @unittest.skipUnless(FAKETIME, "libfaketime is not installed")
    @unittest.skipIf(shim.sanitized(), "preloads before the sanitizer")
    def test_F11_clock_three_days_off(self):
        world = self.world()
        self.sandbox.fault("status=503", 1000000)
        self.assertTrue(world.start(), world.daemon.text())
        work = self.send(world, 10)
        for shift in ("+3d", "-3d", "+3d", "-1000d"):
            world.stop()
            self.assertTrue(world.start(env=fake(FAKETIME=shift)), world.daemon.text())
            lines = len(world.daemon.lines)
            self.send(world, 2, work)
            world.daemon.wait_line(r"\b503\b|transient|deferred", lines)
            self.assertEqual(len(world.queue()), len(work.log), f"{shift}: nothing expires")
        world.stop()
        self.assertTrue(world.start(env=fake(FAKETIME="-3d")), world.daemon.text())
        self.sandbox.get("/fault", kind="none")
        # Due times lie up to six days ahead of this clock: none is waited for. No queue run helps.
        shim.until(lambda: not world.queue(), "all are tried without being asked to")
        self.finish(world, work.log)

    @unittest.skipUnless(FAKETIME, "libfaketime is not installed")
    @unittest.skipIf(shim.sanitized(), "preloads before the sanitizer")
    def test_F11_clock_steps_while_running(self):
        world = self.world()
        self.sandbox.fault("status=503", 1000000)
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write("+0\n")
        self.addCleanup(os.unlink, file.name)
        os.chmod(file.name, 0o644)
        self.assertTrue(world.start(env=fake(FAKETIME_TIMESTAMP_FILE=file.name, FAKETIME_NO_CACHE="1")), world.daemon.text())
        work = self.send(world, 5)
        for shift in ("+3d", "-3d", "+1h", "-1h", "+0"):
            with open(file.name, "w") as step:
                step.write(shift + "\n")
            self.send(world, 2, work)
            self.assertEqual(len(work.promised()), len(work.log))
            self.assertEqual(len(world.queue()), len(work.log), f"{shift}: nothing expires")
        with open(file.name, "w") as step:
            step.write("-3d\n")
        self.sandbox.get("/fault", kind="none")
        if not os.environ.get("SOAK"):
            world.sendmail("-q")  # the daemon looks by itself each minute
        shim.until(lambda: not world.queue(), "all are tried")
        self.finish(world, work.log)

    @unittest.skipUnless(FAKETIME, "libfaketime is not installed")
    @unittest.skipIf(shim.sanitized(), "preloads before the sanitizer")
    def test_F11_what_is_too_old_goes_back(self):
        world = self.world()
        self.sandbox.fault("status=503@/send", 1000000)
        self.assertTrue(world.start(), world.daemon.text())
        work = self.send(world, 3, names=("cron",))
        world.stop()
        self.assertTrue(world.start(env=fake(FAKETIME="+6d")), world.daemon.text())
        shim.until(lambda: world.daemon.text().count("notice id=") >= 3, "three bounces")
        self.sandbox.get("/fault", kind="none")
        result = self.finish(world, work.log)
        self.assertEqual(result.bounced, {to for sent in work.log for to in sent.recipients})

    @unittest.skipIf(shim.sanitized(), "a sanitizer's own memory makes figures meaningless")
    def test_F15_little_memory(self):
        world = self.world(["--connections", "4"], {"listen tcp": "delivery = queue\n"})
        self.assertTrue(world.start(before=["prlimit", "--as=600000000"]), world.daemon.text())
        work = load.Load(world, only=["cron", "200k", "order"])
        for text in hostile():
            with world.raw() as talk:
                talk.hello()
                code, _ = talk.transaction("evil@example.jp", ["x@example.org"], text)
                self.assertNotEqual(code, 0, f"no answer to {text[:60]}: {world.daemon.text()[-500:]}")
            self.send(world, 3, work)
        self.assertEqual(len(work.promised()), len(work.log))
        self.sandbox.get("/fault", kind="none")
        world.drain()
        world.stop()

    def test_F16_second_daemon_is_refused(self):
        world = self.world()
        self.sandbox.fault("status=503", 1000000)
        self.assertTrue(world.start(), world.daemon.text())
        work = self.send(world, 5)
        second = subprocess.run([shim.program("shimtad"), "-c", world.conf], capture_output=True, text=True, timeout=shim.PATIENCE)
        self.assertIn(second.returncode, (75, 78), second.stderr)
        self.assertIn(world.state, second.stderr)
        self.send(world, 5, work)
        self.assertEqual(len(world.queue()), 10)
        self.finish(world, work.log)

    def test_F16_of_many_at_once_one_wins(self):
        world = self.world()
        daemons = [shim.Process([shim.program("shimtad"), "-c", world.conf]) for _ in range(6)]
        try:
            shim.until(lambda: sum(daemon.child.poll() is None for daemon in daemons) <= 1, "one is left")
            self.assertEqual(sorted({daemon.child.poll() for daemon in daemons if daemon.child.poll() is not None}), [75])
            self.assertEqual(sum(daemon.child.poll() is None for daemon in daemons), 1)
        finally:
            for daemon in daemons:
                daemon.end()


def hostile():
    """RELIABILITY's mails that want memory, in small."""
    def parts(count):
        return (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * count + b"--b--\r\n")

    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(3000))
    return [b"To: " + b"g:" * 41500 + b"\r\n\r\nx\r\n", parts(300000), nested, b"To: a@x.test\r\n" * 100000 + b"\r\nx\r\n",
            b"Content-Type: text/plain" + b"".join(b";\r\n x*%d=a" % i for i in range(100000)) + b"\r\n\r\nx\r\n",
            b"Content-Type: multipart/mixed; boundary=" + b"b" * 100000 + b"\r\n\r\n", b"To: " + b"(" * 100000 + b"\r\n\r\nx\r\n",
            b"Subject: x\r\n\r\n" + b"y" * 15000000 + b"\r\n"]


def fake(**more):
    return {"LD_PRELOAD": FAKETIME, "FAKETIME_DONT_FAKE_MONOTONIC": "1", **more}


def cpu_s(world):
    with open(f"/proc/{world.daemon.child.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    rig.main()
