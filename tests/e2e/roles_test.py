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
import webhook_test

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

    def suppressed(self, daemon):
        """Whom the list has, by address; that it is empty shimta says with its exit status, too."""
        done = subprocess.run([shim.program("shimta"), "-c", daemon.conf, "--json", "suppressions"], capture_output=True,
                              text=True, timeout=shim.PATIENCE)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(done.returncode, 0 if rows else 1, done.stderr)
        return {row["address"]: row for row in rows}

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


class Roles:
    """What is the same whoever delivers the mail; each vendor says how its events come."""

    FAILED = ("Bounce-A@Example.ORG ORCPT=rfc822;old@example.org", "bounce-n@example.org NOTIFY=NEVER",
              "bounce-d@example.org NOTIFY=DELAY", "mailbox-full-a@example.org")

    def test_failures(self):
        daemon = self.begin("--event-delay", "100")
        self.taken(daemon, "ok@example.org", *self.FAILED)
        for address, dsn, told in (("Bounce-A@Example.ORG", "5.1.1", "yes"), ("bounce-n@example.org", "5.1.1", "no"),
                                   ("bounce-d@example.org", "5.1.1", "no"), ("mailbox-full-a@example.org", "4.2.2", "yes")):
            daemon.wait_line(f"^returned .*to={address} dsn={dsn} .*told={told}")
            self.assertEqual(self.traced(daemon, address), ["delivered", ("returned", dsn)])
        self.wait_figure("suppressed_total", MAIN + ',kind="hard"', 3)
        self.box.wait(1)
        self.wait_figure("feedback_bounces_total", MAIN, 1)
        rows = [json.loads(line) for line in self.shimta(daemon, "--json", "trace", "ok@example.org").splitlines()]
        self.assertEqual({(row["event"], row["message_id"]) for row in rows if "event" in row},
                         {(event, "<1@client.test>") for event in ("delivered", "returned", "notice")})
        self.assertEqual(self.returned(), [
            ("Bounce-A@Example.ORG", "old@example.org", "failed", "5.1.1", "550 5.1.1 User unknown"),
            ("mailbox-full-a@example.org", "", "failed", "4.2.2", "452 4.2.2 Mailbox full")])
        for address in "bounce-a@example.org", "BOUNCE-N@example.org", "bounce-d@EXAMPLE.org":
            self.assertIn("User unknown", self.refused(daemon, address, "5.1.1"))
        self.taken(daemon, "mailbox-full-a@example.org", number=2)
        self.assertNotIn("mailbox-full", self.shimta(daemon, "suppressions"))
        self.assertEqual(self.figure("suppressed_total", MAIN + ',kind="hard"'), 3)
        self.assertEqual(self.figure("suppressed_recipients_total", MAIN + ',kind="hard"'), 3)
        self.assertEqual(self.figures()["shimta_suppressions"], {f'kind="hard",source="{self.source}"': 3})
        self.assertEqual(self.figure("feedback_events_total", MAIN + ',event="bounced"'), 3)
        self.wait_figure("feedback_events_total", MAIN + ',event="delivered"', 1)
        self.assertEqual(self.figure("feedback_requests_total", MAIN + ',result="failed"'), 0)

    def test_null_sender(self):
        daemon = self.begin("--event-delay", "100")
        self.taken(daemon, "bounce-a@example.org", sender="")
        daemon.wait_line("^returned .*from=<> to=bounce-a@example.org .*told=no")
        daemon.wait_line("^suppressed .*address=bounce-a@example.org kind=hard")
        self.assertEqual(self.box.mails(), [])
        self.assertEqual(self.figure("feedback_bounces_total", MAIN), 0)

    SLOW = "slow-a@example.org", "slow-b@example.org NOTIFY=DELAY", "slow-c@example.org NOTIFY=NEVER"

    def expect_nothing(self, daemon):
        self.assertEqual(self.box.mails(), [])
        for letter in "abc":
            self.assertEqual(self.traced(daemon, f"slow-{letter}@example.org"), ["delivered"])
        self.assertEqual(self.suppressed(daemon), {})
        self.assertEqual((self.figure("feedback_bounces_total", MAIN), self.figure("suppressed_total", MAIN)), (0, 0))
        self.taken(daemon, "slow-a@example.org", number=2)

    def test_slow(self):
        """What the recipient's server puts off is no failure, and nobody hears of it."""
        daemon = self.begin("--event-delay", "0")
        self.taken(daemon, *self.SLOW)
        self.wait_deferred()
        self.assertEqual(self.figure("feedback_events_total", MAIN + ',event="delivered"'), 0)
        self.expect_nothing(daemon)

    def test_slow_and_there(self):
        daemon = self.begin("--event-delay", "0", "--slow-delay", "300")
        self.taken(daemon, *self.SLOW)
        self.wait_figure("feedback_events_total", MAIN + ',event="delivered"', 3)
        self.expect_nothing(daemon)


