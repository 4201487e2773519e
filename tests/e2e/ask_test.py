"""Each question of shimta to each API, by stub: what goes out, and the answer as a table, as JSON and as CSV."""

import json
import unittest

import asking
import tap

DELIVERY = {"delivery_id": "884213", "request_id": "7c9f", "status": "sending", "success": 2, "failure": 0}
YAMADA, SATO, NEWS = "yamada@example.org", "sato@example.org", "news@example.net"
KEY = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC" + "k" * 400


class AraraTest(asking.Case):
    accounts = ("arara",)

    def test_status(self):
        self.api.on("GET", "/send/884213", 200, json.dumps({"items": [DELIVERY]}))
        self.api.on("GET", "/send", 200, json.dumps({"items": [DELIVERY, {**DELIVERY, "delivery_id": "884214"}]}))
        self.assertEqual(self.shimta("status", "884213").stdout,
                         "id      request_id  status   success  failure\n"
                         "884213  7c9f        sending  2        0\n")
        row = {"account": "arara", "id": "884213", "request_id": "7c9f", "status": "sending", "success": "2", "failure": "0"}
        self.assertEqual(self.rows("status", "884213"), [row])
        self.assertEqual(self.csv("status", "884213"), [{**row, "time": ""}])
        self.assertEqual(self.rows("status", "--request-id", "7c9f", "--request-id", "8d"), [row] * 1 + [
            {**row, "id": "884214"}] + [row, {**row, "id": "884214"}])
        self.assertEqual(len(self.rows("status", "2026-11-01 .. 2026-11-07")), 2)
        self.assertEqual([text for _, text in self.api.requests("/send")], [
            "request_id=7c9f", "request_id=8d",
            "timemin=2026-11-01T00:00+09:00&timemax=2026-11-07T23:59+09:00"])

    def test_periods(self):
        """In Japan's time, though this host's is New York's; today where nothing is said."""
        self.api.on("GET", "/results", 200, json.dumps({"items": []}))
        for words in (["2026-11"], ["2026-11-05"], ["2026-11-01", "09:00..12:30"], ["last", "7", "days"], ["today"], []):
            self.shimta("results", *words, status=1)
        self.shimta("results", "--period", "2026/11/1..2026/11/2", status=1)
        texts = [text for _, text in self.api.requests("/results")]
        self.assertEqual(texts[0], "timemin=2026-11-01T00:00+09:00&timemax=2026-11-30T23:59+09:00")
        self.assertEqual(texts[1], "timemin=2026-11-05T00:00+09:00&timemax=2026-11-05T23:59+09:00")
        self.assertEqual(texts[2], "timemin=2026-11-01T09:00+09:00&timemax=2026-11-01T12:29+09:00")
        self.assertEqual(texts[4], texts[5])
        self.assertEqual(texts[6], "timemin=2026-11-01T00:00+09:00&timemax=2026-11-02T23:59+09:00")
        for words in (["--period", "tomorrow"], ["today", "yesterday"], ["today", "--period", "today"], ["today", "884213"]):
            self.shimta("results", *words, status=64)
        self.assertEqual(len(self.api.requests("/results")), 7)

    def test_results(self):
        rows = [{"delivery_id": "1", "to": YAMADA, "from": NEWS, "success": "true", "result": "250 ok"},
                {"delivery_id": "1", "to": SATO, "from": NEWS, "success": "false", "result": "550 5.1.1 no such user"},
                {"delivery_id": "1", "to": "full@example.org", "success": "false", "result": "452 4.2.2 mailbox full"}]
        self.api.on("GET", "/results/1", 200, json.dumps({"items": rows}))
        found = self.rows("results", "1")
        self.assertEqual([(row["address"], row["event"]) for row in found],
                         [(YAMADA, "delivered"), (SATO, "bounced"), ("full@example.org", "soft")])
        self.assertEqual([row["address"] for row in self.rows("results", "1", "--failed")], [SATO, "full@example.org"])
        self.assertEqual([row["address"] for row in self.rows("results", "1", "--recipient", "SATO")], [SATO])
        self.assertEqual([row["address"] for row in self.rows("results", "1", "--sender", "news@")], [YAMADA, SATO])
        self.shimta("results", "1", "--tag", "x", status=1)
        self.assertEqual(self.csv("results", "1")[1]["reason"], "550 5.1.1 no such user")
        self.assertIn("sato@example.org    bounced    550 5.1.1 no such user", self.shimta("results", "1").stdout)

    def test_a_field_called_account(self):
        self.api.on("GET", "/plan", 200, '{"account":"evil","plan":"x"}')
        self.assertEqual(self.rows("plan"), [{"account": "arara", "api.account": "evil", "plan": "x"}])
        self.assertEqual(self.csv("plan"), [{"account": "arara", "api.account": "evil", "plan": "x"}])

    def test_cancel(self):
        self.api.on("DELETE", "/send/1", 200, json.dumps({"items": [{"delivery_id": "1"}]}))
        self.api.on("DELETE", "/send/2", 409, json.dumps({"message": "already sending"}))
        self.api.on("DELETE", "/send/3", 200, json.dumps({"items": [{"delivery_id": "3"}]}))
        self.assertIn("--yes", self.shimta("cancel", "1", status=64).stderr)
        self.assertEqual(self.api.requests("/send/1"), [])
        self.assertEqual(self.rows("cancel", "1", "--yes"), [{"account": "arara", "id": "1"}])
        done = self.shimta("--json", "cancel", "--yes", "-", stdin="2\n\n 3 \n", status=65)
        self.assertEqual(json.loads(done.stdout)["id"], "3")
        self.assertIn("already sending", done.stderr)

    def test_suppressions(self):
        rows = [{"address": YAMADA, "count": 3.0, "registered_date": "2026-11-01T09:00+09:00", "update_date": "2026-11-02"}]
        self.api.on("POST", "/errorfilter", 200, json.dumps({"items": rows, "count": 1}))
        self.api.on("PUT", "/errorfilter", 200, json.dumps({"items": [{"address": YAMADA, "count": 99}], "count": 1}))
        self.assertEqual(self.rows("suppressions", "show", "--remote", YAMADA, SATO)[0]["address"], YAMADA)
        self.assertIn(YAMADA, self.shimta("suppressions", "show", "--remote", YAMADA).stdout)
        self.assertEqual(self.csv("suppressions", "set", "--remote", YAMADA)[0]["count"], "99")
        self.rows("suppressions", "set", YAMADA, "--remote", "--count", "0", status=76)
        sent = [json.loads(body)["items"] for method, body in self.api.requests("/errorfilter") if method == "PUT"]
        self.assertEqual(sent, [[{"address": YAMADA, "count": 99}], [{"address": YAMADA, "count": 0}]])
        self.shimta("suppressions", "set", YAMADA, "--count", "100", status=64)
        many = "".join("u%d@example.org\n" % n for n in range(250))
        self.api.answers.pop(("PUT", "/errorfilter"))
        self.api.on("PUT", "/errorfilter", 200, lambda _, body: body.decode())
        self.rows("suppressions", "set", "--remote", "-", stdin=many)
        self.assertEqual(len(self.api.requests("/errorfilter")), 4 + 3)

    def test_domains(self):
        dkim = [{"selector": "s1", "status": "OK", "key_len": 2048}, {"selector": "s2", "status": "NG", "key_len": 1024}]
        self.api.on("GET", "/domain", 200, json.dumps({"items": [{"domain": "example.net", "dns": {"status": "OK"},
                                                                  "spf": {"status": "NG"}, "dkim": dkim}]}))
        table = self.shimta("domains").stdout.splitlines()
        self.assertEqual(table[0].split()[:5], ["domain", "selector", "dns.status", "spf.status", "dkim.status"])
        self.assertEqual([line.split()[:5] for line in table[1:]], [["example.net", "s1", "OK", "NG", "OK"],
                                                                    ["example.net", "s2", "OK", "NG", "NG"]])
        self.assertEqual([row["selector"] for row in self.rows("domains", "list", "example.net")], ["s1", "s2"])
        self.assertEqual(self.csv("domains", "list")[1]["dkim.key_len"], "1024")
        self.assertEqual([text for _, text in self.api.requests("/domain")], ["", "d=example.net", ""])

    def test_new_key(self):
        answer = {"domains": [{"sign_domain": "example.net", "selector": "s3", "dns_value": "v=DKIM1; k=rsa; p=" + KEY}]}
        self.api.on("POST", "/domain/dkim", 200, json.dumps(answer))
        argv = ("domains", "add", "example.net", "--selector", "s3", "--key-bits", "2048", "--start", "2026-12-01",
                "--default", "no", "--enable", "yes")
        record = self.shimta(*argv).stdout.splitlines()[-1]
        self.assertTrue(record.startswith('s3._domainkey.example.net. IN TXT ( "v=DKIM1; k=rsa; p=MIG'), record)
        self.assertEqual("".join(record.split('"')[1::2]), "v=DKIM1; k=rsa; p=" + KEY)
        self.assertTrue(all(len(text) <= 255 for text in record.split('"')))
        self.assertEqual(self.rows(*argv)[0]["dns_record"], record)
        self.assertEqual(self.csv(*argv)[0]["dns_record"], record)
        self.assertEqual(json.loads(self.api.requests("/domain/dkim")[0][1])["domains"], [
            {"sign_domain": "example.net", "selector": "s3", "key_len": 2048, "start_date": "2026-12-01", "default": 0,
             "enable": 1}])

    def test_key_unknown_shape(self):
        self.api.on("POST", "/domain/dkim", 201, json.dumps({"domains": [{"sign_domain": "example.net", "x": "taken"}]}))
        done = self.shimta("domains", "add", "example.net")
        self.assertIn("no key in the answer", done.stderr)
        self.assertIn("taken", done.stdout)

    def test_what_does_not_say_that_it_is_done(self):
        """A success is what the reference says of one, not whatever names no failure."""
        calls = {("POST", "/domain/dkim"): ["domains", "add", "example.jp"],
                 ("PUT", "/domain/dkim/example.jp/s1"): ["domains", "update", "example.jp", "s1", "--enable", "yes"],
                 ("DELETE", "/domain/dkim/example.jp/s1"): ["domains", "remove", "example.jp", "s1", "--yes"],
                 ("POST", "/unsubscribe-receivers"): ["unsubscribes", "enable", "a@example.jp", "--yes"],
                 ("PUT", "/re-subscribers"): ["unsubscribes", "exclude", "--yes", "a@example.org", "--sender", NEWS],
                 ("PUT", "/errorfilter"): ["suppressions", "set", "--remote", "a@example.org"],
                 ("DELETE", "/send/1"): ["cancel", "1", "--yes"]}
        answers = {'{"message":"Internal Server Error"}': 65, '{"items":null}': 76, '{"items":[]}': 76, "[]": 76, '"x"': 65,
                   '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Please log in</p></body></html>': 76}
        for call, argv in calls.items():
            for answer, status in answers.items():
                self.api.answers.pop(call, None)
                self.api.on(*call, 200, answer)
                self.assertEqual(self.shimta(*argv, status=status).stdout, "", argv)

    def test_change_and_remove_key(self):
        self.api.on("PUT", "/domain/dkim/example.net/s1", 200, json.dumps({"setting_values": {"enable": 0}}))
        self.api.on("DELETE", "/domain/dkim/example.net/s1", 204)
        self.assertIn("enable  0", self.shimta("domains", "update", "example.net", "s1", "--enable", "no").stdout)
        self.assertIn("a setting", self.shimta("domains", "update", "example.net", "s1", status=64).stderr)
        self.shimta("domains", "update", "example.net", "s1", "--start", "soon", status=64)
        self.shimta("domains", "update", "example.net", "s1", "--default", "maybe", status=64)
        self.shimta("domains", "remove", "example.net", "s1", status=64)
        self.assertEqual(self.rows("domains", "remove", "example.net", "s1", "--yes"),
                         [{"account": "arara", "task": "domains remove", "result": "done"}])

    def test_plan(self):
        self.api.on("GET", "/plan", 200, '{"plan":{"name":"ライト","price":0.2}}')
        self.assertEqual(self.shimta("plan").stdout, "plan.name   ライト\nplan.price  0.2\n")
        self.assertEqual(self.rows("plan"), [{"account": "arara", "plan.name": "ライト", "plan.price": "0.2"}])
        self.assertEqual(self.csv("plan"), [{"account": "arara", "plan.name": "ライト", "plan.price": "0.2"}])

    def test_usage(self):
        self.api.on("GET", "/delivery_record", 200, json.dumps({"total": 7, "users": [
            {"user_id": "u1", "dates": [{"date": "20261101", "count": 3}, {"date": "20261102", "count": 4}]}]}))
        self.assertEqual(self.shimta("usage", "2026-11").stdout,
                         "user  date        count\nu1    2026-11-01  3\nu1    2026-11-02  4\narara: total 7\n")
        self.assertEqual(self.rows("usage")[-1], {"account": "arara", "summary": {"total": "7"}})
        self.assertEqual([(row["count"], row["total"]) for row in self.csv("usage", "2026-10")], [("3", ""), ("4", ""), ("", "7")])
        self.assertEqual([text for _, text in self.api.requests("/delivery_record")][::2],
                         ["yearmonth=2026-11", "yearmonth=2026-10"])
        self.assertEqual(self.shimta("usage", "last", "month").stdout, self.shimta("usage", "last month").stdout)
        for month in ("2026", "2026-13", "today", "2026-11-01"):
            self.shimta("usage", month, status=64)

    def test_unsubscribes(self):
        row = {"header-from": NEWS, "message-id": "<0a-884213@mx.example.jp>", "to": YAMADA,
               "datetime": "2026-11-01T09:15:00+09:00", "filtered": True}
        self.api.on("GET", "/unsubscribers/auto-assigned", 200, json.dumps({"items": [row]}))
        self.api.on("GET", "/unsubscribers/customer-assigned", 200, json.dumps({"items": []}))
        found = self.rows("unsubscribes", "list", "--sender", NEWS, "2026-11-01..2026-11-02")
        self.assertEqual(len(found), 2)
        self.assertEqual((found[0]["address"], found[0]["excluded"], found[0]["message_id"]),
                         (YAMADA, "yes", "0a-884213@mx.example.jp"))
        self.assertIn("date=2026-11-02+09:00", self.api.requests("/unsubscribers/auto-assigned")[1][1])
        self.assertEqual(len(self.csv("unsubscribes", "--sender", NEWS)), 2)
        self.shimta("unsubscribes", "list", "--sender", NEWS, "--own-url", "today", status=1)
        self.assertIn("a sender's address", self.shimta("unsubscribes", status=64).stderr)
        self.api.on("PUT", "/re-subscribers", 204)
        self.assertIn("done", self.shimta("unsubscribes", "exclude", "--sender", NEWS, YAMADA, SATO, "--yes").stdout)
        self.assertEqual(json.loads(self.api.requests("/re-subscribers")[0][1]),
                         {"header-from": NEWS, "to-addresses": [YAMADA, SATO]})

    def test_enable_is_for_good(self):
        self.api.on("POST", "/unsubscribe-receivers", 200, json.dumps({"url": "https://u.example.jp/x"}))
        self.assertIn("can't be undone", self.shimta("unsubscribes", "enable", NEWS, status=64).stderr)
        self.assertIn("/unsubscribe-receivers", self.shimta("unsubscribes", "enable", NEWS, "--dry-run").stdout)
        self.assertEqual(self.api.seen, [])
        self.assertIn("https://u.example.jp/x", self.shimta("unsubscribes", "enable", NEWS, "--yes").stdout)

    def test_what_is_beside_rows(self):
        """Also what stands between them and is none; each once, whatever the number of answers."""
        self.api.on("GET", "/send/1", 200, json.dumps({"items": [DELIVERY, "just text", 5, None, {}], "count": 1,
                                                       "warning": "maintenance\x1b at 3", "total_hits": 5}))
        argv = ("status", "1", "1")
        self.assertEqual(self.rows(*argv)[-2:], [
            {"account": "arara", "summary": {"items": ["just text", "5", ""], "count": "1", "total_hits": "5",
                                             "warning": "maintenance\x1b at 3"}}, self.rows(*argv)[0]])
        lines = ["arara: items just text", "arara: items 5", "arara: warning maintenance\\u001b at 3", "arara: total_hits 5"]
        self.assertEqual(self.shimta(*argv).stdout.splitlines()[3:], lines)
        done = self.shimta("--csv", *argv)
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.assertEqual(done.stderr.splitlines(), ["shimta: " + line for line in lines])

    def test_more_may_be(self):
        """The API shows 4,000 at most, and says nothing of the rest."""
        items = [{**DELIVERY, "delivery_id": str(n)} for n in range(4000)]
        self.api.on("GET", "/send", 200, json.dumps({"items": items}))
        done = self.shimta("status", "today", status=76)
        self.assertEqual(len(done.stdout.splitlines()), 4001)
        self.assertIn("shorter period", done.stderr)

    def test_results_may_be_more(self):
        items = [{"delivery_id": str(n), "results": [{"to": YAMADA, "success": "true"}] * 2} for n in range(4000)]
        self.api.on("GET", "/results", 200, json.dumps({"items": items}))
        self.assertIn("shorter period", self.shimta("results", "today", status=76).stderr)
        self.api.on("GET", "/results/1", 200, json.dumps({"items": items}))
        self.assertEqual(self.shimta("results", "1").stderr, "", "an id has what it has")
        self.api.answers.pop(("GET", "/results"))
        self.api.on("GET", "/results", 200, json.dumps({"items": items[1:]}))
        self.assertEqual(len(self.rows("results", "today")), 7998)


