"""HAProxy in front, as a farm has it: it names its clients by PROXY version 2, and passes TLS on or ends it itself."""

import smtplib
import socket
import ssl

import mails
import peers
import shim
import tap
from peers import SECRET, USER
import unittest


def setUpModule():
    peers.PeerTest.world = peers.World()


@peers.needs("haproxy")
class HaproxyTest(peers.PeerTest):
    def begin(self, more=""):
        """A daemon that knows a proxy, and one in front of each of its listeners; self.front is the ports there."""
        proxied = "proxy-networks = 127.0.0.1\nnetworks = 127.0.7.0/24\n" + more
        self.start({"listen plain": "address = 127.0.0.1:0\ndelivery = wait\n" + proxied,
                    "listen starttls": "address = 127.0.0.1:0\ndelivery = wait\n" + proxied + self.secured("starttls"),
                    "listen wrapped": "address = 127.0.0.1:0\ndelivery = wait\n" + proxied + self.secured("implicit")})
        names = ("plain", "starttls", "wrapped")
        with open(self.world.file("good.pem")) as one, open(self.world.file("good.key")) as two:
            both = self.file("both.pem", one.read() + two.read())
        self.front = {}
        conf = "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
        for name in (*names, "ended"):
            self.front[name] = peers.free_port()
            conf += (f"listen {name}\n bind 127.0.0.1:{self.front[name]}{' ssl crt ' + both if name == 'ended' else ''}\n"
                     f" server shimta 127.0.0.1:{self.port('plain' if name == 'ended' else name)} send-proxy-v2\n")
        self.proxy = shim.Process(["haproxy", "-db", "-f", self.file("haproxy.cfg", conf)])
        self.addCleanup(self.proxy.end)
        shim.until(lambda: self.proxy.ended or self.listens(), f"HAProxy answers: {self.proxy.text()}")

    def listens(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.front["ended"])) == 0

    def secured(self, tls):
        text = self.world.listener("good", tls)
        return text[:text.index("networks =")]

    def client(self, name, source, context=None, wrapped=False):
        kind, more = (smtplib.SMTP_SSL, {"context": context}) if wrapped else (smtplib.SMTP, {})
        smtp = kind("localhost", self.front[name], "client.test", timeout=shim.PATIENCE, source_address=(source, 0), **more)
        self.addCleanup(smtp.close)
        return smtp

    def send(self, smtp):
        smtp.sendmail("shop@example.jp", ["yamada@example.org"], mails.order(cc=()))
        (mail,), = self.sandbox.copies().values()
        self.assertEqual(mail["Subject"], mails.SUBJECT)
        self.sandbox.clear()

    def test_the_client_is_named(self):
        """In the log of every listener, with TLS passed through, begun by STARTTLS, and ended by the proxy."""
        self.begin()
        context = ssl.create_default_context(cafile=self.world.file("ca.pem"))
        for name, source in (("plain", "127.0.7.1"), ("starttls", "127.0.7.2"), ("wrapped", "127.0.7.3"), ("ended", "127.0.7.4")):
            with self.subTest(name):
                after = len(self.daemon.lines)
                smtp = self.client(name, source, context, name in ("wrapped", "ended"))
                if name == "starttls":
                    smtp.starttls(context=context)
                if name in ("starttls", "wrapped"):
                    smtp.login(USER, SECRET)
                    self.daemon.wait_line(f"authenticated client={source} listener={name} ", after)
                self.send(smtp)
                self.daemon.wait_line(f"delivered .*client={source} ", after)
                self.assertNotIn("client=127.0.0.1 ", "\n".join(self.daemon.lines[after:]))

    def test_the_client_is_counted_and_judged(self):
        self.begin("max-connections-per-client = 2\n")
        kept = [self.client("plain", "127.0.7.1") for _ in range(2)]
        with self.assertRaises(smtplib.SMTPConnectError) as refused:
            self.client("plain", "127.0.7.1")
        self.assertEqual(refused.exception.smtp_code, 421)
        self.send(self.client("plain", "127.0.7.2"))
        with self.assertRaises(smtplib.SMTPConnectError) as refused:
            self.client("plain", "127.0.8.1")
        self.assertEqual(refused.exception.smtp_code, 554)
        kept.pop().quit()
        self.send(self.client("plain", "127.0.7.1"))

    def test_guesses_hold_up_the_guesser(self):
        """A wrong password of one client behind the proxy is no matter for another."""
        self.begin()
        context = ssl.create_default_context(cafile=self.world.file("ca.pem"))
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            smtp = self.client("wrapped", "127.0.7.1", context, True)
            smtp.ehlo()
            smtp.user, smtp.password = USER, "wrong"
            smtp.auth("PLAIN", smtp.auth_plain)
        self.daemon.wait_line("auth-failed client=127.0.7.1 ")
        self.client("wrapped", "127.0.7.2", context, True).login(USER, SECRET)

    def test_a_stranger_is_no_proxy(self):
        """Who connects past the proxy from elsewhere is who it is, and its header is a wrong command; in TLS it is none."""
        self.begin()
        for name, answer in (("plain", b"554 5.7.1"), ("starttls", b"554 5.7.1"), ("wrapped", b"")):
            with socket.create_connection(("127.0.0.1", self.port(name)), shim.PATIENCE, ("127.0.9.1", 0)) as sock:
                sock.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\x07\x01\x7f\0\0\x01\xc8\x22\0\x19")
                try:
                    said = sock.recv(1000)
                except ConnectionResetError:
                    said = b""
                self.assertEqual(said[:9], answer, name)
            self.assertNotIn("client=127.0.7.1 ", self.daemon.text())


if __name__ == "__main__":
    tap.main()
