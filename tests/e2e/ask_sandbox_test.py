"""shimta asking the sandbox what became of mail that the daemon sent, by addresses that play roles."""

import json
import subprocess
import unittest

import mails
import shim
import tap

SENDER = "shop@example.jp"
PEOPLE = ["yamada@example.org", "bounce-1@example.org", "mailbox-full-1@example.org"]


class Case(unittest.TestCase):
    account = shim.ARARA

    def setUp(self):
        self.sandbox = shim.Sandbox("--event-delay", "0", "--server-composition", "pro")
        self.addCleanup(self.sandbox.end)
        self.daemon = shim.Daemon(self.sandbox.url, account=self.account)
        self.addCleanup(self.daemon.end)

    def shimta(self, *argv, status=0):
        done = subprocess.run([shim.program("shimta"), "-c", self.daemon.conf, *argv], capture_output=True, text=True,
                              timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn(shim.KEY, done.stdout + done.stderr)
        return done

    def rows(self, *argv, **more):
        return [json.loads(line) for line in self.shimta("--json", *argv, **more).stdout.splitlines()]

    def events(self, *argv, **more):
        return {row["address"]: row["event"] for row in self.rows(*argv, **more)}

    def send(self):
        code, text = self.daemon.send(SENDER, PEOPLE, mails.order(cc=()))
        self.assertEqual(code, 250, text)


class AraraTest(Case):
    def test_what_became_of_it(self):
        self.send()
        trace = self.rows("trace", PEOPLE[0])[0]
        status = self.rows("status", trace["remote_id"])[0]
        self.assertEqual(status["id"], trace["remote_id"])
        request_id = json.loads(self.sandbox.get("/ledger"))["tag"]
        self.assertEqual(self.rows("status", "--request-id", request_id)[0]["id"], trace["remote_id"])
        self.assertIn(trace["remote_id"], [row["id"] for row in self.rows("status")])
        found = self.events("results")
        self.assertEqual((found[PEOPLE[0]], found[PEOPLE[1]]), ("delivered", "bounced"))
        self.assertEqual(set(self.events("results", "--failed", "today")), set(PEOPLE[1:]))
        self.shimta("status", "999999", status=1)
        self.shimta("results", "2020-01-01", status=1)
        self.shimta("cancel", trace["remote_id"], "--yes", status=65)

    def test_error_filter(self):
        self.shimta("suppressions", "show", "--remote", "a@example.org", status=1)
        self.shimta("suppressions", "set", "--remote", "a@example.org")
        self.assertEqual(float(self.rows("suppressions", "show", "--remote", "a@example.org")[0]["count"]), 99)
        self.shimta("suppressions", "set", "--remote", "a@example.org", "--count", "0")
        self.assertEqual(float(self.rows("suppressions", "show", "--remote", "a@example.org")[0]["count"]), 0)


class CmcTest(Case):
    account = shim.CMC + "server-composition = pro\n"

    def test_what_became_of_it(self):
        self.send()
        found = self.events("results", "today")
        self.assertEqual(found[PEOPLE[0]], "delivered")
        self.assertEqual(self.events("results", "--failed"), {PEOPLE[1]: "bounced", PEOPLE[2]: "soft"})
        self.assertEqual(set(self.events("results", "--recipient", "yamada@")), {PEOPLE[0]})
        self.shimta("usage")
        self.shimta("unsubscribes", status=1)
        self.shimta("plan", status=69)


if __name__ == "__main__":
    tap.main()
