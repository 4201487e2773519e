"""Mail servers with shimtad as their smart host, over TLS with a password: Postfix, Exim, OpenSMTPD, nullmailer and dma.
They get a letter as their users give them one; what they pass on, and what they say when they cannot, is looked at. All but
Postfix are unpacked beside each other (see contrib/packages.sh) and run in a mount name space where their files are
in their places."""

import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess

import clients_test
import peers
import shim
import tap
from peers import EVERYBODY, USER, needs, needs_mounts, needs_root, needs_unpacked, unpacked
import unittest

DEVICES = ("null", "zero", "random", "urandom")
ROOT = "mounts its files, for which one must be root in a folder tree that allows it"


def setUpModule():
    peers.PeerTest.world = peers.World()


def read_dma(log):
    """What it says until all have got the mail, or one has not."""
    said = ""
    log.settimeout(shim.PATIENCE)
    while said.count("delivery successful") < len(EVERYBODY):
        said += log.recv(65536).decode() + "\n"
        if "remote delivery failed" in said or "remote delivery deferred" in said or "do not match" in said:
            return False, said
    return True, said


class Postfix(clients_test.Postfix):
    """One that starts and stops without Postfix's own script, which takes its time. It starts with an empty queue: a mail
    stays active until the queue manager hears of what was logged, ended before that it is tried again at once."""
    master = None

    def command(self, word):
        super().command("check")  # makes the queue's folders
        self.restart()

    def restart(self):
        self.end_master()
        self.empty_queue()
        for name in os.listdir(self.conf):  # files of the last two seconds are waited for
            os.utime(os.path.join(self.conf, name), (1, 1))
        programs = subprocess.run(["postconf", "-dh", "daemon_directory"], capture_output=True, text=True, check=True).stdout.strip()
        self.master = shim.Process([f"{programs}/master", "-d", "-c", self.conf], start_new_session=True)
        shim.until(lambda: self.master.ended or peers.answers(self.port), "Postfix answers")

    def empty_queue(self):
        for name in ("incoming", "active", "deferred", "defer"):
            for folder, _, files in os.walk(os.path.join(self.folder, "queue", name)):
                for file in files:
                    os.unlink(os.path.join(folder, file))

    def end_master(self):
        if self.master:
            self.master.end()

    def end(self):
        self.end_master()
        shutil.rmtree(self.folder, ignore_errors=True)


