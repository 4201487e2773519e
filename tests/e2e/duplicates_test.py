"""A client that did not hear our answer sends its mail again: it must stay one mail, and the client must learn what
became of it. What only looks the same is another mail."""

import shutil
import subprocess
import tempfile
import unittest

import shim
import tap

WINDOW_S = 2
SENDER, TO = "shop@example.jp", ["yamada@example.org"]


class DuplicatesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = shim.Sandbox()
        cls.addClassCleanup(cls.sandbox.end)
        cls.daemon = shim.Daemon(cls.sandbox.url, {"shimta": "duplicate-window = 10m\n"})
        cls.addClassCleanup(cls.daemon.end)
        cls.number = 0

    def setUp(self):
        self.sandbox.clear()
        type(self).number += 1
        self.mail = (f"From: Shop <{SENDER}>\r\nTo: yamada@example.org\r\nSubject: Order {self.number}\r\n"
                     f"Message-ID: <order-{self.number}@example.jp>\r\n\r\nThank you.\r\n")

    def begin(self, mail=None, to=TO[0]):
        """A client that has sent its dot and waits."""
        talk = self.daemon.raw()
        self.addCleanup(talk.close)
        talk.hello()
        for step in (f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{to}>", "DATA"):
            talk.ask(step)
        talk.put(shim.stuff(mail or self.mail))
        return talk

    def send(self, mail=None, to=TO):
        return self.daemon.send(SENDER, to, mail or self.mail)

    def begin_three(self):
        """Clients that wait for one call."""
        self.sandbox.fault("delay=800")
        waiting = [self.begin()]
        for _ in range(2):
            seen = len(self.daemon.lines)
            waiting.append(self.begin())
            self.daemon.wait_line(r"^(<\d>)?duplicate .*with=", seen)
        return waiting

    def test_again_after_the_answer(self):
        first, second = self.send(), self.send()
        self.assertEqual(first[0], 250)
        self.assertEqual(second, first)
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_client_times_out_and_sends_again(self):
        self.sandbox.fault("delay=1500")
        seen = len(self.daemon.lines)
        first = self.begin()
        shim.until(self.sandbox.box, "the API has the mail, and keeps its answer")
        first.close()
        code, text = self.send()
        self.assertEqual(code, 250)
        self.daemon.wait_line(r"^(<\d>)?duplicate id=\w+ with=\w+", seen)
        self.assertEqual(len(self.sandbox.box()), 1)
        self.assertEqual(self.send(), (code, text))
        self.assertRegex(text, r"^2\.0\.0 Ok: queued as <")
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_all_wait_for_the_first(self):
        waiting = self.begin_three()
        replies = [talk.reply() for talk in waiting]
        self.assertEqual(replies[0][0], 250)
        self.assertEqual(replies, replies[:1] * 3)
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_who_joined_leaves(self):
        waiting = self.begin_three()
        waiting[1].close()
        self.assertEqual([waiting[0].reply()[0], waiting[2].reply()[0]], [250, 250])
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_the_first_leaves(self):
        """His job goes on for who waits with him."""
        waiting = self.begin_three()
        waiting[0].close()
        self.assertEqual([talk.reply()[0] for talk in waiting[1:]], [250, 250])
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_refusals_are_not_remembered(self):
        self.sandbox.fault("error=13-006")
        self.assertEqual(self.send()[0], 550)
        self.assertEqual(self.send()[0], 250)
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_another_content_is_another_mail(self):
        self.send()
        self.send(self.mail + "PS.\r\n")
        self.assertEqual(len(self.sandbox.box()), 2)

    def test_another_recipient_is_another_mail(self):
        self.send()
        self.send(to=["suzuki@example.org"])
        self.assertEqual(len(self.sandbox.box()), 2)

    def test_without_message_id(self):
        mail = self.mail.replace("Message-ID", "X-Id")
        self.send(mail)
        self.send(mail)
        self.assertEqual(len(self.sandbox.box()), 2)

    def test_sendmail(self):
        for _ in range(2):
            done = self.daemon.sendmail("-t", "-i", stdin=self.mail.encode())
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(self.sandbox.box()), 1)


