"""What tests with real clients and servers share: a daemon that takes mail only over TLS and from users, certificates
of an authority of its own, letters in two charsets, and the questions that each client is asked."""

import base64
import collections
import email.header
import email.utils
import hashlib
import json
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

import mails
import secure
import shim

SOURCE = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PEERS = os.path.abspath(os.environ.get("PEERS", os.path.join(SOURCE, "build", "peers")))
USER, SECRET = "ann@example.jp", "k0rrekt-Pferd=12"
TO, CC, BCC = "yamada@example.org", "keiri@example.org", "kansa@example.net"
EVERYBODY = sorted((TO, CC, BCC))
NAME = "請求書 十二月.bin"
CONTENT = bytes(range(256)) * 9 + b"\r\n.\r\n"
TEXTS = {
    "iso-2022-jp": ("請求書をお送りします", "山田様\n\n十二月分の請求書です。カタカナも。\n.\n..二つ\nFrom 経理\n"),
    "utf-8": (mails.SUBJECT, "山田様\n\n㈱髙島屋の①番です。〜😀\n.\n..二つ\nFrom 経理\n"),
}

Letter = collections.namedtuple("Letter", "charset subject text raw path")
Try = collections.namedtuple("Try", "port implicit letter password ca mechanism")


def needs(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    return unittest.skipIf(missing, f"{', '.join(missing)} is not installed")


def unpacked(package, path):
    """A program of a Debian package that would push another off the machine: contrib/packages.sh unpacks it beside."""
    return os.path.join(PEERS, package, path)


def needs_unpacked(package, path):
    return unittest.skipUnless(os.path.exists(unpacked(package, path)), f"{package} is not unpacked in {PEERS}: contrib/check does that")


def needs_mounts(why):
    able = os.getuid() == 0 and shutil.which("unshare") and \
        subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    return unittest.skipUnless(able, why)


def needs_root(why):
    return unittest.skipUnless(os.getuid() == 0, why)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def answers(port):
    try:
        with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=5):
            return True
    except OSError:
        return False


def letter(charset, path, bcc=True):
    """A letter as an old and as a new mailer write it: 7-bit with encoded parameters, or 8-bit."""
    subject, text = TEXTS[charset]
    old = charset != "utf-8"

    def word(words):
        return email.header.Header(words, charset, header_name="Subject").encode().encode()

    name = (b'name="' + word(NAME) + b'"', b'filename="' + word(NAME) + b'"') if old else \
        (b"name*=utf-8''" + urllib.parse.quote(NAME).encode(), b"filename*=utf-8''" + urllib.parse.quote(NAME).encode())
    lines = [b"From: " + word("店") + b" <shop@example.jp>", b"To: " + word("山田") + b" <" + TO.encode() + b">",
             b"Cc: " + CC.encode(), *([b"Bcc: " + BCC.encode()] if bcc else []), b"Subject: " + word(subject),
             b"Date: " + email.utils.formatdate().encode(), b"MIME-Version: 1.0", b'Content-Type: multipart/mixed; boundary="=_b"',
             *([] if old else [b"Content-Transfer-Encoding: 8bit"]), b"",
             b"--=_b", b"Content-Type: text/plain; charset=" + charset.encode(),
             b"Content-Transfer-Encoding: " + (b"7bit" if old else b"8bit"), b"", text.encode(charset).rstrip(b"\n"), b"--=_b",
             b"Content-Type: application/octet-stream; " + name[0], b"Content-Disposition: attachment; " + name[1],
             b"Content-Transfer-Encoding: base64", b"", base64.encodebytes(CONTENT).rstrip(b"\n"), b"--=_b--", b""]
    return Letter(charset, subject, text, b"\n".join(lines), path)


