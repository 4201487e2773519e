"""What a scanner would look for: openssl s_client and bytes by hand against STARTTLS and a port of TLS. Certificates of
two kinds, the order of ciphers, renegotiation, resumption, and records cut and drawn out at every byte."""

import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile

import mails
import secure
import shim
import tap
import unittest

NAMES = "DNS:mx.example.jp,DNS:mail.example.jp"


def setUpModule():
    global sandbox, daemon, folder, ports
    folder = tempfile.mkdtemp(prefix="shimta-limits-")
    unittest.addModuleCleanup(shutil.rmtree, folder, True)
    secure.certificate(folder, "ecdsa", NAMES)
    secure.certificate(folder, "rsa", "DNS:mail.example.jp,DNS:mx.example.jp", rsa=True)
    secure.certificate(folder, "other", "DNS:other.example.jp", rsa=True)
    secure.write(f"{folder}/users", secure.user_line("ann@example.jp", "secret"))
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    tls = "".join(f"{key} = {' '.join(f'{folder}/{name}.{kind}' for name in ('ecdsa', 'rsa', 'other'))}\n"
                  for key, kind in (("tls-certificate", "pem"), ("tls-key", "key")))
    more = f"max-connections-per-client = 0\nauth = yes\npassword-file = {folder}/users\n" + tls
    daemon = shim.Daemon(sandbox.url, {"listen tcp": "tls = required\n" + more,
                                       "listen implicit": "address = 127.0.0.1:0\ntls = implicit\n" + more}, options=("-v",))
    unittest.addModuleCleanup(daemon.end)
    ports = {name: int(daemon.wait_line(rf"listening listener={name} .*port=(\d+)").group(1)) for name in ("tcp", "implicit")}


