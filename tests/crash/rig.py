"""A shimtad that is killed and started again on the same configuration and state-dir, beside a sandbox that stays."""

import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import shim  # noqa: E402
import tap  # noqa: E402

ACCOUNTS = {"cmc": shim.CMC, "arara": shim.ARARA}
SHIMTA = ("hostname = mx.example.jp\naccount = main\ndefault-domain = example.jp\nstate-dir = {folder}/state\n"
          "control-socket = {folder}/control.sock\nretry-min = 1s\nretry-max = 2s\nsubmit-wait = 1s\ndelay-warning = 0s\nbounce-from = postmaster@example.jp\n")
TCP = "address = 127.0.0.1:0\n"
SUBMIT = "address = {folder}/submit.sock\nmode = 0666\nsendmail = yes\n"


def crash_points():
    """Their names, from the header that lists them."""
    header = os.path.join(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "..", "..")),
                          "src", "base", "crash_point.h")
    with open(header) as file:
        return re.findall(r'^    X\("([a-z-]+)"', file.read(), re.M)


def main():
    """tap.main(), unless CRASH_KILLS=0 says that all this is tested elsewhere."""
    if os.environ.get("CRASH_KILLS") == "0":
        print("1..0 # SKIP CRASH_KILLS=0")
        sys.exit(0)
    tap.main()


class Rig:
    """Folder, configuration and the daemon of the moment. more: lines for a section, as shim.Daemon takes them."""

    def __init__(self, sandbox, account="cmc", more=None, state=None, url=None):
        self.folder = tempfile.mkdtemp(prefix="shimta-crash-")
        os.chmod(self.folder, 0o755)
        self.state = state or os.path.join(self.folder, "state")
        self.socket = os.path.join(self.folder, "submit.sock")
        self.conf = os.path.join(self.folder, "shimta.conf")
        self.sandbox, self.daemon, self.kills, self.port = sandbox, None, 0, 0
        key_file = os.path.join(self.folder, "main.key")
        with open(os.open(key_file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(sandbox.key + "\n")
        if not state:
            os.mkdir(self.state, 0o755)
        sections = {
            "shimta": SHIMTA.format(folder=self.folder).replace(f"{self.folder}/state", self.state),
            "listen tcp": TCP, "listen submit": SUBMIT.format(folder=self.folder),
            "account main": ACCOUNTS[account].format(url=url or sandbox.url, user=sandbox.user, key_file=key_file),
        }
        for name, text in (more or {}).items():
            sections[name] = sections.get(name, "") + text
        self.configure(sections)

    def configure(self, sections):
        self.sections = sections
        with open(self.conf, "w") as file:
            for name, text in sections.items():
                file.write(f"[{name}]\n{text}\n")

    def launch(self, env=None, before=(), **extra):
        """Starts the daemon without waiting for it; before: words such as strace's put in front of the command."""
        self.daemon = shim.Process([*before, shim.program("shimtad"), "-c", self.conf], env=env, **extra)
        return self.daemon

    def start(self, env=None, before=(), **extra):
        """Starts it and waits until it serves; False if it ended before that."""
        daemon = self.launch(env, before, **extra)
        try:
            self.port = int(daemon.wait_line(r"^(?:<\d>)?listening .*port=(\d+)").group(1))
            daemon.wait_line(r"^(?:<\d>)?ready\b")
        except AssertionError:
            if daemon.child.poll() is None and not daemon.ended:
                raise
            return False
        return True

    def kill(self):
        """kill -9, as a crash or the kernel's out-of-memory killer does."""
        self.kills += 1
        self.daemon.end(9)

    def stop(self):
        return self.daemon.end() if self.daemon else 0

    def restart(self):
        self.stop()
        assert self.start(), self.daemon.text()

    def raw(self, timeout=shim.PATIENCE):
        return shim.Dialogue(socket.create_connection(("127.0.0.1", self.port), timeout))

    def send(self, sender, recipients, message):
        with self.raw() as talk:
            talk.hello()
            return talk.transaction(sender, recipients, message)

    def run(self, name, *argv, stdin=b"", timeout=shim.PATIENCE):
        """Runs one of our programs against this daemon."""
        return subprocess.run([shim.program(name), *argv], input=stdin, capture_output=True, timeout=timeout,
                              env={**os.environ, "SHIMTA_CONF": self.conf})

    def sendmail(self, *argv, stdin=b""):
        return self.run("sendmail", *argv, stdin=stdin)

    def mailq(self):
        done = self.sendmail("-bp")
        shown = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            raise AssertionError(f"mailq: {done.returncode} {done.stderr} {shown[-200:]} {self.daemon.text()[-1000:]}")
        return shown

    def queue(self, held=True):
        """Ids of what waits, as mailq shows them; with or without those that wait for the operator."""
        return re.findall(r"^([0-9A-Za-z]{10,20})[*!]? " if held else r"^([0-9A-Za-z]{10,20})\*? ", self.mailq(), re.M)

    def drain(self, what="the queue is empty"):
        """Until all that wait have been tried; held ones don't count."""
        def empty():
            self.sendmail("-q")
            left = [glob.glob(os.path.join(self.state, "drop", *names)) for names in (["mail.*"], ["taken", "*"])]
            return not any(left) and not self.queue(held=False)
        try:
            shim.until(empty, what)
        except AssertionError as problem:
            raise AssertionError(f"{problem}\n{self.mailq()[-1000:]}\n{self.daemon.text()[-3000:]}") from None

    def end(self):
        if self.daemon and self.daemon.child.poll() is None:
            self.daemon.end(9)
        shutil.rmtree(self.folder, ignore_errors=True)
