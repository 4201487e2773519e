"""What shimta says where an API cannot, will not or does not answer, and which accounts it asks."""

import json
import os
import socket
import subprocess
import time
import unittest
import urllib.parse

import asking
import shim
import tap

ITEM = {"delivery_id": "1", "status": "sending"}


class AccountsTest(asking.Case):
    accounts = ("arara", "arara2", "cmc", "blast")

    def test_all_are_asked_what_changes_nothing(self):
        self.api.on("GET", "/plan", 200, '{"plan":"light"}')
        self.assertEqual([row["account"] for row in self.rows("plan")], ["arara", "arara2"])
        self.assertIn("account  arara\nplan     light\n\naccount  arara2\n", self.shimta("plan").stdout)
        self.assertEqual([row["account"] for row in self.rows("plan", "--account", "arara2")], ["arara2"])

    def test_one_is_to_be_named_for_a_change(self):
        for argv in (["cancel", "1", "--yes"], ["suppressions", "set", "--remote", "a@example.org"],
                     ["unsubscribes", "exclude", "a@example.org"]):
            self.assertIn("--account", self.shimta(*argv, status=64).stderr)
        self.assertEqual(self.api.seen, [])
        self.api.on("DELETE", "/send/1", 200, json.dumps({"items": [ITEM]}))
        self.assertEqual(self.rows("cancel", "1", "--yes", "--account", "arara2")[0]["account"], "arara2")

    def test_what_an_api_cannot_do(self):
        done = self.shimta("history", "search", "--account", "cmc", status=69)
        self.assertIn("account cmc has no call for 'history search'; blast can be asked", done.stderr)
        done = self.shimta("plan", "--account", "blast", status=69)
        self.assertIn("arara, arara2 can be asked", done.stderr)
        conf = self.configure(self.api.url, "cmc")
        self.assertIn("provider = arara would", self.shimta("plan", conf=conf, status=69).stderr)
        self.assertIn("provider = arara would", self.shimta("plan", "--account", "cmc", conf=conf, status=69).stderr)
        self.assertIn("no account 'nobody', but arara", self.shimta("plan", "--account", "nobody", status=64).stderr)

    def test_each_task_has_accounts_that_can_not(self):
        for account, argvs in {
            "blast": (["status"], ["results"], ["cancel", "1"], ["plan"], ["usage"], ["unsubscribes", "enable", "a"],
                      ["suppressions", "show", "--remote", "a@b"], ["suppressions", "set", "--remote", "a@b"], ["domains"],
                      ["domains", "add", "a"], ["domains", "update", "a", "b"], ["domains", "remove", "a", "b"],
                      ["unsubscribes", "list"], ["unsubscribes", "exclude", "a@b"]),
            "cmc": (["history", "search"], ["history", "show", "1"], ["history", "export", "1"], ["history", "opens", "1"],
                    ["history", "delete", "1"])}.items():
            for argv in argvs:
                self.assertIn("can be asked", self.shimta(*argv, "--account", account, status=69).stderr, argv)
        self.assertEqual(self.api.seen, [])

    def test_one_that_fails_hides_no_other(self):
        self.api.on("POST", "/transaction/v2/deliveries/list.json", 503, "no")
        self.api.on("GET", "/results", 200, json.dumps({"items": [{"delivery_id": "1", "to": "a@example.org"}]}))
        done = self.shimta("results", "--json", status=75)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn("account cmc", done.stderr)

    def test_one_that_knows_the_id_is_enough(self):
        self.api.on("GET", "/send/1", 404, '{"message":"no such delivery"}')
        self.api.on("GET", "/send/1", 200, json.dumps({"items": [ITEM]}))
        self.assertEqual([row["account"] for row in self.rows("status", "1")], ["arara2"])

    def test_one_that_cannot_be_asked_shows_in_the_status(self):
        with open(self.conf) as file:
            text = file.read()
        with open(self.conf, "w") as file:
            file.write(text.replace("server-composition = pro\n", ""))
        self.api.on("GET", "/results", 200, json.dumps({"items": [{"delivery_id": "1", "to": "a@example.org"}]}))
        done = self.shimta("results", "--json", status=64)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn("no server-composition", done.stderr)

    def test_ids_are_no_matter_of_those_who_take_days(self):
        for account in "arara", "arara2":
            self.api.on("GET", "/results/884213", 200, json.dumps({"items": [{"delivery_id": "1", "to": "a@example.org"}]}))
        done = self.shimta("results", "--json", "884213")
        self.assertEqual((len(done.stdout.splitlines()), done.stderr), (2, ""))
        self.assertIn("needs a period", self.shimta("results", "884213", "--account", "cmc", status=64).stderr)

    def test_words_that_are_neither_ids_nor_periods(self):
        for words in (["last", "week"], ["tomorrow"], ["monday"], ["昨日"], ["2026-02-30"], ["2026-11-07..2026-11-01"], ["..2026-11-07"],
                      ["11/1"], ["1", " today"], ["last", "0", "days"], [""], ["a b1"], ["."], ["2026-13"], ["23:59"]):
            for command in (["status"], ["results"], ["history", "search"]):
                self.assertRegex(self.shimta(*command, *words, status=64).stderr, "nor a period: say today|not both")
        for argv in (["cancel", "", "--yes"], ["cancel", "..", "--yes"], ["cancel", "../domain", "--yes"], ["domains", "update", "a/b", "s", "--enable", "no"], ["domains", "list", ".."],
                     ["domains", "remove", "example.jp", "..", "--yes"], ["domains", "add", ""], ["history", "delete", "", "--yes"],
                     ["suppressions", "set", "--remote", ""], ["unsubscribes", "exclude", "x"], ["status", "--request-id", ""],
                     ["unsubscribes", "enable", "", "--yes"]):
            self.shimta(*argv, "--account", "blast" if argv[0] == "history" else "arara", status=64)
        for argv in (["status", "-"], ["cancel", "-", "--yes"], ["suppressions", "set", "--remote", "-"]):
            self.assertIn("standard input", self.shimta(*argv, "--account", "arara", status=64, stdin="\n \n").stderr)
        self.assertEqual(self.api.seen, [])

    def test_usage(self):
        for argv in (["cancel"], ["plan", "x"], ["domains", "add"], ["domains", "update", "x"], ["history"], ["history", "x"],
                     ["plan", "--count", "3"], ["status", "--failed"], ["usage", "--period", "today"], ["plan", "--json", "--csv"],
                     ["suppressions", "set", "a", "--count", "x"], ["check", "--account", "arara"], ["queue", "--csv"]):
            self.shimta(*argv, status=64)
        self.assertEqual(self.api.seen, [])

    def test_set_is_of_the_remote_list(self):
        self.assertIn("--remote", self.shimta("suppressions", "set", "a@example.org", status=64).stderr)
        self.assertEqual(self.api.requests("/errorfilter"), [])

    def test_an_option_that_comes_twice(self):
        for option in ("--recipient", "--sender", "--period"):
            done = self.shimta("results", option, "today", option, "yesterday", status=64)
            self.assertIn(option + " is there twice", done.stderr)
        self.assertIn("two", self.shimta("-c", self.conf, "--dry-run", "status", "--request-id", "one", "--request-id", "two").stdout)

    def test_a_mails_id_cancels_nothing(self):
        for word in ("Q" + 16 * "0", "<m@example.net>", "m@example.net"):
            self.assertIn("a mail's id", self.shimta("cancel", word, "--yes", status=64).stderr)
            self.assertIn("a mail's id", self.shimta("cancel", "1", "-", "--yes", stdin=word, status=64).stderr)
        self.assertEqual(self.api.seen, [])

    def test_configuration(self):
        self.shimta("plan", conf="/nonexistent.conf", status=78)


