"""What another parser makes of our notifications: Python's email package reads what dsn_print writes."""

import email
import email.header
import email.policy
import os
import re
import subprocess
import sys
import unittest

SOURCE = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("TOP_BUILDDIR", ".")
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
import tap  # noqa: E402

PLAIN = b"From: Me <sender@example.jp>\r\nTo: a@example.net\r\nSubject: Plan B\r\nMessage-ID: <orig@example.jp>\r\n" \
        b"Bcc: secret@example.net,\r\n other@example.net\r\nResent-Bcc: third@example.net\r\n\r\nBody\r\n"
JAPANESE = ("From: =?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <sender@example.jp>\nSubject: 会議の件\n"
            "To: 田中 <a@example.net>\n\n本文です\n").encode()


class Notification:
    def __init__(self, original, *settings):
        run = subprocess.run([os.path.join(BUILD, "tests", "mail", "dsn_print"), *settings], input=original,
                             stdout=subprocess.PIPE, check=True)
        self.raw = run.stdout
        self.mail = email.message_from_bytes(self.raw, policy=email.policy.SMTP)
        self.text, self.report, self.returned = self.mail.iter_parts()
        self.about_mail, *self.recipients = self.report.iter_parts()

    def words(self):
        return self.text.get_content().replace("\r\n", "\n")


