"""The same mail through the other API: Arara's token, its deliveries and its results, against the real programs."""

import hashlib
import io
import json
import subprocess
import tempfile
import zipfile
from email.message import EmailMessage

import mails
import shim
import tap
import unittest

CLIENT = "shop-client"
EVERYONE = ["yamada@example.org", "keiri@example.org", "audit@example.org", "hidden@example.net"]

# Fault of the sandbox -> beginning of the reply to the final dot, and how many copies it kept.
VERDICTS = {
    "error=400": ("554 5.6.0", 0), "error=500": ("451 4.3.0", 0), "error=too-many": ("451 4.3.2", 0),
    "error=message-400": ("554 5.6.0", 0), "error=message-500": ("451 4.3.0", 0),
    "status=500": ("451 4.3.0", 0), "status=502": ("451 4.3.0", 0), "status=429": ("451 4.3.2", 0),
    "html": ("451 4.3.0", 0), "truncate": ("451 4.4.2", 1), "close-after": ("451 4.4.2", 1),
    "close-before": ("451 4.4.2", 0),
}


def start(test, *options, more=None, daemon_key=shim.KEY):
    """A sandbox that knows one client, and a daemon with an account for it."""
    secret = ("--client-id", CLIENT, "--client-secret", shim.KEY)
    sandbox = shim.Sandbox(*secret, *options)
    test.addCleanup(sandbox.end)
    more = {**(more or {}), "shimta": (more or {}).get("shimta", "") + shim.NO_QUEUE}
    daemon = shim.Daemon(sandbox.url, more, user=CLIENT, key=daemon_key, account=shim.ARARA)
    test.addCleanup(daemon.end)
    return sandbox, daemon


def note(subject="memo", text="text\n", html=None, to="yamada@example.org"):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.jp", to, subject
    mail.set_content(text, cte="base64")
    if html:
        mail.add_alternative(html, subtype="html", cte="base64")
    return mail


def raw(mail):
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


def health(sandbox):
    return json.loads(sandbox.get("/health"))


