"""More clients than may come in: the surplus is told so at once, and nobody who is in suffers. Loopback addresses are
different clients."""

import os
import re
import resource
import socket
import unittest
import urllib.request

import shim
import tap

NOWHERE = "http://127.0.0.1:9"


class CrowdTest(unittest.TestCase):
    def start(self, more):
        daemon = shim.Daemon(NOWHERE, more)
        self.addCleanup(daemon.end)
        return daemon

    def come(self, daemon, n, address="127.0.0.1"):
        """The first replies to n new connections."""
        talks = []
        for _ in range(n):
            sock = socket.create_connection(("127.0.0.1", daemon.port), shim.PATIENCE, source_address=(address, 0))
            talks.append(shim.Dialogue(sock))
            self.addCleanup(talks[-1].close)
        return talks, [f"{code} {text[:5]}" if code >= 400 else code for code, text in (talk.reply() for talk in talks)]

    def test_A99_the_51st_of_a_client_and_one_more_than_all(self):
        daemon = self.start({"shimta": "max-connections = 60\n", "metrics": "address = 127.0.0.1:0\n"})
        talks, replies = self.come(daemon, 52)
        self.assertEqual(replies, 50 * [220] + 2 * ["421 4.7.0"])
        self.assertEqual([talk.reply() for talk in talks[50:]], 2 * [(0, "")])
        self.assertEqual(self.come(daemon, 11, "127.0.0.2")[1], 10 * [220] + ["421 4.3.2"])
        self.assertEqual(talks[0].ask("NOOP")[0], 250)
        port = daemon.wait_line(r"^metrics .*port=(\d+)").group(1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=shim.PATIENCE) as answer:
            counts = re.findall(r'^shimta_refused_clients_total\{.*reason="(.*)"\} (\d+)', answer.read().decode(), re.M)
        self.assertEqual(sorted(int(n) for _, n in counts), [1, 2], counts)
        self.assertEqual(talks[0].ask("QUIT")[0], 221)
        self.assertEqual(talks[0].reply()[0], 0)
        shim.until(lambda: self.come(daemon, 1, "127.0.0.3")[1] == [220], "there is room for one")

    def test_F07_no_descriptor_for_who_comes(self):
        """Should there be fewer than were promised at the start: who comes is let go, not kept waiting."""
        daemon = self.start({"listen tcp": "max-connections-per-client = 0\n"})
        pid = daemon.child.pid
        first = self.come(daemon, 1)[0][0]
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, before[1]))
        cpu = self.cpu(pid)
        talks, replies = self.come(daemon, 200)
        self.assertEqual(set(replies), {0})
        self.assertLess(self.cpu(pid) - cpu, 0.5)
        self.assertEqual(first.ask("NOOP")[0], 250)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(self.come(daemon, 20)[1], 20 * [220])
        self.assertEqual(first.ask("NOOP")[0], 250)

    def cpu(self, pid):
        """Seconds of processor time."""
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_files_that_may_not_grow(self):
        """Beyond its limit a mail is refused for the moment, and the daemon lives."""
        daemon = self.start({"shimta": "delivery = queue\n"})
        pid = daemon.child.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
        mail = b"From: shop@example.jp\r\nSubject: x\r\n\r\n" + b"0123456789\r\n" * 20000
        self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], mail)[0] // 100, 4)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], mail)[0], 250)


if __name__ == "__main__":
    tap.main()
