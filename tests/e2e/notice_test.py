#!/usr/bin/python3
"""How senders are told that mail came back which an API had taken: what the bounce says, and where it goes."""

import email
import email.header
import email.policy
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import feedback_test
import tap

Folder = feedback_test.Folder
GONE = (False, "550 5.1.1 User unknown")
MAIL = ("From: =?utf-8?B?44K344On44OD44OX?= <shop@example.jp>\r\nTo: {to}\r\nSubject: {subject}\r\n"
        "Bcc: hidden@example.jp,\r\n hidden2@example.jp\r\nResent-Bcc: hidden3@example.jp\r\nX-Campaign: 77\r\n"
        "List-Id: <news.example.jp>\r\nReply-To: answers@example.jp\r\nReferences: <a@example.jp>\r\n <b@example.jp>\r\n"
        "Message-ID: <{to}>\r\n\r\nBODYTEXT\r\n")


class NoticeTest(unittest.TestCase):
    setUp = feedback_test.FeedbackTest.setUp
    start = feedback_test.FeedbackTest.start
    shimta = feedback_test.FeedbackTest.shimta
    make_folder = feedback_test.FeedbackTest.make_folder

    def box(self):
        folder = os.path.join(self.make_folder(), "box")
        return f"feedback-to = maildir:{folder}\n", Folder(folder)

    def send(self, daemon, to, fate=GONE, subject="Hello", options="", rcpt_options=""):
        self.api.fates[to] = fate
        with daemon.raw() as talk:
            talk.hello()
            talk.ask(f"MAIL FROM:<shop@example.jp>{options}")
            talk.ask(f"RCPT TO:<{to}>{rcpt_options}")
            talk.ask("DATA")
            talk.put(MAIL.format(to=to, subject=subject).encode() + b".\r\n")
            self.assertEqual(talk.reply()[0], 250)

    def check(self, mail):
        """A report as RFC 3464 has it; its parts."""
        self.assertEqual(mail.defects, [])
        self.assertEqual((mail.get_content_type(), mail.get_param("report-type")), ("multipart/report", "delivery-status"))
        text, status, original = mail.iter_parts()
        self.assertEqual([part.get_content_type() for part in (text, status, original)],
                         ["text/plain", "message/delivery-status", "text/rfc822-headers"])
        self.assertEqual([part.defects for part in mail.walk() if part.defects], [])
        about, *recipients = status.get_payload()
        self.assertTrue(about["Reporting-MTA"].startswith("dns; "))
        for one in recipients:
            self.assertRegex(one["Final-Recipient"], r"^(rfc822|utf-8); \S+$")
            self.assertEqual(one["Action"], "failed")
            self.assertRegex(one["Status"], r"^[45]\.\d{1,3}\.\d{1,3}$")
        header = email.message_from_string(original.get_content(), policy=email.policy.default)
        self.assertEqual(header.defects, [])
        return text.get_content(), recipients, header

    def test_the_whole_header(self):
        to, folder = self.box()
        daemon = self.start(to)
        subjects = {"any@example.org": "=?iso-2022-jp?B?GyRCQ21KOBsoQg==?=", "full@example.org": "注文の確認",
                    "head@example.org": "=?utf-8?B?5rOo5paH?=\r\n =?utf-8?B?44Gu56K66KqN?="}
        shown = {"any@example.org": "注文", "full@example.org": "注文の確認", "head@example.org": "注文の確認"}
        options = {"any@example.org": "", "full@example.org": " RET=FULL SMTPUTF8", "head@example.org": " RET=HDRS"}
        for address, subject in subjects.items():
            self.send(daemon, address, subject=subject, options=options[address])
        for mail in folder.wait(3):
            words, recipients, header = self.check(mail)
            address = recipients[0]["Final-Recipient"].split("; ")[1]
            with self.subTest(address=address):
                self.assertEqual(header["Subject"], shown[address])
                self.assertEqual(mail["Subject"], f"Undelivered mail: {shown[address]}")
                self.assertIn(shown[address], words)
                self.assertEqual(header["From"].addresses[0].display_name, "ショップ")
                self.assertEqual([header[name] for name in ("X-Campaign", "List-Id", "Reply-To", "Message-ID")],
                                 ["77", "<news.example.jp>", "answers@example.jp", f"<{address}>"])
                self.assertEqual(header["References"].split(), ["<a@example.jp>", "<b@example.jp>"])
                self.assertNotRegex(mail.as_string(), "hidden|BODYTEXT|Bcc")

    def test_what_the_api_said(self):
        to, folder = self.box()
        daemon = self.start(to)
        said = {"a@example.org": ("550 5.1.1 User unknown", "5.1.1", "smtp; 550 5.1.1 User unknown"),
                "b@example.org": ("452 4.2.2 Mailbox full", "4.2.2", "smtp; 452 4.2.2 Mailbox full"),
                "c@example.org": ("host mx said: 554 5.7.1 no", "5.7.1", "X-API; host mx said: 554 5.7.1 no"),
                "d@example.org": ("550 5.1.1 宛先が不明です", "5.1.1", "smtp; 550 5.1.1"),
                "e@example.org": ("", "5.0.0", None)}
        for address, (text, _, _) in said.items():
            self.send(daemon, address, fate=(False, text))
        for mail in folder.wait(len(said)):
            words, (one,), _ = self.check(mail)
            text, status, diagnostic = said[one["Final-Recipient"].split("; ")[1]]
            with self.subTest(text=text):
                self.assertEqual(one["Status"], status)
                self.assertIn(text, words)
                if diagnostic is None:
                    self.assertNotIn("Diagnostic-Code", one)
                else:
                    self.assertEqual(str(one["Diagnostic-Code"]).partition("(")[0].strip(), diagnostic)
                if not text.isascii():
                    raw = one["Diagnostic-Code"]
                    decoded = str(email.header.make_header(email.header.decode_header(raw)))
                    self.assertIn("宛先が不明です", decoded)


if __name__ == "__main__":
    tap.main()
