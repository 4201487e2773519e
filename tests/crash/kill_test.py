"""kill -9: at every named point between two states, at random times under load, and at the Nth call of the kernel.
After each the daemon comes back by itself, and all that was promised is delivered, queued or bounced, once.

CRASH_KILLS: random kills in all, 40 if not set. SOAK: every Nth call instead of a few."""

import itertools
import os
import random
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

KILLS = int(os.environ.get("CRASH_KILLS", "40"))
SOAK = bool(os.environ.get("SOAK"))
WHOLE = KILLS >= 100 or SOAK  # else half of what differs little
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "sendto", "write", "accept4", "connect", "openat", "writev", "close")
MOST_CALLS = 10  # at once: an answer that is not written down yet counts as a call on its way
FEW = ["order", "cron", "old", "200k", "60k", "erp"]


class CrashTest(unittest.TestCase):
    def world(self, provider, delivery, *options, more=None):
        """A sandbox and a daemon that isn't started yet."""
        sandbox = shim.Sandbox("--quiet", *options)
        self.addCleanup(sandbox.end)
        lines = {"listen tcp": f"delivery = {delivery}\n", **(more or {})}
        if provider == "arara":
            sandbox_calls = "max-calls = 4\n"
            lines["account main"] = lines.get("account main", "") + sandbox_calls
        world = rig.Rig(sandbox, provider, lines)
        self.addCleanup(world.end)
        return world

    def finish(self, world, log, duplicates=0, trace=10):
        """Faults off, all that waits goes out, then the reckoning."""
        world.sandbox.get("/fault", kind="none")
        world.drain()
        result = reckoning.check(self, world, log, duplicates, trace)
        self.assertEqual(world.stop(), 0, world.daemon.text()[-2000:])
        return result


class PointTest(CrashTest):
    def reach(self, point, count):
        """Works until the point is reached for the nth time and the process is gone."""
        world = self.world("arara" if count > 1 else "cmc", "queue", "--arara-connections", "10",
                           "--fault", "error=400@/send:every 4" if count > 1 else "error=13-003:every 4")
        work = load.Load(world, seed=count, only=FEW)
        if point.startswith("drop"):
            self.assertTrue(world.start(), world.daemon.text())  # makes the folder
            world.stop()
            for _ in range(count + 2):
                work.by_sendmail()
        armed = {"SHIMTA_CRASH_AT": f"{point}:{count}"}
        if world.start(env=armed):
            work.start(smtp=2, sendmail=1)
            try:
                world.daemon.wait()
            except Exception:
                self.fail(f"{point} was not reached in {shim.PATIENCE} s")
            finally:
                work.stop()
        self.assertEqual(world.daemon.wait(), -9, world.daemon.text()[-2000:])
        world.kills += 1
        self.assertTrue(world.start(), world.daemon.text())
        guarded = count > 1
        self.finish(world, work.log, 0 if guarded else MOST_CALLS)


def add_points():
    cases = list(itertools.product(rig.crash_points(), (1, 3)))
    for point, count in cases if WHOLE else cases[::4] + cases[3::4]:
        def test(self, point=point, count=count):
            self.reach(point, count)
        name = f"test_F02_kill_at_{point.replace('-', '_')}_{count}"
        test.__name__ = name
        setattr(PointTest, name, test)


add_points()


