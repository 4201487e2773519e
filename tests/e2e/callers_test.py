"""The programs of SENDMAIL.md's last section, as Debian has them, with our sendmail where they look for one: their own
setting, or /usr/sbin/sendmail in a mount name space of its own. What needs a daemon, a disk array or a mailing event is
its exact command line and input. What is not installed is skipped."""

import glob
import os
import shutil
import subprocess
import tempfile
import unittest

import shim
import tap

SUBJECT, TEXT = "ご注文の確認", "田中様\nご注文ありがとうございます。\n.\n以上①\n"
MIME = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"


def needs(*names):
    found = [bool(shutil.which(name) or glob.glob(name)) for name in names]
    return unittest.skipUnless(all(found), f"{' or '.join(names)} is not installed")


def setUpModule():
    global sandbox, daemon
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    daemon = shim.Daemon(sandbox.url)
    unittest.addModuleCleanup(daemon.end)


class CallerTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()
        self.folder = tempfile.mkdtemp(prefix="shimta-caller-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.sendmail = self.file("sendmail", f'#!/bin/sh\nSHIMTA_CONF={daemon.conf} exec {shim.program("sendmail")} "$@"\n', 0o755)
        self.env = {**os.environ, "HOME": self.folder, "LC_ALL": "C.UTF-8", "SHIMTA_CONF": daemon.conf}

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, mode), "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_caller(self, *argv, stdin="", env=None):
        done = subprocess.run(argv, input=stdin.encode(), capture_output=True, timeout=shim.PATIENCE, env={**self.env, **(env or {})},
                              cwd=self.folder)
        self.assertEqual(done.returncode, 0, (argv, done.stdout + done.stderr))
        return done

    def inside(self, setup=""):
        """Words before a command that give it our sendmail at the usual place."""
        words = ["unshare", "-m", "sh", "-c", f"{setup} mount --bind {self.sendmail} /usr/sbin/sendmail && exec \"$@\"", "sh"]
        if os.getuid() != 0 or not os.path.exists("/usr/sbin/sendmail") or not shutil.which("unshare"):
            self.skipTest("needs root, and some sendmail at /usr/sbin to be covered")
        if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
            self.skipTest("name spaces are not allowed here")
        return words

    def arrived(self, to, subject=SUBJECT, text=TEXT, sender=None):
        """Exactly those got it, and it is what was written."""
        shim.until(lambda: len(sandbox.copies()) >= len(to), "it arrives: -odb waits for nothing")
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), sorted(to))
        for address, (mail,) in copies.items():
            if subject is not None:
                self.assertEqual(mail["Subject"], subject)
            self.assertEqual(shim.text_of(mail).rstrip("\n"), text.rstrip("\n"), address)
            self.assertIsNone(mail["Bcc"])
            if sender:
                self.assertIn(sender, mail["From"])
        return copies

    def exact(self, argv, stdin, to, **want):
        """A caller's command line and input, without the caller."""
        done = daemon.sendmail(*argv, stdin=stdin.encode())
        self.assertEqual((done.returncode, done.stderr), (0, b""), argv)
        self.arrived(to, **want)

    # --- command lines --------------------------------------------------------------------------

    def test_exact_command_lines(self):
        head = f"From: app@example.jp\nTo: b@example.org\nSubject: {SUBJECT}\n{MIME}\n"
        root = f"From: app@example.jp\nSubject: {SUBJECT}\n{MIME}\n"
        crlf = head.replace("\n", "\r\n")
        rows = {
            "Debian cron": (["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"], root + TEXT, ["root@example.jp"]),
            "vixie cron": (["-FCronDaemon", "-i", "-odi", "-oem", "-or0s", "root"], root + TEXT, ["root@example.jp"]),
            "cronie": (["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"], head + TEXT, ["b@example.org"]),
            "at": (["-i", "root"], root + TEXT, ["root@example.jp"]),
            "mdadm --monitor": (["-t"], head + TEXT.replace("\n.\n", "\n"), ["b@example.org"]),
            "logwatch": (["-t"], head + TEXT.replace("\n.\n", "\n"), ["b@example.org"]),
            "unattended-upgrades": (["-oi", "-t"], head + TEXT, ["b@example.org"]),
            "fail2ban": (["-f", "fail2ban", "b@example.org"], head + TEXT.replace("\n.\n", "\n"), ["b@example.org"]),
            "PHP 8": (["-t", "-i", "-fweb@example.jp"], crlf + TEXT, ["b@example.org"]),
            "nodemailer": (["-i", "-f", "web@example.jp", "b@example.org", "c@example.org"], root + TEXT, ["b@example.org", "c@example.org"]),
            "Rails": (["-i", "-f", "web@example.jp", "--", "b@example.org"], head + TEXT, ["b@example.org"]),
            "Symfony": (["-fweb@example.jp", "b@example.org"], head + TEXT.replace("\n.", "\n.."), ["b@example.org"]),
            "Alpine": (["-oi", "-oem", "-t", "-odb"], head + TEXT, ["b@example.org"]),
            "mailutils": (["-oi", "-f", "me@example.jp", "-t"], head + TEXT, ["b@example.org"]),
        }
        for name, (argv, stdin, to) in rows.items():
            with self.subTest(name):
                sandbox.clear()
                self.exact(argv, stdin, to, text=TEXT.replace("\n.\n", "\n") if "\n.\n" not in stdin and "\n..\n" not in stdin else TEXT)

    def test_rkhunter(self):
        self.exact(["root"], "no header at all\n", ["root@example.jp"], subject=None, text="no header at all\n")

    # --- daemons and scripts --------------------------------------------------------------------

    @needs("cron")
    def test_cron(self):
        os.mkdir(os.path.join(self.folder, "crontabs"))
        self.file("crontabs/root", f"MAILTO=admin@example.org\nCONTENT_TYPE=text/plain; charset=UTF-8\n@reboot cat {self.file('text', TEXT)}\n")
        os.mkdir(os.path.join(self.folder, "cron.d"))
        words = self.inside(f"mount -t tmpfs none /run && mount --bind {self.folder}/crontabs /var/spool/cron/crontabs && "
                            f"mount --bind {self.folder}/cron.d /etc/cron.d &&")
        process = shim.Process([*words, "cron", "-f"], env=self.env)
        self.addCleanup(process.end)
        shim.until(lambda: sandbox.box() or process.ended, f"cron's mail: {process.text()}")
        (mail,) = self.arrived(["admin@example.org"], None)["admin@example.org"]
        self.assertRegex(mail["Subject"], r"^Cron <root@.*> cat ")

    @needs("/etc/smartmontools/run.d/10mail", "mail")
    def test_smartd(self):
        body = self.file("body", "The following warning was logged\n")
        self.run_caller(*self.inside(), "/etc/smartmontools/run.d/10mail", body, "-s", "SMART error",
                        "admin@example.org")
        self.arrived(["admin@example.org"], "SMART error", "The following warning was logged\n")

    def test_logwatch(self):
        """Its own header, written to `sendmail -t`."""
        mail = ("To: admin@example.org\nFrom: Logwatch@example.jp\nSubject: Logwatch for web1 (Linux)\nAuto-Submitted: auto-generated\n"
                   "Precedence: bulk\nMIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\nContent-Type: text/plain; charset=UTF-8\n\n"
                   " ################### Logwatch ####################\n")
        self.exact(["-t"], mail, ["admin@example.org"], subject="Logwatch for web1 (Linux)",
                   text=" ################### Logwatch ####################\n")

    # --- mail programs --------------------------------------------------------------------------

    @needs("bsd-mailx")
    def test_bsd_mailx(self):
        self.run_caller(*self.inside(), "bsd-mailx", "-s", "Report", "-a", "From: shop@example.jp", "-a",
                        "Content-Type: text/plain; charset=UTF-8", "-b", "hidden@example.net", "b@example.org", stdin=TEXT)
        self.arrived(["b@example.org", "hidden@example.net"], "Report", sender="shop@example.jp")

    @needs("mutt")
    def test_mutt(self):
        self.run_caller("mutt", "-F", "/dev/null", "-e", f'set sendmail="{self.sendmail} -oem -oi"', "-e", "set charset=utf-8", "-e",
                        "set use_envelope_from=yes", "-e", 'set from="shop@example.jp"', "-e", "set copy=no", "-e", 'set dsn_notify="failure"',
                        "-e", 'set dsn_return="hdrs"', "-s", SUBJECT, "-b", "hidden@example.net", "--", "b@example.org", stdin=TEXT)
        self.arrived(["b@example.org", "hidden@example.net"], sender="shop@example.jp")

    @needs("git", "/usr/lib/git-core/git-send-email")
    def test_git_send_email(self):
        patch = self.file("0001.patch", "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: 山田 <yamada@example.jp>\n"
                          f"Date: Sun, 22 Nov 2026 10:00:00 +0900\nSubject: [PATCH] {SUBJECT}\nMIME-Version: 1.0\n"
                          f"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n{TEXT}")
        self.run_caller("git", "-c", "user.name=山田", "-c", "user.email=yamada@example.jp", "send-email", "--quiet", "--confirm=never",
                        "--suppress-cc=all", f"--sendmail-cmd={self.sendmail}", "--envelope-sender=bounce@example.jp", "--to=b@example.org",
                        "--cc=c@example.org", patch)
        copies = self.arrived(["b@example.org", "c@example.org"], f"[PATCH] {SUBJECT}", sender="yamada@example.jp")
        self.assertEqual(copies["b@example.org"][0]["Cc"], "c@example.org")

    # --- libraries ------------------------------------------------------------------------------

    @needs("php", "/usr/share/php/libphp-phpmailer/autoload.php")
    def test_phpmailer(self):
        for mode in ("isSendmail", "isMail"):
            with self.subTest(mode):
                sandbox.clear()
                script = self.file(mode, f"""<?php
                    require '/usr/share/php/libphp-phpmailer/autoload.php';
                    $mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
                    $mail->{mode}();
                    $mail->Sendmail = '{self.sendmail}';
                    $mail->CharSet = 'UTF-8';
                    $mail->setFrom('shop@example.jp', '店');
                    $mail->Sender = 'bounce@example.jp';
                    $mail->addAddress('b@example.org');
                    $mail->addBCC('hidden@example.net');
                    $mail->Subject = '{SUBJECT}';
                    $mail->Body = '{TEXT}';
                    exit($mail->send() ? 0 : 1);""")
                self.run_caller("php", "-n", "-d", f"sendmail_path={self.sendmail} -t -i", "-d", "extension=mbstring", "-d", "extension=ctype", script)
                self.arrived(["b@example.org", "hidden@example.net"], sender="shop@example.jp")

    @needs("php", "/usr/share/php/Symfony/Component/Mailer/autoload.php")
    def test_symfony(self):
        for mode in ("-bs", "-t -i", "-t"):
            with self.subTest(mode):
                sandbox.clear()
                script = self.file("symfony" + mode.replace(" ", ""), f"""<?php
                    require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
                    $transport = new Symfony\\Component\\Mailer\\Transport\\SendmailTransport('{self.sendmail} {mode}');
                    $mail = (new Symfony\\Component\\Mime\\Email())->from('shop@example.jp')->to('b@example.org')->bcc('hidden@example.net')
                        ->subject('{SUBJECT}')->text('{TEXT}');
                    (new Symfony\\Component\\Mailer\\Mailer($transport))->send($mail);""")
                self.run_caller("php", script)
                self.arrived(["b@example.org", "hidden@example.net"], sender="shop@example.jp")

    @needs("perl", "/usr/share/perl5/MIME/Lite.pm")
    def test_mime_lite(self):
        self.run_caller("perl", "-MMIME::Lite", "-e", """
            my $mail = MIME::Lite->new(From => 'shop@example.jp', To => 'b@example.org', Bcc => 'hidden@example.net',
                Subject => $ARGV[1], Type => 'text/plain; charset=UTF-8', Encoding => '8bit', Data => $ARGV[2]);
            $mail->send('sendmail', "$ARGV[0] -t -oi -oem -fbounce\\@example.jp") or die;""", self.sendmail,
                        "=?UTF-8?B?44GU5rOo5paH44Gu56K66KqN?=", TEXT)
        self.arrived(["b@example.org", "hidden@example.net"], sender="shop@example.jp")

    @needs("perl", "/usr/share/perl5/Email/Sender/Simple.pm")
    def test_email_sender(self):
        self.run_caller("perl", "-MEmail::Sender::Simple=sendmail", "-MEmail::Sender::Transport::Sendmail", "-e", """
            sendmail($ARGV[1], { from => 'bounce@example.jp', to => ['b@example.org', 'hidden@example.net'],
                transport => Email::Sender::Transport::Sendmail->new({ sendmail => $ARGV[0] }) });""", self.sendmail,
                        f"From: shop@example.jp\nTo: b@example.org\nSubject: =?UTF-8?B?44GU5rOo5paH44Gu56K66KqN?=\n{MIME}\n{TEXT}")
        self.arrived(["b@example.org", "hidden@example.net"], sender="shop@example.jp")

    @needs("/usr/bin/unattended-upgrade")
    def test_unattended_upgrades(self):
        """Its own function, which looks for /usr/sbin/sendmail itself."""
        script = self.file("upgrade.py", """
import importlib.machinery, importlib.util, sys
loader = importlib.machinery.SourceFileLoader('uu', '/usr/bin/unattended-upgrade')
spec = importlib.util.spec_from_loader('uu', loader)
uu = importlib.util.module_from_spec(spec)
loader.exec_module(uu)
uu._send_mail_using_sendmail('root@example.jp', 'admin@example.org', 'upgrades', '更新しました\\n')
""")
        self.run_caller(*self.inside(), "/usr/bin/python3", script)
        self.arrived(["admin@example.org"], "upgrades", "更新しました\n")


if __name__ == "__main__":
    tap.main()
