"""shimtad --explain on real mails of the corpus: the outline of some against explained/NAME (UPDATE=1 writes them, to be
reviewed as a difference), and the laws of the contract on all."""

import json
import os
import re
import subprocess
import sys
import tempfile

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TESTS, "e2e"))
import shim  # noqa: E402
import tap  # noqa: E402
import unittest  # noqa: E402

CORPUS = os.path.join(TESTS, "mail", "corpus")
GOLDEN = os.path.join(TESTS, "daemon", "explained")
SHOWN = ["apple-mail-mixed", "calendar-invite", "cron", "encrypted-refused", "filenames", "groups-and-hidden", "iso-2022-jp",
         "long-text", "signed-smime", "thunderbird-related"]
CONF = """[shimta]
hostname = mx.example.jp
account = main
default-domain = example.jp
[listen desk]
address = 127.0.0.1:0
[listen lan]
address = 127.0.0.1:0
[account main]
provider = customers-mail-cloud
url = http://127.0.0.1:9
api-user = shim
api-key-file = {0}/key
from-domains = example.jp
default-from = noreply@example.jp
[account second]
provider = arara
url = http://127.0.0.1:9
token-url = http://127.0.0.1:9/oauth2/token
client-id = c
client-secret-file = {0}/key
[account bulk]
provider = customers-mail-cloud
url = http://127.0.0.1:9
api-user = shim
api-key-file = {0}/key
bulk = yes
charset = iso-2022-jp
[route bulk]
sender = bulk@example.jp
account = bulk
[route news]
to = *@news.example.org
account = second
[route desk]
listener = desk
account = second
"""


class ExplainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="shimta-explain-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.conf = os.path.join(cls.folder.name, "shimta.conf")
        with open(os.open(os.path.join(cls.folder.name, "key"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(shim.KEY)
        with open(cls.conf, "w") as file:
            file.write(CONF.format(cls.folder.name))

    def explain(self, name, *argv, stdin=b""):
        path = "-" if name == "-" else os.path.join(CORPUS, name + ".eml")
        done = subprocess.run([shim.program("shimtad"), "-c", self.conf, "--explain", path, *argv], input=stdin,
                              capture_output=True, timeout=shim.PATIENCE)
        self.assertIn(done.returncode, (0, 65), done.stderr)
        self.assertEqual(done.stderr, b"")
        self.assertNotIn(shim.KEY.encode(), done.stdout)
        return done.returncode, done.stdout.decode()

    def test_outlines(self):
        for name in SHOWN:
            with self.subTest(name=name):
                _, text = self.explain(name, "a@example.org", "b@news.example.org")
                text = re.sub(r"\b1[0-9A-Za-z]{15,16}\b", "ID", text)
                path = os.path.join(GOLDEN, name)
                if os.environ.get("UPDATE"):
                    with open(path, "w") as file:
                        file.write(text)
                with open(path) as file:
                    self.assertEqual(text, file.read())

    def test_laws_hold_for_all(self):
        everyone = {"a@example.org", "hidden@example.net"}
        for entry in sorted(os.listdir(CORPUS)):
            if not entry.endswith(".eml"):
                continue
            with self.subTest(name=entry):
                status, text = self.explain(entry[:-4], "--json", *sorted(everyone))
                tree = json.loads(text)
                got = [mailbox["address"] for account in tree["accounts"] for call in account.get("calls", [])
                       for place in ("to", "cc", "bcc") for mailbox in call.get(place, [])]
                refused = [row["recipient"] for account in tree["accounts"] for row in account.get("refused", [])]
                self.assertEqual(sorted(got + refused), sorted(everyone), "each in exactly one place")
                self.assertEqual(status, 65 if refused else 0)
                for account in tree["accounts"]:
                    for header in account.get("fields", {}).get("headers", []):
                        self.assertNotRegex(header["value"], r"[\r\n\0]")
                        self.assertLessEqual(header["bytes"], 998)

    def test_recipients_of_the_header(self):
        _, text = self.explain("-", "--json", stdin=b"From: a@example.jp\nTo: x@example.org\nBcc: y@example.org\nSubject: s\n\nt\n")
        tree = json.loads(text)
        call, = tree["accounts"][0]["calls"]
        self.assertEqual([mailbox["address"] for mailbox in call["to"]], ["x@example.org"])
        self.assertEqual([mailbox["address"] for mailbox in call["bcc"]], ["y@example.org"])
        self.assertEqual(tree["message"]["sender"], "a@example.jp")

    def test_routes(self):
        message = b"From: a@example.jp\nTo: x@example.org\nSubject: s\n\nt\n"
        for argv, want in (([], ["main"]), (["--listener", "desk"], ["second"]), (["x@example.org", "n@news.example.org"], ["main", "second"])):
            _, text = self.explain("-", "--json", *argv, stdin=message)
            self.assertEqual([account["account"] for account in json.loads(text)["accounts"]], want)

    def tree(self, *argv, stdin):
        _, text = self.explain("-", "--json", *argv, stdin=stdin)
        account, = json.loads(text)["accounts"]
        return account

    def test_what_a_call_has_of_its_own(self):
        to = [f"to{n}@example.org" for n in range(11)]
        account = self.tree(stdin=f"From: a@example.jp\nTo: {', '.join(to)}\nSubject: s\n\nt\n".encode())
        common = {header["name"] for header in account["fields"]["headers"]}
        self.assertEqual(common, {"X-Api-Data", "X-Original-Message-ID"})
        for call in account["calls"]:
            self.assertEqual({header["name"]: header["value"] for header in call["headers"]},
                             {"X-Api-Data": call["key"], "X-Original-To-Header": ", ".join(to)})

    def test_bulk(self):
        mail = "From: a@example.jp\nSubject: 件名\n\nt\n".encode()
        account = self.tree("--sender", "bulk@example.jp", "x@example.org", "y@example.org", stdin=mail)
        call, = account["calls"]
        self.assertEqual((len(call["to"]), call["shows"]), (2, "each recipient alone"))
        self.assertEqual(account["fields"]["charset"], "ISO-2022-JP")

    def test_an_api_without_header_fields(self):
        mail = b"From: a@example.jp\nMessage-ID: <m@x>\nX-Job: 1\nSubject: s\n\nt\n"
        account = self.tree("n@news.example.org", stdin=mail)
        self.assertNotIn("headers", account["fields"])
        dropped, = [change["text"] for change in account["changes"] if change["rule"] == "headers-dropped"]
        self.assertIn("X-Job", dropped)

    def test_header_completed_for_sendmail_only(self):
        mail = b"From: a@example.jp\nTo: b@example.org\nSubject: s\n\nt\n"
        for argv, want in (([], True), (["--listener", "lan"], False)):
            names = [header["name"] for header in self.tree(*argv, stdin=mail)["fields"]["headers"]]
            self.assertEqual("X-Original-Message-ID" in names, want)

    def test_bad_arguments(self):
        for argv, status in ((["--explain", "/nonexistent"], 66), (["--explain", "-", "a@b@c"], 64)):
            done = subprocess.run([shim.program("shimtad"), "-c", self.conf, *argv], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=shim.PATIENCE)
            self.assertEqual(done.returncode, status)
            self.assertNotEqual(done.stderr, b"")


if __name__ == "__main__":
    tap.main()
