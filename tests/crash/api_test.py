"""APIs that lose their answers, are down for the whole run, slow, resetting or lying; and one mail that never works."""

import collections
import os
import re
import subprocess
import unittest

import load
import reckoning
import rig
import shim

CALLS = ["--connections", "20", "--arara-connections", "20"]
MAILS = ["order", "cron", "old", "60k"]


def own_network():
    """Words that give a command a network of its own; none if that is not allowed."""
    words = ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-rn"]
    try:
        return words if subprocess.run([*words, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0 else None
    except FileNotFoundError:
        return None


class ApiTest(unittest.TestCase):
    def world(self, provider, delivery="queue", options=(), more=None):
        sandbox = shim.Sandbox(*CALLS, *options)
        self.addCleanup(sandbox.end)
        more = {name: text.replace("{url}", sandbox.url) for name, text in (more or {}).items()}
        world = rig.Rig(sandbox, provider, {"listen tcp": f"delivery = {delivery}\n", **more})
        self.addCleanup(world.end)
        self.assertTrue(world.start(), world.daemon.text())
        return world

    def send(self, world, count, names=MAILS, crowd=(1, 1, 1, 2, 3)):
        work = load.Load(world, only=names)
        work.crowd = crowd
        with world.raw() as talk:
            talk.hello()
            for number in range(count):
                self.assertTrue(work.by_smtp(talk, names[number % len(names)]), work.log[-1])
        return work

    def finish(self, world, log, duplicates=0, trace=10):
        world.sandbox.get("/fault", kind="none")
        world.drain()
        result = reckoning.check(self, world, log, duplicates, trace)
        self.assertEqual(world.stop(), 0, world.daemon.text()[-2000:])
        return result

    def test_F06_answer_lost_arara_never_twice(self):
        for fault in ("close-after@/send:every 2", "truncate@/send:every 2", "reset@/send:every 2", "close-before@/send:every 2"):
            for delivery in ("queue", "auto"):
                with self.subTest(fault=fault, delivery=delivery):
                    world = self.world("arara", delivery, ["--fault", fault], {"account main": "max-calls = 4\n"})
                    work = self.send(world, 30)
                    self.assertEqual(len(work.promised()), 30)
                    self.finish(world, work.log)

    def test_F06_answer_lost_cmc_at_most_one_more_per_call(self):
        for delivery in ("queue", "auto"):
            with self.subTest(delivery=delivery):
                world = self.world("cmc", delivery, ["--fault", "close-after:first 5"])
                work = self.send(world, 20)
                result = self.finish(world, work.log, duplicates=5)
                for sent in work.log:
                    for to in sent.recipients:
                        copies = [world.sandbox.mail(row["number"]) for row in result.copies[to]]
                        self.assertLessEqual(len(copies), 2)
                        self.assertEqual(len({mail["X-Api-Data"] for mail in copies}), 1)

    def test_F06_held_where_told_so(self):
        world = self.world("cmc", "queue", ["--fault", "close-after:first 3"], {"account main": "unknown-outcome = hold\n"})
        work = self.send(world, 10, crowd=(1,))
        people = sum(len(sent.recipients) for sent in work.log)
        shim.until(lambda: len(world.sandbox.box()) == people, "the API has them all")
        shim.until(lambda: not world.queue(held=False), "what is left is held")
        self.assertEqual(len(world.queue()), 3)
        reckoning.check(self, world, work.log)

    def test_F06_looked_up_before_it_is_repeated(self):
        world = self.world("cmc", "queue", ["--fault", "close-after:first 4"], {"account main": "lookup-before-retry = yes\nserver-composition = test\ndeliveries-url = {url}/transaction/v2/deliveries/list.json\n"})
        work = self.send(world, 12)
        self.finish(world, work.log)

    def test_F12_api_down_for_the_whole_run(self):
        for fault in ("status=503", "html", "close-before", "reset", "error=13-005", "status=429/1", "status=401"):
            with self.subTest(fault=fault):
                world = self.world("cmc", "queue", ["--fault", fault])
                work = self.send(world, 60)
                self.assertEqual(len(work.promised()), 60)
                world.restart()
                self.assertEqual(len(world.queue()), 60)
                world.sandbox.get("/fault", kind="none")
                world.restart()  # which also ends the minute that a refused key costs
                self.finish(world, work.log)

    def test_F12_nobody_there(self):
        sandbox = shim.Sandbox(*CALLS)
        self.addCleanup(sandbox.end)
        world = rig.Rig(sandbox, "cmc", {"listen tcp": "delivery = queue\n"}, url="http://127.0.0.1:1")
        self.addCleanup(world.end)
        self.assertTrue(world.start(), world.daemon.text())
        work = self.send(world, 50)
        self.assertEqual(len(work.promised()), 50)
        world.sections["account main"] = world.sections["account main"].replace("http://127.0.0.1:1", sandbox.url)
        world.stop()
        world.configure(world.sections)
        self.assertTrue(world.start(), world.daemon.text())
        self.finish(world, work.log)

    @unittest.skipUnless(own_network(), "no network namespace of its own here")
    def test_F13_no_route(self):
        """The daemon has no network but itself; sendmail reaches it by its socket's file."""
        sandbox = shim.Sandbox(*CALLS)
        self.addCleanup(sandbox.end)
        for url in ("http://192.0.2.1", "http://[2001:db8::1]", "http://api.example.invalid"):
            with self.subTest(url=url):
                sandbox.clear()
                world = rig.Rig(sandbox, "cmc", {"account main": "allow-http = yes\n"}, url=url)
                self.addCleanup(world.end)
                self.assertTrue(world.start(before=[*own_network(), "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]), world.daemon.text())
                work = load.Load(world, only=MAILS)
                for _ in range(5):
                    self.assertEqual(work.by_sendmail().result, load.PROMISED, work.log[-1])
                self.assertEqual(len(world.queue()), 5)
                world.stop()
                world.sections["account main"] = world.sections["account main"].replace(url, sandbox.url)
                world.configure(world.sections)
                self.assertTrue(world.start(), world.daemon.text())
                self.finish(world, work.log)

    def test_F12_no_hot_loop_while_all_fail(self):
        """A paused account costs probes, not a call per mail."""
        world = self.world("cmc", "queue", ["--fault", "status=429/1"])
        work = self.send(world, 100)
        before = len(world.sandbox.lines)
        lines = len(world.sandbox.lines)
        world.sendmail("-q")
        shim.until(lambda: len(world.sandbox.lines) > lines + 1, "two probes")
        self.assertLess(len(world.sandbox.lines) - before, 20)
        self.finish(world, work.log)

    def test_F12_slow_and_flapping(self):
        world = self.world("cmc", "auto", ["--latency", "300", "--fault", "status=503:every 3", "--fault", "html:every 5"],
                           {"shimta": "wait = 1s\n"})
        work = load.Load(world, only=MAILS).start(smtp=6, sendmail=2)
        shim.until(lambda: len(work.log) > 80, "eighty mails")
        work.stop()
        self.finish(world, work.log)

    def test_F14_one_poisoned_mail_among_a_thousand(self):
        sandbox_options = ["--dkim", "example.jp", "--quiet"]
        world = self.world("cmc", "queue", sandbox_options)
        work = load.Load(world, only=["cron"])
        poison = mails_from_elsewhere(work.mails["cron"])
        work.mails["poison"] = poison
        with world.raw() as talk:
            talk.hello()
            for number in range(1000):
                self.assertTrue(work.by_smtp(talk, "poison" if number == 500 else "cron"), work.log[-1])
        self.assertEqual(len(work.promised()), 1000)
        result = self.finish(world, work.log)
        bad = work.log[500]
        self.assertTrue(set(bad.recipients) <= result.bounced)
        reached = collections.Counter(to for sent in work.log if sent is not bad for to in sent.recipients if to in result.copies)
        self.assertEqual(len(reached), sum(len(sent.recipients) for sent in work.log) - len(bad.recipients))


def mails_from_elsewhere(text):
    """The mail with a From that the account may not use."""
    return re.sub(rb"(?im)^From:.*$", b"From: mallory@elsewhere.example\r", text, count=1)


if __name__ == "__main__":
    rig.main()