class Shape(unittest.TestCase):
    """Holds for every notification."""

    def check(self, it):
        self.assertEqual(it.mail.defects, [])
        self.assertEqual(it.mail.get_content_type(), "multipart/report")
        self.assertEqual(it.mail.get_param("report-type"), "delivery-status")
        self.assertEqual([p.get_content_type() for p in (it.text, it.report)], ["text/plain", "message/delivery-status"])
        self.assertNotIn(b"\0", it.raw)
        self.assertNotRegex(it.raw, rb"(?<!\r)\n|\r(?!\n)")
        self.assertLessEqual(max(map(len, it.raw.split(b"\r\n"))), 998)
        self.assertEqual(it.raw.count(b"--=_0DsN"), 4)
        for raw in it.raw.split(b"--=_0DsN")[1:-1]:
            declared = re.search(rb"\r\nContent-Transfer-Encoding: (.*)\r\n", raw).group(1)
            self.assertEqual(declared, b"7bit" if raw.isascii() else b"8bit")
        self.assertEqual(it.mail["Content-Transfer-Encoding"], "7bit" if it.raw.isascii() else "8bit")
        for name in ("From", "To", "Date", "Message-ID", "Subject", "Auto-Submitted", "MIME-Version"):
            self.assertEqual(len(it.mail.get_all(name)), 1, name)
        self.assertNotIn("Bcc", it.mail)
        self.assertTrue(it.raw.split(b"Content-Type: message/delivery-status")[1].split(b"--=_0DsN")[0].isascii())
        return it

    def make(self, original, *settings):
        return self.check(Notification(original, *settings))

    def test_failed(self):
        it = self.make(PLAIN, "whole", "rcpt=a@example.net|rfc822;A+b@Example.Net", "envid=QQ 3=1+2",
                       "rcpt=b@example.net")
        self.assertEqual(it.mail["From"].addresses[0].addr_spec, "MAILER-DAEMON@web1.example.jp")
        self.assertEqual(it.mail["From"].addresses[0].display_name, "Mail Delivery System")
        self.assertEqual(it.mail["To"].addresses[0].addr_spec, "sender@example.jp")
        self.assertEqual(it.mail["Subject"], "Undelivered mail: Plan B")
        self.assertEqual(it.mail["Auto-Submitted"], "auto-replied")
        self.assertEqual(it.mail["In-Reply-To"], "<orig@example.jp>")
        self.assertEqual(it.mail["References"], "<orig@example.jp>")
        self.assertEqual(it.mail["Message-ID"], "<0DsN@web1.example.jp>")
        self.assertEqual(it.mail["Date"].datetime.timestamp(), 1795014400)
        self.assertEqual(it.about_mail["Reporting-MTA"], "dns; web1.example.jp")
        self.assertEqual(it.about_mail["Original-Envelope-Id"], "QQ 3=1+2")
        self.assertEqual(email.utils.parsedate_to_datetime(it.about_mail["Arrival-Date"]).timestamp(), 1795000000)
        first, second = it.recipients
        self.assertEqual(first["Original-Recipient"], "rfc822; A+b@Example.Net")
        self.assertEqual(first["Final-Recipient"], "rfc822; a@example.net")
        self.assertEqual((first["Action"], first["Status"]), ("failed", "5.1.1"))
        self.assertEqual(first["Diagnostic-Code"], "smtp; 550 5.1.1 no such user")
        self.assertIn("Last-Attempt-Date", first)
        self.assertNotIn("Will-Retry-Until", first)
        self.assertEqual(second["Final-Recipient"], "rfc822; b@example.net")
        self.assertNotIn("Original-Recipient", second)
        self.assertIn("<a@example.net>\n    550 5.1.1 no such user\n", it.words())
        self.assertEqual(it.returned.get_content_type(), "message/rfc822")
        self.assertEqual(it.returned.get_filename(), "original-message.eml")
        inner = it.returned.get_content()
        self.assertEqual(inner["Subject"], "Plan B")
        self.assertEqual(inner.get_content(), "Body\r\n")

    def test_hidden_stay_hidden(self):
        for settings in (["whole"], []):
            it = self.make(PLAIN, *settings, "rcpt=a@example.net")
            for word in (b"secret", b"other@", b"third@", b"Bcc"):
                self.assertNotIn(word, it.raw)

    def test_header_alone(self):
        it = self.make(PLAIN, "rcpt=a@example.net")
        self.assertEqual(it.returned.get_content_type(), "text/rfc822-headers")
        self.assertEqual(it.returned.get_filename(), "original-header.txt")
        self.assertNotIn(b"Body", it.raw)
        self.assertIn("Message-ID: <orig@example.jp>", it.returned.get_content())

    def test_delayed(self):
        it = self.make(PLAIN, "action=delayed", "verdict=transient", "code=451", "status=4.3.2",
                       "text=11-007 Too many requests", "rcpt=a@example.net")
        one = it.recipients[0]
        self.assertEqual((one["Action"], one["Status"]), ("delayed", "4.3.2"))
        self.assertEqual(email.utils.parsedate_to_datetime(one["Will-Retry-Until"]).timestamp(), 1795432000)
        self.assertRegex(it.words(), r"tried again and again until\n\d{4}-\d\d-\d\d \d\d:\d\d [+-]\d{4}\.")
        self.assertEqual(it.mail["Subject"], "Delayed mail: Plan B")

    def test_relayed(self):
        it = self.make(PLAIN, "action=relayed", "verdict=delivered", "code=250", "status=2.0.0", "text=Ok",
                       "rcpt=a@example.net")
        self.assertEqual((it.recipients[0]["Action"], it.recipients[0]["Status"]), ("relayed", "2.0.0"))
        self.assertIn("handed over", it.words())

    def test_all_at_once(self):
        it = self.make(PLAIN, "action=relayed", "verdict=delivered", "status=2.0.0", "rcpt=a@example.net",
                       "action=delayed", "verdict=transient", "status=4.0.0", "rcpt=b@example.net", "action=failed",
                       "verdict=permanent", "status=5.1.1", "rcpt=c@example.net", "rcpt=d@example.net")
        self.assertEqual([r["Action"] for r in it.recipients], ["relayed", "delayed", "failed", "failed"])
        self.assertEqual([r["Status"][0] for r in it.recipients], ["2", "4", "5", "5"])
        self.assertEqual(it.mail["Subject"], "Undelivered mail: Plan B")
        order = ["could not be", "<c@", "<d@", "not been delivered", "<b@", "handed over", "<a@"]
        self.assertEqual(sorted(order, key=it.words().index), order)

    def test_time_over(self):
        it = self.make(PLAIN, "verdict=transient", "code=451", "status=4.4.1", "rcpt=a@example.net", "verdict=open",
                       "status=", "text=", "rcpt=b@example.net", "verdict=unknown", "status=4.4.2", "rcpt=c@example.net")
        self.assertEqual([r["Status"] for r in it.recipients], ["4.4.1", "4.4.7", "4.4.2"])
        self.assertNotIn("Last-Attempt-Date", it.recipients[1])
        self.assertNotIn("Diagnostic-Code", it.recipients[1])
        self.assertIn("may have been delivered", it.words())

    def test_words_of_another_system(self):
        """As they stand, once; what is not ASCII in a comment (RFC 3464, 2.1.1), and for people as it is."""
        for words, diagnostic, comment in (
                ("550 5.1.1 User unknown", "smtp; 550 5.1.1 User unknown", None),
                ("452 4.2.2 Mailbox full", "smtp; 452 4.2.2 Mailbox full", None),
                ("550-No such user", "smtp; 550-No such user", None),
                ("421", "smtp; 421", None),
                ("5.1.1 gone", "X-API; 5.1.1 gone", None),
                ("host mx said: 554 no", "X-API; host mx said: 554 no", None),
                ("5505 lines", "X-API; 5505 lines", None),
                ("550 5.1.1 <a@x>宛先が 不明です (a)", "smtp; 550 5.1.1", "<a@x>宛先が 不明です (a)"),
                ("宛先が不明です" * 15, "X-API;", "宛先が不明です" * 15),
                ("550 x\r\nAction: delivered", "smtp; 550 x??Action: delivered", None)):
            with self.subTest(words=words):
                it = self.make(PLAIN, "words=" + words, "status=5.1.1", "rcpt=a@example.net")
                one = it.recipients[0]
                self.assertEqual((one["Action"], one["Status"]), ("failed", "5.1.1"))
                raw = re.search(rb"\nDiagnostic-Code: ((?:.*\r\n )*.*)\r\n", it.raw).group(1).decode()
                said, _, hidden = raw.partition("\r\n (")
                self.assertEqual(said, diagnostic)
                decoded = str(email.header.make_header(email.header.decode_header(hidden[:-1]))) if hidden else None
                self.assertEqual(decoded, comment)
                self.assertIn(f"<a@example.net>\n    {words.replace(chr(13), '?').replace(chr(10), '?')}\n", it.words())
        it = self.make(PLAIN, "words=", "rcpt=a@example.net")
        self.assertNotIn("Diagnostic-Code", it.recipients[0])

    def test_japanese(self):
        it = self.make(JAPANESE, "whole", "rcpt=a@example.net")
        self.assertEqual(it.mail["Subject"], "Undelivered mail: 会議の件")
        self.assertIn("could not be delivered", it.words())
        self.assertIn("届けることができませんでした", it.words())
        self.assertIn("本文です".encode(), it.raw)
        self.assertNotIn("届け", self.make(PLAIN, "rcpt=a@example.net").words())
        iso = b"Subject: x\nContent-Type: text/plain; charset=ISO-2022-JP\n\n\x1b$B$\"\x1b(B\n"
        self.assertIn("届け", self.make(iso, "whole", "rcpt=a@example.net").words())

    def test_unicode_addresses(self):
        it = self.make(PLAIN, "to=送信者@例え.jp", "rcpt=受信+者@例え.jp|utf-8;\\x{53D7}=x@例え.jp")
        self.assertEqual(it.recipients[0]["Final-Recipient"],
                         r"utf-8; \x{53D7}\x{4FE1}\x{2B}\x{8005}@\x{4F8B}\x{3048}.jp")
        self.assertEqual(it.recipients[0]["Original-Recipient"], r"utf-8; \x{53D7}=x@\x{4F8B}\x{3048}.jp")
        self.assertIn("To: <送信者@例え.jp>\r\n".encode(), it.raw)

    def test_hostile_values(self):
        bad = "x\r\nBcc: victim@example.net\r\n\r\n--=_0DsX\n"
        it = self.make(PLAIN, "to=" + bad, "envid=" + bad, "text=" + bad, "status=5.9\r", f"rcpt={bad}|rfc822;{bad}",
                       "rcpt=\xe9\xff\u202e\u0007")
        self.assertEqual(len(it.recipients), 2)
        self.assertNotIn(b"\nBcc: ", it.raw)
        self.assertEqual(len(it.about_mail.keys()), 3)

    def test_hostile_original(self):
        original = b"Subject: a\r\rBcc: x@y\0\r\n \xff\xfe =?utf-8?b?" + b"QUFB" * 500 + b"?=\nMessage-ID: <a\x07b>\n" \
                   b"X-Long: " + b"\xe3\x81\x82" * 2000 + b"\nX-Cr: a\rInjected: yes\n\r b\n\nbody\r\rmore\0" + b"y" * 5000
        for settings in (["whole"], []):
            it = self.make(original, *settings, "rcpt=a@example.net")
            self.assertNotIn("In-Reply-To", it.mail)
            self.assertNotRegex(it.raw, rb"\n(Bcc|Injected)")
            self.assertEqual(it.mail["Subject"][:25], "Undelivered mail: a  Bcc:")
        long = re.search(rb"X-Long: (.*?)\r\nX-Cr", Notification(original, "rcpt=a@x").raw, re.S).group(1)
        self.assertEqual(long.decode().replace("\r\n ", ""), "あ" * 2000)

    def test_no_header(self):
        it = self.make(b"just text\n\nmore\n", "whole", "rcpt=a@example.net")
        self.assertEqual(it.mail["Subject"], "Undelivered mail")
        self.assertEqual(it.returned.get_content().keys(), [])
        self.assertEqual(it.returned.get_content().get_content(), "just text\r\n\r\nmore\r\n")

    def test_many(self):
        it = self.make(PLAIN, *(f"rcpt=user{i}@example.net" for i in range(150)))
        self.assertEqual(len(it.recipients), 150)
        self.assertEqual(it.words().count("@example.net"), 100)
        self.assertIn("and 50 more", it.words())


if __name__ == "__main__":
    tap.main()