def crlf(message):
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class World:
    """Made once for a module: the sandbox, and the files that listeners and clients name."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="shimta-peers-")
        unittest.addModuleCleanup(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)
        names = "DNS:mx.example.jp,DNS:localhost,IP:127.0.0.1"
        for ca in ("ca", "other"):
            secure.certificate(self.folder, ca, "DNS:ca.example.jp")
            os.chmod(self.file(ca + ".pem"), 0o644)
        secure.certificate(self.folder, "good", names, ca="ca")
        secure.certificate(self.folder, "expired", names, ca="ca", expired=True)
        secure.write(self.file("users"), secure.user_line(USER, SECRET))
        self.attachment = self.file(NAME)
        with open(self.attachment, "wb") as file:
            file.write(CONTENT)
        os.chmod(self.attachment, 0o644)
        self.sandbox = shim.Sandbox()
        unittest.addModuleCleanup(self.sandbox.end)

    def file(self, name):
        return os.path.join(self.folder, name)

    def listener(self, certificate, tls):
        return (f"tls = {tls}\ntls-certificate = {self.file(certificate)}.pem\ntls-key = {self.file(certificate)}.key\n"
                f"auth = required\npassword-file = {self.file('users')}\nnetworks = 127.0.0.0/8\n")

    def daemon(self, more=None):
        """tcp and implicit are as they should be; the others have a certificate whose time is over."""
        sections = {"listen tcp": "delivery = wait\n" + self.listener("good", "required")}
        for name, certificate, tls in (("implicit", "good", "implicit"), ("expired", "expired", "required"),
                                       ("expired-implicit", "expired", "implicit")):
            sections["listen " + name] = "address = 127.0.0.1:0\ndelivery = wait\n" + self.listener(certificate, tls)
        return shim.Daemon(self.sandbox.url, {**sections, **(more or {})}, options=("-v",))


class PeerTest(unittest.TestCase):
    """world: of the module."""
    world = None

    def setUp(self):
        self.sandbox = self.world.sandbox
        self.sandbox.clear()
        self.folder = tempfile.mkdtemp(prefix="shimta-peer-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def start(self, more=None):
        """A daemon that has seen no wrong password: those hold up the next."""
        self.daemon = self.world.daemon(more)
        self.addCleanup(self.daemon.end)

    def port(self, listener):
        return int(self.daemon.wait_line(rf"listening listener={listener} .*port=(\d+)").group(1))

    def file(self, name, content, mode=0o600):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def run_client(self, *argv, stdin=b"", env=None):
        """(whether it is content, what it says)."""
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=shim.PATIENCE, cwd=self.folder,
                              env={**os.environ, "HOME": self.folder, "LC_ALL": "C.UTF-8", **(env or {})})
        return done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")

    def trial(self, listener, charset="utf-8", password=SECRET, ca="ca", mechanism="PLAIN"):
        return Try(self.port(listener), listener.endswith("implicit"), letter(charset, self.world.attachment), password,
                   self.world.file(ca + ".pem"), mechanism)

    def composed(self, tried):
        """JSON for a client that writes the mail itself."""
        return json.dumps(dict(tried._asdict(), user=USER, to=TO, cc=CC, bcc=BCC, **tried.letter._replace(raw=None)._asdict(), letter=None))

    def arrived(self, tried):
        copies = self.sandbox.copies()
        self.assertEqual({address: len(found) for address, found in copies.items()}, dict.fromkeys(EVERYBODY, 1))
        for address, (mail,) in copies.items():
            self.assertEqual(mail["Subject"], tried.letter.subject)
            self.assertEqual(shim.text_of(mail).rstrip("\n"), tried.letter.text.rstrip("\n"))
            self.assertEqual([(part.get_filename(), hashlib.sha256(part.get_content()).hexdigest()) for part in mail.iter_attachments()],
                             [(NAME, hashlib.sha256(CONTENT).hexdigest())])
            self.assertIsNone(mail["Bcc"])
            if address != BCC:
                self.assertNotIn(BCC, str(mail))

    def sends(self, client, listener="tcp", mechanism="PLAIN", charset="utf-8"):
        """The whole mail arrives at all whom the envelope names, from a user, over TLS."""
        self.sandbox.clear()
        after = len(self.daemon.lines)
        tried = self.trial(listener, charset, mechanism=mechanism)
        content, said = client(tried)
        self.assertTrue(content, said)
        self.daemon.wait_line(f"authenticated .*listener={listener} mechanism={mechanism} user={USER}", after)
        self.daemon.wait_line(rf"delivered .* auth={USER} tls=TLSv1\.[23] from=shop@example\.jp", after)
        self.arrived(tried)

    def fails(self, client, what, pattern, **how):
        """The client says why, and nothing was sent."""
        self.sandbox.clear()
        after = len(self.daemon.lines)
        content, said = client(self.trial(**how))
        self.assertFalse(content, f"{what}: {said}")
        self.assertRegex(said, pattern, what)
        self.assertEqual(self.sandbox.box(), [], what)
        self.assertNotIn("\nauthenticated ", "\n" + "\n".join(self.daemon.lines[after:]), what)
        if "password" in how:
            self.daemon.wait_line(f"auth-failed .*user={USER}", after)
            self.assertNotIn(how["password"], self.daemon.text())

    def ask(self, client, listeners=("tcp", "implicit"), mechanisms=("PLAIN", "LOGIN"), untrusted="(?i)certificate|verif",
            expired="(?i)certificate|expired", wrong="(?i)535|authent"):
        """All that is asked of each: client(Try) returns (whether it is content, what it says)."""
        self.start()
        rounds = [(listener, mechanism) for mechanism in mechanisms for listener in listeners]
        for number, (listener, mechanism) in enumerate(rounds):
            with self.subTest(listener=listener, mechanism=mechanism):
                self.sends(client, listener, mechanism, ("utf-8", "iso-2022-jp")[number % 2])
        for listener in listeners:
            name = "expired" if listener == "tcp" else "expired-implicit"
            with self.subTest(listener=listener):
                self.fails(client, "another authority", untrusted, listener=listener, ca="other", mechanism=mechanisms[0])
                self.fails(client, "an old certificate", expired, listener=name, mechanism=mechanisms[0])
        with self.subTest("wrong password"):
            self.fails(client, "a wrong password", wrong, listener=listeners[0], password="wr0ng-Pferd", mechanism=mechanisms[0])