class StoreTest(unittest.TestCase):
    """The store alone, where a kill costs little."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="shimta-store-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.queue = os.path.join(self.folder, "queue")
        self.told = store.Told()
        self.said = []

    def churn(self, groups, seed, before=(), kill_after_s=None):
        """True if it came to its end."""
        with subprocess.Popen([*before, store.DRIVER, "churn", self.queue, str(groups), str(seed)], stdout=subprocess.PIPE) as child:
            if kill_after_s is not None:
                time.sleep(kill_after_s)
                child.kill()
            self.said.append(child.stdout.read().rpartition(b"\n")[0] + b"\n")
        self.told.read(self.said)
        return child.returncode == 0

    def test_F02_store_killed_at_random(self):
        rand, durable = random.Random(1), 0
        for number in range(KILLS):
            if number % 20 == 0:  # what is read after each kill grows with each
                durable += len(self.told.durable)
                self.setUp()
            self.churn(1000, number, kill_after_s=rand.uniform(0, 0.06))
            self.assertEqual(self.told.wrong(self.queue), [], f"kill {number}")
        self.assertGreater(durable + len(self.told.durable), KILLS // 10, "each was killed before it had done anything")

    @unittest.skipUnless(powercut.works(), "strace cannot trace here")
    @unittest.skipIf(shim.sanitized(), "a sanitizer's own calls are not the point")
    def test_F02_store_killed_at_every_nth_call(self):
        rand = random.Random(2)
        for call in ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlinkat", "openat", "linkat", "write", "renameat", "rename"):
            number = 1
            while number < 400:
                tracer = ["strace", "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                          f"inject={call}:signal=KILL:when={number}"]
                ended = self.churn(12, number, tracer)
                self.assertEqual(self.told.wrong(self.queue), [], f"{call} {number}")
                if ended:
                    break
                number += 1 if SOAK else rand.randint(8, 30)


class RandomTest(CrashTest):
    def kill_for(self, world, kills, seed, duplicates_a_kill, words=("",)):
        rand = random.Random(seed)
        work = load.Load(world, seed=seed)
        work.words = words
        work.start(smtp=4, sendmail=2)
        self.addCleanup(work.stopped.set)
        start = time.monotonic()
        for _ in range(kills):
            self.assertTrue(world.start(), world.daemon.text()[-3000:])
            time.sleep(rand.choice((rand.uniform(0, 0.03), rand.uniform(0, 0.2))))
            world.kill()
        self.assertTrue(world.start(), world.daemon.text()[-3000:])
        work.stop()
        seconds = time.monotonic() - start
        result = self.finish(world, work.log, kills * duplicates_a_kill, trace=30)
        promised = len(work.promised())
        self.assertEqual([sent for sent in work.log if sent.text.startswith(("501", "555"))], [], "no parameter was refused")
        print(f"# {kills} kills in {seconds:.0f} s, {promised} of {len(work.log)} promised, "
              f"{len(result.twice())} calls sent again")
        self.assertGreater(promised, kills // 4, "the load got nowhere")

    def test_F02_random_kills_cmc_queue(self):
        self.kill_for(self.world("cmc", "queue"), max(1, KILLS * 3 // 10), 1, MOST_CALLS)

    def test_F02_random_kills_cmc_auto_with_faults(self):
        world = self.world("cmc", "auto", "--fault", "status=503:every 5", "--fault", "error=13-003:every 7", "--fault", "reset:every 11",
                           "--latency", "5", more={"shimta": "wait = 1s\n"})
        # A reset is an unknown outcome, but nothing was taken: only kills may double a call.
        self.kill_for(world, max(1, KILLS * 3 // 10), 2, MOST_CALLS)

    def test_F02_random_kills_with_holds_and_priorities(self):
        world = self.world("cmc", "queue")
        self.kill_for(world, max(1, KILLS // 10), 4, MOST_CALLS,
                      ("", " HOLDFOR=1", " HOLDFOR=2 MT-PRIORITY=4", " MT-PRIORITY=9", " MT-PRIORITY=-9"))

    def test_F02_random_kills_arara_never_twice(self):
        world = self.world("arara", "queue", "--arara-connections", "10", "--fault", "close-after@/send:every 6", "--fault",
                           "truncate@/send:every 7", "--fault", "status=503@/send:every 9", "--fault", "error=400@/send:every 11")
        self.kill_for(world, max(1, KILLS * 4 // 10), 3, 0)


@unittest.skipUnless(powercut.works(), "strace cannot trace here")
@unittest.skipIf(shim.sanitized(), "a sanitizer's own calls are not the point")
class CallTest(CrashTest):
    def one(self, call, number, seed):
        """True if the call was made that often, so that the kill happened."""
        world = self.world("arara", "queue", "--arara-connections", "10")
        work = load.Load(world, seed=seed, only=FEW)
        tracer = ["strace", "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                  f"inject={call}:signal=KILL:when={number}"]
        if world.start(before=tracer):
            work.start(smtp=2, sendmail=1)
            shim.until(lambda: world.daemon.ended or len(work.log) > 40, "forty mails or the kill")
            work.stop()
        hit = world.daemon.child.poll() is not None
        world.daemon.end(9)
        world.kills += 1
        self.assertTrue(world.start(), world.daemon.text())
        self.finish(world, work.log, 0, trace=3)
        return hit

    def test_F02_kill_at_every_nth_call(self):
        rand = random.Random(5)
        for call in CALLS if WHOLE else CALLS[::3]:
            with self.subTest(call=call):
                if SOAK:
                    number = 1
                    while number < 400 and self.one(call, number, number):
                        number += 1
                else:
                    self.one(call, rand.randint(1, 25), 1)


if __name__ == "__main__":
    rig.main()