class FailureTest(asking.Case):
    accounts = ("arara",)

    def fails(self, status, *argv):
        done = self.shimta(*(argv or ("plan",)), status=status)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_refused(self):
        self.api.on("GET", "/plan", 400, '{"message":"bad \\u001b[2Jrequest"}')
        stderr = self.fails(65)
        self.assertIn("account arara: bad ", stderr)
        self.assertNotIn("\033", stderr)

    def test_nothing_found(self):
        self.api.on("GET", "/send", 200, '{"items":[]}')
        self.assertIn("nothing found", self.fails(1, "status"))
        self.assertEqual(self.shimta("status", "--csv", status=1).stdout, "account,id,request_id,status,time\n")
        self.assertEqual(self.rows("status", status=1), [])

    def test_nonsense(self):
        for answer in ("<html><body>Please log in</body></html>", "[1,", "", "hello"):
            self.api.answers.pop(("GET", "/send"), None)
            self.api.on("GET", "/send", 200, answer)
            self.assertIn("account arara", self.fails(76, "status"))

    def test_temporary(self):
        self.api.on("GET", "/plan", 500, '{"message":"later"}')
        self.assertIn("later", self.fails(75))

    def test_network_down(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = "http://127.0.0.1:%d" % free.getsockname()[1]
        done = self.shimta("plan", conf=self.configure(url, "arara"), status=75)
        self.assertIn("no connection", done.stderr)

    def test_a_stale_token_is_replaced_once(self):
        self.api.on("GET", "/plan", 401, '{"message":"The incoming token has expired"}')
        self.api.on("GET", "/plan", 200, '{"plan":"light"}')
        self.assertEqual(self.rows("plan")[0]["plan"], "light")
        self.assertEqual(len(self.api.requests("/oauth2/token")), 2)

    def test_wrong_credentials(self):
        self.api.on("GET", "/plan", 401, '{"message":"no"}')
        self.assertIn("account arara: no", self.fails(77))
        self.assertEqual(len(self.api.requests("/plan")), 2)
        self.api.answers[("POST", "/oauth2/token")] = [(400, '{"error":"invalid_client"}', {})]
        self.assertIn("login: invalid_client", self.fails(77))

    def test_token_ends_while_paging(self):
        items = json.dumps({"items": [ITEM]})
        self.api.on("GET", "/send/1", 200, items)
        for name in "23":
            self.api.on("GET", "/send/" + name, 401, '{"message":"expired"}')
            self.api.on("GET", "/send/" + name, 200, items)
        self.assertEqual(len(self.rows("status", "1", "2", "3")), 3)
        self.assertEqual(len(self.api.requests("/oauth2/token")), 3)

    def test_too_many_requests(self):
        self.api.on("GET", "/plan", 429, '{"message":"Too Many Requests"}', Retry_After="1")
        self.api.on("GET", "/plan", 200, '{"plan":"light"}')
        self.assertEqual(self.rows("plan")[0]["plan"], "light")
        self.assertEqual(len(self.api.requests("/plan")), 2)

    def test_a_server_that_says_when(self):
        """Also one that is no API and says it in HTML; what would be done twice is not asked again."""
        page = "<html>\r\n<body><center><h1>503</h1></center></body>\r\n</html>"
        self.api.on("GET", "/plan", 503, page, Retry_After="1")
        self.api.on("GET", "/plan", 200, '{"plan":"light"}')
        self.assertEqual(self.rows("plan")[0]["plan"], "light")
        self.api.on("DELETE", "/send/1", 503, page, Retry_After="1")
        stderr = self.fails(75, "cancel", "1", "--yes")
        self.assertNotIn("URL", stderr)
        self.assertEqual(len(self.api.requests("/send/1")), 1)

    def test_too_many_for_long(self):
        self.api.on("GET", "/plan", 429, '{"message":"Too Many Requests"}', Retry_After="3600")
        self.assertIn("again in 3600 s", self.fails(75))
        self.assertEqual(len(self.api.requests("/plan")), 1)

    def test_too_many_without_end(self):
        self.api.on("GET", "/plan", 200, '{"message":"Too Many Requests"}', Retry_After="1")
        self.fails(75)
        self.assertEqual(len(self.api.requests("/plan")), 3)

    def test_some_of_many(self):
        """What is unknown is said, the others are shown."""
        self.api.on("GET", "/send/1", 200, json.dumps({"items": [ITEM]}))
        self.api.on("GET", "/send/3", 200, json.dumps({"items": [ITEM]}))
        done = self.shimta("--json", "status", "1", "2", "3", status=1)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn("/send/2", done.stderr)

    def test_a_reader_that_leaves(self):
        self.api.on("GET", "/send/1", 200, json.dumps({"items": [ITEM] * 20000}))
        with open("/dev/full", "w") as full:
            done = subprocess.run([shim.program("shimta"), "-c", self.conf, "--json", "status", "1", "1", "1"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 74)
        self.assertEqual(len(self.api.requests("/send/1")), 1)

    def test_dry_run_asks_nobody(self):
        done = self.shimta("cancel", "1", "2", "--dry-run")
        self.assertEqual([line.split()[-1] for line in done.stdout.splitlines()[1:3]],
                         [self.api.url + "/send/1", self.api.url + "/send/2"])
        self.assertIn("arara: 2 requests", done.stdout)
        self.assertEqual(self.csv("plan", "--dry-run"),
                         [{"account": "arara", "task": "plan", "request": "GET %s/plan" % self.api.url}])
        self.assertEqual(self.api.seen, [])


class CheckTest(asking.Case):
    accounts = ("cmc", "blast", "v1")

    def test_accounts_that_are_only_asked(self):
        out = self.shimta("check", status=1).stdout
        self.assertRegex(out, "(?m)^ok +account blast: the API gives a token")
        self.assertRegex(out, "(?m)^-- +account v1: not checked: its API")
        self.api.answers.pop(("POST", "/authenticate/login"))
        self.api.on("POST", "/authenticate/login", 401, json.dumps({"error": {"message": "unauthorized " + asking.SECRET}}))
        self.assertRegex(self.shimta("check", status=1).stdout, "(?m)^FAIL +account blast: .*unauthorized")


class DryRunTest(asking.Case):
    def test_bodies(self):
        row = self.rows("--dry-run", "suppressions", "set", "--remote", "a@x.jp", "b@x.jp", "--count", "3", "--account", "arara")[0]
        self.assertEqual((row["request"], json.loads(row["body"])),
                         ("PUT %s/errorfilter" % self.api.url,
                          {"items": [{"address": "a@x.jp", "count": 3}, {"address": "b@x.jp", "count": 3}]}))
        row = self.rows("--dry-run", "unsubscribes", "exclude", "a@x.jp", "--sender", "s@x.jp", "--account", "v1", "--yes")[0]
        self.assertIn("<pass><![CDATA[...]]></pass>", row["body"])
        self.assertIn("<message_to>a@x.jp</message_to>", row["body"])
        self.assertEqual(self.api.seen, [])

    def test_the_url_is_the_one_that_goes_out(self):
        with open(self.conf) as file:
            text = file.read()
        with open(self.conf, "w") as file:
            file.write(text.replace("url = %s\nallow" % self.api.url, "url = %s/a/../b\nallow" % self.api.url, 1))
        self.api.on("GET", "/a/../b/plan", 200, '{"plan":"x"}')
        self.assertEqual(self.rows("--dry-run", "plan")[0]["request"], "GET %s/a/../b/plan" % self.api.url)
        self.rows("plan")


class LostAnswerTest(asking.Case):
    """A change whose answer does not say whether it was made."""

    accounts = ("arara", "blast")

    def test_it_may_have_been_done(self):
        for status, text, code in ((504, "<html><hr></html>", 75), (504, '{"message":"gateway timeout"}', 75), (200, "<html><hr>", 76)):
            for method, path, argv in (("DELETE", "/send/1", ["cancel", "1"]), ("POST", "/message/list/delete", ["history", "delete", "1"]),
                                       ("DELETE", "/domain/dkim/a.jp/s", ["domains", "remove", "a.jp", "s"])):
                self.api.answers.pop((method, path), None)
                self.api.on(method, path, status, text)
                self.assertIn("may have been done", self.shimta(*argv, "--yes", status=code).stderr)
        self.api.answers.pop(("DELETE", "/send/1"))
        self.api.on("DELETE", "/send/1", 409, '{"message":"sending"}')
        self.assertNotIn("may have", self.shimta("cancel", "1", "--yes", status=65).stderr)
        self.api.on("GET", "/plan", 504, "<html><hr></html>")
        self.assertNotIn("may have", self.shimta("plan", status=75).stderr)
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            conf = self.configure("http://127.0.0.1:%d" % closed.getsockname()[1], "arara")
            self.assertNotIn("may have", self.shimta("cancel", "1", "--yes", conf=conf, status=75).stderr)

    def test_what_is_left(self):
        def answer(_, body):
            return json.dumps({"items": [{"address": item["address"], "count": 99} for item in json.loads(body)["items"]]})
        self.api.on("PUT", "/errorfilter", 200, answer)
        self.api.on("PUT", "/errorfilter", 500, "oops")
        many = "".join("u%d@example.org\n" % n for n in range(250))
        done = self.shimta("--json", "suppressions", "set", "--remote", "-", stdin=many, status=75)
        self.assertEqual(len(done.stdout.splitlines()), 100)
        self.assertIn("150 of 250 are left, from 'u100@example.org' on", done.stderr)
        self.api.on("DELETE", "/send/1", 200, json.dumps({"items": [{"delivery_id": "1"}]}))
        for status, code, left in ((409, 65, False), (503, 75, True), (401, 77, True)):
            self.api.answers.pop(("DELETE", "/send/2"), None)
            self.api.on("DELETE", "/send/2", status, '{"message":"no"}')
            said = self.shimta("cancel", "1", "2", "--yes", status=code).stderr
            self.assertEqual("1 of 2 are left, from '2' on" in said, left, said)
            self.assertEqual("left" in said, left, said)

    def test_each_deleted_id_is_told_of(self):
        results = {"1": "deleted", "2": "deleted"}
        for answer, more, status in (({"success": [1, 2]}, {}, 0), ({"success": "1,2", "failure": []}, {}, 0),
                                     ({"success": 1, "failure": ["2"]}, {"2": "not deleted"}, 1),
                                     ({"success": ["1"]}, {"2": "unknown"}, 76),
                                     ({"message": {"success": "1", "failure": "2"}}, {"2": "not deleted"}, 1)):
            self.api.answers.pop(("POST", "/message/list/delete"), None)
            self.api.on("POST", "/message/list/delete", 200, json.dumps(answer))
            done = self.shimta("--json", "history", "delete", "1", "2", "--yes", status=status)
            told = {row["id"]: row["result"] for row in map(json.loads, done.stdout.splitlines())}
            self.assertEqual(told, {**results, **more}, answer)

    def test_sandbox(self):
        for path, name, argv in (("/rest/1.0/message/list/delete", "blast", ["history", "delete", "501", "--yes"]),
                                 ("/plan", "arara", ["plan"]), ("/send/1", "arara", ["status", "1"])):
            sandbox = shim.Sandbox("--fault", "close-after@" + path, user="shop", key=asking.SECRET)
            self.addCleanup(sandbox.end)
            conf = self.configure(sandbox.url + ("/rest/1.0" if name == "blast" else ""), "cmc", name)
            done = self.shimta(*argv, conf=conf, status=75 if argv[0] != "status" else 1)
            self.assertIn("no whole answer" if argv[0] != "status" else "404", done.stderr)
            if argv[0] == "history":
                self.assertIn("may have been done", done.stderr)
                self.shimta("history", "search", "501", conf=conf, status=1)


class TokenInUrlTest(asking.Case):
    accounts = ("cmc", "blast")

    def test_it_shows_nowhere(self):
        for status, code in ((500, 75), (400, 65), (401, 77)):
            self.api.answers.pop(("GET", "/message/history/search"), None)
            self.api.on("GET", "/message/history/search", status, json.dumps({"error": {"message": "x " + asking.TOKEN}}))
            self.shimta("history", "search", status=code)
        seen = len(self.api.seen)
        url = self.rows("history", "search", "--dry-run", "501", "502")[0]["request"]
        self.assertEqual(url, "GET %s/message/history/search?access_token=...&f=json&offset=0&limit=100&messageIDs=501%%2C502"
                         % self.api.url)
        row = self.rows("history", "delete", "501", "--dry-run")[0]
        self.assertEqual(row["body"], "access_token=...&messageIDs=501&format=json")
        self.assertIn("api_user=shop&api_key=...&server_composition=pro&date=2026-11-01",
                      self.rows("results", "2026-11-01", "--dry-run")[0]["body"])
        self.assertEqual(len(self.api.seen), seen)

    def test_an_answer_that_repeats_it(self):
        """Rows and what is beside them, in each form of output."""
        text = "https://x/?access_token=%s&key=%s" % (asking.TOKEN, asking.SECRET)
        self.api.on("GET", "/message/history/search", 200,
                    json.dumps({"message": [{"messageID": 1, "url": text, asking.TOKEN: "x"}], "note": text}))
        for form in ((), ("--json",), ("--csv",)):
            self.assertIn("access_token=***&key=***", self.shimta(*form, "history", "search").stdout)


class OddSecretTest(asking.Case):
    """One whose characters are written in many ways."""

    accounts = ("cmc", "blast")
    secret = "se+cr/et=&<'\"\\ %x"

    def test_each_form_of_it(self):
        folder = os.path.dirname(self.conf)
        with open(os.path.join(folder, "key"), "w") as file:
            file.write(self.secret + "\n")
        quoted = urllib.parse.quote(self.secret, safe="")
        xml = self.secret.replace("&", "&amp;").replace("<", "&lt;")
        for form in (self.secret, self.secret[:12], quoted, quoted.lower(), urllib.parse.quote(self.secret), urllib.parse.quote_plus(self.secret),
                     xml, xml.replace('"', "&quot;").replace("'", "&#39;").replace("+", "&#x2B;"), json.dumps(self.secret)[1:-1],
                     json.dumps(self.secret)[1:-1].replace("/", "\\/").replace("<", "\\u003c")):
            for status, code in ((500, 75), (400, 65)):
                self.api.answers.pop(("GET", "/message/history/search"), None)
                self.api.on("GET", "/message/history/search", status, json.dumps({"error": {"message": "a " + form + " z"}}))
                self.assertIn("blast: a *** z (HTTP", self.shimta("history", "search", status=code).stderr, form)
            self.api.answers.pop(("GET", "/message/history/search"))
            self.api.on("GET", "/message/history/search", 200, json.dumps({"message": [{"messageID": 1, "x": "a " + form}]}))
            self.assertEqual(self.rows("history", "search")[0]["x"], "a ***")


class TerminalTest(asking.Case):
    """On a pseudo-terminal of 80 columns."""

    accounts = ("arara",)

    def test_question(self):
        self.api.on("DELETE", "/send/1", 200, json.dumps({"items": [{"delivery_id": "1"}]}))
        for answer in ("n\n", "\n", "\x04"):
            status, shown = self.terminal("cancel", "1", answers=[("[y/N]", answer)])
            self.assertEqual(status, 1)
            self.assertIn("Cancel delivery 1 at account arara? This can't be undone.", shown)
        self.assertEqual(self.api.seen, [])
        status, shown = self.terminal("cancel", "1", answers=[("[y/N]", "y\n")])
        self.assertEqual(status, 0)
        self.assertEqual(len(self.api.requests("/send/1")), 1)
        self.assertNotIn("[y/N]", self.terminal("cancel", "1", "--yes")[1])
        for argv, objects in ((["cancel", *"12345"], "1, 2, 3 and 2 more"), (["domains", "remove", "a.jp", "s1"], "s1, a.jp"),
                              (["unsubscribes", "enable", "a@a.jp"], "a@a.jp"),
                              (["call", "--account", "arara", "POST", "/x"], "Send POST /x"),
                              (["unsubscribes", "exclude", "b@b.jp", "--sender", "a@a.jp"], "b@b.jp")):
            self.assertIn(objects + " at account", self.terminal(*argv, answers=[("[y/N]", "\n")])[1])
        self.assertNotIn("[y/N]", self.terminal("cancel", "1", "--dry-run")[1])

    def test_table(self):
        self.api.on("GET", "/send", 200, json.dumps({"items": [{"delivery_id": "1", "status": "送信中"},
                                                               {"delivery_id": "2", "status": "\033[31mred\x9b2J"}]}))
        status, shown = self.terminal("status", "today")
        self.assertEqual((status, shown), (0, "id  status\n1   送信中\n2   \\u001b[31mred\\u009b2J\n"))
        for form in ("--json", "--csv"):
            shown = self.terminal("status", form)[1]
            self.assertIn("\\u001b[31mred\\u009b2J", shown)
            self.assertNotIn("\033", shown)

    def test_a_wide_table_becomes_records(self):
        self.api.on("GET", "/send", 200, json.dumps({"items": [{"delivery_id": "1", "note": "x" * 90}]}))
        self.assertEqual(self.terminal("status")[1], "id    1\nnote  " + "x" * 90 + "\n")

    def test_progress(self):
        def slowly(*_):
            time.sleep(1.6)
            return json.dumps({"items": [{"delivery_id": "1"}]})
        self.api.on("GET", "/send/1", 200, slowly)
        status, shown = self.terminal("status", "1", "1")
        self.assertEqual(status, 0)
        self.assertRegex(shown, r"arara: [12] s, 0 answers, 0 rows")
        self.assertRegex(shown, r"arara: \d s, 1 answer, 1 row ")
        self.assertTrue(shown.endswith("\r\033[Kid\n1\n1\n"), repr(shown))
        self.assertNotIn("rows", self.shimta("status", "1").stderr)

    def test_progress_gives_way_to_what_is_said(self):
        def slowly(*_):
            time.sleep(1.3)
            return '{"message":"no such"}'
        self.api.on("GET", "/send/1", 404, slowly)
        shown = self.terminal("status", "1", "1")[1]
        self.assertRegex(shown, r"rows \x1b\[K\r\x1b\[Kshimta: account arara: no such")

    def test_no_progress_in_a_second(self):
        self.api.on("GET", "/send/1", 200, json.dumps({"items": [{"delivery_id": "1"}]}))
        self.assertEqual(self.terminal("status", "1")[1], "id\n1\n")


if __name__ == "__main__":
    tap.main()
