"""The daemon's own list of suppressed addresses, as shimta shows and changes it."""

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import unittest

import shim
import tap

LISTED = ["account", "address", "kind", "source", "since", "until", "sender", "reason"]


class SuppressionsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = shim.Daemon("http://127.0.0.1:9")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.end()

    def setUp(self):
        rows = self.shimta("--json", "suppressions", status=None).stdout
        for address in {json.loads(row)["address"] for row in rows.splitlines()}:
            self.shimta("suppressions", "remove", address)

    def shimta(self, *argv, status=0, stdin=""):
        done = subprocess.run([shim.program("shimta"), "-c", self.daemon.conf, *argv], capture_output=True, text=True,
                              input=stdin, timeout=shim.PATIENCE)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def addresses(self):
        return [json.loads(row)["address"] for row in self.shimta("--json", "suppressions", status=None).stdout.splitlines()]

    def test_dry_run_changes_nothing(self):
        self.shimta("suppressions", "add", "--account", "main", "a@example.org")
        done = self.shimta("--dry-run", "suppressions", "add", "--account", "main", "b@example.org")
        self.assertIn("would be added", done.stdout)
        self.assertIn("would be removed", self.shimta("--dry-run", "suppressions", "remove", "a@example.org").stdout)
        done = self.shimta("--csv", "--dry-run", "suppressions", "remove", "a@example.org", "nobody@example.org", status=1)
        self.assertEqual(done.stdout, "account,address,result\n,a@example.org,would be removed\n,nobody@example.org,not listed\n")
        self.assertIn("nobody@example.org is not on the list", done.stderr)
        self.shimta("--dry-run", "suppressions", "list")
        self.assertEqual(self.addresses(), ["a@example.org"])

    def test_forms(self):
        self.shimta("suppressions", "add", "--account", "main", "a@example.org", "b@example.org")
        rows = list(csv.DictReader(io.StringIO(self.shimta("--csv", "suppressions").stdout)))
        self.assertEqual(list(rows[0]), LISTED)
        self.assertEqual([row["address"] for row in rows], ["a@example.org", "b@example.org"])
        self.assertRegex(rows[0]["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$")
        self.assertEqual(self.shimta("--csv", "suppressions", "show", "b@example.org").stdout.splitlines()[1],
                         self.shimta("--csv", "suppressions").stdout.splitlines()[2])
        table = self.shimta("suppressions", "list").stdout.splitlines()
        self.assertEqual((table[0].split(), len(table)), (LISTED[:5], 3))
        self.shimta("--csv", "--json", "suppressions", status=64)

    def test_empty(self):
        self.assertIn("nobody", self.shimta("suppressions", status=1).stderr)
        self.assertEqual(self.shimta("--csv", "suppressions", status=1).stdout, ",".join(LISTED) + "\n")
        self.shimta("suppressions", "list", "--account", "main", status=1)

    def test_unknown_account(self):
        for argv in (["list"], ["show", "a@example.org"], ["add", "a@example.org"], ["remove", "a@example.org"]):
            done = self.shimta("suppressions", *argv, "--account", "nobody", status=64)
            self.assertIn("no account 'nobody', but main", done.stderr)
        self.assertEqual(self.addresses(), [])

    def test_words(self):
        done = self.shimta("suppressions", "add", "--account", "main", "-", "c@example.org", stdin="a@example.org\n\n b@example.org\r\n")
        self.assertEqual(done.stdout.count("gets no mail any more"), 3)
        self.assertIn("standard input", self.shimta("suppressions", "remove", "-", status=64).stderr)
        done = self.shimta("suppressions", "remove", "a@example.org", "nonsense", "d@example.org", "b@example.org", status=64)
        self.assertIn("'nonsense' is no address", done.stderr)
        self.assertIn("d@example.org is not on the list", done.stderr)
        self.assertEqual(self.addresses(), ["c@example.org"])

    def test_what_is_no_address(self):
        """Whatever is on the list is shown and taken off; it does not get there."""
        state = os.path.join(self.daemon.folder, "state", "feedback.db")
        with contextlib.closing(sqlite3.connect(state, timeout=shim.PATIENCE, isolation_level=None)) as table:
            for odd in ("123", "@b.test", "a b@b.test"):
                table.execute("INSERT INTO suppression VALUES ('main', ?, '', ?, 0, 'webhook', '', 1, 0, 0)", (odd, odd))
        for odd in ("123", "@b.test", "a b@b.test"):
            with self.subTest(odd=odd):
                self.assertIn("is no address", self.shimta("suppressions", "add", "--account", "main", odd, status=64).stderr)
                self.shimta("suppressions", "show", odd)
                self.assertIn("gets mail again", self.shimta("suppressions", "remove", odd).stdout)
                self.shimta("suppressions", "remove", odd, status=64)
        self.assertEqual(self.addresses(), [])

    def test_what_was_done(self):
        done = self.shimta("--json", "suppressions", "add", "--account", "main", "a@example.org")
        self.assertEqual(json.loads(done.stdout), {"account": "main", "address": "a@example.org", "result": "added"})
        done = self.shimta("--csv", "suppressions", "remove", "a@example.org", "b@example.org", status=1)
        self.assertEqual(done.stdout, "account,address,result\n,a@example.org,removed\n,b@example.org,not listed\n")


if __name__ == "__main__":
    tap.main()
