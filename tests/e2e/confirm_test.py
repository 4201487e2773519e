"""What an answer says was done: only that, and only of what was asked for."""

import json
import unittest

import asking
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


if __name__ == "__main__":
    tap.main()
