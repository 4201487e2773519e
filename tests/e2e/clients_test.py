"""Real clients, as people have them: curl, swaks, msmtp, s-nail, PHP's mail(), and Postfix with shimtad as its
relayhost. A client that is not installed is skipped."""

import os
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile

import mails
import shim
import tap
import unittest


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def setUpModule():
    global sandbox, daemon
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    daemon = shim.Daemon(sandbox.url, {"listen tcp": "delivery = wait\n"})
    unittest.addModuleCleanup(daemon.end)


class ClientTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()
        self.folder = tempfile.mkdtemp(prefix="shimta-client-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def run_client(self, *argv, stdin=b"", env=None):
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=shim.PATIENCE,
                              env={**os.environ, "HOME": self.folder, "SHIMTA_CONF": daemon.conf, **(env or {})})
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode("utf-8", "replace"))
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def the_order(self, recipients):
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), sorted(recipients))
        for (mail,) in copies.values():
            self.assertEqual(mail["Subject"], mails.SUBJECT)
            self.assertEqual(shim.text_of(mail), mails.TEXT)
            self.assertEqual([part.get_content() for part in mail.iter_attachments()], [mails.png()])

    def test_smtplib(self):
        with daemon.smtp() as client:
            refused = client.sendmail("shop@example.jp", ["yamada@example.org", "keiri@example.org"], mails.order())
        self.assertEqual(refused, {})
        self.the_order(["yamada@example.org", "keiri@example.org"])

    @needs("curl")
    def test_curl(self):
        path = self.file("mail", mails.order(cc=()))
        shown = self.run_client("curl", "-sS", "-v", f"smtp://127.0.0.1:{daemon.port}/client.test", "--mail-from", "shop@example.jp",
                                "--mail-rcpt", "yamada@example.org", "--upload-file", path)
        self.assertRegex(shown, r"< 250 2\.0\.0 Ok: queued as <")
        self.the_order(["yamada@example.org"])

    @needs("swaks")
    def test_swaks(self):
        picture = self.file("写真.png", mails.png())
        shown = self.run_client("swaks", "--server", "127.0.0.1", "--port", str(daemon.port), "--from", "a@example.jp", "--to",
                                "b@example.org,c@example.org", "--header", "Subject: swaks", "--body", "hello", "--attach", "@" + picture)
        self.assertIn("250 2.0.0 Ok: queued as <", shown)
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), ["b@example.org", "c@example.org"])
        part, = copies["b@example.org"][0].iter_attachments()
        self.assertEqual(part.get_content(), mails.png())

    @needs("swaks")
    def test_swaks_pipelined(self):
        shown = self.run_client("swaks", "--pipeline", "--server", "127.0.0.1", "--port", str(daemon.port), "--from", "a@example.jp",
                                "--to", "b@example.org")
        self.assertIn("250 2.0.0 Ok: queued as <", shown)

    @needs("msmtp")
    def test_msmtp(self):
        conf = self.file("msmtprc", f"account default\nhost 127.0.0.1\nport {daemon.port}\nfrom shop@example.jp\n"
                                    "auth off\ntls off\n")
        self.run_client("msmtp", "-C", conf, "-t", stdin=mails.order().replace(b"\r\n", b"\n"))
        self.the_order(["yamada@example.org", "keiri@example.org"])

    @needs("s-nail")
    def test_s_nail_over_smtp(self):
        picture = self.file("p.png", mails.png())
        self.run_client("s-nail", "-:/", "-S", "v15-compat", "-S", f"mta=smtp://127.0.0.1:{daemon.port}", "-S", "smtp-auth=none",
                        "-S", "smtp-config=-all", "-S", "ttycharset=utf-8", "-S", "sendcharsets=utf-8", "-S", "hostname=client.test",
                        "-r", "shop@example.jp", "-s", "件名の試験", "-a", picture, "b@example.org", stdin="本文です\n".encode(),
                        env={"LC_ALL": "C.UTF-8"})
        (mail,), = sandbox.copies().values()
        self.assertEqual(mail["Subject"], "件名の試験")
        self.assertEqual(shim.text_of(mail), "本文です\n")
        self.assertEqual([part.get_content() for part in mail.iter_attachments()], [mails.png()])

    @needs("s-nail")
    def test_s_nail_over_sendmail(self):
        self.run_client("s-nail", "-:/", "-S", "v15-compat", "-S", f"mta=file://{shim.program('sendmail')}", "-S", "ttycharset=utf-8",
                        "-r", "shop@example.jp", "-s", "件名の試験", "-b", "hidden@example.net", "b@example.org",
                        stdin="本文です\n".encode(), env={"LC_ALL": "C.UTF-8"})
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), ["b@example.org", "hidden@example.net"])
        self.assertEqual(copies["b@example.org"][0]["Subject"], "件名の試験")

    @needs("php")
    def test_php_mail(self):
        script = self.file("mail.php", """<?php
            $subject = word("ご登録ありがとうございます");
            function word($s) { return '=?UTF-8?B?' . base64_encode($s) . '?='; }
            $headers = "From: shop@example.jp\\r\\nBcc: hidden@example.net\\r\\nContent-Type: text/plain; charset=UTF-8\\r\\n"
                     . "Content-Transfer-Encoding: 8bit\\r\\nX-Mailer: PHP/" . phpversion();
            exit(mail('b@example.org', $subject, "登録が完了しました。\\n.\\n以上\\n", $headers, '-fshop@example.jp') ? 0 : 1);""")
        self.run_client("php", "-n", "-d", f"sendmail_path={shim.program('sendmail')} -t -i", script)
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), ["b@example.org", "hidden@example.net"])
        mail = copies["b@example.org"][0]
        self.assertEqual(mail["Subject"], "ご登録ありがとうございます")
        self.assertEqual(shim.text_of(mail), "登録が完了しました。\n.\n以上\n\n")
        self.assertRegex(mail["X-Mailer"], r"^PHP/\d")

    @needs("postfix")
    @unittest.skipUnless(os.getuid() == 0, "Postfix starts as root only")
    def test_postfix_relayhost(self):
        postfix = Postfix(daemon.port)
        self.addCleanup(postfix.end)
        with smtplib.SMTP("127.0.0.1", postfix.port, "client.test", timeout=shim.PATIENCE) as client:
            client.sendmail("shop@example.jp", ["yamada@example.org", "keiri@example.org", "audit@example.net"], mails.order())
        postfix.wait_log(r"to=<yamada@example\.org>.*status=sent \(250 2\.0\.0 Ok: queued as <[^>]+>\)")
        self.the_order(["yamada@example.org", "keiri@example.org", "audit@example.net"])

    @needs("postfix")
    @unittest.skipUnless(os.getuid() == 0, "Postfix starts as root only")
    def test_postfix_keeps_what_is_deferred(self):
        postfix = Postfix(daemon.port)
        self.addCleanup(postfix.end)
        sandbox.fault("status=503")
        with smtplib.SMTP("127.0.0.1", postfix.port, "client.test", timeout=shim.PATIENCE) as client:
            client.sendmail("shop@example.jp", ["yamada@example.org"], mails.order(cc=()))
        postfix.wait_log(r"status=deferred .*451 4\.3\.0")
        postfix.command("flush")
        postfix.wait_log(r"status=sent \(250 2\.0\.0 Ok: queued as <")
        self.the_order(["yamada@example.org"])


