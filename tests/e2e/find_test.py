"""What became of one mail, by whatever its sender has in hand: Q id, Message-ID, the API's id, the key of the call."""

import json
import re
import subprocess
import unittest

import shim
import tap

MAIL = b"From: shop@example.net\r\nTo: a@example.org\r\nMessage-ID: <m-%d@shop.example.net>\r\nSubject: x\r\n%s\r\nHello\r\n"


class Case:
    more, options = {}, ()

    @classmethod
    def setUpClass(cls):
        cls.sandbox = shim.Sandbox("--event-delay", "0")
        cls.daemon = shim.Daemon(cls.sandbox.url, account=cls.account, more=cls.more)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.end()
        cls.sandbox.end()

    def shimta(self, *argv, status=0):
        done = subprocess.run([shim.program("shimta"), "-c", self.daemon.conf, *argv], capture_output=True, text=True,
                              timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, done.returncode if status is None else status, done.stdout + done.stderr)
        return done

    def rows(self, *argv, status=0):
        return [json.loads(row) for row in self.shimta("--json", *argv, status=status).stdout.splitlines()]

    def send(self, number, *recipients, header=b""):
        """The API's id, as the client hears it, the queue id and the call's key."""
        text = self.daemon.send("shop@example.net", recipients, MAIL % (number, header))[1]
        api = re.search(r"queued as (\S+)", text).group(1)
        line = self.rows("trace", "m-%d@shop.example.net" % number)[0]
        self.assertEqual(line["remote_id"], api)
        return api, line["id"], line["call"], line


class CmcTest(Case, unittest.TestCase):
    account = shim.CMC
    more = {"account main": "server-composition = sandbox\n"}

    def events(self, *argv):
        return {(row["address"], row["event"]) for row in self.rows(*argv)}

    def test_by_anything(self):
        self.send(1, "other@example.org")
        api, queue, call, _ = self.send(2, "a@example.org", "bounce-2-x@example.org")
        wanted = {("a@example.org", "delivered"), ("bounce-2-x@example.org", "bounced")}
        for word in (api, api.strip("<>"), "Q" + queue, queue, call, "<m-2@shop.example.net>", "m-2@shop.example.net"):
            shim.until(lambda word=word: wanted <= self.events("results", word), word)
            self.assertEqual({address for address, _ in self.events("status", word)}, {address for address, _ in wanted})
        self.assertLessEqual(wanted, self.events("results", api, "--account", "main"))
        self.assertEqual({row["message_id"] for row in self.rows("results", api)}, {api.strip("<>")})
        self.assertEqual(len(self.rows("results", api, "m-1@shop.example.net", "--failed")), 1)

    def test_with_a_tag_of_its_own(self):
        api, *_ = self.send(3, "b@example.org", "c@example.org", header=b"X-Api-Data: mine\r\n")
        shim.until(lambda: {address for address, _ in self.events("results", api)} == {"b@example.org", "c@example.org"}, api)

    def test_unknown(self):
        done = self.shimta("results", "<nobody@node1.example>", status=1)
        self.assertIn("nothing is known of '<nobody@node1.example>' here", done.stderr)
        self.assertIn("needs a period", self.shimta("results", "884213", status=64).stderr)


class AraraTest(Case, unittest.TestCase):
    account = shim.ARARA

    def test_by_anything(self):
        api, queue, call, line = self.send(1, "a@example.org", "bounce-1@example.org")
        self.assertRegex(line["request_id"], "^[0-9a-f]{32}$")
        self.assertIn("request_id=" + line["request_id"], self.shimta("trace", line["request_id"]).stdout)
        wanted = {("a@example.org", "delivered"), ("bounce-1@example.org", "bounced")}
        for words in ([api], ["Q" + queue], [call], ["m-1@shop.example.net"], [line["request_id"]], ["--request-id", line["request_id"]]):
            shim.until(lambda words=words: {(row["address"], row["event"]) for row in self.rows("results", *words)
                                            if "event" in row} == wanted, words)
            self.assertEqual([row["id"] for row in self.rows("status", *words)], [api])

    def test_request_id_of_another(self):
        """The journal does not know it: the reference has no results by request id."""
        api, *_, line = self.send(2, "a@example.org")
        with open(self.daemon.conf) as file:
            text = file.read().replace(self.daemon.folder + "/state", self.daemon.folder + "/none")
        with open(self.daemon.conf + ".other", "w") as file:
            file.write(text.replace("control.sock", "none.sock"))
        argv = ["-c", self.daemon.conf + ".other", "results", "--request-id"]
        shim.until(lambda: [row["id"] for row in self.rows(*argv, line["request_id"])] == [api], "the results")
        self.assertIn("/send?request_id=abc1", self.shimta("--dry-run", *argv, "abc1").stdout)
        self.shimta(*argv, "abc1", status=1)

    def test_many(self):
        """One that the journal knows among those it does not, asked for once however it is called."""
        api, queue, *_ = self.send(4, "a@example.org")
        shim.until(lambda: self.rows("status", api, status=None), "the status")
        words = ["9%05d" % n for n in range(40)]
        done = self.rows("status", *words[:20], "Q" + queue, api, "m-4@shop.example.net", *words[20:], status=1)
        self.assertEqual([row["id"] for row in done], [api])

    def test_without_the_daemon(self):
        daemon = shim.Daemon(self.sandbox.url, account=self.account)
        self.addCleanup(shim.shutil.rmtree, daemon.folder, True)
        text = daemon.send("shop@example.net", ["a@example.org"], MAIL % (3, b""))[1]
        shim.Process.end(daemon)
        run = subprocess.run([shim.program("shimta"), "-c", daemon.conf, "--json", "status", "m-3@shop.example.net"],
                             capture_output=True, text=True, timeout=shim.PATIENCE)
        self.assertEqual(json.loads(run.stdout)["id"], text.rsplit(" ", 1)[1], run.stderr)


if __name__ == "__main__":
    tap.main()
