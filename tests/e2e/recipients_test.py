"""Everyone in the envelope gets the mail once, whatever number of calls, accounts and tries it takes, and
content that an API cannot carry arrives by other means."""

import hashlib
import io
import random
import re
import unittest
import zipfile
from email.message import EmailMessage

import mails
import shim
import tap


def setUpModule():
    global sandbox, daemon
    sandbox = shim.Sandbox()
    unittest.addModuleCleanup(sandbox.end)
    daemon = shim.Daemon(sandbox.url, {"shimta": shim.NO_QUEUE})
    unittest.addModuleCleanup(daemon.end)


def addresses(prefix, count):
    return [f"{prefix}{number}@example.org" for number in range(count)]


def message_to(to=(), cc=(), subject="s", text="x\n"):
    mail = EmailMessage()
    mail["From"] = "shop@example.jp"
    if to:
        mail["To"] = ", ".join(to)
    if cc:
        mail["Cc"] = ", ".join(cc)
    mail["Subject"] = subject
    mail.set_content(text, cte="base64")
    return mail


def wire(mail):
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


class Recipients(unittest.TestCase):
    def setUp(self):
        sandbox.clear()
        sandbox.get("/fault", kind="none")

    def send(self, recipients, mail, to=None):
        return (to or daemon).send("shop@example.jp", recipients, mail if isinstance(mail, bytes) else wire(mail))

    def one_copy_each(self, recipients, box=None):
        copies = (box or sandbox).copies()
        copies.pop("shop@example.jp", None)  # the sender, told of what no queue keeps
        self.assertEqual(sorted(copies), sorted(recipients))
        for address, mail in copies.items():
            self.assertEqual(len(mail), 1, address)
        return {address: mail[0] for address, mail in copies.items()}


class CallsTest(Recipients):
    def test_a_crowd(self):
        to, cc, hidden = addresses("to", 25), addresses("cc", 15), addresses("hidden", 30)
        everyone = to + cc + hidden
        random.Random(7).shuffle(everyone)
        code, text = self.send(everyone, message_to(to, cc))
        self.assertEqual(code, 250, text)
        self.one_copy_each(everyone)
        ids = {row["id"] for row in sandbox.box()}
        self.assertEqual(set(re.findall(r"<[^<>\s]+>", text)), ids)
        for row in sandbox.box():
            raw = sandbox.get(f"/messages/{row['number']}").split(b"\n", 3)[3]  # behind the sandbox's own
            shown = set(re.findall(rb"hidden\d+@example\.org", raw))
            self.assertLessEqual(shown, {row["to"].encode()})

    def test_original_lists(self):
        to = addresses("to", 11)
        self.send(to, message_to(to))
        for mail in self.one_copy_each(to).values():
            self.assertEqual(re.findall(r"to\d+@", mail["X-Original-To-Header"]), [f"to{n}@" for n in range(11)])

    def test_one_of_three_fails(self):
        before = len(daemon.lines)
        sandbox.get("/fault", kind="error=13-002", every="3")
        hidden = addresses("hidden", 3)
        code, text = self.send(hidden, message_to(("undisclosed-recipients:;",)))
        self.assertEqual(code, 250, text)
        sandbox.get("/fault", kind="none")
        lost = daemon.wait_line(r"lost .*to=(hidden\d@example\.org) .*code=451", before)
        self.one_copy_each([address for address in hidden if address != lost.group(1)])

    def test_one_call_accepted_without_answer(self):
        before = len(daemon.lines)
        sandbox.fault("close-after")
        hidden = addresses("hidden", 3)
        code, text = self.send(hidden, message_to(("undisclosed-recipients:;",)))
        self.assertEqual(code, 250, text)
        daemon.wait_line(r"unknown .*to=hidden\d@example\.org .*dsn=4\.4\.2", before)
        self.one_copy_each(hidden)

    def test_all_fail(self):
        sandbox.fault("error=13-002", 3)
        code, text = self.send(addresses("hidden", 3), message_to(("undisclosed-recipients:;",)))
        self.assertEqual((code, text[:5]), (451, "4.3.0"))
        self.assertEqual(sandbox.box(), [])

    def test_within_the_connections(self):
        hidden = addresses("hidden", 200)
        code, text = self.send(hidden, message_to(("undisclosed-recipients:;",)))
        self.assertEqual(code, 250, text)
        self.assertIn("and 100 more, see the log", text)
        self.one_copy_each(hidden)


