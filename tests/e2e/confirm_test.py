"""What an answer says was done: only that, and only of what was asked for."""

import json
import subprocess
import unittest

import asking
import shim
import tap

SHOP, ANNA, BEN = "shop@example.net", "anna@example.org", "ben@example.org"


class DoneTest(asking.Case):
    def test_no_content_is_204(self):
        argv = ["unsubscribes", "exclude", ANNA, "--sender", SHOP, "--yes", "--account", "arara"]
        for answer in ("{}", "", "<response/>", "[]"):
            self.api.answers.pop(("PUT", "/re-subscribers"), None)
            self.api.on("PUT", "/re-subscribers", 200, answer)
            done = self.shimta(*argv, status=76)
            self.assertIn("may have been done", done.stderr)
            self.assertEqual(done.stdout, "")
        self.api.answers.pop(("PUT", "/re-subscribers"))
        self.api.on("PUT", "/re-subscribers", 204)
        self.shimta(*argv)

    def test_errors_beside_a_good_result(self):
        """Of Arara's v1 the reference says that errors may accompany one, and that -1 is none."""
        argv = ["unsubscribes", "exclude", ANNA, "--sender", SHOP, "--yes", "--account", "v1"]
        errors = '<errors><error kind="notice" code="0001">look here</error></errors>'
        self.api.on("POST", "/tm/resubscribers.php", 200, '<mail><result code="1">ok</result>%s</mail>' % errors)
        self.assertIn("look here", self.shimta(*argv).stdout)
        self.api.answers.clear()
        self.api.on("POST", "/tm/resubscribers.php", 200, '<mail><result code="-1">no</result>%s</mail>' % errors)
        self.assertIn("look here", self.shimta(*argv, status=65).stderr)

    def answered(self, call, rows, *argv, status=76, name="items"):
        self.api.answers.pop(call, None)
        self.api.on(*call, 200, json.dumps({name: rows}))
        return self.shimta(*argv, "--account", "arara", status=status)

    def test_only_what_the_answer_names(self):
        call = ("PUT", "/errorfilter")
        argv = ("suppressions", "set", "--remote")
        self.answered(call, [{"address": ANNA.upper(), "count": 99.0}], *argv, ANNA, status=0)
        done = self.answered(call, [{"address": ANNA, "count": 99}], *argv, ANNA, BEN)
        self.assertIn("'%s': it may have been" % BEN, done.stderr)
        self.assertNotIn("'%s'" % ANNA, done.stderr)
        done = self.answered(call, [{"address": "other@x.jp", "count": 99}], *argv, ANNA)
        self.assertIn("'%s'" % ANNA, done.stderr)
        self.assertIn("other@x.jp", done.stdout)
        self.assertIn("'%s'" % ANNA, self.answered(call, [{"address": ANNA, "count": 5}], *argv, ANNA).stderr)
        self.answered(("DELETE", "/send/1"), [{"delivery_id": "2"}], "cancel", "1", "--yes")
        self.api.on("POST", "/unsubscribe-receivers", 200, json.dumps({"header_from": BEN, "url": "x"}))
        self.shimta("unsubscribes", "enable", ANNA, "--yes", "--account", "arara", status=76)

    def test_only_the_request_that_went_wrong(self):
        self.api.on("DELETE", "/send/1", 200, json.dumps({"items": [{"delivery_id": "9"}]}))
        self.api.on("DELETE", "/send/2", 409, json.dumps({"message": "sending"}))
        self.api.on("DELETE", "/send/3", 200, json.dumps({"items": [{"delivery_id": "3"}]}))
        done = self.shimta("cancel", "1", "2", "3", "--yes", "--account", "arara", status=76)
        self.assertEqual(done.stderr.count("look before you repeat it"), 1)
        self.assertIn("for '1'", done.stderr)

    def test_another_domain(self):
        call, key = ("POST", "/domain/dkim"), "v=DKIM1; p=MIGf"
        for row in ({"sign_domain": "other.example", "selector": "s1", "dns_value": key},
                    {"sign_domain": "example.jp", "selector": "s1", "status": 400, "message": "bad domain"},
                    {"sign_domain": "example.jp", "selector": "s2", "dns_value": key}):
            done = self.answered(call, [row], "domains", "add", "example.jp", "--selector", "s1", name="domains")
            self.assertIn("'example.jp'", done.stderr)
            self.assertNotIn("IN TXT", done.stdout)
            self.assertIn(row["sign_domain"], done.stdout)
        row = {"sign_domain": "xn--r8jz45g.jp", "selector": "s1", "dns_value": key}
        done = self.answered(call, [row], "domains", "add", "例え.jp", name="domains", status=0)
        self.assertIn("IN TXT", done.stdout)
        call = ("PUT", "/domain/dkim/example.jp/s1")
        row = {"sign_domain": "example.jp", "selector": "s2", "setting_values": {"enable": 0}}
        self.answered(call, [row], "domains", "update", "example.jp", "s1", "--enable", "no", name="domains")

    def test_a_text_is_no_plan(self):
        self.api.on("GET", "/plan", 200, '"maintenance"')
        done = self.shimta("plan", "--account", "arara", status=65)
        self.assertEqual(done.stdout, "")
        self.assertIn("maintenance", done.stderr)

    def test_lists_of_apis_that_want_more(self):
        """Each account does what it can; who is named must do it."""
        self.conf = self.configure(self.api.url, "arara", "cmc")
        self.api.on("POST", "/transaction/v2/unsubscribes/download.json", 200,
                    json.dumps({"unsubscribes": [{"email": BEN, "created": "2026-11-01"}]}))
        self.api.on("GET", "/unsubscribers/auto-assigned", 200, json.dumps({"items": [{"header-from": SHOP, "to": ANNA}]}))
        done = self.shimta("unsubscribes", "list", "today")
        self.assertIn(BEN, done.stdout)
        self.assertIn("account arara needs a sender's address", done.stderr)
        self.shimta("unsubscribes", "list", "today", "--account", "arara", status=64)
        rows = self.rows("unsubscribes", "list", "today", "--sender", SHOP)
        self.assertEqual([(row["address"], row.get("sender")) for row in rows], [(ANNA, SHOP), (BEN, None)])
        self.shimta("unsubscribes", "list", "today", "--sender", SHOP, "--account", "cmc", status=69)

    def test_accounts_that_only_answer(self):
        """Who asks needs no account that sends mail; the daemon does."""
        self.conf = self.configure(self.api.url, "blast")
        self.api.on("GET", "/message/history/search", 200, json.dumps({"message": [{"messageID": 1}]}))
        self.shimta("history", "search")
        done = subprocess.run([shim.program("shimtad"), "-n", "-c", self.conf], capture_output=True, text=True, timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 78)
        self.assertIn("no section [account NAME] that sends mail", done.stderr)


if __name__ == "__main__":
    tap.main()
