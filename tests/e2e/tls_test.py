"""STARTTLS and implicit TLS of the real daemon: with real clients, with the wrong ones, and under attack (A81 to A86)."""

import os
import shutil
import smtplib
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

HEADER = "tls-certificate = {0}/mx.example.jp.pem {0}/shop.example.jp.pem\ntls-key = {0}/mx.example.jp.key {0}/shop.example.jp.key\n"


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def setUpModule():
    global sandbox, daemon, folder, starttls, implicit
    folder = tempfile.mkdtemp(prefix="shimta-tls-")
    unittest.addModuleCleanup(shutil.rmtree, folder, True)
    for name in ("mx.example.jp", "shop.example.jp", "ca.example.jp"):
        secure.certificate(folder, name)
    secure.certificate(folder, "printer", "DNS:printer.example.jp", ca="ca.example.jp")
    secure.certificate(folder, "foreign", "DNS:printer.example.jp", ca="shop.example.jp")
    secure.certificate(folder, "expired", "DNS:printer.example.jp", ca="ca.example.jp", expired=True)
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    tls = "max-connections-per-client = 0\n" + HEADER.format(folder)
    daemon = shim.Daemon(sandbox.url, {
        "listen tcp": "tls = starttls\n" + tls,
        "listen must": "address = 127.0.0.1:0\ntls = required\n" + tls,
        "listen implicit": "address = 127.0.0.1:0\ntls = implicit\n" + tls,
        "listen hasty": "address = 127.0.0.1:0\ncommand-timeout = 1s\ntls = implicit\n" + tls,
        "listen ask": f"address = 127.0.0.1:0\ntls = implicit\ntls-client = request\ntls-client-ca = {folder}/ca.example.jp.pem\n" + tls,
        "listen insist": f"address = 127.0.0.1:0\ntls = implicit\ntls-client = require\ntls-client-ca = {folder}/ca.example.jp.pem\n" + tls,
        "listen rule": f"address = 0.0.0.0:0\ntls = required\ntls-client = require\ntls-client-ca = {folder}/ca.example.jp.pem\n" + tls,
    }, options=("-v",))
    unittest.addModuleCleanup(daemon.end)
    starttls, implicit = daemon.port, port("implicit")


def port(listener):
    return int(daemon.wait_line(rf"listening listener={listener} .*port=(\d+)").group(1))


def connect(where=None):
    return socket.create_connection(("127.0.0.1", where or starttls), shim.PATIENCE)


def upgraded(context=None, where=None, **more):
    """A dialogue after STARTTLS, before EHLO."""
    sock = connect(where)
    talk = shim.Dialogue(sock)
    talk.hello()
    assert talk.ask("STARTTLS") == (220, "2.0.0 Ready for TLS")
    return shim.Dialogue((context or secure.context()).wrap_socket(sock, **more))


def wrapped(where=None, context=None, **more):
    """A dialogue on a port where TLS comes first, before the banner is read."""
    return shim.Dialogue((context or secure.context()).wrap_socket(connect(where or implicit), **more))


def read_all(sock):
    """Everything until the peer has closed."""
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


class ClientTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()
        self.folder = tempfile.mkdtemp(prefix="shimta-client-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def the_order(self):
        (mail,), = sandbox.copies().values()
        self.assertEqual(mail["Subject"], mails.SUBJECT)
        self.assertEqual(shim.text_of(mail), mails.TEXT)

    def run_client(self, *argv, stdin=b""):
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=shim.PATIENCE, env={**os.environ, "HOME": self.folder})
        shown = (done.stdout + done.stderr).decode("utf-8", "replace")
        self.assertEqual(done.returncode, 0, shown)
        return shown

    def test_smtplib_starttls(self):
        for where in (starttls, port("must")):
            sandbox.clear()
            with smtplib.SMTP("127.0.0.1", where, "client.test", timeout=shim.PATIENCE) as client:
                client.starttls(context=secure.context())
                client.sendmail("shop@example.jp", ["yamada@example.org"], mails.order(cc=()))
            self.the_order()

    def test_smtplib_ssl(self):
        with smtplib.SMTP_SSL("127.0.0.1", implicit, "client.test", timeout=shim.PATIENCE, context=secure.context()) as client:
            client.sendmail("shop@example.jp", ["yamada@example.org"], mails.order(cc=()))
        self.the_order()

    @needs("swaks")
    def test_swaks(self):
        for where, option in ((starttls, "--tls"), (implicit, "--tls-on-connect")):
            shown = self.run_client("swaks", "--server", "127.0.0.1", "--port", str(where), option, "--from", "a@example.jp",
                                    "--to", "b@example.org")
            self.assertRegex(shown, r"<~  250 2\.0\.0 Ok: queued as <")

    @needs("curl")
    def test_curl(self):
        path = os.path.join(self.folder, "mail")
        with open(path, "wb") as file:
            file.write(mails.order(cc=()))
        for url, more in ((f"smtps://127.0.0.1:{implicit}/client.test", []), (f"smtp://127.0.0.1:{starttls}/client.test", ["--ssl-reqd"])):
            sandbox.clear()
            self.run_client("curl", "-sS", "-k", url, *more, "--mail-from", "shop@example.jp", "--mail-rcpt", "yamada@example.org",
                            "--upload-file", path)
            self.the_order()

    @needs("msmtp")
    def test_msmtp(self):
        for where, starts in ((starttls, "on"), (implicit, "off")):
            sandbox.clear()
            conf = secure.write(os.path.join(self.folder, "msmtprc"), f"account default\nhost 127.0.0.1\nport {where}\n"
                                f"from shop@example.jp\nauth off\ntls on\ntls_starttls {starts}\n"
                                f"tls_host_override mx.example.jp\ntls_trust_file {folder}/mx.example.jp.pem\n")
            self.run_client("msmtp", "-C", conf, "-t", stdin=mails.order(cc=()).replace(b"\r\n", b"\n"))
            self.the_order()

    @needs("openssl")
    def test_s_client(self):
        def run(*options, where=starttls):
            """Says QUIT; returns what the server said behind its banner."""
            how = () if where == implicit else ("-starttls", "smtp")
            with subprocess.Popen(["openssl", "s_client", *how, "-connect", f"127.0.0.1:{where}", "-crlf", "-quiet", "-ign_eof", *options],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
                if where == implicit and not child.stdout.readline():
                    return b""
                return child.communicate(b"QUIT\n", shim.PATIENCE)[0]

        for where in (starttls, implicit):
            for version in ("-tls1_2", "-tls1_3"):
                self.assertEqual(run(version, where=where), b"221 2.0.0 Bye\r\n")
            for version in ("-tls1", "-tls1_1"):
                after = len(daemon.lines)
                self.assertEqual(run(version, "-cipher", "ALL:@SECLEVEL=0", where=where), b"")
                daemon.wait_line('tls-failed .*text="unsupported protocol"', after)
        for cipher in ("NULL", "aNULL", "kRSA", "3DES:RC4"):
            self.assertEqual(run("-tls1_2", "-cipher", cipher + ":@SECLEVEL=0"), b"", cipher)


class HandshakeTest(unittest.TestCase):
    def test_names(self):
        for asked, shown in ((None, "mx.example.jp"), ("mx.example.jp", "mx.example.jp"), ("shop.example.jp", "shop.example.jp"),
                             ("other.example.jp", "mx.example.jp")):
            with upgraded(server_hostname=asked) as talk, open(f"{folder}/{shown}.pem") as file:
                self.assertEqual(ssl.DER_cert_to_PEM_cert(talk.sock.getpeercert(True)), file.read())

    def test_resumption(self):
        context = secure.context()
        with wrapped(context=context) as talk:
            talk.hello()
            ticket = talk.sock.session
            self.assertFalse(talk.sock.session_reused)
        with wrapped(context=context, session=ticket) as talk:
            talk.hello()
            self.assertTrue(talk.sock.session_reused)
        with wrapped(port("hasty"), context, session=ticket) as talk:
            talk.hello()
            self.assertFalse(talk.sock.session_reused)

    def test_client_certificates(self):
        mine = secure.context()
        mine.load_cert_chain(f"{folder}/printer.pem", f"{folder}/printer.key")
        stranger = secure.context()
        stranger.load_cert_chain(f"{folder}/shop.example.jp.pem", f"{folder}/shop.example.jp.key")
        for where, context, subject in (("ask", mine, "CN=printer"), ("ask", stranger, None), ("ask", None, None),
                                        ("insist", mine, "CN=printer"), ("insist", stranger, ""), ("insist", None, "")):
            with self.subTest(where=where, subject=subject):
                after = len(daemon.lines)
                if subject == "":
                    with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)), wrapped(port(where), context) as talk:
                        talk.hello()
                    daemon.wait_line(f"tls-failed .*listener={where}", after)
                    continue
                with wrapped(port(where), context) as talk:
                    talk.hello()
                line = daemon.wait_line(f"secured .*listener={where}.*", after).group(0)
                self.assertEqual("subject=" in line, subject is not None)
                self.assertIn(f"subject={subject}" if subject else "protocol=", line.replace('"', ""))

    def test_client_certificate_as_a_rule(self):
        """It is all that a listener for everyone asks for: nobody sends mail there without one that holds."""
        for where, open_one in (("rule", upgraded), ("insist", lambda context, where: wrapped(where, context))):
            for name in ("printer", "foreign", "expired", None):
                with self.subTest(where=where, name=name):
                    sandbox.clear()
                    after, context = len(daemon.lines), secure.context()
                    if name:
                        context.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
                    if name == "printer":
                        with open_one(context, port(where)) as talk:
                            (talk.hello if where == "insist" else lambda: talk.ask("EHLO client.test"))()
                            self.assertEqual(talk.transaction("shop@example.jp", ["b@example.org"], mails.order(cc=()))[0], 250)
                        self.assertEqual(list(sandbox.copies()), ["b@example.org"])
                        continue
                    with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)), open_one(context, port(where)) as talk:
                        self.assertNotEqual(talk.ask("EHLO client.test")[0], 0)
                    line = daemon.wait_line(f"tls-failed .*listener={where} .*", after).group()
                    self.assertRegex(line, {"foreign": "issuer|self-signed", "expired": "expired", None: "certificate"}[name])
                    self.assertEqual(sandbox.copies(), {})

    def test_required(self):
        with shim.Dialogue(connect(port("must"))) as talk:
            self.assertIn("STARTTLS", talk.hello()[1])
            self.assertEqual(talk.ask("MAIL FROM:<a@example.jp>"), (530, "5.7.0 Say STARTTLS first"))
            self.assertEqual(talk.ask("NOOP")[0], 250)

    def test_goodbye(self):
        """The end is said in TLS too, and what a client sends last is answered though it has said its own goodbye."""
        with wrapped() as talk:
            talk.hello()
            talk.put("QUIT\r\n")
            self.assertEqual(talk.reply()[0], 221)
            self.assertEqual(talk.sock.recv(1), b"")

    def test_configuration(self):
        readable = shutil.copy(f"{folder}/mx.example.jp.key", f"{folder}/readable.key")
        os.chmod(readable, 0o644)
        good = f"tls-certificate = {folder}/mx.example.jp.pem\ntls-key = {folder}/mx.example.jp.key\n"
        for lines, wrong in (("tls = starttls\n", r":2: \[listen x\] tls: TLS needs tls-certificate"),
                             (good, r":2: \[listen x\] tls-certificate: it is for nothing"),
                             ("tls = starttls\n" + good.replace("mx.example.jp.key", "none"), r":4: \[listen x\] tls-key: cannot read"),
                             ("tls = starttls\n" + good.replace("mx.example.jp.pem", "none"), r":3: \[listen x\] tls-certificate: .*No such file"),
                             ("tls = starttls\n" + good.replace("mx.example.jp.key", "readable.key"), r":4: .*chmod 600"),
                             ("tls = starttls\n" + good.replace("mx.example.jp.key", "shop.example.jp.key"), r":4: .*mismatch"),
                             ("tls = starttls\n" + good.replace("tls-key = ", "tls-key = /a, "), r":4: .*a key for each"),
                             ("tls = starttls\ntls-client = require\n" + good, r":3: .*tls-client-ca"),
                             ("tls = ssl\n" + good, r":2: .*'ssl'"),
                             ("tls = implicit\n" + good, None)):
            with self.subTest(lines=lines):
                path = secure.write(f"{folder}/test.conf", "[listen x]\n" + lines + f"address = 127.0.0.1:0\n[account main]\nfrom-domains = example.jp\n" + shim.CMC.format(
                    url=sandbox.url, user="a", key_file=daemon.key_file))
                done = subprocess.run([shim.program("shimtad"), "-n", "-c", path], capture_output=True, text=True, timeout=shim.PATIENCE)
                self.assertEqual(done.returncode, 78 if wrong else 0, done.stderr)
                self.assertRegex(done.stderr, wrong or "^$")
                self.assertNotIn("PRIVATE", done.stdout + done.stderr)


