"""shimta call: whatever else an API has, with the account's credentials."""

import io
import json
import os
import unittest
import urllib.parse
import zipfile

import asking
import shim
import tap

URGENT = "急ぎ & more=less"


class CallTest(asking.Case):
    def last(self):
        return self.api.seen[-1]

    def now(self, *answer):
        self.api.answers.pop(answer[:2], None)
        self.api.on(*answer)

    def test_arara(self):
        self.api.on("GET", "/plan", 200, '{"plan": {"name": "light", "n": 3}, "list": [1, 2]}')
        self.assertEqual(json.loads(self.shimta("--json", "call", "--account", "arara", "/plan").stdout),
                         {"plan": {"name": "light", "n": 3}, "list": [1, 2]})
        self.assertIn("light", self.shimta("call", "--account", "arara", "GET", "/plan", "q=" + URGENT).stdout)
        self.assertEqual(self.last()[1], "/plan?q=" + urllib.parse.quote(URGENT))
        self.api.on("PUT", "/x/y", 200, '{"items":[{"a":"1"},{"a":"2"}]}')
        self.assertEqual([row["a"] for row in self.csv("call", "--account", "arara", "PUT", "/x/y", "key=" + URGENT, "--yes")], ["1", "2"])
        self.assertEqual(json.loads(self.last()[2]), {"key": URGENT})
        self.rows("call", "--account", "arara", "PUT", "/x/y", "--body", "-", "--yes", stdin='{"deep":[1]}')
        self.assertEqual(json.loads(self.last()[2]), {"deep": [1]})
        self.api.on("DELETE", "/x/y", 204, "")
        self.assertIn("done", self.shimta("call", "--account", "arara", "DELETE", "/x/y", "--yes").stdout)

    def test_json_as_it_is(self):
        text = '{"id":12345678901234567,"n":1.10,"s":"x\\u0000y","e":"\\/é"}'
        self.api.on("GET", "/x", 200, text.replace(":", " :\n "))
        self.assertEqual(self.shimta("--json", "call", "--account", "arara", "/x").stdout, text + "\n")
        self.now("GET", "/x", 200, b'{"a":"\xff\x1b\xc2\x9b\n"}')
        self.assertEqual(self.shimta("--json", "call", "--account", "arara", "/x").stdout, '{"a":"\ufffd\\u001b\\u009b\\u000a"}\n')

    def test_cmc(self):
        self.api.on("POST", "/transaction/v2/auditlogs/list.json", 200, json.dumps({"loginlogs": [{"ip": "::1"}, {"ip": "::2"}]}))
        done = self.csv("call", "--account", "cmc", "POST", "/transaction/v2/auditlogs/list.json", "type=login", "p=" + URGENT, "--yes")
        self.assertEqual([row["ip"] for row in done], ["::1", "::2"])
        form = urllib.parse.parse_qs(self.last()[2].decode() if isinstance(self.last()[2], bytes) else self.last()[2])
        self.assertEqual(form, {"api_user": ["shop"], "api_key": [asking.SECRET], "server_composition": ["pro"], "type": ["login"],
                                "p": [URGENT]})
        self.api.on("POST", "/api/v2/emails/bulk.json", 200, '{"message":"Your email sending request was accepted."}')
        self.assertIn("accepted", self.shimta("call", "--account", "cmc", "POST", "/api/v2/emails/bulk.json", "text=x", "--yes").stdout)
        body = self.last()[2] if isinstance(self.last()[2], bytes) else self.last()[2].encode()
        self.assertIn(b'name="text"\r\n\r\nx\r\n', body)
        self.assertIn(asking.SECRET.encode(), body)
        self.assertIn("say POST", self.shimta("call", "--account", "cmc", "/x", status=64).stderr)

    def test_blastmail(self):
        self.api.on("GET", "/message/reservation/search", 200, json.dumps({"message": [{"messageID": 1}, {"messageID": 2}]}))
        done = self.csv("call", "--account", "blast", "/message/reservation/search", "f=json")
        self.assertEqual([row["messageID"] for row in done], ["1", "2"])
        self.assertEqual(self.last()[1], "/message/reservation/search?access_token=%s&f=json" % asking.TOKEN)
        self.api.on("POST", "/message/draft/create", 200, '{"messageID":7}')
        self.assertEqual(self.rows("call", "--account", "blast", "POST", "/message/draft/create", "subject=" + URGENT, "--yes"),
                         [{"messageID": 7}])
        self.api.on("GET", "/contact/list/export", 200, "メール,氏名\r\na@example.org,山田\r\n".encode("cp932"))
        self.assertEqual([row["氏名"] for row in self.rows("call", "--account", "blast", "/contact/list/export")], ["山田"])

    def test_arara_v1(self):
        self.api.on("POST", "/tm/lpmail.php", 200, '<mail><delivery id="1"><status code="2"/><sent_cnt>3</sent_cnt></delivery></mail>')
        text = '<?xml version="1.0"?><mail><auth/><delivery id="1"><action>get_status</action></delivery></mail>'
        path = os.path.join(os.path.dirname(self.conf), "body.xml")
        with open(path, "w") as file:
            file.write(text)
        done = self.csv("call", "--account", "v1", "POST", "/tm/lpmail.php", "--body", path, "--yes")
        self.assertEqual(done[0]["sent_cnt"], "3")
        body = self.last()[2].decode() if isinstance(self.last()[2], bytes) else self.last()[2]
        self.assertIn("<pass><![CDATA[%s]]></pass></auth><delivery" % asking.SECRET, body)
        for argv in (["a=b"], ["--body", "-"]):
            self.assertIn("<auth/>", self.shimta("call", "--account", "v1", "POST", "/x", *argv, "--yes", status=64, stdin="<mail/>").stderr)

    def test_nothing_leaves_the_account(self):
        for path in ("x", "//evil.example/x", "/..", "/a/../b", "/a/%2e%2E/b", "/a/.", "/a%2f..%2fb", "/a?b", "/a#b", "/a\\b", "/a b", "/é", "",
                     "/%zz", "http://evil.example/", "/oauth2/token", "/authenticate/login"):
            self.shimta("call", "--account", "arara", path, status=64)
        for argv in ([], ["GET"], ["/x", "y"], ["/x", "=y"], ["/x", "a=b", "--body", "-"], ["GET", "/x", "--body", "-"]):
            self.shimta("call", "--account", "arara", *argv, status=64, stdin="{}")
        self.shimta("call", "/plan", status=64)
        self.shimta("call", "--account", "nobody", "/plan", status=64)
        self.shimta("call", "--account", "arara", "POST", "/x", "--body", "/nonexistent", status=66)
        self.assertEqual(self.api.seen, [])

    def test_asks_and_shows(self):
        self.assertIn("may change something; say --yes",
                      self.shimta("call", "--account", "arara", "POST", "/x", "a=b", status=64).stderr)
        status, shown = self.terminal("call", "--account", "arara", "POST", "/x", "a=b", answers=[("[y/N]", "n\n")])
        self.assertEqual(status, 1)
        self.assertIn("Send POST /x at account arara? It may change something. [y/N]", shown)
        for name, path, extra in (("arara", "/x", []), ("cmc", "/transaction/v2/x.json", []), ("cmc", "/api/v2/x.json", []), ("blast", "/x", []),
                                  ("v1", "/x", ["--body", "-"])):
            pairs = [] if extra else ["a=b"]
            row = self.rows("--dry-run", "call", "--account", name, "POST", path, *pairs, *extra, stdin="<a><auth/></a>")[0]
            self.assertTrue(row["request"].startswith("POST %s/" % self.api.url))
            self.assertTrue("..." in row["body"] or name == "arara", row)
        self.assertEqual(self.api.seen, [])

    def test_judged_by_status_and_codes(self):
        blast = ("blast", "/authenticate/logout")
        for (name, path), answer, shown in (
                (blast, "<authenticate><message>Log out</message></authenticate>", {"message": "Log out"}),
                (blast, '{"message":"Log out"}', {"message": "Log out"}),
                (blast, "<success/>", {"task": "call", "result": "done"}),
                (("arara", "/x"), '{"message":"too many requests?"}', {"message": "too many requests?"}),
                (("arara", "/x"), '{"result":"none","error_count":0}', {"result": "none", "error_count": "0"}),
                (("arara", "/x"), '{"items":[]}', {"task": "call", "result": "done"}),
                (("arara", "/x"), "", {"task": "call", "result": "done"}),
                (("arara", "/x"), '{"items":[{"result":{"code":"550"}}]}', {"result.code": "550"}),
                (("arara", "/x"), "all is well", {"column1": "all is well"})):
            self.now("GET", path, 200, answer)
            done = self.csv("call", "--account", name, path)
            self.assertEqual([{key: value for key, value in row.items() if key != "account"} for row in done], [shown], answer)
        for name, answer in (("cmc", '{"errors":[{"code":"11-009","message":"no such"}]}'), ("cmc", '{"errors":[{"code":"99-999"}]}'),
                             ("arara", '{"items":[{"result":{"code":"409","message":"there is one"}}]}'),
                             ("arara", '{"result":{"code":"400","message":"no"}}')):
            self.now("POST", "/x", 200, answer)
            self.shimta("call", "--account", name, "POST", "/x", "a=b", "--yes", status=65)
            self.assertEqual(self.shimta("--json", "call", "--account", name, "POST", "/x", "a=b", "--yes", status=65).stdout, answer + "\n")
        self.now("POST", "/x", 200, '{"errors":[{"code":"11-009"}]}, "' + asking.SECRET[:-1])
        self.assertEqual(self.shimta("--json", "call", "--account", "cmc", "POST", "/x", "--yes", status=76).stdout, "")
        self.now("POST", "/x", 200, '<mail><delivery id="1"><result code="-3">no</result></delivery></mail>')
        self.shimta("call", "--account", "v1", "POST", "/x", "--body", "-", "--yes", stdin="<mail><auth/></mail>", status=65)
        self.now("POST", "/x", 200, '{"message":"failed"}')
        self.assertIn("failed", self.shimta("call", "--account", "arara", "POST", "/x", "--yes").stdout)
        self.now("GET", "/x", 200, "<html>")
        self.assertNotIn("may have been done", self.shimta("call", "--account", "arara", "/x", status=76).stderr)

    def test_any_list(self):
        path = "/transaction/v2/auditlogs/download.json"
        for text, rows in (("type,user\r\nlogin,shop\r\n", [{"type": "login", "user": "shop"}]),
                           ("user,mail\r\nshop,shop@example.jp\r\n", [{"user": "shop", "mail": "shop@example.jp"}]),
                           ('\ufeff"created","user"\n1,日本\n', [{"created": "1", "user": "日本"}]),
                           ('\ufeff{"loginlogs":[{"user":"a"},{"user":"b"}]}', [{"user": "a"}, {"user": "b"}]),
                           ("<list><items><user>a</user></items></list>", [{"user": "a"}])):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
                file.writestr("logs", text)
            for answer in (text, packed.getvalue()):
                self.now("POST", path, 200, answer)
                done = self.csv("call", "--account", "cmc", "POST", path, "type=login", "--yes")
                self.assertEqual([{key: value for key, value in row.items() if key != "account"} for row in done], rows, answer)
        self.now("GET", "/x", 200, "[1,2,3]")
        self.assertEqual(self.shimta("--json", "call", "--account", "arara", "/x").stdout, "[1,2,3]\n")
        self.assertIn("3", self.shimta("call", "--account", "arara", "/x").stdout)

    def test_failures(self):
        for status, code in ((404, 1), (400, 65), (401, 77), (500, 75)):
            self.now("GET", "/x", status, '{"message":"no %s"}' % asking.SECRET)
            self.assertIn("no ***", self.shimta("call", "--account", "arara", "/x", status=code).stderr)
        self.api.on("GET", "/echo", 200, '{"key":"%s"}' % asking.SECRET)
        self.assertIn("***", self.shimta("--json", "call", "--account", "arara", "/echo").stdout)
        self.assertIn("***", self.shimta("call", "--account", "arara", "/echo").stdout)
        for text in (asking.TOKEN, asking.TOKEN[:20], urllib.parse.quote(asking.TOKEN).replace("-", "%2d"),
                     asking.TOKEN.replace("-", "&#45;"), asking.TOKEN.replace("-", "\\u002d")):
            self.now("GET", "/echo", 200, '{"%s":"a %s"}' % (text, text))
            self.assertEqual(self.rows("call", "--account", "arara", "/echo"), [{"***": "a ***"}])
        self.api.on("POST", "/x", 504, "<html>")
        self.assertIn("may have been done", self.shimta("call", "--account", "arara", "POST", "/x", "--yes", status=75).stderr)


if __name__ == "__main__":
    tap.main()
