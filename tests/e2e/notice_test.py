#!/usr/bin/python3
"""How senders are told that mail came back which an API had taken: what the bounce says, and where it goes."""

import contextlib
import email
import email.header
import email.policy
import itertools
import os
import signal
import socket
import sqlite3
import sys
import threading
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
import feedback_test
import secure
import shim
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

    def lmtp(self, answers):
        """A server at the end of a socket; answers(line) -> reply, or None to say nothing."""
        path = os.path.join(self.make_folder(), "lmtp")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(5)
        self.addCleanup(listener.close)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    peer = listener.accept()[0]
                    peers.append(peer)
                    threading.Thread(target=talk, args=(peer,), daemon=True).start()

        def talk(peer):
            with contextlib.suppress(OSError), peer, peer.makefile("rb") as lines:
                in_data = False
                for line in itertools.chain([b""], lines):
                    if in_data and line != b".\r\n":
                        continue
                    reply = answers(line)
                    in_data = reply and reply.startswith(b"354")
                    if reply:
                        peer.sendall(reply + b"\r\n")

        peers = []
        threading.Thread(target=serve, daemon=True).start()
        return path, peers

    def owed(self, state):
        with contextlib.closing(sqlite3.connect(f"{state}/feedback.db", timeout=10)) as table:
            return table.execute("SELECT count(*) FROM recipient WHERE owed = 1").fetchone()[0]

    def test_one_that_hangs_holds_up_no_other(self):
        path, peers = self.lmtp(lambda line: None)
        state = self.make_folder()
        to, folder = self.box()
        key = secure.write(os.path.join(self.make_folder(), "key"), "k\n")
        other = shim.ARARA.format(url=self.api.url, user="u", key_file=key) + "feedback = on\nfeedback-interval = 1s\n" + to
        sections = {"account main": f"feedback = on\nfeedback-interval = 1s\nfeedback-to = lmtp:{path}\n",
                    "account other": other, "route other": "to = other.test\naccount = other\n",
                    "metrics": "address = 127.0.0.1:0\n"}
        daemon = shim.Daemon(self.api.url, account=shim.ARARA, more=sections, state=state)
        self.addCleanup(daemon.end)
        self.send(daemon, "gone@example.org")
        shim.until(lambda: peers, "the LMTP server is called")
        self.send(daemon, "gone@other.test")
        folder.wait(1)
        self.assertNotIn("notice-failed", daemon.text())  # the one still hangs
        port = int(daemon.wait_line(r"^metrics .*port=(\d+)").group(1))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=shim.PATIENCE) as answer:
            figures = answer.read().decode()
        self.assertIn('shimta_feedback_bounces_owed{account="main"} 1\n', figures)
        self.assertIn('shimta_feedback_bounces_total{account="other"} 1\n', figures)
        daemon.child.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.child.wait(30), 0)  # half of what the server has otherwise
        daemon.wait()
        self.assertEqual(self.owed(state), 1)
        sections["account main"] = "feedback = on\nfeedback-interval = 1s\n" + to
        daemon = shim.Daemon(self.api.url, account=shim.ARARA, more=sections, state=state)
        self.addCleanup(daemon.end)
        daemon.wait_line(r"^notice .*to=maildir:\S+ account=main ")
        self.assertEqual(len(folder.wait(2)), 2)

    def test_reload_while_one_hangs(self):
        path, peers = self.lmtp(lambda line: None)
        daemon = self.start(f"feedback-to = lmtp:{path}\n")
        self.send(daemon, "gone0@example.org")
        shim.until(lambda: peers, "the LMTP server is called")
        for number in 1, 2:
            self.send(daemon, f"gone{number}@example.org")
        to, folder = self.box()
        with open(daemon.conf) as file:
            text = file.read()
        with open(daemon.conf, "w") as file:
            file.write(text.replace(f"feedback-to = lmtp:{path}\n", to))
        daemon.child.send_signal(signal.SIGHUP)
        self.assertEqual(len(folder.wait(3)), 3)

    def test_refused_for_good(self):
        path, _ = self.lmtp(lambda line: b"550 5.1.1 Nobody here" if line.startswith(b"RCPT") else b"250 Ok")
        state = self.make_folder()
        daemon = self.start(f"feedback-to = lmtp:{path}\n", state=state)
        self.send(daemon, "gone@example.org")
        daemon.wait_line(r'^notice-lost .*to="shop@example.jp by lmtp:.*kept=\S+/dead/new/\S+ .*550 5.1.1 Nobody here')
        shim.until(lambda: self.owed(state) == 0, "nothing is owed any more")
        self.check(Folder(f"{state}/dead").mails()[0])
        trace = self.shimta(daemon, "trace", "gone@example.org").stdout
        self.assertRegex(trace, "was given up: .*550 5.1.1 Nobody here")

    def test_given_up_with_age(self):
        state = self.make_folder()
        daemon = self.start(f"feedback-to = lmtp:{state}/none\n", state=state)
        for number in range(3):
            self.send(daemon, f"gone{number}@example.org")
        daemon.wait_line(r"^notice-failed .*to=\"shop@example.jp by lmtp:")
        shim.until(lambda: self.owed(state) == 3, "three bounces are owed")
        daemon.end()
        self.assertEqual(daemon.text().count("\nnotice-failed "), 1)  # the others wait for the same server
        with contextlib.closing(sqlite3.connect(f"{state}/feedback.db", isolation_level=None)) as table:
            table.execute("UPDATE recipient SET failed_ms = failed_ms - 6 * 86400000 WHERE shown <> 'gone2@example.org'")
        daemon = self.start(f"feedback-to = lmtp:{state}/none\n", state=state)
        daemon.wait_line(r"^notice-failed ")
        self.assertEqual(daemon.text().count("\nnotice-lost "), 2)
        self.assertEqual((self.owed(state), len(Folder(f"{state}/dead").mails())), (1, 2))
        to, folder = self.box()
        with open(daemon.conf) as file:
            text = file.read()
        with open(daemon.conf, "w") as file:
            file.write(text.replace(f"feedback-to = lmtp:{state}/none\n", to))
        daemon.child.send_signal(signal.SIGHUP)  # else it rests for five minutes
        self.assertEqual(list(folder.wait(1)[0].iter_parts())[1].get_payload()[1]["Final-Recipient"],
                         "rfc822; gone2@example.org")

    def test_without_a_queue(self):
        self.api.down = True
        daemon = self.start(shimta="queue = none\n")
        self.send(daemon, "gone@example.org")
        daemon.wait_line(r"^notice-failed .*to=shop@example.jp")
        self.assertNotRegex(daemon.text(), "(?m)^notice ")
        self.assertEqual(self.owed(os.path.join(daemon.folder, "state")), 1)
        self.api.down = False
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_line(r"^notice .*to=shop@example.jp")
        self.assertEqual([sent[1] for sent in self.api.sent].count("shop@example.jp"), 1)

    def test_configuration(self):
        for more, shimta, word in (("feedback-to = nobody\n", "", "feedback-to"),
                                   ("feedback-to = command:prog\n", "confine = no\n", "whole path"),
                                   ("feedback-to = command:/bin/cat\n", "", "confine"),
                                   ("bounce-rate-warning = 5\n", "", "share"),
                                   ("", "journal-lifetime = 0s\n", "journal")):
            with self.assertRaisesRegex(AssertionError, word):
                shim.Daemon(self.api.url, account=shim.ARARA, more={"account main": "feedback = on\n" + more,
                                                                    "shimta": shimta})


if __name__ == "__main__":
    tap.main()