class QueueTest(unittest.TestCase):
    def test_promised_mail_comes_again(self):
        """Its id in the queue is the answer, also when the mail has left the queue."""
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, {"shimta": "duplicate-window = 10m\ndelivery = queue\n"})
        self.addCleanup(daemon.end)
        mail = f"From: {SENDER}\r\nSubject: x\r\nMessage-ID: <x@example.jp>\r\n\r\nx\r\n"
        first = daemon.send(SENDER, TO, mail)
        self.assertRegex(first[1], r"queued as Q\w+$")
        self.assertEqual(daemon.send(SENDER, TO, mail), first)
        daemon.wait_line(r"delivered .*to=yamada@example\.org")
        self.assertEqual(daemon.send(SENDER, TO, mail), first)
        self.assertEqual(len(sandbox.box()), 1)


class ForgottenTest(unittest.TestCase):
    """A promise that was not kept does not stand in the way of the next one."""

    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        self.state = tempfile.mkdtemp(prefix="state-")
        self.addCleanup(shutil.rmtree, self.state)
        self.start()
        self.mail = f"From: {SENDER}\r\nSubject: x\r\nMessage-ID: <x@example.jp>\r\n\r\nx\r\n"

    def start(self):
        self.daemon = shim.Daemon(self.sandbox.url, {"shimta": "duplicate-window = 10m\ndelivery = queue\n"
                                                               "retry-min = 1s\nretry-max = 1s\n"}, state=self.state)
        self.addCleanup(self.daemon.end)

    def bounce(self):
        self.sandbox.fault("error=13-006")
        first = self.daemon.send(SENDER, TO, self.mail)
        self.assertEqual(first[0], 250)
        self.daemon.wait_line(r"delivered .*to=shop@example\.jp")
        return first

    def again(self, first):
        seen = len(self.daemon.lines)
        second = self.daemon.send(SENDER, TO, self.mail)
        self.assertEqual(second[0], 250)
        self.assertNotEqual(second, first)
        self.daemon.wait_line(r"delivered .*to=yamada@example\.org", seen)
        self.assertEqual(self.daemon.send(SENDER, TO, self.mail), second)

    def test_after_a_bounce(self):
        self.again(self.bounce())

    def test_after_a_bounce_and_a_restart(self):
        first = self.bounce()
        self.daemon.end(9)
        self.start()
        self.again(first)

    def test_after_the_operator_has_deleted_it(self):
        self.sandbox.fault("status=503", 1000)
        first = self.daemon.send(SENDER, TO, self.mail)
        self.daemon.wait_line(r"deferred .*to=yamada@example\.org")
        shim.until(lambda: self.shimta("queue", "delete", "--yes", first[1].rpartition(" Q")[2]) == 0, "it is deleted")
        self.sandbox.mend()
        self.again(first)

    def shimta(self, *arguments):
        return subprocess.run([shim.program("shimta"), "-c", self.daemon.conf, *arguments], capture_output=True,
                              timeout=shim.PATIENCE).returncode


class WindowTest(unittest.TestCase):
    def test_after_the_window(self):
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, {"shimta": f"duplicate-window = {WINDOW_S}s\n"})
        self.addCleanup(daemon.end)
        mail = f"From: {SENDER}\r\nSubject: x\r\nMessage-ID: <x@example.jp>\r\n\r\nx\r\n"
        # The clock is the event here: until the window is over each is the same, then it is another.
        ids = [daemon.send(SENDER, TO, mail)]
        shim.until(lambda: ids.append(daemon.send(SENDER, TO, mail)) or len(sandbox.box()) == 2, "the window is over")
        self.assertEqual(len(set(ids)), 2)


if __name__ == "__main__":
    tap.main()
