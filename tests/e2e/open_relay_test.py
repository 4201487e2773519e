"""No open relay: of all ways to describe a listener none that is accepted takes mail of an unknown client. Those of other
networks stand in a network namespace of their own, or behind proxies; needs root, else all is skipped."""

import concurrent.futures
import itertools
import os
import random
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

import secure
import shim
import tap

INSIDE = "SHIMTA_OPEN_RELAY_TEST"
STRANGERS = ["198.51.100.7", "203.0.113.200"]
SETUP = "ip link set lo up && ip addr add 198.51.100.7/32 dev lo && ip addr add 203.0.113.200/32 dev lo && "
SAMPLE = 40  # of the combinations; the seed is fixed
WAYS = {
    "address": ["127.0.0.1:0", "0.0.0.0:0"],
    "networks": ["", "10.0.0.0/8 127.0.0.0/8", "0.0.0.0/0", "127.0.0.0/8 192.0.0.0/3"],
    "auth": ["no", "yes", "required"],
    "users": ["", "alice"],
    "tls": ["off", "starttls require", "required require", "implicit request"],
    "recipient-domains": ["", "*@example.org"],
    "proxy-networks": ["", "127.0.0.1", "0.0.0.0/0"],
    "xclient-networks": ["", "127.0.0.1", "0.0.0.0/0"],
}


def combinations():
    """Each that differs from the plainest in up to two keys, and a sample of all others."""
    keys, values = list(WAYS), list(WAYS.values())
    found = {}
    for one in itertools.product(*values):
        if sum(value != choices[0] for value, choices in zip(one, values)) <= 2:
            found[one] = None
    chance = random.Random(5)
    for _ in range(SAMPLE):
        found[tuple(chance.choice(choices) for choices in values)] = None
    return [dict(zip(keys, one)) for one in found]


class OpenRelayTest(unittest.TestCase):
    def setUp(self):
        if not os.environ.get(INSIDE):
            self.skipTest("needs root and namespaces")
        self.folder = tempfile.mkdtemp()
        self.addCleanup(subprocess.run, ["rm", "-r", self.folder])
        secure.certificate(self.folder, "mx.example.jp")
        secure.write(self.folder + "/users", secure.user_line("alice", "pencil"))
        self.head = ("[shimta]\nhostname = mx.example.jp\naccount = main\nqueue = none\ncontrol-socket = {0}/control\nuser = root\n"
                     "state-dir = {0}/state\nmax-connections = 5000\n[account main]\nprovider = customers-mail-cloud\n"
                     "url = http://127.0.0.1:9\napi-user = a\napi-key-file = {0}/key\n").format(self.folder)
        secure.write(self.folder + "/key", "secret\n")

    def section(self, way):
        lines = [f"{key} = {value}" for key, value in way.items() if value and key != "tls"]
        pem = f"{self.folder}/mx.example.jp"
        if way["tls"] != "off":
            tls, client = way["tls"].split()
            lines += [f"tls = {tls}", f"tls-client = {client}", f"tls-client-ca = {pem}.pem", f"tls-certificate = {pem}.pem",
                      f"tls-key = {pem}.key"]
        if way["auth"] != "no":
            lines += ["auth-without-tls = yes", f"password-file = {self.folder}/users"]
        return "\n".join(lines) + "\n"

    def accepts(self, number, way):
        conf = f"{self.folder}/{number}.conf"
        secure.write(conf, f"{self.head}[listen a]\n{self.section(way)}")
        return subprocess.run([shim.program("shimtad"), "-n", "-c", conf], capture_output=True).returncode == 0

    def talks(self, way):
        """Who might get in, and what is said first: strangers as they are or as somebody else, and who speaks for one."""
        stranger, found = STRANGERS[0], [(source, b"") for source in STRANGERS]
        found += [(stranger, b"PROXY TCP4 127.0.0.1 127.0.0.1 7 25\r\n"), (stranger, b"XCLIENT ADDR=127.0.0.1 LOGIN=alice\r\n")]
        if way["proxy-networks"] == "127.0.0.1":
            found.append(("127.0.0.1", f"PROXY TCP4 {stranger} 127.0.0.1 7 25\r\n".encode()))
        if way["xclient-networks"] == "127.0.0.1":
            found.append(("127.0.0.1", f"XCLIENT ADDR={stranger}\r\n".encode()))
        return found

    def try_mail(self, port, source, prefix, tls):
        """Whether a recipient of anywhere is accepted."""
        sock = socket.socket()
        sock.settimeout(shim.PATIENCE)
        try:
            sock.bind((source, 0))
            sock.connect(("127.0.0.1", port))
            if prefix.startswith(b"PROXY"):
                sock.sendall(prefix)
            if tls == "implicit":
                sock = secure.context().wrap_socket(sock)
            talk = shim.Dialogue(sock)
            if talk.reply()[0] != 220:
                return False
            if talk.ask("EHLO stranger.test")[0] != 250 and prefix:
                talk.reply()  # the one before was for a header that nobody wants
            if tls == "starttls" and talk.ask("STARTTLS")[0] == 220:
                talk = shim.Dialogue(secure.context().wrap_socket(sock))
                talk.ask("EHLO stranger.test")
            if prefix.startswith(b"XCLIENT"):
                if talk.ask(prefix)[0] == 220:
                    talk.ask("EHLO stranger.test")
            talk.ask("MAIL FROM:<shop@example.jp>")
            return talk.ask("RCPT TO:<victim@elsewhere.test>")[0] == 250
        except (OSError, ssl.SSLError, AssertionError):
            return False
        finally:
            sock.close()

    def test_none(self):
        ways = combinations()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            good = [way for way, fine in zip(ways, pool.map(self.accepts, range(len(ways)), ways)) if fine]
        self.assertGreater(len(good), 40, "hardly one is accepted")
        self.assertLess(len(good), len(ways) - 40, "nearly all are accepted")
        conf = self.folder + "/all.conf"
        secure.write(conf, self.head + "".join(f"[listen n{i}]\n{self.section(way)}" for i, way in enumerate(good)))
        daemon = shim.Process([shim.program("shimtad"), "-c", conf])
        self.addCleanup(daemon.end)
        known = 0
        for i, way in enumerate(good):
            port = int(daemon.wait_line(rf"listening listener=n{i} .*port=(\d+)").group(1))
            tls = way["tls"].split()[0]
            for source, prefix in self.talks(way):
                for kind in ({"off": ["no"], "implicit": ["implicit"]}.get(tls, ["no", "starttls"])):
                    self.assertFalse(self.try_mail(port, source, prefix, kind),
                                     f"open to {source} with {prefix!r} ({kind}):\n{self.section(way)}")
            if way["proxy-networks"] != "127.0.0.1":
                known += self.try_mail(port, "127.0.0.1", b"", tls)
        self.assertGreater(known, 0, "nobody at all may send")


if __name__ == "__main__":
    if not os.environ.get(INSIDE) and os.geteuid() == 0:
        if subprocess.run(["unshare", "-n", "sh", "-c", SETUP + "true"], capture_output=True).returncode == 0:
            sys.exit(subprocess.run(["unshare", "-n", "sh", "-c", SETUP + 'exec "$0" "$@"', sys.executable, *sys.argv],
                                    env={**os.environ, INSIDE: "1"}).returncode)
    tap.main()
