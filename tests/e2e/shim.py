"""The real programs under test: shimta-sandbox, shimtad and sendmail, started on free ports and
stopped by process id. Everything they print can be waited for."""

import email
import email.policy
import json
import os
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

TOP = os.environ.get("TOP_BUILDDIR", os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.abspath(os.path.join(TOP, "bin"))
PATIENCE = 60  # seconds before a wait is given up: far above what any step takes
NO_QUEUE = "queue = none\n"  # for [shimta]: every failure for the moment is left to the client
KEY = "k3y-that-must-never-show"
CMC = "provider = customers-mail-cloud\nurl = {url}\napi-user = {user}\napi-key-file = {key_file}\n"
ARARA = ("provider = arara\nurl = {url}\ntoken-url = {url}/oauth2/token\nclient-id = {user}\n"
         "client-secret-file = {key_file}\n")


def program(name):
    return os.path.join(BIN, name)


def sanitized():
    """True under AddressSanitizer, whose own memory makes figures meaningless."""
    with open(program("shimtad"), "rb") as file:
        return b"__asan_init" in file.read()


def text_of(mail, kind="plain"):
    """A copy's text or HTML with LF line ends, whatever its transfer encoding left of them."""
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n")


class Process:
    """A child whose output lines are kept and can be waited for."""

    def __init__(self, argv, env=None, cwd=None, **more):
        self.lines = []
        self.news = threading.Condition()
        self.ended = False
        self.child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})}, cwd=cwd, **more)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for raw in self.child.stdout:
            with self.news:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def wait_line(self, pattern, after=0):
        """The match of the first line from number `after` on that has the pattern."""
        found = []

        def look():
            for line in self.lines[after + (found[0] if found else 0):]:
                match = re.search(pattern, line)
                if match:
                    found[:] = [0, match]
                    return True
            return self.ended

        with self.news:
            if not self.news.wait_for(look, PATIENCE) or len(found) < 2:
                raise AssertionError(f"no line with {pattern!r} in:\n" + "\n".join(self.lines[-50:]))
        return found[1]

    def text(self):
        with self.news:
            return "\n".join(self.lines)

    def end(self, signal=15):
        """Ends the child and returns its exit status."""
        if self.child.poll() is None:
            self.child.send_signal(signal)
        return self.wait()

    def wait(self):
        try:
            status = self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise
        with self.news:
            self.news.wait_for(lambda: self.ended, PATIENCE)
        return status

    def status(self, field):
        """A figure of /proc/PID/status, in KiB."""
        with open(f"/proc/{self.child.pid}/status") as file:
            return int(re.search(rf"^{field}:\s+(\d+)", file.read(), re.M).group(1))