class CmcTest(Roles, Case):
    """Customers Mail Cloud, whose events come by its webhook."""

    source = "webhook"

    def begin(self, *options, main="", **more):
        self.way = sandbox_event_test.Way()
        self.addCleanup(self.way.end)
        self.start_sandbox("--webhook", self.way.url, "--daily-lists", "0", *options)
        return self.start_hearing(main, **more)

    def start_hearing(self, main="", **more):
        daemon = self.start(shim.CMC, "server-composition = sandbox\n" + main, webhook="address = 127.0.0.1:0\n", **more)
        self.way.port = self.hook = int(daemon.wait_line(r"^webhook .*port=(\d+)").group(1))
        return daemon

    def wait_deferred(self):
        """Queued, then deferred."""
        self.wait_figure("feedback_events_total", MAIN + ',event="pending"', 6)

    def post(self, **row):
        form = webhook_test.form([{"created": "2026-11-01 00:00:00", "status": "2", "from": SHOP, **row}], key=None,
                                 composition="sandbox")
        connection = http.client.HTTPConnection("127.0.0.1", self.hook, timeout=shim.PATIENCE)
        connection.request("POST", "/webhook", form, {"Content-Type": webhook_test.FORM})
        self.assertEqual(connection.getresponse().read(), b"stored\n")
        connection.close()

    def test_unsubscribe(self):
        """He gets the mail that he unsubscribes by, and no other of this account."""
        daemon = self.begin("--event-delay", "0")
        self.taken(daemon, "unsubscribe-a@example.org")
        self.wait_figure("feedback_events_total", MAIN + ',event="delivered"', 1)
        daemon.end()
        daemon = self.start_hearing()
        daemon.wait_line('^suppressed .*address=unsubscribe-a@example.org kind=unsubscribed source="unsubscribes list"')
        self.assertRegex(self.refused(daemon, "unsubscribe-a@example.org", "5.7.1"), "it has unsubscribed on")
        self.refused(daemon, "unsubscribe-a@example.org", "5.7.1", sender="other@example.jp")
        self.assertEqual(self.traced(daemon, "unsubscribe-a@example.org"), ["refused", "refused"])
        self.assertEqual(self.box.mails(), [])
        self.assertEqual(self.figure("suppressed_total", MAIN + ',kind="unsubscribed"'), 1)

    def test_unsubscribed_before(self):
        """The API stops a mail to him, and says so as a bounce."""
        daemon = self.begin("--event-delay", "0", main="suppression = no\n")
        self.taken(daemon, "unsubscribe-a@example.org")
        self.wait_figure("feedback_events_total", MAIN + ',event="delivered"', 1)
        self.assertEqual(self.box.mails(), [])
        self.taken(daemon, "unsubscribe-a@example.org", number=2)
        daemon.wait_line("^returned .*to=unsubscribe-a@example.org dsn=5.7.1 .*told=yes")
        self.box.wait(1)
        self.assertEqual(self.returned(), [("unsubscribe-a@example.org", "", "failed", "5.7.1",
                                            "550 5.7.1 Suppressed after a one-click unsubscribe")])
        self.assertEqual(self.suppressed(daemon), {})
        daemon.end()
        daemon = self.start_hearing()
        self.wait_figure("feedback_events_total", MAIN + ',event="unsubscribed"', 1)
        self.refused(daemon, "unsubscribe-a@example.org", "5.7.1")

    def test_other_spellings(self):
        """A mail is known by its id and the recipient as he was submitted, whatever the case; not by another address."""
        aliases = os.path.join(self.make_folder(), "aliases")
        with open(aliases, "w") as file:
            file.write("staff: Yamada@example.org\n")
        daemon = self.begin(shimta=f"alias-file = {aliases}\nlocal-domains = example.jp\n")
        self.taken(daemon, "Staff@EXAMPLE.jp ORCPT=rfc822;Team@example.jp", "Sato@Example.ORG")
        message_id = self.remote_id(daemon, "Yamada@example.org")
        other_id = self.remote_id(daemon, "Sato@Example.ORG").strip("<>")
        self.post(to="staff@example.jp", messageId=message_id, reason="550 5.1.1 nobody of that name")
        self.post(to="YAMADA@example.ORG", messageId=message_id, reason="550 5.1.1 User unknown")
        daemon.wait_line("^returned .*to=Yamada@example.org dsn=5.1.1 ")
        self.post(to="sato@example.org", messageId=other_id, reason="550 5.1.1 User unknown")
        daemon.wait_line("^returned .*to=Sato@Example.ORG dsn=5.1.1 ")
        shim.until(lambda: len(self.returned()) == 2, "both came back")
        self.assertEqual([one[:2] for one in self.returned()],
                         [("Sato@Example.ORG", ""), ("Yamada@example.org", "Team@example.jp")])
        self.assertEqual(len(re.findall("^returned ", daemon.text(), re.M)), 2)
        self.refused(daemon, "sATO@example.org", "5.1.1")

    def remote_id(self, daemon, address):
        rows = [json.loads(line) for line in self.shimta(daemon, "--json", "trace", address).splitlines()]
        return next(row["remote_id"] for row in rows if row.get("recipient") == address)

    def test_told_by_halves(self):
        """First that it failed, then why, then all again after the operator's pardon."""
        daemon = self.begin()
        self.taken(daemon, "sato@example.org")
        message_id = self.remote_id(daemon, "sato@example.org")
        self.post(to="sato@example.org", messageId=message_id, status="99")
        daemon.wait_line("^returned .*to=sato@example.org dsn=5.0.0 ")
        self.taken(daemon, "sato@example.org", number=2)
        self.post(to="sato@example.org", messageId=message_id, reason="550 5.1.1 User unknown")
        daemon.wait_line("^suppressed .*address=sato@example.org kind=hard source=webhook")
        self.refused(daemon, "sato@example.org", "5.1.1")
        self.assertEqual(self.figures()["shimta_suppressions"], {'kind="hard",source="webhook"': 1})
        self.shimta(daemon, "suppressions", "remove", "sato@example.org")
        self.assertNotIn("shimta_suppressions", self.figures())
        self.post(to="sato@example.org", messageId=message_id, reason="550 5.1.1 User unknown")
        self.taken(daemon, "sato@example.org", number=3)
        self.box.wait(1)
        self.assertEqual(len(self.returned()), 1)


