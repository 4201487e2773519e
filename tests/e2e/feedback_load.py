"""A daemon that awaits the fate of many mails, and APIs that tell it: for the test of its memory and `make bench`."""

import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse

import metrics_test
import secure
import shim

FILLER = os.path.join(shim.TOP, "tests", "feedback", "feedback_fill")
SECRET = "s3cret-of-the-hook"
MAIL = b"From: shop@example.jp\r\nTo: b@example.org\r\nSubject: s\r\n\r\nx\r\n"


def figures(port, name, **labels):
    """The sum of a metric's values that have these labels."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=shim.PATIENCE)
    connection.request("GET", "/metrics")
    values = metrics_test.parse(connection.getresponse().read().decode()).get(name, {})
    connection.close()
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    return int(sum(value for key, value in values.items() if wanted <= set((key or "").split(","))))


class World:
    """`count` deliveries of each API, spread over the last day; every tenth is to come back."""

    def __init__(self, count):
        self.count = count
        self.folder = tempfile.mkdtemp(prefix="shimta-load-")
        self.box = os.path.join(self.folder, "box")
        self.sandbox = shim.Sandbox("--no-store", "--quiet", "--fill", str(2 * count))
        started = time.time()
        rows = [json.loads(line) for line in self.sandbox.get("/ledger").splitlines()]
        state = os.path.join(self.folder, "state")
        os.mkdir(state, 0o711)
        lines, self.told = [], []
        for place, row in enumerate(rows):
            at_ms = int((started - 86400 + 86400 * place / len(rows)) * 1000)
            account = "main" if row["api"] == "emails" else "second"
            lines.append(f"{account} Q{place} {row['id']} {row['to'][0]} {at_ms}\n")
            if account == "main":
                self.told.append((row["id"], row["to"][0]))
        subprocess.run([FILLER, state], input="".join(lines), text=True, check=True)
        self.state = state

    def start(self, polled):
        """The daemon; asks for the results of Arara's mails, or waits for events of the others."""
        secret = secure.write(os.path.join(self.folder, "secret"), SECRET + "\n")
        key = secure.write(os.path.join(self.folder, "key"), shim.KEY + "\n")
        common = f"feedback-to = maildir:{self.box}\nsuppression = yes\n"
        self.daemon = shim.Daemon(self.sandbox.url, state=self.state, more={
            "shimta": "log-level = notice\n", **metrics_test.LISTEN,
            "webhook": f"address = 127.0.0.1:0\nsecret-file = {secret}\n",
            "account main": "feedback = yes\nserver-composition = sandbox\n" + common,
            "account second": shim.ARARA.format(url=self.sandbox.url, user="u", key_file=key) +
                              f"feedback = {'yes' if polled else 'no'}\n" + common})
        self.hook = int(self.daemon.wait_line(r"^(?:<\d>)?webhook .*port=(\d+)").group(1))
        self.metrics = int(self.daemon.wait_line(r"^(?:<\d>)?metrics .*port=(\d+)").group(1))
        return self.daemon

    def figures(self, name, **labels):
        return figures(self.metrics, name, **labels)

    def bounces(self):
        new = os.path.join(self.box, "new")
        return len(os.listdir(new)) if os.path.isdir(new) else 0

    def post(self, events, connection):
        form = {"event_type": events[0], "server_composition": "sandbox", "api_key": SECRET,
                "event": json.dumps({events[0]: events[1]})}
        connection.request("POST", "/webhook", urllib.parse.urlencode(form),
                           {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def posts(self, size=100):
        """What Customers Mail Cloud would post: (type, rows) for each batch."""
        batches = []
        for kind, wanted in (("deliveries", False), ("bounces", True)):
            rows = [{"created": "2026-11-20 12:00:00", "messageId": number, "to": to, "from": "shop@example.net",
                     "apiData": "", "status": "2" if wanted else "succeeded",
                     "reason": "550 5.1.1 User unknown" if wanted else "250 2.0.0 Ok"}
                    for number, to in self.told if to.startswith("bounce-") == wanted]
            batches += [(kind, rows[at:at + size]) for at in range(0, len(rows), size)]
        return batches

    def end(self):
        self.daemon.end()
        self.sandbox.end()
        shutil.rmtree(self.folder)


def post_all(world, connections, size=100):
    """Posts every event, over that many connections, again where it is wanted later; returns the statuses."""
    batches, statuses, lock = world.posts(size), [], threading.Lock()

    def run():
        connection = http.client.HTTPConnection("127.0.0.1", world.hook, timeout=shim.PATIENCE)
        while True:
            with lock:
                if not batches:
                    break
                batch = batches.pop(0)
            status = world.post(batch, connection)
            with lock:
                statuses.append(status)
                if status == 503:
                    batches.append(batch)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


class Watch:
    """Sends a mail every 50 ms and looks at the daemon's memory, until it is ended."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.waits, self.sizes, self.codes = [], [], set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.wait(0.05):
            start = time.monotonic()
            self.codes.add(self.daemon.send("shop@example.jp", ["b@example.org"], MAIL)[0])
            self.waits.append(time.monotonic() - start)
            self.sizes.append(self.daemon.status("VmRSS"))

    def end(self):
        self.over.set()
        self.thread.join()
        self.waits.sort()
        return self

    def median(self):
        return self.waits[len(self.waits) // 2]
