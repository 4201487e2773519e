"""A listener that speaks LMTP: a reply for each recipient, with Python's client and with Postfix as its client."""

import os
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile

import mails
import shim
import tap
import unittest
from clients_test import Postfix

SENDER = "shop@example.jp"
MAIL = f"From: Shop <{SENDER}>\r\nTo: a@one.example.org\r\nSubject: Order\r\nMessage-ID: <order-1@example.jp>\r\n\r\nThank you.\r\n"
DELIVERED, REFUSED, DEFERRED = "good@one.example.org", "bad@two.example.org", "later@three.example.org"


class Case(unittest.TestCase):
    """Recipients fare by their domain: one.example.org well, two.example.org is refused, three.example.org fails for the
    moment."""

    def start(self, mode="wait", window="0s"):
        self.sandboxes = [shim.Sandbox() for _ in range(3)]
        for sandbox in self.sandboxes:
            self.addCleanup(sandbox.end)
        self.sandboxes[1].fault("error=13-003", 1000)
        self.sandboxes[2].fault("status=503", 1000)
        more = {"listen tcp": f"protocol = lmtp\ndelivery = {mode}\n",
                "shimta": f"alias-file = {self.aliases()}\nretry-min = 1s\nretry-max = 1s\nduplicate-window = {window}\n"}
        for name, sandbox in zip(("two", "three"), self.sandboxes[1:]):
            more[f"account {name}"] = shim.CMC.format(url=sandbox.url, user=sandbox.user, key_file=sandbox.folder + "/.key")
            more[f"route {name}"] = f"to = *@{name}.example.org\naccount = {name}\n"
        self.daemon = shim.Daemon(self.sandboxes[0].url, more)
        self.addCleanup(self.daemon.end)
        return self.daemon

    def aliases(self):
        """What stands for several."""
        folder = tempfile.mkdtemp(prefix="shimta-lmtp-")
        self.addCleanup(shutil.rmtree, folder)
        with open(os.path.join(folder, "aliases"), "w") as file:
            file.write(f"staff: {DELIVERED}, {REFUSED}, {DEFERRED}\n")
        return file.name

    def notices(self):
        return [mail for mail in self.sandboxes[0].box() if mail["to"] == SENDER]