class AdaptTest(Recipients):
    def test_subject(self):
        for count in (511, 512, 513):
            with self.subTest(count=count):
                sandbox.clear()
                code, text = self.send(["b@example.org"], message_to(["b@example.org"], subject="\U0001f600" * count))
                self.assertEqual(code, 250, text)
                want = "\U0001f600" * count if count <= 512 else "\U0001f600" * 511 + "…"
                self.assertEqual(self.one_copy_each(["b@example.org"])["b@example.org"]["Subject"], want)

    def long_text(self, text, charset="utf-8"):
        head = ("From: shop@example.jp\r\nTo: b@example.org\r\nSubject: long\r\nMIME-Version: 1.0\r\n"
                f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
        code, answer = self.send(["b@example.org"], head.encode() + text.replace("\n", "\r\n").encode(charset))
        self.assertEqual(code, 250, answer)
        mail = self.one_copy_each(["b@example.org"])["b@example.org"]
        whole, = mail.iter_attachments()
        body = shim.text_of(mail)
        self.assertEqual(whole.get_filename(), "message.txt")
        self.assertEqual(len(body.rstrip("\n")) + 1, 524228)
        self.assertTrue(body.endswith("\n[続きは添付の message.txt をご覧ください。 The whole text is attached as message.txt.]\n"))
        self.assertTrue(text.startswith(body[:500000]))
        self.assertEqual(hashlib.sha256(whole.get_payload(decode=True)).digest(),
                         hashlib.sha256(text.encode()).digest())

    def test_long_text(self):
        self.long_text("".join(f"行 {n}: 本文です😀\n" for n in range(40000)))

    def test_long_text_in_iso_2022_jp(self):
        self.long_text("".join(f"{n} 行目の本文です。\n" for n in range(60000)), "iso-2022-jp")

    def test_text_longer_than_memory_holds(self):
        self.long_text("".join(f"{n:07} 行目の本文です。ここまで。\n" for n in range(150000)))

    def test_ten_megabytes_in_one_line(self):
        text = "x" * 10_000_000
        code, answer = self.send(["b@example.org"], ("From: shop@example.jp\r\nTo: b@example.org\r\n\r\n" + text).encode())
        self.assertEqual(code, 250, answer)
        whole, = self.one_copy_each(["b@example.org"])["b@example.org"].iter_attachments()
        self.assertEqual(whole.get_payload(decode=True).rstrip(b"\r\n"), text.encode())

    def test_long_html(self):
        html = "<p>" + "長い文章。" * 110000 + "</p>"
        mail = message_to(["b@example.org"])
        mail.add_alternative(html, subtype="html", cte="base64")
        code, answer = self.send(["b@example.org"], mail)
        self.assertEqual(code, 250, answer)
        copy = self.one_copy_each(["b@example.org"])["b@example.org"]
        whole, = copy.iter_attachments()
        self.assertEqual(shim.text_of(copy), "x\n")
        self.assertIsNone(copy.get_body(("html",)))
        self.assertEqual(whole.get_filename(), "message.html")
        self.assertEqual(whole.get_payload(decode=True).decode("utf-8-sig").rstrip("\n"), html)

    def test_surplus_attachments(self):
        for count in (9, 10, 11, 25):
            with self.subTest(count=count):
                sandbox.clear()
                mail = message_to(["b@example.org"])
                files = {f"請求書 {n}.png": mails.png(n + 1, 3) for n in range(count)}
                for name, content in files.items():
                    mail.add_attachment(content, maintype="image", subtype="png", filename=name)
                code, answer = self.send(["b@example.org"], mail)
                self.assertEqual(code, 250, answer)
                parts = list(self.one_copy_each(["b@example.org"])["b@example.org"].iter_attachments())
                self.assertEqual(len(parts), min(count, 10))
                got = {part.get_filename(): part.get_payload(decode=True) for part in parts}
                if count > 10:
                    with zipfile.ZipFile(io.BytesIO(got.pop("attachments.zip"))) as archive:
                        self.assertIsNone(archive.testzip())
                        self.assertTrue(all(info.flag_bits & 0x800 for info in archive.infolist()))
                        got.update({name: archive.read(name) for name in archive.namelist()})
                self.assertEqual(got, files)

    def test_too_large(self):
        mail = message_to(["b@example.org"])
        mail.add_attachment(b"x" * 16_000_000, maintype="application", subtype="octet-stream", filename="a")
        raw = wire(mail)
        code, text = self.send(["b@example.org"], raw)
        self.assertEqual((code, text[:5]), (552, "5.3.4"))
        self.assertEqual(sandbox.box(), [])

    def test_notes_are_logged(self):
        before = len(daemon.lines)
        self.send(["b@example.org"], message_to(["b@example.org"], subject="s" * 600))
        daemon.wait_line(r"changed .*provider=main rule=subject-cut", before)


class AccountsTest(Recipients):
    @classmethod
    def setUpClass(cls):
        cls.other = shim.Sandbox()
        cls.addClassCleanup(cls.other.end)
        key = daemon.key_file
        cls.account = (f"provider = customers-mail-cloud\nurl = {cls.other.url}\napi-user = shim@example.jp\n"
                       f"api-key-file = {key}\n")
        cls.daemon = shim.Daemon(sandbox.url, {
            "shimta": shim.NO_QUEUE,
            "account main": "fallback = other\nmax-calls = 1\n",
            "account other": cls.account,
            "account strict": cls.account + "limits = refuse\n",
            "route news": "from = *@news.example.jp\naccount = other\n",
            "route partner": "to = partner.example\naccount = other\n",
            "account bulk": f"{cls.account}bulk = yes\n",
            "route bulk": "sender = bulk@example.jp\naccount = bulk\n",
            "route strict": "sender = strict@example.jp\naccount = strict\n",
        })
        cls.addClassCleanup(cls.daemon.end)

    def setUp(self):
        super().setUp()
        self.other.clear()

    def test_fallback(self):
        before = len(self.daemon.lines)
        sandbox.fault("error=13-002")
        code, text = self.send(["b@example.org"], message_to(["b@example.org"]), self.daemon)
        self.assertEqual(code, 250, text)
        self.assertEqual(sandbox.box(), [])
        self.one_copy_each(["b@example.org"], self.other)
        self.daemon.wait_line(r"fallback .*to=b@example\.org provider=main next=other", before)

    def test_fallback_only_for_what_was_not_accepted(self):
        sandbox.fault("close-after")
        sandbox.get("/fault", kind="error=13-002", every="3")
        hidden = addresses("hidden", 5)
        code, text = self.send(hidden, message_to(("undisclosed-recipients:;",)), self.daemon)
        self.assertEqual(code, 250, text)
        self.assertTrue(self.other.box())
        got = [row["to"] for row in sandbox.box() + self.other.box()]
        self.assertEqual(sorted(address for address in got if address != "shop@example.jp"), hidden)

    def test_no_fallback_without_an_answer(self):
        sandbox.fault("close-after")
        code, text = self.send(["b@example.org"], message_to(["b@example.org"]), self.daemon)
        self.assertEqual((code, text[:5]), (451, "4.4.2"))
        self.assertEqual(self.other.box(), [])

    def test_routes(self):
        everyone = ["b@example.org", "c@partner.example"]
        code, text = self.send(everyone, message_to(everyone), self.daemon)
        self.assertEqual(code, 250, text)
        self.one_copy_each(["b@example.org"])
        self.one_copy_each(["c@partner.example"], self.other)
        news = wire(message_to(everyone)).replace(b"shop@example.jp", b"weekly@news.example.jp")
        code, text = self.send(everyone, news, self.daemon)
        self.assertEqual(code, 250, text)
        self.assertEqual(len(sandbox.box()), 1)
        self.assertEqual(len(self.other.box()), 3)

    def bulk(self, recipients, text):
        mail = message_to(("undisclosed-recipients:;",), subject="((#月#)) s", text=text)
        mail["X-Campaign"] = "((#campaign-id#))"
        code, answer = self.daemon.send("bulk@example.jp", recipients, wire(mail))
        self.assertEqual(code, 250, answer)
        for address, copy in self.one_copy_each(recipients, self.other).items():
            self.assertEqual([a.addr_spec for a in copy["To"].addresses], [address])
            self.assertEqual(copy["Subject"], "((#月#)) s")
            self.assertEqual(copy["X-Campaign"], "((#campaign-id#))")
            self.assertEqual(shim.text_of(copy), text)
        return answer, {row["call"] for row in self.other.box()}

    def test_bulk(self):
        answer, calls = self.bulk(addresses("hidden", 120), "Dear ((#customer-id#)), ((#a((#b#))c#)) ((#open\n")
        self.assertEqual(len(calls), 1)
        tag, = {self.other.mail(row["number"])["X-Api-Data"] for row in self.other.box()}
        self.assertEqual(answer, f"2.0.0 Ok: queued as {tag}")

    def test_bulk_cannot_say_it(self):
        _, calls = self.bulk(addresses("hidden", 3), "Dear ((#name#)),\n")
        self.assertEqual(len(calls), 3)

    def test_refuse(self):
        mail = wire(message_to(["b@example.org"], subject="s" * 513))
        code, text = self.daemon.send("strict@example.jp", ["b@example.org"], mail)
        self.assertEqual((code, text), (554, "5.6.3 The subject has over 512 characters"))


if __name__ == "__main__":
    tap.main()
