"""Mail programs and libraries that submit over TLS with a password, as people have them: what they send arrives, and they
notice a wrong password, a foreign authority and an old certificate. What is not installed is skipped."""

import os
import smtplib
import ssl

import peers
import shim
import tap
from peers import BCC, CC, EVERYBODY, TO, USER, needs
import unittest


def needs_file(*paths):
    missing = [path for path in paths if not os.path.exists(path)]
    return unittest.skipIf(missing, f"{', '.join(missing)} is not installed")


def setUpModule():
    peers.PeerTest.world = peers.World()


class ProgramTest(peers.PeerTest):
    def test_python(self):
        def client(tried):
            context = ssl.create_default_context(cafile=tried.ca)
            kind = (smtplib.SMTP_SSL, {"context": context}) if tried.implicit else (smtplib.SMTP, {})
            try:
                with kind[0]("localhost", tried.port, "client.test", timeout=shim.PATIENCE, **kind[1]) as smtp:
                    if not tried.implicit:
                        smtp.starttls(context=context)
                    smtp.ehlo()
                    smtp.user, smtp.password = USER, tried.password
                    smtp.auth(tried.mechanism, getattr(smtp, "auth_" + tried.mechanism.lower()))
                    smtp.sendmail("shop@example.jp", EVERYBODY, peers.crlf(tried.letter.raw), ["BODY=8BITMIME"])
            except (OSError, smtplib.SMTPException) as error:
                return False, str(error)
            return True, ""

        self.ask(client)

    @needs("curl")
    def test_curl(self):
        def client(tried):
            path = self.file("mail", tried.letter.raw)
            to = [word for address in EVERYBODY for word in ("--mail-rcpt", address)]
            return self.run_client("curl", "-sS", "--cacert", tried.ca, "--crlf", *([] if tried.implicit else ["--ssl-reqd"]),
                                   f"smtp{'s' if tried.implicit else ''}://localhost:{tried.port}/client.test", "--user",
                                   f"{USER}:{tried.password}", "--login-options", f"AUTH={tried.mechanism}", "--mail-from",
                                   "shop@example.jp", *to, "--upload-file", path)

        self.ask(client, wrong="(?i)login denied")

    @needs("swaks")
    def test_swaks(self):
        def client(tried):
            return self.run_client("swaks", "--server", "localhost", "--port", str(tried.port), "--tls-on-connect" if tried.implicit
                                   else "--tls", "--tls-verify", "--tls-ca-path", tried.ca, "--auth", tried.mechanism, "--auth-user", USER,
                                   "--auth-password", tried.password, "--from", "shop@example.jp", "--to", ",".join(EVERYBODY),
                                   "--data", "@" + self.file("mail", tried.letter.raw))

        self.ask(client)

    @needs("msmtp")
    def test_msmtp(self):
        def client(tried):
            conf = self.file("msmtprc", f"account default\nhost localhost\nport {tried.port}\nfrom shop@example.jp\ntls on\n"
                             f"tls_starttls {'off' if tried.implicit else 'on'}\ntls_trust_file {tried.ca}\nauth {tried.mechanism.lower()}\n"
                             f"user {USER}\npassword {tried.password}\n")
            return self.run_client("msmtp", "-C", conf, "-t", stdin=tried.letter.raw)

        self.ask(client, mechanisms=("SCRAM-SHA-256", "PLAIN", "LOGIN"))

    @needs("s-nail")
    def test_s_nail(self):
        def client(tried):
            sets = ["v15-compat", "sendwait", "smtp-config=-all", *([] if tried.implicit else ["smtp-use-starttls"]), "tls-verify=strict",
                    f"DEAD={self.folder}/dead", f"tls-ca-file={tried.ca}", "tls-ca-no-defaults", "smtp-auth=" + tried.mechanism.lower(), "hostname=client.test",
                    "ttycharset=utf-8", f"sendcharsets={tried.letter.charset}", "from=shop@example.jp",
                    f"mta=smtp{'s' if tried.implicit else ''}://{USER.replace('@', '%40')}:{tried.password.replace('=', '%3D')}"
                    f"@localhost:{tried.port}"]
            return self.run_client("s-nail", "-:/", *[word for one in sets for word in ("-S", one)], "-s", tried.letter.subject, "-a",
                                   tried.letter.path, "-c", CC, "-b", BCC, TO, stdin=tried.letter.text.encode())

        self.ask(client)

    @needs("mutt")
    def test_mutt(self):
        def client(tried):
            conf = self.file("muttrc", f"""set realname="店" from=shop@example.jp use_from=yes copy=no charset=utf-8
set send_charset="{tried.letter.charset}" ssl_starttls=yes ssl_force_tls=yes ssl_verify_host=yes ssl_verify_dates=yes
set ssl_ca_certificates_file="{tried.ca}" smtp_authenticators="{tried.mechanism.lower()}"
set smtp_url="smtp{'s' if tried.implicit else ''}://{USER.replace('@', '%40')}@localhost:{tried.port}/"
set smtp_pass="{tried.password}" record="" sendmail_wait=0
""")
            return self.run_client("mutt", "-n", "-F", conf, "-s", tried.letter.subject, "-c", CC, "-b", BCC, "-a", tried.letter.path,
                                   "--", TO, stdin=tried.letter.text.encode(), env={"TERM": "dumb"})

        self.ask(client, mechanisms=("SCRAM-SHA-256", "PLAIN"))

    @needs("git", "perl")
    @needs_file("/usr/lib/git-core/git-send-email", "/usr/share/perl5/Authen/SASL.pm", "/usr/share/perl5/IO/Socket/SSL.pm")
    def test_git_send_email(self):
        def client(tried):
            raw = peers.letter(tried.letter.charset, None, bcc=False).raw
            return self.run_client("git", "-c", "user.name=店", "-c", "user.email=shop@example.jp", "send-email", "--quiet", "--confirm=never",
                                   "--suppress-cc=all", "--smtp-server=localhost", f"--smtp-server-port={tried.port}",
                                   f"--smtp-encryption={'ssl' if tried.implicit else 'tls'}", f"--smtp-ssl-cert-path={tried.ca}",
                                   f"--smtp-auth={tried.mechanism}", f"--smtp-user={USER}", f"--smtp-pass={tried.password}",
                                   "--from=店 <shop@example.jp>", "--envelope-sender=shop@example.jp", f"--to={TO}", f"--cc={CC}",
                                   f"--bcc={BCC}", self.file("0001.patch", raw))

        self.ask(client, wrong=r"5\.7\.8 Wrong user or password")