class LmtpTest(Case):
    def connect(self, mode="wait"):
        self.start(mode)
        self.client = smtplib.LMTP("127.0.0.1", self.daemon.port, timeout=shim.PATIENCE)
        self.addCleanup(self.client.close)

    def replies(self, *people, options=()):
        code, _ = self.client.docmd("LHLO", "client.test")
        self.assertEqual(code, 250)
        self.client.mail(SENDER)
        for person in people:
            self.assertEqual(self.client.rcpt(person, options)[0], 250)
        first = self.client.data(mails.order(cc=()))
        found = [first] + [self.client.getreply() for _ in people[1:]]
        self.assertEqual(self.client.noop()[0], 250, "that were all")
        return [(code, text.decode()) for code, text in found]

    def codes(self, *people):
        return [code for code, _ in self.replies(*people)]

    def test_all_delivered(self):
        self.connect()
        people = [f"r{n}@one.example.org" for n in range(3)]
        self.assertEqual(self.codes(*people, people[0]), [250] * 4)
        self.assertEqual(sorted(self.sandboxes[0].copies()), people)

    def test_mixed_while_it_waits(self):
        self.connect()
        found = self.replies(DELIVERED, REFUSED, DEFERRED, REFUSED)
        self.assertEqual([code for code, _ in found], [250, 553, 451, 553])
        self.assertRegex(found[0][1], r"Ok: queued as <.+>$")
        self.assertEqual(list(self.sandboxes[0].copies()), [DELIVERED])
        self.daemon.end()
        self.assertNotRegex(self.daemon.text(), r"(?m)^(queued|bounced) ")

    def test_mixed_with_a_queue(self):
        self.connect("auto")
        found = self.replies(REFUSED, DEFERRED, DELIVERED)
        self.assertEqual([code for code, _ in found], [553, 250, 250])
        self.assertRegex(found[1][1], r"Ok: queued as Q\w+$")
        self.sandboxes[2].mend()
        self.daemon.wait_line(rf"delivered id=\w+ .*to={DEFERRED} ")
        self.assertEqual(list(self.sandboxes[0].copies()), [DELIVERED])
        self.assertNotIn("bounced ", self.daemon.text())

    def test_all_refused(self):
        self.connect()
        self.assertEqual(self.codes(REFUSED, "other@two.example.org"), [553, 553])

    def test_name_for_several(self):
        """Taken for one of them, it is taken: the others are kept, or the sender hears of them by mail."""
        self.connect()
        found = self.replies("staff", REFUSED)
        self.assertEqual([code for code, _ in found], [250, 553])
        self.assertRegex(found[0][1], r"(?s)Ok: queued as <.+>\n?.*Q\w+$")
        self.daemon.wait_line(rf"bounced id=\w+ .*to={REFUSED} ")
        shim.until(lambda: len(self.notices()) == 1, "the sender is told of one")
        self.sandboxes[2].mend()
        self.daemon.wait_line(rf"delivered id=\w+ .*to={DEFERRED} ")

    def test_refused_names_have_no_reply(self):
        self.connect()
        self.client.docmd("LHLO", "client.test")
        self.client.mail(SENDER)
        self.assertEqual(self.client.rcpt(DELIVERED)[0], 250)
        self.assertEqual(self.client.docmd("RCPT", "TO:<a b@x>")[0] // 100, 5)
        self.assertEqual(self.client.data(mails.order(cc=()))[0], 250)
        self.assertEqual(self.client.noop()[0], 250)

    def test_A28_A29_A30_dsn(self):
        """Who wants word has it, with what he said of envelope and recipients, decoded; who does not has none."""
        self.connect("queue")
        self.assertIn("DSN", self.client.docmd("LHLO", "client.test")[1].decode().split("\n"))
        for words in ("RET=BAD", "ENVID=a+ZZ", "ENVID=" + "a" * 101):
            self.assertEqual(self.client.docmd("MAIL", f"FROM:<{SENDER}> {words}")[0], 501, words)
        self.assertEqual(self.client.docmd("MAIL", f"FROM:<{SENDER}> RET=HDRS ENVID=id+2B314")[0], 250)
        for words in ("NOTIFY=NEVER,FAILURE", "NOTIFY=SOMETIMES", "ORCPT=nope"):
            self.assertEqual(self.client.docmd("RCPT", f"TO:<{REFUSED}> {words}")[0], 501, words)
        for to, words in ((REFUSED, "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bad@old.example.org"),
                          ("silent@two.example.org", "NOTIFY=NEVER"), (DELIVERED, "NOTIFY=SUCCESS ORCPT=rfc822;g+2Bood@old.example.org")):
            self.assertEqual(self.client.docmd("RCPT", f"TO:<{to}> {words}")[0], 250)
        first = self.client.data(mails.order(cc=()))[0]
        self.assertEqual([first, self.client.getreply()[0], self.client.getreply()[0], self.client.noop()[0]], [250] * 4)
        shim.until(lambda: {"failed", "relayed"} <= set(self.reports()), "both are told")
        self.assertEqual(self.daemon.end(), 0)
        reports = self.reports()
        for action, to, was in (("failed", REFUSED, "b+ad"), ("relayed", DELIVERED, "g+ood")):
            self.assertIn("Original-Envelope-Id: id+314\n", reports[action])
            self.assertIn(f"Original-Recipient: rfc822; {was}@old.example.org\n", reports[action])
            self.assertIn(f"Final-Recipient: rfc822; {to}\n", reports[action])
        self.assertNotIn("silent@", "".join(reports.values()))

    def reports(self):
        """What the notices say for machines, by what became of the mail."""
        texts = [part.get_payload(decode=True).decode().replace("\r\n", "\n") for row in self.notices()
                 for part in self.sandboxes[0].mail(row["number"]).iter_attachments() if part.get_filename() == "delivery-status.txt"]
        return {action: text for text in texts for action in re.findall(r"(?m)^Action: (\w+)", text)}

    def test_smtp_is_not_spoken(self):
        self.connect()
        self.assertEqual(self.client.docmd("EHLO", "client.test")[0], 500)


class AgainTest(Case):
    """A client that did not hear the replies sends its mail again; one that heard them, to whom it was not taken for."""
    PEOPLE = ("a@one.example.org", "b@one.example.org")

    def setUp(self):
        self.start(window="10m")

    def begin(self, *people):
        """A client that has sent its dot and waits."""
        talk = shim.Dialogue(socket.create_connection(("127.0.0.1", self.daemon.port), shim.PATIENCE))
        self.addCleanup(talk.close)
        self.assertEqual(talk.reply()[0], 220)
        for step in ("LHLO client.test", f"MAIL FROM:<{SENDER}>", *[f"RCPT TO:<{to}>" for to in people]):
            self.assertEqual(talk.ask(step)[0], 250)
        self.assertEqual(talk.ask("DATA")[0], 354)
        talk.put(shim.stuff(MAIL))
        return talk

    def send(self, *people):
        """The replies: one for each, and that they were all."""
        talk = self.begin(*people)
        codes = [talk.reply()[0] for _ in people]
        self.assertEqual(talk.ask("NOOP")[0], 250)
        return codes

    def copies(self):
        return sorted(row["to"] for sandbox in self.sandboxes for row in sandbox.box())

    def test_after_the_replies(self):
        self.assertEqual(self.send(*self.PEOPLE), [250] * 2)
        self.assertEqual(self.send(*self.PEOPLE), [250] * 2)
        self.daemon.wait_line(r"^(<\d>)?duplicate ")
        self.assertEqual(self.copies(), list(self.PEOPLE))

    def test_client_times_out_and_sends_again(self):
        self.sandboxes[0].fault("delay=1500", 2)  # a call for each
        first = self.begin(*self.PEOPLE)
        shim.until(self.copies, "the API has the mail, and keeps its answer")
        first.close()
        self.assertEqual(self.send(*self.PEOPLE), [250] * 2)
        self.daemon.wait_line(r"^(<\d>)?duplicate id=\w+ with=\w+")
        self.assertEqual(self.copies(), list(self.PEOPLE))

    def test_two_wait_for_a_mixed_mail(self):
        """Both hear who has it: not 451 of one who has, for whom it would come again."""
        self.sandboxes[0].fault("delay=1500")
        people = (DELIVERED, REFUSED, DEFERRED)
        waiting = [self.begin(*people)]
        shim.until(self.copies, "the API has the mail, and keeps its answer")
        waiting.append(self.begin(*people))
        self.daemon.wait_line(r"^(<\d>)?duplicate id=\w+ with=\w+")
        self.assertEqual([[talk.reply()[0] for _ in people] for talk in waiting], [[250, 553, 451]] * 2)
        self.assertEqual(self.copies(), [DELIVERED])

    def test_the_rest(self):
        self.assertEqual(self.send(DELIVERED, REFUSED, DEFERRED), [250, 553, 451])
        self.sandboxes[2].mend()
        self.assertEqual(self.send(DEFERRED), [250])
        self.assertEqual(self.copies(), [DELIVERED, DEFERRED])


class LmtpPostfix(Postfix):
    """One that hands its mail over by LMTP."""

    def __init__(self, port):
        self.to = port
        super().__init__(port)

    def command(self, word):
        if word == "start":
            with open(os.path.join(self.conf, "main.cf"), "a") as file:
                file.write(f"relayhost =\ndefault_transport = lmtp:inet:[127.0.0.1]:{self.to}\n")
            with open(os.path.join(self.conf, "master.cf"), "a") as file:
                file.write("lmtp unix - - n - - lmtp\n")
        super().command(word)


@unittest.skipUnless(shutil.which("postfix") and os.geteuid() == 0, "needs Postfix, and root to start it")
class PostfixTest(Case):
    def test_mixed(self):
        """One is delivered, one comes back, one is tried again; what is through is not sent again."""
        self.start()
        postfix = LmtpPostfix(self.daemon.port)
        self.addCleanup(postfix.end)
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=shim.PATIENCE) as client:
            client.sendmail(SENDER, ["mixed@" + name.partition("@")[2] for name in (DELIVERED, REFUSED, DEFERRED)],
                            mails.order(cc=()))
        for name, status in (("one", "sent"), ("two", "bounced"), ("three", "deferred")):
            postfix.wait_log(rf"to=<mixed@{name}\.example\.org>, .*status={status}")
        self.sandboxes[2].mend()
        def sent():  # a flush does not reach a mail that is still in hand
            subprocess.run(["postqueue", "-c", postfix.conf, "-f"], check=True, timeout=shim.PATIENCE)
            return re.search(r"to=<mixed@three\.example\.org>, .*status=sent", postfix.read_log())
        shim.until(sent, "the one that waited is through")
        said = re.findall(r"to=<mixed@(\w+)\.example\.org>, .*status=(\w+)", postfix.read_log())
        self.assertEqual([status for name, status in said if name == "one"], ["sent"])
        self.assertEqual([status for name, status in said if name == "two"], ["bounced"])
        shim.until(lambda: len(self.notices()) == 1, "Postfix's bounce, and no other")
        self.assertEqual(len(self.sandboxes[0].copies()["mixed@one.example.org"]), 1)


if __name__ == "__main__":
    tap.main()