class CmcTest(asking.Case):
    accounts = ("cmc",)

    def page(self, name, *pages):
        """An API with pages, by p."""
        def answer(query, body):
            at = int((dict(pair.split("=") for pair in body.decode().split("&"))).get("p", 0))
            return json.dumps({name: pages[at] if at < len(pages) else []})
        return answer

    def test_results(self):
        row = {"created": "2026-11-01 10:00:00", "to": YAMADA, "from": NEWS, "status": "succeeded", "reason": "", "apiData": "o1"}
        self.api.on("POST", "/transaction/v2/deliveries/list.json", 200,
                    self.page("deliveries", [row] * 3, [{**row, "to": SATO, "status": "queued"}]))
        found = self.rows("results", "2026-11-01", "--tag", "o1", "--recipient", "@example.org")
        self.assertEqual([row["event"] for row in found], ["delivered"] * 3 + ["pending"])
        bodies = [body for _, body in self.api.requests("/transaction/v2/deliveries/list.json")]
        self.assertEqual(len(bodies), 3)
        self.assertIn("api_data=o1", bodies[0])
        self.assertEqual([row["address"] for row in self.csv("results", "2026-11-01")], [YAMADA] * 3 + [SATO])
        self.assertIn("a period", self.shimta("results", "884213", status=64).stderr)

    def test_without_pages(self):
        """Each row once, whatever the number of the page."""
        for n in (1, 7, 8, 9, 100):
            rows = [{"created": "2026-11-01 10:00:00", "to": "u%d@example.org" % i, "status": "succeeded"} for i in range(n)]
            for path, name, more in (("deliveries", "deliveries", ()), ("bounces", "bounces", ("--failed",))):
                self.api.answers.pop(("POST", "/transaction/v2/%s/list.json" % path), None)
                self.api.on("POST", "/transaction/v2/%s/list.json" % path, 200, json.dumps({name: rows}))
                found = self.rows("results", *more, "2026-11-01")
                self.assertEqual([row["address"] for row in found], [row["to"] for row in rows])

    def test_periods_that_reach_on(self):
        for path, name in (("deliveries", "deliveries"), ("bounces", "bounces")):
            self.api.on("POST", "/transaction/v2/%s/list.json" % path, 200, json.dumps({name: []}))
        for more in ((), ("--failed",)):
            self.shimta("results", *more, "this", "month", status=1)
            self.assertIn("has not begun", self.shimta("results", *more, "2099-01-01", status=64).stderr)

    def test_pages_that_begin_alike(self):
        row = {"created": "2026-11-01 10:00:00", "to": YAMADA, "status": "queued"}
        for pages in (([row] * 3, [row] * 2), ([row] * 3, [row] * 4), ([row] * 9, [row] * 7 + [{**row, "to": SATO}])):
            self.api.answers.clear()
            self.api.on("POST", "/transaction/v2/deliveries/list.json", 200, self.page("deliveries", *pages))
            self.assertEqual(len(self.rows("results", "2026-11-01")), sum(map(len, pages)))

    def test_capitals(self):
        row = {"created": "2026-11-01 10:00:00", "to": "Yamada@example.org", "from": "Shop@example.net", "status": "succeeded",
               "apiData": "Order-7"}
        self.api.on("POST", "/transaction/v2/deliveries/list.json", 200, self.page("deliveries", [row]))
        for option, text in (("--sender", "SHOP"), ("--recipient", "YAMADA"), ("--tag", "ORDER")):
            self.assertEqual(len(self.rows("results", "2026-11-01", option, text)), 1)
            self.assertNotIn(text, self.api.requests("/transaction/v2/deliveries/list.json")[-1][1])
            self.shimta("results", "2026-11-01", option, text + "X", status=1)
        self.rows("results", "2026-11-01", "--sender", "shop")
        self.assertIn("from=shop", self.api.requests("/transaction/v2/deliveries/list.json")[-2][1])

    def test_senders(self):
        """The list is of all senders, and does not name them."""
        self.api.on("POST", "/transaction/v2/unsubscribes/download.json", 200,
                    json.dumps({"unsubscribes": [{"email": YAMADA, "created": "2026-11-01"}]}))
        done = self.shimta("unsubscribes", "list", "--sender", NEWS, "--account", "cmc", status=69)
        self.assertIn(YAMADA, done.stdout)
        self.assertIn("does not tell of which sender", done.stderr)

    def test_bounces(self):
        self.api.on("POST", "/transaction/v2/bounces/list.json", 200, self.page("bounces", [
            {"created": "2026-11-01 10:00:00", "to": SATO, "from": NEWS, "status": "2", "reason": "550 unknown"}]))
        found = self.rows("results", "--failed", "2026-11-01..2026-11-07")
        self.assertEqual([(row["address"], row["event"], row["code"]) for row in found], [(SATO, "bounced", "2")])
        self.assertIn("start_date=2026-11-01&end_date=2026-11-07",
                      self.api.requests("/transaction/v2/bounces/list.json")[0][1])

    def test_usage_and_unsubscribes(self):
        self.api.on("POST", "/transaction/v2/statistics/list.json", 200, '{"statistics":[{"date":"2026-11-01","sent":5}]}')
        self.api.on("POST", "/transaction/v2/unsubscribes/download.json", 200,
                    json.dumps({"unsubscribes": [{"email": YAMADA, "created": "2026-11-01"}]}))
        self.api.on("POST", "/transaction/v2/unsubscribes/cancel.json", 200, '{"message":"ok"}')
        self.assertEqual(self.rows("usage", "2026-11"), [{"account": "cmc", "date": "2026-11-01", "sent": "5"}])
        self.assertEqual(self.csv("unsubscribes")[0]["address"], YAMADA)
        self.shimta("unsubscribes", "exclude", YAMADA, "--yes")