class Sandbox(Process):
    """shimta-sandbox on a free port; .box() is what the recipients got."""

    def __init__(self, *options, user="shim@example.jp", key=KEY):
        self.folder = tempfile.mkdtemp(prefix="shimta-sandbox-")
        self.user, self.key = user, key
        key_file = os.path.join(self.folder, ".key")
        with open(os.open(key_file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(key + "\n")
        where = [] if "--no-store" in options else ["--folder", os.path.join(self.folder, "box")]
        super().__init__([program("shimta-sandbox"), "--listen", "127.0.0.1:0", *where,
                          "--user", user, "--key-file", key_file, *options])
        self.url = self.wait_line(r"listening (https?://\S+)").group(1)
        self.port = int(self.url.rsplit(":", 1)[1])

    def get(self, path, **form):
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(self.url + path, data, timeout=PATIENCE) as answer:
            return answer.read()

    def fault(self, kind, count=1):
        self.get("/fault", kind=kind, count=str(count))

    def mend(self):
        self.get("/fault", kind="none")

    def box(self):
        """The list of delivered copies, oldest first."""
        listing = json.loads(self.get("/messages"))
        return listing["messages"] if isinstance(listing, dict) else listing

    def mail(self, number):
        return email.message_from_bytes(self.get(f"/messages/{number}"), policy=email.policy.default)

    def copies(self):
        """Recipient address -> list of parsed copies."""
        copies = {}
        for row in self.box():
            copies.setdefault(row["to"], []).append(self.mail(row["number"]))
        return copies

    def clear(self):
        request = urllib.request.Request(self.url + "/messages", method="DELETE")
        urllib.request.urlopen(request, timeout=PATIENCE).read()

    def end(self, signal=15):
        status = super().end(signal)
        shutil.rmtree(self.folder, ignore_errors=True)
        return status


class Daemon(Process):
    """shimtad with a TCP listener on a free port and a submission socket. Lines for a section:
    more={"shimta": "…", "listen tcp": "…", "account main": "…"}. account: CMC or ARARA."""

    def __init__(self, url, more=None, user="shim@example.jp", key=KEY, options=(), env=None, account=CMC, state=None,
                 owner=None, **extra):
        self.folder = tempfile.mkdtemp(prefix="shimtad-")
        if owner is not None:
            os.chown(self.folder, owner, -1)
        self.socket = os.path.join(self.folder, "submit.sock")
        self.key_file = os.path.join(self.folder, "main.key")
        with open(os.open(self.key_file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(key + "\n")
        self.conf = os.path.join(self.folder, "shimta.conf")
        sections = {
            "shimta": "hostname = mx.example.jp\naccount = main\ndefault-domain = example.jp\n"
                      f"state-dir = {state or self.folder + '/state'}\ncontrol-socket = {self.folder}/control.sock\n"
                      "queue-reserve = 0\n",
            "listen tcp": "address = 127.0.0.1:0\n",
            "listen submit": f"address = {self.socket}\nmode = 0666\nsendmail = yes\n",
            "account main": account.format(url=url, user=user, key_file=self.key_file),
        }
        if os.getuid() == 0 and "user =" not in (more or {}).get("shimta", ""):
            sections["shimta"] += "user = root\n"  # the folders here are
        if "duplicate-window" not in (more or {}).get("shimta", ""):
            sections["shimta"] += "duplicate-window = 0s\n"  # who sends a mail twice here means it
        for name, text in (more or {}).items():
            sections[name] = sections.get(name, "") + text
        with open(self.conf, "w") as file:
            for name, text in sections.items():
                file.write(f"[{name}]\n{text}\n")
        super().__init__([program("shimtad"), "-c", self.conf, *options], env=env, **extra)
        self.port = int(self.wait_line(r"^(?:<\d>)?listening .*port=(\d+)|\"listening\".*\"port\":\"(\d+)\"").expand(r"\1\2"))
        self.wait_line(r"^(?:<\d>)?ready\b|\"event\":\"ready\"")

    def smtp(self, name="client.test"):
        """A greeted smtplib client."""
        return smtplib.SMTP("127.0.0.1", self.port, name, timeout=PATIENCE)

    def raw(self):
        """A dialogue by hand: see Dialogue."""
        return Dialogue(socket.create_connection(("127.0.0.1", self.port), PATIENCE))

    def send(self, sender, recipients, message):
        """One mail over SMTP, whatever its bytes; returns (code, text) of the final reply."""
        with self.raw() as talk:
            talk.hello()
            return talk.transaction(sender, recipients, message)

    def sendmail(self, *argv, stdin=b"", env=None):
        """Runs the real sendmail against this daemon."""
        return subprocess.run([program("sendmail"), *argv], input=stdin, capture_output=True, timeout=PATIENCE,
                              env={**os.environ, "SHIMTA_CONF": self.conf, **(env or {})})

    def end(self, signal=15):
        status = super().end(signal)
        shutil.rmtree(self.folder, ignore_errors=True)
        return status


class Dialogue:
    """An SMTP client that sends exactly what it is told."""

    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def put(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """(code, text) of one reply, lines joined by LF; (0, "") when the peer has closed."""
        lines = []
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                line = b""
            if not line:
                return 0, "\n".join(lines)
            assert line.endswith(b"\r\n") and len(line) <= 512, line
            lines.append(line[4:-2].decode("utf-8", "surrogateescape"))
            if line[3:4] == b" ":
                return int(line[:3]), "\n".join(lines)

    def ask(self, command):
        self.put(command if isinstance(command, bytes) else command + "\r\n")
        return self.reply()

    def hello(self, name="client.test"):
        banner = self.reply()
        assert banner[0] == 220, banner
        return self.ask(f"EHLO {name}")

    def transaction(self, sender, recipients, message, words=""):
        """MAIL, with those parameters, to the final dot; stops at the first command that is refused."""
        steps = [f"MAIL FROM:<{sender}>{words}"] + [f"RCPT TO:<{to}>" for to in recipients] + ["DATA"]
        for step in steps:
            answer = self.ask(step)
            if answer[0] >= 400 or answer[0] == 0:
                return answer
        self.put(stuff(message))
        return self.reply()


def stuff(message):
    """A message in DATA's form: dots doubled, ended by CRLF.CRLF. Line ends are left as they are."""
    if isinstance(message, str):
        message = message.encode()
    if message.startswith(b"."):
        message = b"." + message
    message = message.replace(b"\r\n.", b"\r\n..")
    return message + (b"" if message.endswith(b"\r\n") or not message else b"\r\n") + b".\r\n"


def until(condition, what):
    """Waits for a state that no event announces, such as another process's memory."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"still not: {what}")
        time.sleep(0.01)
