#!/usr/bin/python3
"""Questions take a place among an account's calls: an API that serves one at a time is never asked beside a mail."""

import concurrent.futures
import threading
import unittest

import feedback_load
import feedback_test
import metrics_test
import shim
import tap

MAIL = b"From: shop@example.jp\r\nTo: a@example.org\r\nSubject: order\r\n\r\nThank you.\r\n"


class Answerer(feedback_test.Answerer):
    def do_GET(self):
        self.server.came.set()
        assert self.server.gate.wait(shim.PATIENCE)
        super().do_GET()


class Api(feedback_test.Api):
    """Answers a question only when its gate is open."""

    def __init__(self):
        self.gate, self.came = threading.Event(), threading.Event()
        super().__init__()
        self.RequestHandlerClass = Answerer


class OneCallTest(unittest.TestCase):
    def setUp(self):
        self.api = Api()
        self.addCleanup(self.api.server_close)
        self.addCleanup(self.api.shutdown)
        self.addCleanup(self.api.gate.set)

    def test_mail_and_question(self):
        daemon = shim.Daemon(self.api.url, account=shim.ARARA, more={
            "account main": "feedback = on\nfeedback-interval = 1s\n", "shimta": "delivery = wait\n", **metrics_test.LISTEN})
        self.addCleanup(daemon.end)
        port = int(daemon.wait_line(r"^metrics .*port=(\d+)").group(1))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], MAIL)[0], 250)
            self.assertTrue(self.api.came.wait(shim.PATIENCE))
            reply = pool.submit(daemon.send, "shop@example.jp", ["b@example.org"], MAIL)
            shim.until(lambda: feedback_load.figures(port, "shimta_account_waiting") == 1, "a mail that waits")
            self.assertEqual(feedback_load.figures(port, "shimta_account_calls"), 1)
            self.assertEqual(len(self.api.sent), 1)
            self.api.gate.set()
            self.assertEqual(reply.result()[0], 250)


if __name__ == "__main__":
    tap.main()
