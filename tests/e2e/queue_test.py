"""What is promised is kept: mail that is not through at once waits on disk, is tried again, and arrives once. Real
programs; the sandbox's faults; every wait is for an event."""

import os
import re
import shutil
import socket
import tempfile
import unittest

import mails
import shim
import tap

QUICK = "retry-min = 1s\nretry-max = 1s\n"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class QueueTest(unittest.TestCase):
    def sandbox(self, *options):
        sandbox = shim.Sandbox(*options)
        self.addCleanup(sandbox.end)
        return sandbox

    def daemon(self, url, shimta="", state=None, **more):
        sections = more.pop("more", {})
        daemon = shim.Daemon(url, {**sections, "shimta": QUICK + shimta}, state=state, **more)
        self.addCleanup(daemon.end)
        return daemon

    def state(self):
        folder = tempfile.mkdtemp(prefix="shimta-state-")
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def send(self, daemon, *recipients):
        code, text = daemon.send("shop@example.jp", list(recipients), mails.order(cc=()))
        return f"{code} {text}"

    def queue_id(self, reply):
        match = re.search(r"250 2\.0\.0 Ok: queued as (?:.*\n)*?Q(\w{16})$", reply)
        self.assertTrue(match, reply)
        return match.group(1)

    def assert_once(self, sandbox, *recipients):
        self.assertEqual(sorted(row["to"] for row in sandbox.box()), sorted(recipients))

    def test_api_is_down_and_comes_back(self):
        sandbox = self.sandbox()
        sandbox.fault("status=503", 1000)
        daemon = self.daemon(sandbox.url)
        queue_id = self.queue_id(self.send(daemon, "yamada@example.org"))
        daemon.wait_line(rf"queued id={queue_id} ")
        daemon.wait_line(rf"deferred id={queue_id} ", len(daemon.lines))
        self.assertEqual(sandbox.box(), [])
        sandbox.mend()
        daemon.wait_line(rf"delivered id={queue_id} .*to=yamada@example\.org")
        self.assert_once(sandbox, "yamada@example.org")


if __name__ == "__main__":
    tap.main()
