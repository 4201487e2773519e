"""An API that is down, asks for less, or takes no key: however much mail comes, it is left alone, the operator hears of it
once, and mail flows again by itself."""

import threading
import unittest

import mails
import shim
import tap

SENDERS, ROUNDS = 10, 5  # mails in each outage: their product
KEYS = "delivery = wait\nqueue = none\n"


class OutageTest(unittest.TestCase):
    def start(self, *faults, account=""):
        self.sandbox = shim.Sandbox(*[word for fault in faults for word in ("--fault", fault)], "--no-store")
        self.addCleanup(self.sandbox.end)
        self.daemon = shim.Daemon(self.sandbox.url, {"shimta": KEYS, "account main": account})
        self.addCleanup(self.daemon.end)

    def send(self, sender="shop@example.jp"):
        return self.daemon.send(sender, ["yamada@example.org"], mails.order(cc=()))

    def flood(self):
        """The codes of all replies."""
        codes = []

        def client(number):
            for _ in range(ROUNDS):
                codes.append(self.send(f"shop{number}@example.jp")[0])

        threads = [threading.Thread(target=client, args=(number,)) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(codes), SENDERS * ROUNDS)
        return codes

    def calls(self):
        return shim.json.loads(self.sandbox.get("/health"))["calls"]

    def pauses(self):
        return [line for line in self.daemon.text().splitlines() if "account-paused" in line]

    def test_nothing_works(self):
        """Ten calls that were on their way, and then one after each pause."""
        for fault in ("status=503", "close-before", "html", "error=13-002", "status=429", "error=11-007",
                      "status=503/60", "status=429/date60"):
            with self.subTest(fault=fault):
                self.start(fault)
                self.assertEqual({code // 100 for code in self.flood()}, {4})
                self.assertLess(self.calls(), 20)
                self.assertIn("provider=main", self.pauses()[0])

    def test_one_alarm(self):
        for fault in ("error=13-004", "status=401", "status=403", "error=13-009"):
            with self.subTest(fault=fault):
                self.start(fault)
                self.assertEqual({code // 100 for code in self.flood()}, {4})
                self.assertLessEqual(self.calls(), 10)
                self.assertEqual(len(self.pauses()), 1)

    def test_it_works_again(self):
        self.start("status=503", account="max-pause = 1s\n")
        self.flood()
        self.sandbox.get("/fault", kind="none")
        before = len(self.daemon.lines)
        shim.until(lambda: self.send()[0] == 250, "delivered")
        self.daemon.wait_line(r"account-well provider=main", before)
        self.assertEqual(set(self.flood()), {250})

    def test_a_mail_that_always_fails_stops_no_other(self):
        self.start("status=500:every 2")
        for number in range(10):
            self.assertEqual(self.send()[0], 451 if number % 2 else 250)
        self.assertEqual(self.pauses(), [])

    def test_now_and_then(self):
        """Down half of the time: all mail gets out by trying again."""
        self.start("status=503:down 300 of 600", account="max-pause = 1s\n")
        for _ in range(20):
            shim.until(lambda: self.send()[0] == 250, "delivered")


if __name__ == "__main__":
    tap.main()
