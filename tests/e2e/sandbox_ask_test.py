"""shimta asks the sandbox: both read the APIs' documents on their own and should agree."""

import json
import unittest
import urllib.request

import asking
import shim
import tap

SHOP = "shop@example.net"


class Case(asking.Case):
    options = ("--event-delay", "0")
    user, key = "shop", asking.SECRET

    def setUp(self):
        self.sandbox = shim.Sandbox(*self.options, user=self.user, key=self.key)
        self.addCleanup(self.sandbox.end)

    def ask(self, *names, prefix=""):
        self.conf = self.configure(self.sandbox.url + prefix, *names)


class AraraTest(Case):
    def setUp(self):
        super().setUp()
        self.ask("arara")
        form = urllib.request.Request(self.sandbox.url + "/oauth2/token", b"grant_type=client_credentials",
                                      {"Authorization": "Basic YTpi"})
        self.token = json.load(urllib.request.urlopen(form, timeout=shim.PATIENCE))["access_token"]

    def send(self, *recipients):
        delivery = {"mailing-list": [{"to": {"address": address}, **more} for address, more in recipients],
                    "contents": {"subject": "受注", "body": {"text": "ありがとう\n"}},
                    "settings": {"send_time": "now", "request_id": "7c9f", "from": {"name": "Shop", "address": SHOP}}}
        request = urllib.request.Request(self.sandbox.url + "/send", json.dumps({"delivery": [delivery]}).encode(),
                                         {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=shim.PATIENCE))["items"][0]["delivery_id"]

    def test_mail(self):
        self.shimta("unsubscribes", "enable", "--yes", SHOP)
        url = "https://one-click.sandbox.invalid/u/"
        delivery = self.send(("bounce-a@example.org", {}), ("b@example.org", {}), ("unsubscribe-c@example.org", {}),
                             ("unsubscribe-d@example.org", {"unsubscribe_url": url + "d17"}))
        row, = self.rows("status", "--request-id", "7c9f")
        self.assertEqual((row["id"], row["status"], row["success"], row["failure"]), (delivery, "sent", "3", "1"))
        rows = self.rows("results", delivery)
        self.assertEqual([(row["address"], row["event"]) for row in rows], [
            ("bounce-a@example.org", "bounced"), ("b@example.org", "delivered"),
            ("unsubscribe-c@example.org", "delivered"), ("unsubscribe-d@example.org", "delivered")])
        self.assertEqual(self.rows("results", "yesterday..today"), rows)
        row, = self.rows("unsubscribes", "--sender", SHOP)
        self.assertEqual((row["address"], row["sender"], row["excluded"]), ("unsubscribe-c@example.org", SHOP, "yes"))
        row, = self.rows("unsubscribes", "--sender", SHOP, "--own-url")
        self.assertIn("d17", row.values())
        self.shimta("unsubscribes", "exclude", "--yes", "--sender", SHOP, "unsubscribe-c@example.org")
        self.assertEqual(self.rows("unsubscribes", "--sender", SHOP)[0]["excluded"], "no")

    def test_domains(self):
        line = self.shimta("domains", "add", "example.net", "--selector", "s1").stdout
        self.assertRegex(line, r'(?s)s1\._domainkey\.example\.net\.?\s.*TXT.*v=DKIM1; k=rsa; p=')
        self.shimta("domains", "update", "example.net", "s1", "--enable", "no", "--default", "yes", "--start", "2026-12-01")
        text = self.shimta("domains").stdout
        for word in ("example.net", "s1", "OK", "2026-12-01"):
            self.assertIn(word, text)
        self.shimta("domains", "remove", "--yes", "example.net", "s1")
        self.assertEqual(self.shimta("domains", status=1).stdout.count("s1"), 0)

    def test_plan_and_usage(self):
        self.assertIn("サンドボックス", self.shimta("plan").stdout)
        self.send(("a@example.org", {}), ("b@example.org", {}))
        self.assertIn("2", [value for row in self.rows("usage") for value in row.values()])

    def test_version_1(self):
        self.conf = self.configure(self.sandbox.url, "arara", "v1")
        words = ("--account", "v1", "--sender", SHOP)
        self.shimta("unsubscribes", "enable", "--account", "v1", "--yes", SHOP)
        self.send(("unsubscribe-a@example.org", {}))
        row, = self.rows("unsubscribes", *words)
        self.assertEqual((row["address"], row["excluded"]), ("unsubscribe-a@example.org", "yes"))
        self.shimta("unsubscribes", "exclude", "--yes", *words, "unsubscribe-a@example.org")
        self.assertEqual(self.rows("unsubscribes", *words)[0]["excluded"], "no")
        good = b'<request><auth><site id="1"/><service id="2"/><name>shop</name><pass>' + asking.SECRET.encode() \
               + b'</pass></auth><unsubscription_request>' \
               b'<header_from>a@example.jp</header_from><year>2025</year><month>2</month><day>%s</day>' \
               b'</unsubscription_request></request>'
        for body, want in ((good % b"7", b"<requesters>"), (good % b"30", b"no day"), (b"<request/>", b'kind="auth"'),
                           (b"<!DOCTYPE r [<!ENTITY e 'x'>]>" + good % b"7", b'kind="format"'), (b"<r", b'kind="format"')):
            self.assertIn(want, self.post(body), body)

    def post(self, body):
        request = urllib.request.Request(self.sandbox.url + "/tm/unsubscribe_requesters.php", body,
                                         {"Content-Type": "application/octet-stream"})
        return urllib.request.urlopen(request, timeout=shim.PATIENCE).read()


class BlastTest(Case):
    def setUp(self):
        super().setUp()
        self.ask("cmc", "blast", prefix="/rest/1.0")

    def test_history(self):
        self.assertEqual([row["id"] for row in self.rows("history", "search")], ["505", "504", "503", "502", "501"])
        self.assertEqual([row["id"] for row in self.rows("history", "search", "today")], ["505"])
        self.assertEqual([row["id"] for row in self.rows("history", "search", "yesterday", "--group", "会員")], ["504"])
        self.assertIn("【会員様限定】春のセール①", self.shimta("history", "show", "504").stdout)
        self.assertEqual([row["address"] for row in self.rows("history", "export", "504")],
                         ["takahashi@example.jp", "suzuki@example.jp", "tanaka..@docomo.example.jp"])
        text = self.shimta("history", "export", "504", "--failed").stdout
        self.assertIn("山﨑 ①", text)
        self.assertNotIn("鈴木", text)
        self.assertEqual(len(self.rows("history", "opens", "504")), 2)
        self.shimta("history", "delete", "--yes", "504")
        self.assertEqual(len(self.rows("history", "search")), 4)


if __name__ == "__main__":
    tap.main()