class AttackTest(unittest.TestCase):
    def test_A81_injection(self):
        """What comes with STARTTLS is not read, whether in its segment or behind it."""
        for text in ("STARTTLS\r\nMAIL FROM:<evil@example.jp>\r\n", "STARTTLS\r\nNOOP\r\n", "STARTTLS\r\nE"):
            with shim.Dialogue(connect()) as talk:
                talk.hello()
                talk.put(text)
                self.assertEqual(talk.reply(), (554, "5.5.0 You talked out of turn"))
                self.assertEqual(read_all(talk.sock), b"")
        with shim.Dialogue(connect()) as talk:
            talk.hello()
            talk.ask("STARTTLS")
            talk.put("EHLO evil.test\r\nMAIL FROM:<evil@example.jp>\r\n")
            self.assertNotRegex(read_all(talk.sock), rb"250|220|5\d\d")

    def test_A82_A83_A84(self):
        with upgraded() as talk:
            self.assertEqual(talk.ask("MAIL FROM:<a@example.jp>")[0], 503)
            self.assertEqual(talk.ask("STARTTLS")[0], 503)
            self.assertNotIn("STARTTLS", talk.ask("EHLO client.test")[1])
            self.assertEqual(talk.ask("STARTTLS"), (503, "5.5.1 TLS is on already"))
            self.assertEqual(talk.ask("MAIL FROM:<a@example.jp>")[0], 250)

    def test_A85_wrong_language(self):
        for where, said in ((implicit, b"EHLO client.test\r\nMAIL FROM:<a@example.jp>\r\n"), (implicit, b"GET / HTTP/1.1\r\n\r\n")):
            with connect(where) as sock:
                sock.sendall(said)
                self.assertNotRegex(read_all(sock), rb"\d\d\d[ -]")
        with connect() as sock:
            self.assertEqual(sock.recv(1000)[:4], b"220 ")
            sock.sendall(hello())
            self.assertEqual(read_all(sock)[:10], b"554 5.5.0 ")

    def test_A86_never_finished(self):
        first = hello()
        for part in (b"", first[:1], first[:100], first):
            with connect(port("hasty")) as sock:
                sock.sendall(part)
                read_all(sock)
        with connect(port("hasty")) as sock:  # a byte at a time does not buy time
            with self.assertRaises(ConnectionError):
                for byte in b"\x16\x03\x01\x40\x00" + bytes(16384):
                    sock.send(bytes([byte]))
                    select_readable(sock, 0.01)

    def test_truncated_at_every_byte(self):
        first = hello()
        for n in range(len(first)):
            with connect(implicit) as sock:
                sock.sendall(first[:n])
                sock.shutdown(socket.SHUT_WR)
                self.assertNotRegex(read_all(sock), rb"220 ")
        for n in range(0, len(first), 7):
            sock = connect(implicit)
            sock.sendall(first[:n])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        with wrapped() as talk:
            self.assertEqual(talk.hello()[0], 250)

    def test_early_talk_in_tls(self):
        """Commands that come with the end of the handshake, before the banner."""
        raw = connect(implicit)
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = secure.context().wrap_bio(down, up)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(up.read())
                down.write(raw.recv(65536))
        tls.write(b"EHLO client.test\r\nMAIL FROM:<a@example.jp>\r\n")
        raw.sendall(up.read())
        down.write(read_all(raw))
        self.assertEqual(tls.read(1000), b"554 5.5.0 You talked out of turn\r\n")
        raw.close()

    def test_thousand_unfinished(self):
        """Half handshakes by the thousand: others are served, and what they cost is bounded and comes back."""
        first = hello()
        before = daemon.status("VmRSS")
        socks = []
        for n in range(1000):
            sock = connect(implicit if n % 2 else starttls)
            if not n % 2:
                sock.sendall(b"EHLO client.test\r\n")
                sock.recv(1000)
            sock.sendall(first if n % 3 else first[:200])
            socks.append(sock)
        with wrapped() as talk:
            talk.hello()
            self.assertEqual(talk.transaction("a@example.jp", ["b@example.org"], mails.order(cc=()))[0], 250)
        if not shim.sanitized():
            self.assertLess(daemon.status("VmRSS") - before, 64 * 1024)
        for sock in socks:
            sock.close()


def hello():
    """The bytes of a ClientHello."""
    up = ssl.MemoryBIO()
    try:
        secure.context().wrap_bio(ssl.MemoryBIO(), up, server_hostname="mx.example.jp").do_handshake()
    except ssl.SSLWantReadError:
        return up.read()


def select_readable(sock, seconds):
    """Raises once the peer has closed."""
    sock.settimeout(seconds)
    try:
        if not sock.recv(100):
            raise ConnectionResetError
    except TimeoutError:
        pass


if __name__ == "__main__":
    tap.main()
