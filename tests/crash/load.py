"""Clients that write down what they were promised. Every mail has recipients and a sender of its own, so that the
sandbox's list tells which mail a copy is of."""

import glob
import itertools
import os
import random
import subprocess
import threading

import rig  # noqa: F401  (finds shim)
import mails
import shim

CORPUS = os.path.join(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "..", "..")), "tests", "mail", "corpus")
PROMISED, REFUSED, UNKNOWN = "promised", "refused", "unknown"


def real_mails():
    """Name -> bytes: what real programs wrote, Japanese in all charsets, multiparts, and two that are large."""
    found = {"order": mails.order(), "erp": mails.erp_raw(), "old": mails.old_japanese(), "cron": mails.cron(),
             "200k": mails.with_attachment(200_000)[0], "60k": mails.with_attachment(40_000)[0]}
    for path in sorted(glob.glob(os.path.join(CORPUS, "*.eml"))):
        if not os.path.basename(path).startswith("broken"):
            with open(path, "rb") as file:
                found[os.path.basename(path)] = file.read()
    return {name: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for name, text in found.items()}


class Sent:
    """One mail, what its client was told, and when: the number of kills before."""

    def __init__(self, number, name, recipients, sender, how):
        self.number, self.name, self.recipients, self.sender, self.how = number, name, recipients, sender, how
        self.result, self.text, self.kills = UNKNOWN, "", 0

    def __repr__(self):
        return f"{self.sender} to {self.recipients} ({self.name} by {self.how}, after kill {self.kills}): {self.result} {self.text}"


class Load:
    """Keeps sending until told to stop; survives the daemon."""

    def __init__(self, the_rig, seed=1, only=None, start=0, label=""):
        self.rig, self.label = the_rig, label
        self.random = random.Random(seed)
        self.mails = {name: text for name, text in real_mails().items() if not only or name in only}
        self.crowd = (1, 1, 1, 2, 3)  # how many recipients a mail may have
        self.words = ("",)  # parameters of MAIL
        self.log, self.lock = [], threading.Lock()
        self.numbers = itertools.count(start)
        self.stopped = threading.Event()
        self.threads = []

    def next(self, how, name=None, recipients=None):
        with self.lock:
            number = next(self.numbers)
            name = name or self.random.choice(list(self.mails))
            count = recipients or self.random.choice(self.crowd)
            sent = Sent(number, name, [f"r{self.label}{number}-{i}@example.org" for i in range(count)],
                        f"s{self.label}{number}@example.jp", how)
            sent.kills = self.rig.kills
            self.log.append(sent)
        return sent

    def by_smtp(self, talk, name=None):
        """One mail over an open dialogue; false when the dialogue is over."""
        sent = self.next("smtp", name)
        code, text = talk.transaction(sent.sender, sent.recipients, self.mails[sent.name], self.random.choice(self.words))
        sent.text = f"{code} {text}"
        sent.result = PROMISED if code == 250 else REFUSED if code else UNKNOWN
        if code and code != 250 and talk.ask("RSET")[0] != 250:
            return False
        return code != 0

    def smtp_client(self):
        while not self.stopped.is_set():
            try:
                with self.rig.raw(timeout=30) as talk:
                    if talk.hello()[0] != 250:
                        continue
                    for _ in range(20):
                        if self.stopped.is_set() or not self.by_smtp(talk):
                            break
            except (OSError, AssertionError):
                self.stopped.wait(0.005)

    def by_sendmail(self, name=None, *argv):
        sent = self.next("sendmail " + " ".join(argv), name, recipients=1)
        try:
            done = self.rig.sendmail("-i", "-f", sent.sender, *argv, *sent.recipients,
                                     stdin=self.mails[sent.name].replace(b"\r\n", b"\n"))
        except subprocess.TimeoutExpired:
            return sent
        sent.text = f"exit {done.returncode} {done.stderr.decode('utf-8', 'replace').strip()}"
        # 75 may come after the last byte: the daemon may have it.
        sent.result = PROMISED if done.returncode == 0 else UNKNOWN if done.returncode == 75 else REFUSED
        return sent

    def sendmail_caller(self):
        modes = itertools.cycle(("-odb", "-odi", "-odq", "-oem"))
        while not self.stopped.is_set():
            self.by_sendmail(None, next(modes))

    def start(self, smtp=4, sendmail=1):
        for target, count in ((self.smtp_client, smtp), (self.sendmail_caller, sendmail)):
            for _ in range(count):
                self.threads.append(threading.Thread(target=target, daemon=True))
                self.threads[-1].start()
        return self

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(shim.PATIENCE)
            assert not thread.is_alive(), "a client hangs"
        self.threads = []
        self.stopped.clear()

    def promised(self):
        return [sent for sent in self.log if sent.result == PROMISED]