def s_client(*options, listener="implicit", say=("EHLO client.test", "quit")):
    """What s_client shows; each line is said once the server has answered the one
    before; Q and R at the beginning of one are commands of s_client's own. It may end while something is left to say."""
    how = ["-starttls", "smtp"] if listener == "tcp" else []
    with subprocess.Popen(["openssl", "s_client", *how, "-connect", f"127.0.0.1:{ports[listener]}", "-crlf", "-servername",
                           "mx.example.jp", *options], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as child:
        shown = b""
        for line in say:
            while (piece := child.stdout.readline()) and not re.match(rb"(\d\d\d |RENEGOTIATING)", piece):
                shown += piece
            shown += piece
            if not piece:
                break
            try:
                child.stdin.write(line.encode() + b"\n")
            except BrokenPipeError:
                break
        shown += child.stdout.read()
        child.stdin.close()
    return shown.decode("utf-8", "replace")


class AgreementTest(unittest.TestCase):
    def test_two_kinds_of_certificate(self):
        """Of one name: who can check ECDSA gets that, who cannot gets RSA; another name is not for them."""
        for options, name in (([], "ecdsa"), (["-tls1_2"], "ecdsa"), (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "rsa"),
                              (["-tls1_2", "-cipher", "aRSA"], "rsa"), (["-sigalgs", "rsa_pss_rsae_sha256"], "rsa"),
                              (["-sigalgs", "ecdsa_secp256r1_sha256"], "ecdsa"), (["-servername", "unknown.test"], "ecdsa"),
                              (["-servername", "unknown.test", "-sigalgs", "rsa_pss_rsae_sha256"], "rsa")):
            for listener in ports:
                with self.subTest(options=options, listener=listener):
                    shown = s_client(*options, listener=listener)
                    self.assertIn(f"\nsubject=CN = {name}\n", shown)
                    self.assertIn("221 2.0.0 Bye", shown)
        self.assertIn("CN = other", s_client("-servername", "other.example.jp").split("---")[1])
        self.assertIn("CN = rsa", s_client("-servername", "mail.example.jp", "-sigalgs", "rsa_pss_rsae_sha256").split("---")[1])

    def test_order_of_ciphers(self):
        """Ours counts, but for a client that puts ChaCha first."""
        for asked, taken in (("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
                             ("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"),
                             ("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"),
                             ("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384"),
                             ("AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA")):
            self.assertIn(f"Cipher is {taken}\n", s_client("-tls1_2", "-cipher", asked), asked)
        for weak in ("AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384", "RC4", "3DES", "EXPORT", "SEED:CAMELLIA:ARIA", "PSK:SRP", "eNULL"):
            shown = s_client("-tls1_2", "-cipher", weak + ":@SECLEVEL=0")
            self.assertNotIn("221 2.0.0", shown, weak)

    def test_what_is_offered(self):
        shown = s_client("-tls1_2", "-legacy_server_connect")
        for line in ("Secure Renegotiation IS supported", "Compression: NONE", "Server Temp Key: X25519"):
            self.assertIn(line, shown)
        for options in (["-alpn", "h2,nonsense"], ["-status"], ["-nextprotoneg", "x", "-tls1_2"]):
            self.assertIn("221 2.0.0 Bye", s_client(*options), options)
        self.assertIn("No ALPN negotiated", s_client("-alpn", "h2,nonsense"))

    def test_A86_old_versions(self):
        for version in ("-tls1", "-tls1_1"):
            for listener in ports:
                self.assertNotIn("221 2.0.0", s_client(version, "-cipher", "ALL:@SECLEVEL=0", listener=listener))

    def test_A86_renegotiation(self):
        """It is refused, and never a second handshake: the client is left to decide."""
        after = len(daemon.lines)
        shown = s_client("-tls1_2", say=("EHLO client.test", "R", "noop", "quit"))
        self.assertIn("RENEGOTIATING", shown)
        self.assertIn("no renegotiation", shown)
        self.assertEqual(sum(line.startswith("secured ") for line in daemon.lines[after:]), 1)

    def test_resumption(self):
        """On another connection, by either way into TLS's listener, with nothing left of who had proved itself."""
        for version in ("-tls1_2", "-tls1_3"):
            for listener in ports:
                with self.subTest(version=version, listener=listener):
                    ticket = f"{folder}/ticket"
                    login = "AUTH PLAIN " + secure.encode("\0ann@example.jp\0secret")
                    first = s_client(version, "-sess_out", ticket, listener=listener, say=("EHLO client.test", login, "quit"))
                    self.assertIn("235 2.7.0", first)
                    again = s_client(version, "-sess_in", ticket, listener=listener, say=("EHLO client.test", "AUTH PLAIN", "*", "quit"))
                    self.assertRegex(again, r"\nReused, TLSv1\.")
                    self.assertIn("501 ", again)  # and not 503: nobody is authenticated
                    other = "tcp" if listener == "implicit" else "implicit"
                    self.assertNotRegex(s_client(version, "-sess_in", ticket, listener=other), r"\nReused, ")


def memory_client(version):
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = secure.context(maximum_version=version)
    return context.wrap_bio(down, up), up, down


def handshake(sock, version, last=None):
    """Shakes hands; of the client's last flight only that many bytes are sent. Returns its length, the TLS and its ends."""
    tls, up, down = memory_client(version)
    flight = length = 0
    while True:
        try:
            tls.do_handshake()
            out = up.read()  # TLS 1.3: what ends it
            sock.sendall(out if last is None else out[:last])
            return length or len(out), tls, up, down
        except ssl.SSLWantReadError:
            out = up.read()
            flight += 1
            if flight == 2:  # TLS 1.2: the server's answer follows
                length = len(out)
                sock.sendall(out if last is None else out[:last])
                if last is not None:
                    return length, tls, up, down
            else:
                sock.sendall(out)
            piece = sock.recv(65536)
            if not piece:
                raise ConnectionError("closed")
            down.write(piece)


def connect(listener="implicit"):
    sock = socket.create_connection(("127.0.0.1", ports[listener]), shim.PATIENCE)
    if listener == "tcp":
        talk = shim.Dialogue(sock)
        talk.hello()
        assert talk.ask("STARTTLS")[0] == 220
    return sock


def read_all(sock):
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def alive():
    with shim.Dialogue(secure.context().wrap_socket(connect())) as talk:
        assert talk.hello()[0] == 250


class CutTest(unittest.TestCase):
    def test_last_flight_cut_at_every_byte(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            after = len(daemon.lines)
            with connect() as sock:
                whole = handshake(sock, version)[0]
                daemon.wait_line("^secured ", after)
            after = len(daemon.lines)
            for n in range(whole):
                with connect("tcp" if n % 5 == 0 else "implicit") as sock:
                    _, tls, _, down = handshake(sock, version, n)
                    if n % 2:
                        sock.shutdown(socket.SHUT_WR)
                        down.write(read_all(sock))
                        with self.assertRaises(ssl.SSLError):
                            tls.read(1000)
                    else:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.assertNotRegex("\n".join(daemon.lines[after:]), "(?m)^secured ")
        alive()

    def test_A86_record_of_16_kib_byte_by_byte(self):
        sandbox.clear()
        with connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, tls, up, down = handshake(sock, ssl.TLSVersion.TLSv1_3)

            def reply(code):
                while True:
                    try:
                        text = tls.read(4096)
                        break
                    except ssl.SSLWantReadError:
                        down.write(sock.recv(65536))
                self.assertEqual(text[:3], code, text)

            def say(text):
                tls.write(text)
                sock.sendall(up.read())

            reply(b"220")
            for command, code in ((b"EHLO client.test\r\n", b"250"), (b"MAIL FROM:<a@example.jp>\r\n", b"250"),
                                  (b"RCPT TO:<b@example.org>\r\n", b"250"), (b"DATA\r\n", b"354")):
                say(command)
                reply(code)
            head = mails.old_japanese()
            tls.write(head + b"x" * (16384 - len(head)))
            record = up.read()
            self.assertGreater(len(record), 16384)
            for byte in record:
                sock.sendall(bytes([byte]))
            say(b"\r\n.\r\n")
            reply(b"250")
        (mail,), = sandbox.copies().values()
        self.assertTrue(mail.get_content().rstrip().endswith("x" * 10000))

    def test_records_that_are_no_talk(self):
        """Handshakes in pieces of a byte are put together; what only costs time ends."""
        up = memory_client(ssl.TLSVersion.TLSv1_3)
        try:
            up[0].do_handshake()
        except ssl.SSLWantReadError:
            first = up[1].read()
        pieces = b"".join(b"\x16\x03\x01\x00\x01" + bytes([byte]) for byte in first[5:])
        with connect() as sock:
            sock.sendall(pieces)
            self.assertEqual(sock.recv(5)[:3], b"\x16\x03\x03")
        for flood in (b"\x15\x03\x03\x00\x02\x01\x5a" * 2000, b"\x16\x03\x03\x00\x00" * 2000, b"\x14\x03\x03\x00\x01\x01" * 2000,
                      b"\x18\x03\x02\x00\x03\x01\x40\x00", b"\x16\x03\x01\xff\xff" + bytes(65535), b"\x80\x2e\x01\x00\x02" + bytes(46),
                      b"\x17\x03\x03\x00\x20" + bytes(32), first + b"\x17\x03\x03\x00\x20" + bytes(32)):
            for listener in ports:
                with connect(listener) as sock:
                    try:
                        sock.sendall(flood)
                    except ConnectionError:
                        pass
                    self.assertNotIn(b"220 ", read_all(sock))
        alive()


if __name__ == "__main__":
    tap.main()
