"""shimta asking APIs: a configuration with an account of each, and the command run on it."""

import csv
import io
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time
import unittest

import shim
import stub

TOKEN, SECRET = "t0ken-that-must-never-show", "s3cret-that-must-never-show"

SECTIONS = {
    "arara": "provider = arara\nurl = {url}\nallow-http = yes\ntoken-url = {url}/oauth2/token\nclient-id = shop\n"
             "client-secret-file = {key_file}\n",
    "cmc": "provider = customers-mail-cloud\nurl = {url}\nallow-http = yes\napi-user = shop\napi-key-file = {key_file}\n"
           "server-composition = pro\n",
    "blast": "provider = blastmail\nurl = {url}\nallow-http = yes\nusername = shop\npassword-file = {key_file}\n"
             "api-key-file = {key_file}\n",
    "v1": "provider = arara-v1\nurl = {url}\nallow-http = yes\nsite = 1\nservice = 2\nuser = shop\n"
          "password-file = {key_file}\n",
}
SECTIONS["arara2"] = SECTIONS["arara"]


class Case(unittest.TestCase):
    accounts = ("arara", "cmc", "blast", "v1")
    before = ()  # words of a command that runs shimta

    def setUp(self):
        self.api = stub.Stub()
        self.addCleanup(self.api.end)
        self.api.on("POST", "/oauth2/token", 200, json.dumps({"access_token": TOKEN, "expires_in": 3600}))
        self.api.on("POST", "/authenticate/login", 200, json.dumps({"accessToken": TOKEN}))
        self.conf = self.configure(self.api.url)

    def configure(self, url, *accounts, more=""):
        folder = tempfile.mkdtemp(prefix="shimta-ask-")
        self.addCleanup(shutil.rmtree, folder, True)
        key_file = os.path.join(folder, "key")
        with open(os.open(key_file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(SECRET + "\n")
        accounts = accounts or self.accounts
        mail = [name for name in accounts if name.startswith(("arara", "cmc"))]
        text = f"[shimta]\nhostname = mx.example.jp\nstate-dir = {folder}/state\n{more}"
        text += f"account = {mail[0]}\n" if mail else ""
        for name in accounts:
            text += f"[account {name}]\n" + SECTIONS[name].format(url=url, key_file=key_file)
        path = os.path.join(folder, "shimta.conf")
        with open(path, "w") as file:
            file.write(text)
        return path

    def shimta(self, *argv, status=0, conf=None, stdin=""):
        done = subprocess.run([*self.before, shim.program("shimta"), "-c", conf or self.conf, *argv], capture_output=True, text=True,
                              timeout=shim.PATIENCE, input=stdin, env={**os.environ, "TZ": "America/New_York"})
        self.assertEqual(done.returncode, done.returncode if status is None else status, (done.stdout + done.stderr)[-4000:])
        for secret in (TOKEN, SECRET):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def terminal(self, *argv, answers=()):
        """On a pseudo-terminal: (exit status, all that was shown); answers: (what is waited for, what is typed)."""
        leader, follower = pty.openpty()
        child = subprocess.Popen([*self.before, shim.program("shimta"), "-c", self.conf, *argv], stdin=follower, stdout=follower,
                                 stderr=follower, env={**os.environ, "TERM": "xterm"})
        os.close(follower)
        shown, answers, end = "", list(answers), time.monotonic() + shim.PATIENCE
        while time.monotonic() < end:
            if not select.select([leader], [], [], 1)[0]:
                continue
            try:
                data = os.read(leader, 65536)
            except OSError:
                break
            shown += data.decode()
            if answers and answers[0][0] in shown:
                os.write(leader, answers.pop(0)[1].encode())
        os.close(leader)
        self.assertNotIn(TOKEN, shown)
        return child.wait(shim.PATIENCE), shown.replace("\r\n", "\n")

    def rows(self, *argv, **more):
        return [json.loads(line) for line in self.shimta("--json", *argv, **more).stdout.splitlines()]

    def csv(self, *argv, **more):
        return list(csv.DictReader(io.StringIO(self.shimta("--csv", *argv, **more).stdout)))
