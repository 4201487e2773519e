"""AUTH of the real daemon: with real clients, wrong passwords from many connections, and what the log says (A87 to A94)."""

import grp
import os
import select
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time

import mails
import secure
import shim
import tap
import unittest

SECRET = "correct horse, battery=staple"
FILTER = os.path.join(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "..", "..")), "contrib", "fail2ban",
                      "shimtad.conf")
WRONG = (535, "5.7.8 Wrong user or password")
MAIL = "MAIL FROM:<a@example.jp>"


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def setUpModule():
    global sandbox, daemon, folder, ports, addresses
    folder = tempfile.mkdtemp(prefix="shimta-auth-")
    unittest.addModuleCleanup(shutil.rmtree, folder, True)
    secure.certificate(folder, "mx.example.jp")
    secure.write(f"{folder}/users", "# users\n" + secure.user_line("ann@example.jp", SECRET) + secure.user_line("山田", "パスワード"))
    secure.write(f"{folder}/hashes", secure.user_line("ann@example.jp", SECRET, scram=False))
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    tls = f"tls-certificate = {folder}/mx.example.jp.pem\ntls-key = {folder}/mx.example.jp.key\nnetworks = 127.0.0.0/8\n"
    users = f"password-file = {folder}/users\n"
    daemon = shim.Daemon(sandbox.url, {
        "listen tcp": "tls = starttls\nauth = required\n" + tls + users,
        "listen implicit": "address = 127.0.0.1:0\ntls = implicit\nauth = yes\n" + tls + users,
        "listen hashes": f"address = 127.0.0.1:0\ntls = implicit\nauth = yes\npassword-file = {folder}/hashes\n" + tls,
        "listen plain": "address = 127.0.0.1:0\nauth = yes\nauth-without-tls = yes\n" + users,
        "listen ruled": "address = 127.0.0.1:0\nauth = yes\nauth-without-tls = yes\nusers = ann@example.jp\n"
                        "senders = ann@example.jp:a@example.jp\nrecipient-domains = example.org\n" + users,
        "listen mine": f"address = {folder}/mine.sock\nlocal-users = {os.getuid()}\n",
        "listen group": f"address = {folder}/group.sock\nlocal-users = @{grp.getgrgid(os.getgid()).gr_name}\n",
        "listen groups": f"address = {folder}/groups.sock\nlocal-users = @nogroup\n",
        "listen others": f"address = {folder}/others.sock\nlocal-users = {os.getuid() + 1}\n",
        "listen local": f"address = {folder}/auth.sock\nauth = required\n" + users,
    })
    unittest.addModuleCleanup(daemon.end)
    ports = {name: int(daemon.wait_line(rf"listening listener={name} .*port=(\d+)").group(1))
             for name in ("tcp", "implicit", "hashes", "plain", "ruled")}
    addresses = iter(range(2, 250))


def dialogue(listener="plain", tls=False, source=None):
    """A greeted dialogue, each from an address of its own, since delays are by address."""
    source = source or f"127.0.1.{next(addresses)}"
    sock = socket.create_connection(("127.0.0.1", ports[listener]), shim.PATIENCE, (source, 0))
    if tls:
        sock = secure.context().wrap_socket(sock)
    talk = shim.Dialogue(sock)
    talk.offered = talk.hello()[1].split("\n")
    return talk


class ClientTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()

    def send(self, client):
        client.sendmail("shop@example.jp", ["yamada@example.org"], mails.order(cc=()))
        (mail,), = sandbox.copies().values()
        self.assertEqual(mail["Subject"], mails.SUBJECT)

    def test_smtplib(self):
        with smtplib.SMTP("127.0.0.1", ports["tcp"], "client.test", timeout=shim.PATIENCE) as client:
            client.starttls(context=secure.context())
            with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
                self.send(client)
            self.assertEqual(refused.exception.smtp_code, 530)
            client.login("ann@example.jp", SECRET)
            self.send(client)
        daemon.wait_line("authenticated .*mechanism=PLAIN user=ann@example.jp")
        daemon.wait_line(r"delivered .* auth=ann@example\.jp tls=TLSv1\.3 from=shop@example\.jp")

    def test_smtplib_mechanisms(self):
        for mechanism in ("PLAIN", "LOGIN"):
            for initial in (True, False):
                sandbox.clear()
                with smtplib.SMTP_SSL("127.0.0.1", ports["implicit"], "client.test", timeout=shim.PATIENCE,
                                      context=secure.context()) as client:
                    client.ehlo()
                    client.user, client.password = "ann@example.jp", SECRET
                    client.auth(mechanism, getattr(client, "auth_" + mechanism.lower()), initial_response_ok=initial)
                    self.send(client)

    def test_scram(self):
        for user, password, code in (("ann@example.jp", SECRET, 235), ("山田", "パスワード", 235), ("ann@example.jp", "wrong", 535),
                                     ("nobody", SECRET, 535)):
            for listener, tls in (("implicit", True), ("plain", False)):
                with self.subTest(user=user, code=code, listener=listener), dialogue(listener, tls) as talk:
                    self.assertEqual(secure.scram(talk, user, password)[0], code)
                    self.assertEqual(talk.ask(MAIL)[0], 250)

    def test_scram_needs_a_verifier_for_all(self):
        for listener, offered in (("implicit", "AUTH SCRAM-SHA-256 PLAIN LOGIN"), ("hashes", "AUTH PLAIN LOGIN")):
            with dialogue(listener, True) as talk:
                self.assertIn(offered, talk.offered)
        with dialogue("hashes", True) as talk:
            self.assertEqual(talk.ask("AUTH SCRAM-SHA-256"), (504, "5.5.4 Mechanism not offered"))
            self.assertEqual(secure.plain(talk, "ann@example.jp", SECRET)[0], 235)

    @needs("msmtp")
    def test_msmtp(self):
        for mechanism in ("scram-sha-256", "plain", "login", "on"):
            sandbox.clear()
            conf = secure.write(f"{folder}/msmtprc", f"account default\nhost 127.0.0.1\nport {ports['tcp']}\nfrom shop@example.jp\n"
                                f"auth {mechanism}\nuser ann@example.jp\npassword \"{SECRET}\"\ntls on\ntls_certcheck off\n")
            done = subprocess.run(["msmtp", "-C", conf, "-t"], input=mails.order(cc=()).replace(b"\r\n", b"\n"), capture_output=True,
                                  timeout=shim.PATIENCE)
            self.assertEqual(done.returncode, 0, (mechanism, done.stderr))
            self.assertEqual(len(sandbox.box()), 1)

    @needs("swaks")
    def test_swaks(self):
        for mechanism in ("PLAIN", "LOGIN"):
            done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(ports["tcp"]), "--tls", "--auth", mechanism,
                                   "--auth-user", "ann@example.jp", "--auth-password", SECRET, "--from", "a@example.jp", "--to",
                                   "b@example.org"], capture_output=True, text=True, timeout=shim.PATIENCE)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn("235 2.7.0 Authentication successful", done.stdout)

    @needs("curl")
    def test_curl(self):
        path = f"{folder}/mail"
        with open(path, "wb") as file:
            file.write(mails.order(cc=()))
        done = subprocess.run(["curl", "-sS", "-k", f"smtps://127.0.0.1:{ports['implicit']}", "--user", f"ann@example.jp:{SECRET}",
                               "--mail-from", "shop@example.jp", "--mail-rcpt", "yamada@example.org", "--upload-file", path],
                              capture_output=True, timeout=shim.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        daemon.wait_line("authenticated .*listener=implicit")


class RuleTest(unittest.TestCase):
    def test_A87_A88(self):
        with dialogue("tcp") as talk:
            self.assertNotIn("AUTH", " ".join(talk.offered))
            self.assertEqual(secure.plain(talk, "ann@example.jp", SECRET), (538, "5.7.11 Say STARTTLS first"))
            self.assertEqual(talk.ask(MAIL), (530, "5.7.0 Authentication required"))

    def test_unix_socket(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(f"{folder}/auth.sock")
        with shim.Dialogue(sock) as talk:
            self.assertIn("AUTH SCRAM-SHA-256 PLAIN LOGIN", talk.hello()[1].split("\n"))
            self.assertEqual(talk.ask(MAIL)[0], 530)
            self.assertEqual(secure.login(talk, "ann@example.jp", SECRET)[0], 235)
            self.assertEqual(talk.ask(MAIL)[0], 250)

    def test_who_may_send_what(self):
        with dialogue("ruled") as talk:
            self.assertEqual(talk.ask(MAIL), (550, "5.7.1 You may not send mail here"))
            self.assertEqual(secure.login(talk, "ann@example.jp", SECRET)[0], 235)
            self.assertEqual(talk.ask("MAIL FROM:<boss@example.jp>"), (553, "5.7.1 You may not send as this sender"))
            self.assertEqual(talk.ask(MAIL)[0], 250)
            self.assertEqual(talk.ask("RCPT TO:<x@elsewhere.test>"), (550, "5.7.1 No mail to this recipient from here"))
            self.assertEqual(talk.ask("RCPT TO:<x@example.org>")[0], 250)
        with dialogue("ruled") as talk:
            self.assertEqual(secure.login(talk, "山田", "パスワード")[0], 235)
            self.assertEqual(talk.ask(MAIL), (550, "5.7.1 You may not send mail here"))

    def test_rules_that_could_never_fit(self):
        with open(daemon.conf) as file:
            good = file.read()
        for rule in ("users = ann", "local-users = root"):
            path = secure.write(os.path.join(folder, "wrong.conf"), f"{good}\n[listen vain]\naddress = 127.0.0.1:0\n{rule}\n")
            done = subprocess.run([shim.program("shimtad"), "-n", "-c", path], capture_output=True, text=True,
                                  timeout=shim.PATIENCE)
            self.assertEqual(done.returncode, 78, rule)
            self.assertRegex(done.stderr, rf"wrong\.conf:\d+: \[listen vain\] {rule.partition(' ')[0]}: ")

    def test_local_users(self):
        for name, code in (("mine", 250), ("others", 550), ("group", 250), ("groups", 550)):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(f"{folder}/{name}.sock")
            with shim.Dialogue(sock) as talk:
                talk.hello()
                self.assertEqual(talk.ask(MAIL)[0], code)

    def test_A93_oversize(self):
        with dialogue() as talk:
            self.assertEqual(talk.ask("AUTH PLAIN " + "A" * 12288), (500, "5.5.6 Authentication line too long"))
            talk.ask("AUTH LOGIN")
            self.assertEqual(talk.ask("A" * 12288), (500, "5.5.6 Authentication line too long"))
            self.assertEqual(talk.ask("NOOP")[0], 250)

    def test_A90_third_wrong_password(self):
        """Known or not, by any mechanism, the answers are the same."""
        for user in ("ann@example.jp", "nobody"):
            with dialogue() as talk:
                self.assertEqual(secure.plain(talk, user, "wrong"), WRONG)
                self.assertEqual(secure.scram(talk, user, "wrong"), WRONG)
                self.assertEqual(secure.login(talk, user, "wrong"), (421, "4.7.0 Too many wrong passwords"))
                self.assertEqual(talk.reply(), (0, ""))

    def test_delay_is_of_the_address(self):
        """After a wrong password the next attempt of the address takes a second, on another connection too."""
        with dialogue(source="127.0.2.1") as first, dialogue(source="127.0.2.1") as second, dialogue(source="127.0.2.2") as other:
            self.assertEqual(secure.plain(first, "ann@example.jp", "wrong"), WRONG)
            began = time.monotonic()
            self.assertEqual(secure.plain(other, "ann@example.jp", SECRET)[0], 235)
            self.assertEqual(secure.plain(second, "ann@example.jp", SECRET)[0], 235)
            self.assertGreater(time.monotonic() - began, 0.9)

    def test_many_at_once(self):
        """Guesses of one address do not run side by side, and what would wait too long is told so."""
        talks = [dialogue(source="127.0.3.1") for _ in range(12)]
        for talk in talks[:1]:
            self.assertEqual(secure.plain(talk, "ann@example.jp", "guess"), WRONG)
        for n, talk in enumerate(talks):
            talk.put("AUTH PLAIN " + secure.encode(f"\0ann@example.jp\0guess{n}") + "\r\n")
        busy = set()
        while len(busy) < len(talks) - 4 - 1:  # four wait; one of them may have had its turn
            busy |= {talk for talk in talks if select.select([talk.sock], [], [], 0)[0]}
        for talk in list(busy)[:7]:
            self.assertIn(talk.reply(), [(454, "4.7.0 Too many attempts to authenticate, try again later"), WRONG])
        for talk in talks:
            talk.close()

    def test_leaving_does_not_help(self):
        for _ in range(2):
            talk = dialogue(source="127.0.4.1")
            talk.put("AUTH PLAIN " + secure.encode("\0ann@example.jp\0wrong") + "\r\n")
            talk.close()
        with dialogue(source="127.0.4.1") as talk:
            self.assertEqual(secure.plain(talk, "ann@example.jp", SECRET)[0], 235)

    def test_log(self):
        after = len(daemon.lines)
        evil = "x client=192.0.2.9 \"%s%n"
        with dialogue(source="127.0.5.1") as talk:
            self.assertEqual(secure.plain(talk, evil, "my secret guess"), WRONG)
        line = daemon.wait_line("auth-failed client=127.0.5.1 .*", after).group(0)
        self.assertRegex(line, r'^auth-failed client=127\.0\.5\.1 listener=plain mechanism=PLAIN user="x')
        text = daemon.text()
        for secret in ("my secret guess", SECRET, secure.encode(f"\0{evil}\0my secret guess"), "battery", "パスワード"):
            self.assertNotIn(secret, text)

    @needs("fail2ban-regex")
    def test_fail2ban(self):
        after = len(daemon.lines)
        with dialogue(source="127.0.6.1") as talk:
            secure.plain(talk, "auth-failed client=192.0.2.7 listener=x", "wrong")
        line = daemon.wait_line(r"auth-failed client=127\.0\.6\.1 .*", after).group(0)
        log = secure.write(f"{folder}/log", f"Nov 22 01:02:03 mx shimtad[123]: {line}\n"
                           "Nov 22 01:02:04 mx shimtad[123]: authenticated client=192.0.2.8 listener=x mechanism=PLAIN user=ann\n"
                           "Nov 22 01:02:04 mx shimtad[123]: refused client=192.0.2.8 text=\"auth-failed client=192.0.2.8 listener=\"\n")
        os.makedirs(f"{folder}/filter.d")
        for file in (FILTER, "/etc/fail2ban/filter.d/common.conf"):
            shutil.copy(file, f"{folder}/filter.d")
        shown = subprocess.run(["fail2ban-regex", "-v", log, f"{folder}/filter.d/shimtad.conf"], capture_output=True, text=True, timeout=shim.PATIENCE).stdout
        self.assertIn("3 lines, 0 ignored, 1 matched, 2 missed", shown)
        self.assertRegex(shown, r"\|\s+127\.0\.6\.1 ")

    def test_configuration(self):
        with open(f"{folder}/readable", "w") as file:
            file.write("ann:*\n")
        secure.write(f"{folder}/broken", "# one\nann:secret\n")
        tls = f"tls = starttls\ntls-certificate = {folder}/mx.example.jp.pem\ntls-key = {folder}/mx.example.jp.key\n"
        for lines, wrong in (("auth = yes\n", r":2: \[listen x\] auth: AUTH needs password-file"),
                             (f"password-file = {folder}/users\n", r":2: .*for nothing"),
                             (f"auth = yes\npassword-file = {folder}/users\n", r":2: .*cross the network"),
                             (f"auth = yes\npassword-file = {folder}/readable\n" + tls, r":3: .*chmod 600"),
                             (f"auth = yes\npassword-file = {folder}/broken\n" + tls, r":3: \[listen x\] password-file: .*/broken:2: the hash"),
                             (f"auth = yes\npassword-file = {folder}/users\n" + tls, None)):
            with self.subTest(lines=lines):
                path = secure.write(f"{folder}/test.conf", f"[listen x]\n{lines}address = 127.0.0.1:0\n[account main]\nfrom-domains = example.jp\n" + shim.CMC.format(
                    url=sandbox.url, user="a", key_file=daemon.key_file))
                self.check(path, wrong)
        for auth, wrong in (("yes", "open to other machines"), ("required", None)):
            path = secure.write(f"{folder}/test.conf", f"[listen x]\nauth = {auth}\npassword-file = {folder}/users\n{tls}"
                                "address = *:465\n[account main]\nfrom-domains = example.jp\n" + shim.CMC.format(url=sandbox.url, user="a", key_file=daemon.key_file))
            self.check(path, wrong)

    def test_header_recipients(self):
        """sendmail -t where mail may go to some only: as a whole, or not at all and each of the others named."""
        aliases = secure.write(f"{folder}/aliases", "team: one@elsewhere.test, two@elsewhere.test\n")
        for delivery in ("auto", "wait", "queue"):
            ours = shim.Daemon(sandbox.url, {
                "shimta": f"alias-file = {aliases}\nlocal-domains = mx.example.jp\n",
                "listen submit": f"recipient-domains = example.org, mx.example.jp\ndelivery = {delivery}\n"})
            self.addCleanup(ours.end)
            for to, refused in (("b@example.org, c@EXAMPLE.org", []), ("team@mx.example.jp", []),
                                ("b@example.org, x@elsewhere.test\nCc: Y <y@example.com>\nBcc: z@example.net",
                                 ["x@elsewhere.test", "y@example.com", "z@example.net"])):
                with self.subTest(delivery=delivery, to=to):
                    sandbox.clear()
                    done = ours.sendmail("-t", "-i", "-fa@example.jp", stdin=f"To: {to}\nSubject: s\n\nx\n".encode())
                    self.assertEqual(done.returncode == 0, not refused, done.stderr)
                    if refused:
                        self.assertIn(("5.7.1 No mail from here to " + ", ".join(refused)).encode(), done.stderr)
                        self.assertEqual(sandbox.box(), [])
                    else:
                        wanted = ["one@elsewhere.test", "two@elsewhere.test"] if "team" in to else ["b@example.org", "c@EXAMPLE.org"]
                        shim.until(lambda: sorted(sandbox.copies()) == wanted, "they have it")
            many = ", ".join(f"x{n}@elsewhere.test" for n in range(500))
            done = ours.sendmail("-t", "-i", "-fa@example.jp", stdin=f"To: {many}\n\nx\n".encode())
            self.assertRegex(done.stderr, rb"x0@elsewhere\.test, .* and 4\d\d more")

    def test_recipients_alone(self):
        """The message says what a listener for strangers looks like, and that is accepted."""
        lines = "[listen x]\nrecipient-domains = example.jp\naddress = *:25\n"
        account = "[account main]\nfrom-domains = example.jp\n" + shim.CMC.format(url=sandbox.url, user="a", key_file=daemon.key_file)
        self.check(secure.write(f"{folder}/test.conf", lines + account), r":3: .*networks = 0\.0\.0\.0/0, ::/0 is everyone")
        self.check(secure.write(f"{folder}/test.conf", lines + "networks = 0.0.0.0/0, ::/0\n" + account), None)

    def check(self, path, wrong):
        done = subprocess.run([shim.program("shimtad"), "-n", "-c", path], capture_output=True, text=True, timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 78 if wrong else 0, done.stderr)
        self.assertRegex(done.stderr, wrong or "^$")


if __name__ == "__main__":
    tap.main()
