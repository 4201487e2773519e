"""What many results and events cost: memory that does not grow with them, mail that goes on, one bounce each."""

import email
import email.policy
import json
import os
import re
import unittest

import feedback_load
import feedback_test
import metrics_test
import shim
import tap

SLACK_KIB = 4096
LONG = 60000
EVENTS = "shimta_feedback_events_total"


def fates(folder):
    """The recipients that the bounces of a Maildir speak of, each as often as it is named."""
    found = []
    new = os.path.join(folder, "new")
    for name in os.listdir(new):
        with open(os.path.join(new, name), "rb") as file:
            report = email.message_from_binary_file(file, policy=email.policy.default)
        for block in list(report.iter_parts())[1].get_payload()[1:]:
            found.append(block["Final-Recipient"].split(";")[1].strip())
    return found


class FeedbackLoadTest(unittest.TestCase):
    def world(self, count, polled):
        world = feedback_load.World(count)
        self.addCleanup(world.end)
        world.start(polled)
        return world

    def until_told(self, world, account):
        shim.until(lambda: world.figures(EVENTS, account=account) >= world.count, "all results")

    def peak(self, count, polled):
        """KiB that the daemon had at most when all its deliveries have come to something."""
        world = self.world(count, polled)
        if not polled:
            feedback_load.post_all(world, 4)
        self.until_told(world, "second" if polled else "main")
        self.assertIsNone(world.daemon.child.poll())
        return world.daemon.status("VmHWM")

    @unittest.skipIf(shim.sanitized(), "the sanitizer keeps what is freed")
    def test_results_in_flat_memory(self):
        self.assertLess(self.peak(20000, True) - self.peak(5000, True), SLACK_KIB)

    @unittest.skipIf(shim.sanitized(), "the sanitizer keeps what is freed")
    def test_events_in_flat_memory(self):
        self.assertLess(self.peak(20000, False) - self.peak(5000, False), SLACK_KIB)

    def test_events_three_times(self):
        """The same 1,000 events from 50 connections, three times: one bounce per mail and recipient; mail goes on."""
        world = self.world(1000, False)
        watch = feedback_load.Watch(world.daemon)
        statuses = [feedback_load.post_all(world, 50, 10) for _ in range(3)]
        shim.until(lambda: world.bounces() >= 100, "all bounces")
        watch.end()
        self.assertEqual(watch.codes, {250})
        for round_of in statuses:
            self.assertLessEqual(set(round_of), {200, 503})
            self.assertEqual(round_of.count(200), 100)
        self.assertEqual(world.daemon.end(), 0)  # whatever is still owed is handed over, or known to be
        wanted = sorted(to for _, to in world.told if to.startswith("bounce-"))
        self.assertEqual(len(wanted), 100)
        self.assertEqual(sorted(fates(world.box)), wanted)
        self.assertEqual(len(re.findall("^returned ", world.daemon.text(), re.M)), 100)
        if not shim.sanitized():
            self.assertLess(max(watch.sizes) - watch.sizes[0], 2 * SLACK_KIB)

    def test_one_long_answer(self):
        """Rows of an answer are stored as they come, and not faster than that."""
        api = feedback_test.Api()
        self.addCleanup(api.server_close)
        self.addCleanup(api.shutdown)
        daemon = shim.Daemon(api.url, account=shim.ARARA, more={
            "account main": "feedback = on\nfeedback-interval = 1s\n", **metrics_test.LISTEN})
        self.addCleanup(daemon.end)
        port = int(daemon.wait_line(r"^metrics .*port=(\d+)").group(1))
        before = daemon.status("VmHWM")
        api.told = json.dumps({"count": LONG, "items": [
            {"delivery_id": str(number), "to": f"customer-{number}@example.org", "from": "shop@example.jp",
             "success": True, "result": "250 2.0.0 Ok: queued as 4XyZ" + "0" * 100}
            for number in range(LONG)]}).encode()
        self.assertEqual(daemon.send("shop@example.jp", ["b@example.org"], feedback_load.MAIL)[0], 250)
        shim.until(lambda: feedback_load.figures(port, EVENTS, account="main") >= LONG, "all rows")
        if not shim.sanitized():
            self.assertLess(daemon.status("VmHWM") - before, 2 * SLACK_KIB)


if __name__ == "__main__":
    tap.main()