class AraraTest(Roles, Case):
    """Arara, which is asked for results."""

    source = "results"

    def begin(self, *options, main=""):
        self.start_sandbox(*options)
        return self.start(shim.ARARA, main)

    def wait_deferred(self):
        """Asked for who has unsubscribed, and for results."""
        self.wait_figure("feedback_requests_total", MAIN + ',result="well"', 2)

    def test_unsubscribe(self):
        """He gets the mail that he unsubscribes by, and no other of this sender."""
        daemon = self.begin("--event-delay", "0")
        self.shimta(daemon, "unsubscribes", "enable", "--yes", SHOP)
        self.taken(daemon, "unsubscribe-a@example.org")
        daemon.wait_line('^suppressed .*address=unsubscribe-a@example.org kind=unsubscribed source="unsubscribes list"')
        self.assertRegex(self.refused(daemon, "unsubscribe-a@example.org", "5.7.1"), "it has unsubscribed on")
        self.taken(daemon, "unsubscribe-a@example.org", number=2, sender="other@example.jp", shown="other@example.jp")
        for number, sender in enumerate(("bounces@example.jp", ""), 3):  # known behind RCPT only
            (code, text), = self.send(daemon, "unsubscribe-a@example.org", number=number, sender=sender)
            self.assertEqual((code, text[:5]), (550, "5.7.1"), text)
        self.wait_figure("feedback_events_total", MAIN + ',event="delivered"', 1)
        self.assertEqual(self.box.mails(), [])
        self.assertEqual(self.traced(daemon, "unsubscribe-a@example.org")[0], "delivered")
        self.assertEqual(self.figure("suppressed_total", MAIN + ',kind="unsubscribed"'), 1)
        self.assertEqual([row["sender"] for row in self.suppressed(daemon).values()], [SHOP])
        self.assertEqual(self.figures()["shimta_suppressions"], {'kind="unsubscribed",source="unsubscribes list"': 1})
        self.assertEqual(self.figure("suppressed_recipients_total", MAIN + ',kind="unsubscribed"'), 3)


if __name__ == "__main__":
    tap.main()
