"""Mail goes through: SMTP and sendmail in, Emails/send out, the Message-Id back."""

import hashlib
import re
import subprocess
import tempfile

import mails
import shim
import tap
import unittest

ID = r"^2\.0\.0 Ok: queued as (<[^<>\s]+>)$"


def setUpModule():
    global sandbox, daemon
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    daemon = shim.Daemon(sandbox.url, {"account main": "from-domains = example.jp\ndefault-from = noreply@example.jp\n"})
    unittest.addModuleCleanup(daemon.end)


class MailTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()

    def deliver(self, recipients, message, sender="shop@example.jp"):
        code, text = daemon.send(sender, recipients, message)
        self.assertEqual(code, 250, text)
        return re.match(ID, text).group(1)

    def one_copy_each(self, recipients):
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), sorted(recipients))
        for address, mail in copies.items():
            self.assertEqual(len(mail), 1, address)
        return {address: mail[0] for address, mail in copies.items()}

    def test_order_by_smtp(self):
        everyone = ["yamada@example.org", "keiri@example.org", "audit@example.org"]
        remote_id = self.deliver(everyone, mails.order())
        copies = self.one_copy_each(everyone)
        for mail in copies.values():
            self.assertEqual(mail["Message-ID"], remote_id)
            self.assertEqual(mail["Subject"], mails.SUBJECT)
            self.assertEqual(mail["From"].addresses[0].addr_spec, "shop@example.jp")
            self.assertEqual(mail["From"].addresses[0].display_name, "店")
            self.assertEqual([(a.display_name, a.addr_spec) for a in mail["To"].addresses], [("山田", everyone[0])])
            self.assertEqual([(a.display_name, a.addr_spec) for a in mail["Cc"].addresses], [("経理", everyone[1])])
            self.assertIsNone(mail["Bcc"])
            self.assertNotIn("audit@example.org", str(mail["To"]) + str(mail["Cc"]))
            self.assertEqual(mail["X-Original-Message-ID"], "<order-12@shop.example.jp>")
            self.assertEqual(mail["X-Mailer"], "注文システム 2.1")
            self.assertEqual(shim.text_of(mail), mails.TEXT)
            self.assertEqual(shim.text_of(mail, "html").rstrip("\n"), mails.HTML)
            picture, = mail.iter_attachments()
            self.assertEqual(picture.get_filename(), "領収書 第12号.png")
            self.assertEqual(picture.get_content_type(), "image/png")
            self.assertEqual(picture.get_content(), mails.png())

    def test_hidden_recipient_shows_nowhere(self):
        everyone = ["yamada@example.org", "hidden@example.net"]
        message = mails.order(cc=()).replace(b"Subject:", b"Bcc: hidden@example.net\r\nSubject:", 1)
        self.deliver(everyone, message)
        for row in sandbox.box():
            raw = sandbox.get(f"/messages/{row['number']}")
            if row["to"] != "hidden@example.net":
                self.assertNotIn(b"hidden@example.net", raw)

    def test_header_addressee_outside_envelope_gets_nothing(self):
        self.deliver(["yamada@example.org"], mails.order())
        mail = self.one_copy_each(["yamada@example.org"])["yamada@example.org"]
        self.assertIsNone(mail["Cc"])
        self.assertIn("keiri@example.org", mail["X-Original-Cc-Header"])

    def test_only_hidden(self):
        message = mails.order(to=("undisclosed-recipients:;",), cc=())
        self.deliver(["solo@example.net"], message)
        mail = self.one_copy_each(["solo@example.net"])["solo@example.net"]
        self.assertEqual([a.addr_spec for a in mail["To"].addresses], ["solo@example.net"])

    def test_duplicates_count_once(self):
        self.deliver(["yamada@example.org", "Yamada@Example.ORG", "yamada@example.org"], mails.order(cc=()))
        self.assertEqual(len(sandbox.box()), 1)

    def test_old_japanese(self):
        self.deliver(["yamada@example.org"], mails.old_japanese(), "suzuki@example.jp")
        mail = self.one_copy_each(["yamada@example.org"])["yamada@example.org"]
        self.assertEqual(mail["Subject"], "日本語の件名です。")
        self.assertEqual(mail["To"].addresses[0].display_name, "山田太郎")
        self.assertEqual(shim.text_of(mail), "本文です。カタカナも。\n")

    def test_unlabelled_shift_jis_with_bare_lf(self):
        self.deliver(["buyer@example.org"], mails.erp_raw(), "erp@example.jp")
        mail = self.one_copy_each(["buyer@example.org"])["buyer@example.org"]
        self.assertEqual(mail["Subject"], "発注書の送付")
        self.assertEqual(shim.text_of(mail), "発注書を送付します。\n金額：①２，０００円\n\n")

    def test_html_only_gets_a_text(self):
        message = ("From: a@example.jp\r\nTo: b@example.org\r\nSubject: h\r\nMIME-Version: 1.0\r\n"
                   "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                   + mails.HTML + "\r\n")
        self.deliver(["b@example.org"], message)
        mail = self.one_copy_each(["b@example.org"])["b@example.org"]
        text = shim.text_of(mail)
        self.assertIn("山田様\n", text)
        self.assertIn("注文を見る <https://shop.example.jp/o/12>", text)
        self.assertNotIn("color:red", text)
        self.assertIn("<b>承りました</b>", shim.text_of(mail, "html"))

    def test_foreign_from_is_rewritten(self):
        self.deliver(["b@example.org"], b"From: Web One <root@web1.local>\r\nTo: b@example.org\r\nSubject: s\r\n\r\nx\r\n")
        mail = self.one_copy_each(["b@example.org"])["b@example.org"]
        self.assertEqual(mail["From"].addresses[0].addr_spec, "noreply@example.jp")
        self.assertEqual(mail["From"].addresses[0].display_name, "Web One")
        self.assertEqual(mail["Reply-To"].addresses[0].addr_spec, "root@web1.local")

    def test_null_sender(self):
        self.deliver(["b@example.org"], b"From: Mailer <md@example.jp>\r\nTo: b@example.org\r\nSubject: dsn\r\n\r\nx\r\n", "")
        self.one_copy_each(["b@example.org"])

    def test_attachments_arrive_whole(self):
        for size in (0, 1, 57, 65536, 5_000_000):
            with self.subTest(size=size):
                sandbox.clear()
                message, content = mails.with_attachment(size)
                self.deliver(["b@example.org"], message)
                part, = self.one_copy_each(["b@example.org"])["b@example.org"].iter_attachments()
                self.assertEqual(hashlib.sha256(part.get_payload(decode=True)).digest(), hashlib.sha256(content).digest())

    def test_line_ends_do_not_count(self):
        """In base64 just below the account's 20 MB, above them with the line ends that SMTP needs."""
        message, content = mails.with_attachment(15_600_000)
        self.assertGreater(len(message), 20 * 1024 * 1024)
        self.deliver(["b@example.org"], message)
        message, content = mails.with_attachment(15_800_000)
        code, text = daemon.send("shop@example.jp", ["b@example.org"], message)
        self.assertEqual(f"{code} {text[:5]}", "552 5.3.4")

    def test_several_mails_in_one_session(self):
        with daemon.raw() as talk:
            talk.hello()
            for number in range(20):
                code, text = talk.transaction("shop@example.jp", [f"r{number}@example.org"], mails.order())
                self.assertEqual(code, 250, text)
            self.assertEqual(talk.ask("QUIT")[0], 221)
        self.one_copy_each([f"r{number}@example.org" for number in range(20)])

    def test_one_log_line_per_recipient(self):
        before = len(daemon.lines)
        remote_id = self.deliver(["yamada@example.org", "audit@example.org"], mails.order(cc=()))
        for address in ("yamada@example.org", "audit@example.org"):
            line = daemon.wait_line(rf"delivered .*to={re.escape(address)}", before).string
            for key in ("id=", "client=127.0.0.1", "from=shop@example.jp", "size=", "_ms=", remote_id):
                self.assertIn(key, line)


class SendmailTest(unittest.TestCase):
    def setUp(self):
        sandbox.clear()

    def submit(self, *argv, stdin=b"", status=0):
        done = daemon.sendmail(*argv, stdin=stdin)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_headers_name_the_recipients(self):
        message = mails.order().replace(b"\r\n", b"\n").replace(b"Subject:", b"Bcc: hidden@example.net\nSubject:", 1)
        done = self.submit("-t", "-i", stdin=message)
        self.assertEqual(done.stdout + done.stderr, b"")
        self.assertEqual(sorted(sandbox.copies()), ["hidden@example.net", "keiri@example.org", "yamada@example.org"])
        for row in sandbox.box():
            if row["to"] != "hidden@example.net":
                self.assertNotIn(b"hidden@", sandbox.get(f"/messages/{row['number']}"))

    def test_verbose_prints_the_id(self):
        done = self.submit("-v", "-i", "b@example.org", stdin=b"Subject: v\n\nx\n")
        self.assertIn(sandbox.box()[0]["id"].encode(), done.stdout + done.stderr)

    def test_cron(self):
        self.submit("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", stdin=mails.cron())
        (address, (mail,)), = sandbox.copies().items()
        self.assertEqual(address, "root@example.jp")
        self.assertEqual(shim.text_of(mail), "バックアップに失敗しました: disk full\n")
        self.assertEqual(mail.get_all("X-Cron-Env"), ["<SHELL=/bin/sh>", "<HOME=/root>"])

    def test_missing_header_is_made(self):
        self.submit("-F", "見張り番", "-f", "watch@example.jp", "b@example.org", stdin=b"just text\nno header\n")
        (_, (mail,)), = sandbox.copies().items()
        self.assertEqual(mail["From"].addresses[0].addr_spec, "watch@example.jp")
        self.assertEqual(mail["From"].addresses[0].display_name, "見張り番")
        self.assertRegex(mail["X-Original-Message-ID"], r"^<\S+@mx\.example\.jp>$")
        self.assertEqual(shim.text_of(mail), "just text\nno header\n")

    def test_dots(self):
        self.submit("b@example.org", stdin=b"Subject: d\n\none\n..two\n.\nnever\n")
        (_, (mail,)), = sandbox.copies().items()
        self.assertEqual(shim.text_of(mail), "one\n.two\n")

    def test_dots_with_i(self):
        self.submit("-i", "b@example.org", stdin=b"Subject: d\n\none\n..two\n.\nthree\n")
        (_, (mail,)), = sandbox.copies().items()
        self.assertEqual(shim.text_of(mail), "one\n..two\n.\nthree\n")

    def test_bs_is_a_session(self):
        talk = (b"EHLO x\r\nMAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
                b"Subject: bs\r\n\r\nhello\r\n.\r\nQUIT\r\n")
        done = subprocess.run([shim.program("sendmail"), "-bs"], input=talk, capture_output=True, timeout=shim.PATIENCE,
                              env={"SHIMTA_CONF": daemon.conf})
        codes = [line[:3] for line in done.stdout.split(b"\r\n") if line[3:4] == b" "]
        self.assertEqual(codes, [b"220", b"250", b"250", b"250", b"354", b"250", b"221"])
        self.assertEqual(list(sandbox.copies()), ["b@example.org"])

    def test_exit_codes(self):
        for argv, stdin, status in ((["-t"], b"Subject: nobody\n\nx\n", 64), ([], b"Subject: x\n\nx\n", 64),
                                    (["a@b@c"], b"\nx\n", 67), (["--", "-oQ/tmp@example.org"], b"\nx\n", 67)):
            with self.subTest(argv=argv):
                done = daemon.sendmail(*argv, stdin=stdin)
                self.assertIn(done.returncode, (status, 65) if status == 67 else (status,), done.stderr)
                self.assertNotEqual(done.stderr, b"")

    def test_direct_without_daemon(self):
        with open(daemon.conf) as file:
            text = file.read()
        conf = daemon.conf + ".direct"
        with open(conf, "w") as file:
            file.write(text.replace("[shimta]\n", "[shimta]\nsubmit = direct\n"))
        self.submit_direct(conf)

        talk = (b"EHLO x\r\nMAIL FROM:<a@example.jp>\r\nRCPT TO:<file@example.org>\r\nDATA\r\nSubject: bs\r\n\r\nx\r\n"
                b".\r\nQUIT\r\n")
        with tempfile.TemporaryFile() as file:
            file.write(talk)
            file.seek(0)
            done = subprocess.run([shim.program("sendmail"), "-bs"], stdin=file, capture_output=True,
                                  timeout=shim.PATIENCE, env={"SHIMTA_CONF": conf})
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn("file@example.org", sandbox.copies())

    def submit_direct(self, conf):
        done = daemon.sendmail("-t", "-v", stdin=mails.order().replace(b"\r\n", b"\n"), env={"SHIMTA_CONF": conf})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(sandbox.box()[0]["id"].encode(), done.stdout + done.stderr)
        self.assertEqual(sorted(sandbox.copies()), ["keiri@example.org", "yamada@example.org"])

    def test_daemon_away(self):
        conf = daemon.conf + ".away"
        with open(conf, "w") as file:
            file.write("[shimta]\nsubmit-wait = 1s\ndrop-dir = /nonexistent/drop\n[listen s]\nsendmail = yes\naddress = /nonexistent/submit.sock\n")
        done = daemon.sendmail("b@example.org", stdin=b"\nx\n", env={"SHIMTA_CONF": conf})
        self.assertEqual(done.returncode, 75)
        self.assertNotEqual(done.stderr, b"")


if __name__ == "__main__":
    tap.main()