class AraraTest(unittest.TestCase):
    def send(self, daemon, recipients, message, want="250"):
        code, text = daemon.send("shop@example.jp", recipients, message)
        self.assertTrue(f"{code} {text}".startswith(want), f"{code} {text}")
        return text

    def one_copy_each(self, sandbox, recipients):
        copies = sandbox.copies()
        self.assertEqual(sorted(copies), sorted(recipients))
        for address, mail in copies.items():
            self.assertEqual(len(mail), 1, address)
        return {address: mail[0] for address, mail in copies.items()}

    def test_order(self):
        sandbox, daemon = start(self)
        text = self.send(daemon, EVERYONE, mails.order())
        ids = {row["delivery_id"] for row in sandbox.box()}
        self.assertEqual(len(ids), 1, "one delivery for all")
        self.assertIn(f"queued as {ids.pop()}", text)
        for address, mail in self.one_copy_each(sandbox, EVERYONE).items():
            self.assertEqual(mail["Subject"], mails.SUBJECT)
            self.assertEqual(str(mail["From"]), "店 <shop@example.jp>")
            self.assertEqual([a.addr_spec for a in mail["To"].addresses], ["yamada@example.org"])
            self.assertEqual([a.addr_spec for a in mail["Cc"].addresses], ["keiri@example.org"])
            self.assertEqual(shim.text_of(mail), mails.TEXT)
            self.assertEqual(shim.text_of(mail, "html").rstrip("\n"), mails.HTML)
            picture, = mail.iter_attachments()
            self.assertEqual(picture.get_filename(), "領収書 第12号.png")
            self.assertEqual(picture.get_payload(decode=True), mails.png())
        self.assert_hidden(sandbox, EVERYONE[2:])

    def assert_hidden(self, sandbox, hidden):
        for row in sandbox.box():
            copy = sandbox.get(f"/messages/{row['number']}")
            for address in hidden:
                if row["to"] != address:
                    self.assertNotIn(address.encode(), copy)

    def test_only_hidden(self):
        sandbox, daemon = start(self)
        self.send(daemon, EVERYONE[2:], mails.order(to=("undisclosed-recipients:;",), cc=()))
        for address, mail in self.one_copy_each(sandbox, EVERYONE[2:]).items():
            self.assertEqual([a.addr_spec for a in mail["To"].addresses], [address])
            self.assertIsNone(mail["Cc"])
        self.assert_hidden(sandbox, EVERYONE[2:])

    def test_several_to(self):
        both = ["yamada@example.org", "suzuki@example.org"]
        message = mails.order(to=both, cc=())
        sandbox, daemon = start(self)
        self.send(daemon, both, message)
        for mail in self.one_copy_each(sandbox, both).values():
            self.assertEqual((str(mail["To"]), str(mail["Cc"])), tuple(both))

        sandbox, daemon = start(self, more={"account main": "multi-to = separate\n"})
        self.send(daemon, both, message)
        for address, mail in self.one_copy_each(sandbox, both).items():
            self.assertEqual((str(mail["To"]), mail["Cc"]), (address, None))

    def test_markers_stay(self):
        for unknown in ("keep", "empty"):
            sandbox, daemon = start(self, "--unknown-marker", unknown)
            words = "##name## #### ###z### ##注文## a##b##c## ## end"
            self.send(daemon, EVERYONE[:1], raw(note(words, words + "\n", f"<p>{words}</p>\n")))
            mail = self.one_copy_each(sandbox, EVERYONE[:1])[EVERYONE[0]]
            self.assertEqual(mail["Subject"], words)
            self.assertEqual(shim.text_of(mail).rstrip("\n"), words)
            self.assertEqual(shim.text_of(mail, "html").rstrip("\n"), f"<p>{words}</p>")

    def test_verdicts(self):
        sandbox, daemon = start(self)
        for fault, (want, kept) in VERDICTS.items():
            with self.subTest(fault=fault):
                sandbox.clear()
                sandbox.fault(fault + "@/send")
                self.send(daemon, EVERYONE[:1], mails.order(cc=()), want)
                self.assertEqual(len(sandbox.box()), kept, "sent twice, or when refused")
                self.send(daemon, EVERYONE[:1], mails.order(cc=()), "250 2.0.0 Ok: queued as ")

    def test_used_request_id(self):
        """Nobody but us makes that id: it is looked up, and the mail goes with another one."""
        sandbox, daemon = start(self)
        sandbox.fault("error=409@/send")
        self.send(daemon, EVERYONE[:1], mails.order(cc=()))
        self.one_copy_each(sandbox, EVERYONE[:1])

    def test_login_is_shared(self):
        sandbox, daemon = start(self)
        for number in range(10):
            self.send(daemon, [f"r{number}@example.org"], mails.order(cc=()))
        self.assertEqual(health(sandbox)["logins"], 1)
        self.one_copy_each(sandbox, [f"r{number}@example.org" for number in range(10)])

    def test_login_is_renewed_once(self):
        sandbox, daemon = start(self)
        self.send(daemon, EVERYONE[:1], mails.order(cc=()))
        sandbox.fault("status=401@/send")
        self.send(daemon, EVERYONE[:1], mails.order(cc=()))
        self.assertEqual(health(sandbox)["logins"], 2)
        sandbox.fault("status=401@/send", 2)
        self.send(daemon, EVERYONE[:1], mails.order(cc=()), "454 4.7.0")
        self.assertEqual(health(sandbox)["logins"], 3)
        self.assertEqual(len(sandbox.box()), 2)

    def test_login_that_ends_is_renewed(self):
        sandbox, daemon = start(self, "--token-lifetime", "1")
        sent = []

        def renewed():
            sent.append(f"r{len(sent)}@example.org")
            self.send(daemon, sent[-1:], mails.order(cc=()))
            return health(sandbox)["logins"] > 1

        shim.until(renewed, "a second login")
        self.one_copy_each(sandbox, sent)

    def test_wrong_secret(self):
        wrong = "not-the-secret-and-never-shown"
        sandbox, daemon = start(self, daemon_key=wrong)
        text = self.send(daemon, EVERYONE[:1], mails.order(cc=()), "454 4.7.0")
        self.assertEqual(sandbox.box(), [])
        daemon.wait_line(r"to=yamada@example\.org")
        for said in (text, daemon.text(), sandbox.text()):
            self.assertNotIn(wrong, said)

    def test_nothing_secret_is_logged(self):
        sandbox, daemon = start(self, more={"shimta": "log-level = debug\n"})
        self.send(daemon, EVERYONE[:1], mails.order(cc=()))
        sandbox.fault("status=401@/send", 2)
        self.send(daemon, EVERYONE[:1], mails.order(cc=()), "454")
        daemon.wait_line(r"rule=headers-dropped .*X-Mailer")
        self.assertNotIn(shim.KEY, daemon.text())
        self.assertNotRegex(daemon.text(), r"(?i)bearer|basic [a-z0-9+/]{8}")

    def test_explanation_shows_no_headers(self):
        _, daemon = start(self)
        with tempfile.NamedTemporaryFile() as file:
            file.write(mails.order())
            file.flush()
            done = subprocess.run([shim.program("shimtad"), "-c", daemon.conf, "--explain", file.name, "--json"],
                                  capture_output=True, timeout=shim.PATIENCE, check=True)
        account, = json.loads(done.stdout)["accounts"]
        self.assertNotIn("headers", account["fields"])
        self.assertIn("headers-dropped", [change["rule"] for change in account["changes"]])

    def test_surplus_is_packed(self):
        sandbox, daemon = start(self)
        mail = note()
        for number in range(1, 5):
            mail.add_attachment(f"file {number}\n".encode(), maintype="text", subtype="csv", filename=f"表{number}.csv")
        self.send(daemon, EVERYONE[:1], raw(mail))
        parts = list(self.one_copy_each(sandbox, EVERYONE[:1])[EVERYONE[0]].iter_attachments())
        self.assertEqual([part.get_filename() for part in parts], ["表1.csv", "表2.csv", "attachments.zip"])
        with zipfile.ZipFile(io.BytesIO(parts[2].get_payload(decode=True))) as packed:
            self.assertEqual({name: packed.read(name) for name in packed.namelist()},
                             {"表3.csv": b"file 3\n", "表4.csv": b"file 4\n"})

    def test_names_get_an_extension(self):
        sandbox, daemon = start(self)
        mail = note()
        mail.add_attachment("read me\n", filename="README")
        mail.add_attachment(b"\0\1", maintype="application", subtype="x-nobody-knows", filename="core")
        self.send(daemon, EVERYONE[:1], raw(mail))
        parts = self.one_copy_each(sandbox, EVERYONE[:1])[EVERYONE[0]].iter_attachments()
        self.assertEqual([part.get_filename() for part in parts], ["README.txt", "core.bin"])
        daemon.wait_line(r"rule=attachment-renamed .*README\.txt")

    def test_long_lines_are_broken(self):
        sandbox, daemon = start(self)
        text = "長い一行です。" * 200 + " ##注文##" * 200 + "x" * 3000
        page = f"<p>{'長い一行です。' * 200}</p><b>{'日' * 400}</b>" + "<i>a</i>" * 300
        self.send(daemon, EVERYONE[:1], raw(note("long", text + "\n", page + "\n")))
        mail = self.one_copy_each(sandbox, EVERYONE[:1])[EVERYONE[0]]
        self.assertEqual(shim.text_of(mail).replace("\n", ""), text)
        self.assertEqual(shim.text_of(mail, "html").replace("<!--\n-->", "").replace("\n", ""), page)
        daemon.wait_line(r"rule=long-lines .*HTML")

    def test_large_attachment_is_streamed(self):
        sandbox, daemon = start(self, more={"listen tcp": "max-size = 64M\n"})
        message, content = mails.with_attachment(25 * 1024 * 1024)
        self.send(daemon, ["b@example.org"], message)
        part, = self.one_copy_each(sandbox, ["b@example.org"])["b@example.org"].iter_attachments()
        self.assertEqual(hashlib.sha256(part.get_payload(decode=True)).digest(), hashlib.sha256(content).digest())
        if not shim.sanitized():
            self.assertLess(daemon.status("VmHWM"), 64 * 1024)

    def test_sendmail(self):
        sandbox, daemon = start(self)
        message = mails.order().replace(b"\r\n", b"\n").replace(b"Subject:", b"Bcc: hidden@example.net\nSubject:", 1)
        done = daemon.sendmail("-t", "-i", "-v", stdin=message)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(sandbox.box()[0]["delivery_id"].encode(), done.stdout + done.stderr)
        self.one_copy_each(sandbox, ["hidden@example.net", "keiri@example.org", "yamada@example.org"])
        self.assert_hidden(sandbox, ["hidden@example.net"])


if __name__ == "__main__":
    tap.main()
