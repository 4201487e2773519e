"""Networks that lead nowhere: no route, packets that vanish, names that nobody resolves. Mail for an account behind such a
network is put off within its deadline, and that of other accounts goes on. In a network and mount namespace of its
own: needs root, else all is skipped."""

import os
import subprocess
import sys
import tempfile
import time
import unittest

import mails
import shim
import tap

INSIDE = "SHIMTA_NETWORK_TEST"
# Packets to these two are looped back and dropped there; everything else has no route.
SETUP = """
ip link set lo up &&
ip route add 192.0.2.0/24 dev lo &&
ip -6 route add 2001:db8::/64 dev lo &&
mount --bind {hosts} /etc/hosts &&
mount --bind {resolv} /etc/resolv.conf &&
exec {python} {script} "$@"
"""
HOSTS = """127.0.0.1 localhost
2001:db8::1 both.test
127.0.0.1 both.test
2001:db8::1 six.test
192.0.2.1 four.test
"""
RESOLV = "nameserver 192.0.2.53\noptions timeout:30 attempts:1\n"
KEYS = "delivery = wait\nqueue = none\nconnect-timeout = 2s\n"


class NetworkTest(unittest.TestCase):
    def setUp(self):
        if not os.environ.get(INSIDE):
            self.skipTest("needs root and namespaces")
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def daemon_for(self, url):
        """An account with that URL, and another for mail from good@example.jp."""
        good = shim.CMC.format(url=self.sandbox.url, user="shim@example.jp", key_file="{key_file}")
        with tempfile.NamedTemporaryFile("w", delete=False) as key:
            key.write(shim.KEY + "\n")
        self.addCleanup(os.unlink, key.name)
        daemon = shim.Daemon(url, {
            "shimta": KEYS, "account main": "allow-http = yes\n",
            "account good": good.replace("{key_file}", key.name),
            "route good": "sender = good@example.jp\naccount = good\n",
        })
        self.addCleanup(daemon.end)
        return daemon

    def reply(self, daemon, sender="shop@example.jp"):
        code, text = daemon.send(sender, ["yamada@example.org"], mails.order(cc=()))
        return f"{code} {text}"

    def check_put_off(self, url):
        daemon = self.daemon_for(url)
        with daemon.raw() as talk:
            talk.hello()
            for step in ("MAIL FROM:<shop@example.jp>", "RCPT TO:<yamada@example.org>", "DATA"):
                talk.ask(step)
            talk.put(shim.stuff(mails.order(cc=())))
            self.assertTrue(self.reply(daemon, "good@example.jp").startswith("250 "), "others wait for it")
            code, text = talk.reply()
        self.assertEqual((code, text[:5]), (451, "4.4.1"), text)
        began = time.monotonic()
        self.assertEqual(daemon.end(), 0)
        self.assertLess(time.monotonic() - began, 20, "it waited for something when it was told to stop")

    def test_no_route(self):
        self.check_put_off("https://203.0.113.1")

    def test_no_route_for_version_6(self):
        self.check_put_off("https://[2001:db8:1::1]")

    def test_packets_vanish(self):
        self.check_put_off("https://192.0.2.1")

    def test_packets_of_version_6_vanish(self):
        self.check_put_off("https://six.test")

    def test_names_are_not_answered(self):
        self.check_put_off("https://api.example.test")

    def test_version_6_vanishes_and_4_works(self):
        daemon = self.daemon_for(f"http://both.test:{self.sandbox.port}")
        self.assertTrue(self.reply(daemon).startswith("250 "))


def enter():
    """Starts itself again inside; returns where that cannot be."""
    with tempfile.TemporaryDirectory() as folder:
        names = {"hosts": HOSTS, "resolv": RESOLV}
        for name, text in names.items():
            names[name] = os.path.join(folder, name)
            with open(names[name], "w") as file:
                file.write(text)
        if os.geteuid() != 0 or subprocess.run(
                ["unshare", "-n", "-m", "sh", "-c", SETUP.format(python="true", script="", **names)],
                capture_output=True).returncode != 0:
            return
        script = SETUP.format(python=sys.executable, script=os.path.abspath(__file__), **names)
        sys.exit(subprocess.run(["unshare", "-n", "-m", "sh", "-c", script, "sh", *sys.argv[1:]],
                                env={**os.environ, INSIDE: "1"}).returncode)


if __name__ == "__main__":
    if not os.environ.get(INSIDE):
        try:
            enter()
        except FileNotFoundError:
            pass
    tap.main()