class LibraryTest(peers.PeerTest):
    @needs("perl")
    @needs_file("/usr/share/perl5/Authen/SASL.pm", "/usr/share/perl5/IO/Socket/SSL.pm")
    def test_net_smtp(self):
        script = """
            use strict; use Net::SMTP; use Authen::SASL;
            my ($port, $implicit, $ca, $mechanism, $user, $password, @to) = @ARGV;
            my $smtp = Net::SMTP->new('localhost', Port => $port, SSL => $implicit, SSL_ca_file => $ca, SSL_verify_mode => 1,
                Hello => 'client.test') or die "$@ $IO::Socket::SSL::SSL_ERROR";
            $implicit or $smtp->starttls(SSL_ca_file => $ca, SSL_verify_mode => 1) or die "$IO::Socket::SSL::SSL_ERROR";
            my $sasl = Authen::SASL->new(mechanism => $mechanism, callback => { user => $user, pass => $password, authname => $user });
            $smtp->auth($sasl) or die $smtp->code . ' ' . $smtp->message;
            $smtp->mail('shop@example.jp', Bits => 8) && $smtp->to(@to) && $smtp->data() or die $smtp->message;
            while (my $line = <STDIN>) { $smtp->datasend($line) or die }
            $smtp->dataend() or die $smtp->message;
            $smtp->quit() or die;"""

        def client(tried):
            return self.run_client("perl", "-e", script, str(tried.port), "1" if tried.implicit else "0", tried.ca, tried.mechanism, USER,
                                   tried.password, *EVERYBODY, stdin=tried.letter.raw)

        self.ask(client)

    @needs("node")
    @needs_file("/usr/share/nodejs/nodemailer/package.json")
    def test_nodemailer(self):
        script = """
            const how = JSON.parse(process.argv[1]);
            const transport = require('nodemailer').createTransport({
                host: 'localhost', port: how.port, secure: how.implicit, requireTLS: true, authMethod: how.mechanism,
                auth: { user: how.user, pass: how.password }, tls: { ca: require('fs').readFileSync(how.ca) } });
            transport.sendMail({ from: '店 <shop@example.jp>', to: `山田 <${how.to}>`, cc: how.cc, bcc: how.bcc, subject: how.subject,
                text: how.text, attachments: [{ path: how.path }] })
                .catch(error => { console.error(error.message); process.exitCode = 1; });"""

        def client(tried):
            return self.run_client("node", "-e", script, self.composed(tried), env={"NODE_PATH": "/usr/share/nodejs"})

        self.ask(client)

    @needs("php")
    @needs_file("/usr/share/php/libphp-phpmailer/autoload.php")
    def test_phpmailer(self):
        script = self.file("mail.php", """<?php
            require '/usr/share/php/libphp-phpmailer/autoload.php';
            $how = json_decode($argv[1]);
            $mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
            $mail->isSMTP();
            $mail->Host = 'localhost';
            $mail->Port = $how->port;
            $mail->SMTPSecure = $how->implicit ? 'ssl' : 'tls';
            $mail->SMTPOptions = ['ssl' => ['cafile' => $how->ca]];
            $mail->SMTPAuth = true;
            $mail->AuthType = $how->mechanism;
            $mail->Username = $how->user;
            $mail->Password = $how->password;
            $mail->CharSet = $how->charset;
            $mail->setFrom('shop@example.jp', mb_convert_encoding('店', $how->charset, 'UTF-8'));
            $mail->addAddress($how->to);
            $mail->addCC($how->cc);
            $mail->addBCC($how->bcc);
            $mail->addAttachment($how->path, mb_convert_encoding(basename($how->path), $how->charset, 'UTF-8'));
            $mail->Subject = mb_convert_encoding($how->subject, $how->charset, 'UTF-8');
            $mail->Body = mb_convert_encoding($how->text, $how->charset, 'UTF-8');
            try { $mail->send(); } catch (Exception $error) { echo $error->getMessage(); exit(1); }""")

        def client(tried):
            return self.run_client("php", "-n", "-d", "extension=mbstring", "-d", "extension=ctype", script, self.composed(tried))

        wanted = "(?i)certificate|could not connect to SMTP host"
        self.ask(client, untrusted=wanted, expired=wanted)

    @needs("php")
    @needs_file("/usr/share/php/Symfony/Component/Mailer/autoload.php")
    def test_symfony(self):
        script = self.file("mail.php", """<?php
            require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
            use Symfony\\Component\\Mailer\\Transport\\Smtp\\{EsmtpTransport, Auth\\PlainAuthenticator, Auth\\LoginAuthenticator};
            $how = json_decode($argv[1]);
            $transport = new EsmtpTransport('localhost', $how->port, $how->implicit);
            $transport->setUsername($how->user)->setPassword($how->password);
            $transport->getStream()->setStreamOptions(['ssl' => ['cafile' => $how->ca]]);
            (function ($kept) { $this->authenticators = $kept; })->call($transport, $how->mechanism == 'PLAIN' ? [new PlainAuthenticator()] : [new LoginAuthenticator()]);
            $mail = (new Symfony\\Component\\Mime\\Email())->from('店 <shop@example.jp>')->to($how->to)->cc($how->cc)->bcc($how->bcc)
                ->subject($how->subject)->text($how->text)->attachFromPath($how->path);
            try { $transport->send($mail); } catch (Exception $error) { echo $error->getMessage(); exit(1); }""")

        def client(tried):
            return self.run_client("php", script, self.composed(tried))

        self.ask(client)


if __name__ == "__main__":
    tap.main()
