"""Listeners behind a proxy: whose connection it is, who is believed, and who waits."""

import socket
import struct

import mails
import shim
import tap
import unittest

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.9 127.0.0.1 51234 25\r\n"


def v2(address, command=0x21):
    body = socket.inet_aton(address) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 51234, 25)
    return SIGNATURE + bytes([command, 0x11]) + struct.pack(">H", len(body)) + body


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def start(self, more=""):
        daemon = shim.Daemon(self.sandbox.url, {"listen tcp": "proxy-networks = 127.0.0.0/8\nnetworks = 192.0.2.0/24\n" + more})
        self.addCleanup(daemon.end)
        return daemon

    def deliver(self, talk):
        talk.hello()
        code, text = talk.transaction("shop@example.jp", ["b@example.org"], mails.order(cc=()))
        self.assertEqual(code, 250, text)

    def test_both_versions(self):
        daemon = self.start()
        for header in (V1, v2("192.0.2.9")):
            with daemon.raw() as talk:
                talk.put(header)
                self.deliver(talk)
        daemon.wait_line(r"client=192\.0\.2\.9")

    def test_byte_by_byte(self):
        daemon = self.start()
        for header in (V1, v2("192.0.2.9")):
            with daemon.raw() as talk:
                talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in header:
                    talk.put(bytes([byte]))
                self.deliver(talk)

    def test_the_client_is_judged(self):
        daemon = self.start()
        for header in (v2("198.51.100.1"), b"PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\n", b"PROXY UNKNOWN\r\n", v2("1.2.3.4", 0x20)):
            with daemon.raw() as talk:
                talk.put(header)
                self.assertEqual(talk.reply()[0], 554)

    def test_early_talk_behind_the_header(self):
        daemon = self.start()
        with daemon.raw() as talk:
            talk.put(V1 + b"EHLO early\r\n")
            self.assertEqual(talk.reply(), (554, "5.5.0 You talked out of turn"))

    def test_wrong_headers(self):
        daemon = self.start()
        for header in (b"EHLO client.test\r\n", b"PROXY TCP4 x y 1 2\r\n", SIGNATURE + b"\x31\x11\0\0",
                       b"PROXY TCP4 " + b"1" * 200, b"GET / HTTP/1.1\r\n\r\n"):
            with daemon.raw() as talk:
                talk.put(header)
                self.assertEqual(talk.reply(), (0, ""), header)
        daemon.wait_line(r'refused client=127\.0\.0\.1 .*text="?Not a PROXY header')

    def test_nothing_comes(self):
        daemon = self.start()
        with daemon.raw() as talk:
            self.assertEqual(talk.reply(), (0, ""))

    def test_connections_count_for_the_client(self):
        daemon = self.start("max-connections-per-client = 1\n")
        with daemon.raw() as first, daemon.raw() as second, daemon.raw() as third:
            for talk, address in ((first, "192.0.2.9"), (second, "192.0.2.9"), (third, "192.0.2.10")):
                talk.put(v2(address))
            self.assertEqual(sorted([first.reply()[0], second.reply()[0]]), [220, 421])
            self.assertEqual(third.reply()[0], 220)

    def test_header_from_elsewhere_is_no_header(self):
        daemon = shim.Daemon(self.sandbox.url, {"listen tcp": "proxy-networks = 192.0.2.0/24\n"})
        self.addCleanup(daemon.end)
        with daemon.raw() as talk:
            self.assertEqual(talk.reply()[0], 220)
            self.assertEqual(talk.ask(V1)[0], 500)

    def test_stops_while_a_header_is_due(self):
        daemon = self.start()
        with daemon.raw() as talk:
            talk.put(b"PROXY ")
            daemon.end()
            self.assertEqual(talk.reply(), (0, ""))


if __name__ == "__main__":
    tap.main()