class Postfix:
    """A Postfix of its own configuration, queue and port, on loopback."""

    def __init__(self, relay_port):
        self.folder = tempfile.mkdtemp(prefix="shimta-postfix-")
        os.chmod(self.folder, 0o755)
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.conf, self.log = os.path.join(self.folder, "conf"), os.path.join(self.folder, "maillog")
        for name in ("conf", "data", "queue"):
            os.mkdir(os.path.join(self.folder, name))
        shutil.chown(os.path.join(self.folder, "data"), "postfix")
        with open(os.path.join(self.conf, "main.cf"), "w") as file:
            file.write(f"""compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/data
maillog_file = {self.log}
maillog_file_prefixes = {self.folder}
relayhost = [127.0.0.1]:{relay_port}
myhostname = farm.example.jp
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_tls_security_level = none
smtpd_relay_restrictions = permit_mynetworks, reject
alias_maps =
alias_database =
""")
        with open(os.path.join(self.conf, "master.cf"), "w") as file:
            file.write(f"127.0.0.1:{self.port} inet n - n - - smtpd\n")
            for name, public, wake, most, program in (
                    ("pickup", "n", "60", "1", "pickup"), ("cleanup", "n", "-", "0", "cleanup"), ("qmgr", "n", "300", "1", "qmgr"),
                    ("rewrite", "-", "-", "-", "trivial-rewrite"), ("bounce", "-", "-", "0", "bounce"),
                    ("defer", "-", "-", "0", "bounce"), ("trace", "-", "-", "0", "bounce"), ("flush", "n", "1000?", "0", "flush"),
                    ("smtp", "-", "-", "-", "smtp"), ("relay", "-", "-", "-", "smtp"), ("error", "-", "-", "-", "error"),
                    ("retry", "-", "-", "-", "error"), ("proxymap", "-", "-", "-", "proxymap"), ("anvil", "-", "-", "1", "anvil"),
                    ("scache", "-", "-", "1", "scache"), ("tlsmgr", "-", "1000?", "1", "tlsmgr")):
                file.write(f"{name} unix {public} - n {wake} {most} {program}\n")
            file.write("postlog unix-dgram n - n - 1 postlogd\n")
        self.command("start")
        shim.until(self.answers, "Postfix answers")

    def command(self, word):
        done = subprocess.run(["postfix", "-c", self.conf, word], capture_output=True, text=True, timeout=shim.PATIENCE)
        if done.returncode:
            raise AssertionError(f"postfix {word}: {done.stdout}{done.stderr}")

    def answers(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, "client.test", timeout=5):
                return True
        except OSError:
            return False

    def read_log(self):
        try:
            with open(self.log) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern):
        shim.until(lambda: re.search(pattern, self.read_log()), f"{pattern} in Postfix's log:\n{self.read_log()}")

    def end(self):
        subprocess.run(["postfix", "-c", self.conf, "stop"], capture_output=True, timeout=shim.PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    tap.main()