class BlastmailTest(asking.Case):
    accounts = ("cmc", "blast")
    message = {"messageID": 501, "date": "20260207T09:30:00", "subject": "お知らせ", "group": "G", "total": 3, "success": 2,
               "failure": 1, "status": "配信完了"}

    def test_search(self):
        def answer(query, _):
            at = int(query["offset"][0])
            return json.dumps({"message": [{**self.message, "messageID": n} for n in range(at, min(at + 100, 230))]})
        self.api.on("GET", "/message/history/search", 200, answer)
        self.assertEqual([row["id"] for row in self.rows("history", "search")], [str(n) for n in range(230)])
        self.assertEqual(len(self.csv("history", "search", "--subject", "お知らせ", "--group", "G", "2026-02-07")), 230)
        asked = self.api.requests("/message/history/search")[4][1]
        self.assertIn("subjects=お知らせ&groups=G&beginDate=20260207T00:00:00&endDate=20260207T23:59:59", asked)
        lines = self.shimta("history", "search", "501").stdout.splitlines()
        self.assertEqual(lines[1].split()[0], "0")
        self.shimta("history", "search", "501", "--subject", "x", status=64)
        self.api.answers.pop(("GET", "/message/history/search"))
        self.api.on("GET", "/message/history/search", 200, json.dumps({"message": [
            {**self.message, "subject": subject, "messageID": n} for n, subject in enumerate(("a", "a,b", "b", "c"))]}))
        self.assertEqual([row["id"] for row in self.rows("history", "search", "--subject", "a,b", "--subject", "c")], ["1", "3"])
        self.assertNotIn("subjects", self.api.requests("/message/history/search")[-1][1])

    def test_a_shorter_page_than_asked_for(self):
        def answer(query, _):
            at = int(query["offset"][0])
            return json.dumps({"message": [{**self.message, "messageID": n} for n in range(at, min(at + 50, 180))]})
        self.api.on("GET", "/message/history/search", 200, answer)
        self.assertEqual([row["id"] for row in self.rows("history", "search")], [str(n) for n in range(180)])

    def test_show(self):
        detail = {"groupID": 1, "messageID": 501, "subject": "お知らせ", "textPart": "1行目\r\n\r\n2行目\033[2J", "public": False}
        self.api.on("GET", "/message/detail/search", 200, json.dumps(detail))
        text = self.shimta("history", "show", "501").stdout
        self.assertIn("textPart  1行目\n\n          2行目\\u001b[2J\n", text)
        self.assertEqual(self.rows("history", "show", "501")[0]["textPart"], detail["textPart"])
        self.assertEqual(self.csv("history", "show", "501")[0]["textPart"], detail["textPart"].replace("\r\n", "\n"))

    def test_lists(self):
        self.api.on("GET", "/history/list/export", 200, "メールアドレス,氏名\r\nyamada@example.org,山田\r\n".encode("cp932"))
        self.api.on("GET", "/mailopenlog/list/export", 200, "email,opened\r\nyamada@example.org,2026-02-08\r\n")
        self.assertIn("山田", self.shimta("history", "export", "501").stdout)
        self.assertEqual([row["event"] for row in self.rows("history", "export", "501", "--failed")], ["soft"])
        self.assertEqual([text.split("&")[-1] for _, text in self.api.requests("/history/list/export")],
                         ["status=0", "status=1"])
        self.assertEqual(len(self.csv("history", "opens", "501")), 1)

    def test_a_text_is_nobody_who_has_the_mail(self):
        for path, argv in (("/history/list/export", ("history", "export", "501")),
                           ("/mailopenlog/list/export", ("history", "opens", "501"))):
            for answer in ("Service unavailable\nplease try later\n", "Failure_Data is incorrect\r\n\r\nmessageID\r\n", "123"):
                self.api.answers.pop(("GET", path), None)
                self.api.on("GET", path, 200, answer)
                self.assertIn("no list of addresses", self.shimta(*argv, status=76).stderr)
            self.api.answers.pop(("GET", path))
            self.api.on("GET", path, 200, "メールアドレス\r\n".encode("cp932"))
            self.assertIn("nothing found", self.shimta(*argv, status=1).stderr)

    def test_delete(self):
        self.api.on("POST", "/message/list/delete", 200, json.dumps({"success": "501,502", "failure": "503"}))
        self.shimta("history", "delete", "501", status=64)
        self.assertEqual(self.api.seen, [])
        done = self.shimta("history", "delete", "501", "502", "503", "--yes", status=1)
        self.assertEqual(done.stdout, "id   result\n501  deleted\n502  deleted\n503  not deleted\n")
        self.assertIn("503", done.stderr)


class AraraV1Test(asking.Case):
    accounts = ("cmc", "v1")

    def test_list(self):
        self.api.on("POST", "/tm/unsubscribe_requesters.php", 200, """<?xml version="1.0"?><response><unsubscribers>
            <header_from>news@example.net</header_from><requesters><requester><message_id>0a@x</message_id>
            <message_to>yamada@example.org</message_to><datetime>2026/11/01 16:34</datetime><filtered>1</filtered>
            </requester></requesters></unsubscribers></response>""")
        row = self.rows("unsubscribes", "list", "--account", "v1", "--sender", NEWS, "2026-11-01")[0]
        self.assertEqual((row["address"], row["time"]), (YAMADA, "2026-11-01T16:34:00+09:00"))
        self.assertEqual(self.csv("unsubscribes", "--account", "v1", "--sender", NEWS)[0]["excluded"], "yes")


if __name__ == "__main__":
    tap.main()
