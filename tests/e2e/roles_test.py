#!/usr/bin/python3
"""Addresses that play roles, through the real daemon and the sandbox: what comes back, who is refused the next time, and
what the trace and the figures say of it."""

import http.client
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import feedback_test
import metrics_test
import sandbox_event_test
import shim
import tap

SHOP = "shop@example.jp"
MAIN = 'account="main"'
DAY_MS = 24 * 3600 * 1000
LISTS = "/transaction/v2/{}.json"


class Case(unittest.TestCase):
    def make_folder(self):
        folder = tempfile.mkdtemp(prefix="shimta-roles-")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def start_sandbox(self, *options):
        self.sandbox = shim.Sandbox(*options)
        self.addCleanup(self.sandbox.end)

    def start(self, account, main="", **more):
        """A daemon with feedback, whose bounces go into a Maildir."""
        folder = self.make_folder()
        self.box = feedback_test.Folder(f"{folder}/box")
        state = more.pop("state", None)
        daemon = shim.Daemon(self.sandbox.url, account=account, state=state, more={
            "account main": f"feedback = yes\nfeedback-interval = 1s\nfeedback-to = maildir:{folder}/box\n" + main,
            **metrics_test.LISTEN, **more})
        self.addCleanup(daemon.end)
        self.metrics = int(daemon.wait_line(r"^metrics .*port=(\d+)").group(1))
        return daemon

    def shimta(self, daemon, *argv):
        done = subprocess.run([shim.program("shimta"), "-c", daemon.conf, *argv], capture_output=True, text=True,
                              timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def traced(self, daemon, address):
        """The events that the trace has of an address, with the status codes of those that came back."""
        rows = [json.loads(line) for line in self.shimta(daemon, "--json", "trace", address).splitlines()]
        rows = [row for row in rows if row.get("recipient") == address]
        return [(row["event"], row["dsn"]) if row["event"] == "returned" else row["event"] for row in rows]

    def send(self, daemon, *recipients, sender=SHOP, number=1, shown=SHOP):
        """Recipients, with parameters behind a blank. The replies to them, or else that to the mail."""
        with daemon.raw() as talk:
            talk.hello()
            talk.ask(f"MAIL FROM:<{sender}> ENVID=order+2B7")
            words = [one.partition(" ") for one in recipients]
            replies = [talk.ask(f"RCPT TO:<{address}> {more}".rstrip()) for address, _, more in words]
            if any(code >= 400 for code, _ in replies):
                return replies
            talk.ask("DATA")
            mail = feedback_test.MAIL.format(to=words[0][0], number=number).replace(SHOP, shown)
            talk.put(shim.stuff(mail))
            return [talk.reply()]

    def taken(self, daemon, *recipients, **more):
        self.assertEqual([code for code, _ in self.send(daemon, *recipients, **more)], [250])

    def refused(self, daemon, address, code, **more):
        (got, text), = self.send(daemon, address, number=9, **more)
        self.assertEqual((got, text[:5]), (550, code), text)
        return text

    def figures(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=shim.PATIENCE)
        connection.request("GET", "/metrics")
        figures = metrics_test.parse(connection.getresponse().read().decode())
        connection.close()
        return figures

    def figure(self, name, labels):
        return self.figures().get(f"shimta_{name}", {}).get(labels, 0)

    def wait_figure(self, name, labels, n):
        shim.until(lambda: self.figure(name, labels) >= n, f"{n} of {name} {labels}")

    def returned(self):
        """What the bounces in the Maildir say: (recipient, original, action, status, diagnostic), each once."""
        found = []
        for mail in self.box.mails():
            status = list(mail.iter_parts())[1].get_payload()
            self.assertEqual(status[0]["Original-Envelope-Id"], "order+7")
            for one in status[1:]:
                found.append(tuple(re.sub("^(rfc822|smtp); ", "", one[name] or "") for name in (
                    "Final-Recipient", "Original-Recipient", "Action", "Status", "Diagnostic-Code")))
        return sorted(found)

    def asked(self, call):
        return self.sandbox.text().count(f'path="{LISTS.format(call)}"')

    def wait_asked(self, call):
        self.sandbox.wait_line(f'path="{LISTS.format(call)}"')


class ListTest(Case):
    """Customers Mail Cloud's list of bounces: once a day, where no webhook can reach the host."""

    WEBHOOK = {"webhook": "address = 127.0.0.1:0\n"}

    def start(self, **more):
        return super().start(shim.CMC, "server-composition = shop\n", state=self.state, **more)

    def change(self, sql, *values):
        with sqlite3.connect(os.path.join(self.state, "feedback.db")) as db:
            db.execute(sql, values)
        db.close()

    def test_once_a_day(self):
        self.state = self.make_folder()
        self.start_sandbox("--event-delay", "0", "--server-composition", "shop")
        daemon = self.start(**self.WEBHOOK)
        self.taken(daemon, "bounce-a@example.org")
        self.wait_asked("unsubscribes/download")  # its turn is behind that of bounces
        shim.until(lambda: not self.watched_is_empty(), "the mail is watched")
        daemon.end()
        self.assertEqual(self.asked("bounces/list"), 0)

        daemon = self.start()
        daemon.wait_line("^returned .*to=bounce-a@example.org .*dsn=5.1.1")
        daemon.wait_line('^suppressed .*address=bounce-a@example.org kind=hard source=bounces')
        self.assertEqual([one[0] for one in self.returned_once()], ["bounce-a@example.org"])
        self.refused(daemon, "bounce-a@example.org", "5.1.1")
        self.wait_figure("feedback_requests_total", MAIN + ',result="well"', 1)
        daemon.end()
        self.assertEqual(self.asked("bounces/list"), 2)  # two pages: the second is empty

        # The same day. What the daemon asks for behind it shows that it has looked.
        self.change("DELETE FROM cursor WHERE what LIKE '%unsubscribes'")
        daemon = self.start()
        daemon.wait_line('^feedback-failed account=main call="unsubscribes list" text="11-007 ')
        daemon.end()
        self.assertEqual(self.asked("bounces/list"), 2)

        # A day later for the daemon, not yet for the API.
        self.change("UPDATE cursor SET value = value - ? WHERE what LIKE '%bounces'", DAY_MS)
        daemon = self.start()
        daemon.wait_line("^feedback-failed account=main call=bounces text=\"11-007 ")
        self.wait_figure("feedback_requests_total", MAIN + ',result="failed"', 1)
        self.assertEqual(self.asked("bounces/list"), 3)

    def returned_once(self):
        self.box.wait(1)
        return self.returned()

    def watched_is_empty(self):
        with sqlite3.connect(os.path.join(self.state, "feedback.db")) as db:
            empty = db.execute("SELECT count(*) FROM recipient").fetchone()[0] == 0
        db.close()
        return empty

    def test_webhook_goes(self):
        """A reload without a webhook: from then on the list is asked for."""
        self.state = self.make_folder()
        self.start_sandbox("--event-delay", "0")
        daemon = self.start(**self.WEBHOOK)
        self.wait_asked("unsubscribes/download")
        self.assertEqual(self.asked("bounces/list"), 0)
        with open(daemon.conf) as file:
            text = file.read()
        with open(daemon.conf, "w") as file:
            file.write(text.replace("[webhook]\n" + self.WEBHOOK["webhook"], ""))
        daemon.child.send_signal(1)
        self.wait_asked("bounces/list")


if __name__ == "__main__":
    tap.main()