class RelayTest(peers.PeerTest):
    def inside(self, layers, binds=()):
        """Words before a command that see the folders of layers laid over those of the machine, and binds in place of them."""
        script = "".join([f"mount -t overlay -o lowerdir={path}:{where} none {where} && " for where, path in layers.items()]
                         + [f"mount --rbind {path} {where} && " for where, path in binds]) + 'exec "$@"'
        words = ["unshare", "-m", "sh", "-c", script, "sh"]
        tried = subprocess.run([*words, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"mounts are not allowed here: {tried.stderr}")
        return words

    def etc(self, tried, users=()):
        """A layer for /etc: our authority for those who trust the system's, a name for the machine, and users."""
        with open("/etc/passwd") as passwd, open("/etc/group") as group:
            lines = passwd.read(), group.read()
        self.file("etc/passwd", lines[0] + "".join(f"{name}:x:{uid}:{uid}::/nonexistent:/bin/false\n" for name, uid in users), 0o644)
        self.file("etc/group", lines[1] + "".join(f"{name}:x:{uid}:\n" for name, uid in users), 0o644)
        self.file("etc/mailname", "client.example.jp\n", 0o644)
        with open(tried.ca) as file:
            self.file("etc/ssl/certs/ca-certificates.crt", file.read(), 0o644)
        os.chmod(os.path.join(self.folder, "etc"), 0o755)
        return os.path.join(self.folder, "etc")

    def read(self, path):
        try:
            with open(path) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def fresh(self, name, owner=None, mode=0o755):
        """An empty folder."""
        path = os.path.join(self.folder, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        os.chmod(path, mode)
        if owner is not None:
            shutil.chown(path, owner)
        return path

    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)

    def postfix(self):
        """A Postfix, as a function that sends a trial's letter by what it is told for main.cf."""
        postfix = Postfix(25)
        self.addCleanup(postfix.end)
        main = postfix.conf + "/main.cf"
        with open(main) as file:
            kept = file.read().replace("relayhost = [127.0.0.1]:25\n", "").replace("smtp_tls_security_level = none\n", "")
        with open(postfix.conf + "/master.cf", "a") as file:
            file.write("lmtp unix - - n - - lmtp\n")

        def send(tried, how):
            with open(main, "w") as file:
                file.write(kept + how)
            postfix.restart()
            before = len(postfix.read_log())
            with smtplib.SMTP("127.0.0.1", postfix.port, "client.test", timeout=shim.PATIENCE) as smtp:
                smtp.sendmail("shop@example.jp", EVERYBODY, peers.crlf(tried.letter.raw), ["BODY=8BITMIME"])
            shim.until(lambda: len(re.findall(r" status=\w+ ", postfix.read_log()[before:])) >= 3, "Postfix has tried")
            said = postfix.read_log()[before:]
            return len(re.findall(r" status=sent \(250 2\.[01]\.[05] ", said)) == 3, said

        return send

    @needs_mounts(ROOT)
    @needs_unpacked("exim4-daemon-light", "usr/sbin/exim4")
    def test_exim(self):
        def client(tried):
            spool, port = self.fresh("spool", 64991), tried.port
            how = f"{'protocol = smtps' if tried.implicit else 'hosts_require_tls = *'}\n"
            say = f"{USER} : {tried.password}" if tried.mechanism == "LOGIN" else f"^{USER}^{tried.password}"
            conf = self.file("exim.conf", f"""spool_directory = {spool}
log_file_path = {spool}/%slog
primary_hostname = client.example.jp
keep_environment =
begin routers
smart:
  driver = manualroute
  route_list = * localhost::{port}
  self = send
  transport = smart
begin transports
smart:
  driver = smtp
  {how}  hosts_require_auth = *
  tls_verify_certificates = {tried.ca}
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
begin authenticators
one:
  driver = plaintext
  public_name = {tried.mechanism}
  client_send = {': ' if tried.mechanism == 'LOGIN' else ''}{say}
""", 0o644)
            words = self.inside({"/etc": self.etc(tried, [("Debian-exim", 64991)]), "/usr/sbin": unpacked("exim4-daemon-light", "usr/sbin")})
            content, said = self.run_client(*words, "exim4", "-C", conf, "-odf", "-oi", "-t",
                                            "-f", "shop@example.jp", stdin=tried.letter.raw)
            log = self.read(f"{spool}/mainlog")
            return content and len(re.findall(r" [=-]> ", log)) == 3 and " Completed\n" in log, said + log

        self.ask(client)

    @needs_mounts(ROOT)
    @needs_unpacked("nullmailer", "usr/sbin/nullmailer-send")
    def test_nullmailer(self):
        def client(tried):
            spool = self.fresh("spool")
            for name in ("queue", "tmp", "failed"):
                self.fresh(f"spool/nullmailer/{name}", "mail")
            os.mkfifo(f"{spool}/nullmailer/trigger")
            shutil.chown(f"{spool}/nullmailer/trigger", "mail")
            etc = self.etc(tried)
            self.file("etc/nullmailer/remotes", f"localhost smtp port={tried.port} {'tls' if tried.implicit else 'starttls'} user={USER} "
                      f"pass='{tried.password}' x509cafile={tried.ca}{' auth-login' if tried.mechanism == 'LOGIN' else ''}\n")
            self.file("etc/nullmailer/pausetime", "0\n")
            words = self.inside({"/etc": etc, **{path: unpacked("nullmailer", path[1:]) for path in ("/usr/lib", "/usr/sbin", "/usr/bin")}},
                                [("/var/spool", spool)])
            content, said = self.run_client(*words, "sh", "-c", "nullmailer-inject -f shop@example.jp && exec nullmailer-send",
                                            stdin=tried.letter.raw)
            return content and not os.listdir(f"{spool}/nullmailer/queue"), said

        self.ask(client)

    @needs_mounts(ROOT)
    @needs_unpacked("dma", "usr/sbin/dma")
    def test_dma(self):
        """It believes a fingerprint, not an authority, and knows LOGIN alone."""
        prints = {}
        for name in ("good", "expired", "ca", "other"):
            done = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", self.world.file(name + ".pem")],
                                  capture_output=True, text=True, check=True)
            prints[name] = done.stdout.split("=")[1].strip().replace(":", "")

        def client(tried):
            etc, spool, dev = self.etc(tried), self.fresh("spool"), self.fresh("dev")
            shutil.chown(self.fresh("spool/dma", mode=0o2775), "root", "mail")
            print_of = "good" if tried.ca.endswith("/ca.pem") and tried.port in (self.port("tcp"), self.port("implicit")) else "other"
            self.file("etc/dma/auth.conf", f"{USER}|localhost:{tried.password}\n", 0o644)
            self.file("etc/dma/dma.conf", f"SMARTHOST localhost\nPORT {tried.port}\nAUTHPATH /etc/dma/auth.conf\nSECURETRANSFER\n"
                      f"{'' if tried.implicit else 'STARTTLS'}\nFINGERPRINT {prints[print_of]}\nMAILNAME client.example.jp\nNULLCLIENT\n", 0o644)
            for name in DEVICES:
                self.file(f"dev/{name}", "")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
                log.bind(f"{dev}/log")
                os.chmod(f"{dev}/log", 0o666)
                words = self.inside({"/etc": etc}, [*[(f"{dev}/{name}", f"/dev/{name}") for name in DEVICES], ("/dev", dev),
                                                    ("/var/spool", spool)])
                child = subprocess.Popen([*words, unpacked("dma", "usr/sbin/dma"), "-D", "-t", "-i", "-f", "shop@example.jp"],
                                         stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
                try:
                    child.stdin.write(tried.letter.raw)
                    child.stdin.close()
                    return read_dma(log)
                finally:  # what could not be sent would be tried again by a child for each recipient
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()

        self.ask(client, mechanisms=("LOGIN",), untrusted="(?i)fingerprint", expired="(?i)fingerprint")

    @needs_mounts(ROOT)
    @needs_unpacked("opensmtpd", "usr/sbin/smtpd")
    def test_opensmtpd(self):
        def client(tried):
            spool, port = self.fresh("spool"), peers.free_port()
            self.fresh("spool/smtpd", mode=0o711)
            self.fresh("lib/opensmtpd/empty")
            self.file("creds", f"ann {USER}:{tried.password}\n", 0o644)
            conf = self.file("smtpd.conf", f"""table creds file:{self.folder}/creds
listen on 127.0.0.1 port {port}
action smart relay host smtp{'s' if tried.implicit else '+tls'}://ann@localhost:{tried.port} auth <creds> helo client.example.jp
match from any for any action smart
""", 0o644)
            words = self.inside({"/etc": self.etc(tried, [("opensmtpd", 64992), ("opensmtpq", 64993)]),
                                 "/usr/sbin": unpacked("opensmtpd", "usr/sbin")},
                                [("/var/spool", spool), ("/var/lib", f"{self.folder}/lib"), ("/run", self.fresh("run"))])
            server = shim.Process([*words, "smtpd", "-d", "-f", conf])
            try:
                shim.until(lambda: server.ended or peers.answers(port), f"OpenSMTPD answers: {server.text()}")
                with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=shim.PATIENCE) as smtp:
                    smtp.sendmail("shop@example.jp", EVERYBODY, peers.crlf(tried.letter.raw), ["BODY=8BITMIME"])
                done = server.wait_line(r"mta delivery .*result=\"?(Ok)|mta error")
                return done.group(1) == "Ok", server.text()
            finally:
                server.end()

        self.ask(client, listeners=("tcp", "implicit"), mechanisms=("PLAIN",))

    @needs("postfix")
    @needs_root("Postfix starts as root only")
    def test_postfix(self):
        send = self.postfix()

        def client(tried):
            return send(tried, f"""relayhost = [127.0.0.1]:{tried.port}
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = mx.example.jp
smtp_tls_CAfile = {tried.ca}
smtp_tls_wrappermode = {'yes' if tried.implicit else 'no'}
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_mechanism_filter = {tried.mechanism.lower()}
smtp_sasl_password_maps = inline:{{{{ [127.0.0.1]:{tried.port} = {USER}:{tried.password} }}}}
""")

        self.ask(client, mechanisms=("SCRAM-SHA-256", "PLAIN", "LOGIN"))

    @needs("postfix")
    @needs_root("Postfix starts as root only")
    def test_postfix_lmtp(self):
        self.start({"listen lmtp": "address = 127.0.0.1:0\nprotocol = lmtp\n" + self.world.listener("good", "required"),
                    "listen local": f"address = {self.folder}/lmtp.sock\nprotocol = lmtp\n"})
        send = self.postfix()

        def client(tried):
            return send(tried, f"""default_transport = lmtp:inet:127.0.0.1:{tried.port}
lmtp_tls_security_level = verify
lmtp_tls_verify_cert_match = mx.example.jp
lmtp_tls_CAfile = {tried.ca}
lmtp_sasl_auth_enable = yes
lmtp_sasl_security_options = noanonymous
lmtp_sasl_password_maps = inline:{{{{ 127.0.0.1 = {USER}:{tried.password} }}}}
""")

        self.sends(client, "lmtp", "SCRAM-SHA-256", "iso-2022-jp")
        self.fails(client, "another authority", "not trusted|certificate", listener="lmtp", ca="other")
        self.fails(client, "a wrong password", "535", listener="lmtp", password="wr0ng-Pferd")
        self.sandbox.clear()
        content, said = send(self.trial("lmtp"), f"default_transport = lmtp:unix:{self.folder}/lmtp.sock\n")
        self.assertTrue(content, said)
        self.arrived(self.trial("lmtp"))


if __name__ == "__main__":
    tap.main()
