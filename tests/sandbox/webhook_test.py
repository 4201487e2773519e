"""Events of Customers Mail Cloud, posted to a small server that listens as a customer would."""

import http.server
import json
import queue
import subprocess
import sys
import threading
import time
import urllib.parse

from arara import Arara, delivery
from sandboxes import BULK, PROGRAM, Sandbox, address_list, bulk_fields, equal, fields, run

PATIENCE = 60
AT_ONCE = ("--no-store", "--event-delay", "0", "--slow-delay", "0")


class Customer:
    """Takes posts; answers with the statuses given, then with 200."""

    def __init__(self, *statuses, silent=False):
        self.statuses, self.posts, self.silence = list(statuses), queue.Queue(), threading.Event()
        customer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = customer.statuses.pop(0) if customer.statuses else 200
                form = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
                customer.posts.put((status, self.path, self.headers["Content-Type"], form))
                if silent:
                    customer.silence.wait(PATIENCE)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=b"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.silence.set()
        self.server.shutdown()
        self.server.server_close()

    def post(self):
        return self.posts.get(timeout=PATIENCE)

    def rows(self, kind, count):
        """That many rows of a kind as they come, in posts of at most 100."""
        rows = []
        while len(rows) < count:
            status, _, _, form = self.post()
            equal(set(form) - {"api_key"}, {"event_type", "server_composition", "event"})
            event = json.loads(form["event"])
            equal(list(event), [form["event_type"]])
            found = event[form["event_type"]]
            assert 0 < len(found) <= 100, len(found)
            if form["event_type"] == kind and status == 200:
                rows += found
        return rows


def wait_health(sandbox, good):
    """Its posts, failures and events, once they are good."""
    end = time.monotonic() + PATIENCE
    while True:
        health = sandbox.health()
        found = tuple(health["webhook_" + name] for name in ("posts", "failures", "events"))
        if good(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.02)


def test_roles():
    names = ("bounce-a@x.jp", "bounce-4-a@x.jp", "mailbox-full-a@x.jp", "slow-a@x.jp", "ok@x.jp")
    to = address_list(*({"name": "", "address": name} for name in names))
    tagged = json.dumps([{"name": "X-Api-Data", "value": "tag-1"}])
    with Customer() as customer, Sandbox(*AT_ONCE, "--webhook", customer.url) as sandbox:
        answer = sandbox.post(fields(to=to, headers=tagged)).json()
        rows = customer.rows("bounces", 3)
        equal([(row["to"], row["status"], row["reason"][:9]) for row in rows],
              [(names[0], "2", "550 5.1.1"), (names[1], "4", "550 5.7.1"), (names[2], "5", "452 4.2.2")])
        equal(set(rows[0]), {"created", "status", "from", "to", "messageId", "returnPath", "subject", "apiData", "reason"})
        equal((rows[0]["messageId"], rows[0]["apiData"], rows[0]["from"]), (answer["id"], "tag-1", "shop@example.net"))
    with Customer() as customer, Sandbox(*AT_ONCE, "--webhook", customer.url) as sandbox:
        sandbox.post(fields(to=to))
        steps = {}
        for row in customer.rows("deliveries", 11):
            steps.setdefault(row["to"], []).append(row["status"])
        equal(steps, {names[0]: ["queued", "failed"], names[1]: ["queued", "failed"], names[2]: ["queued", "failed"],
                      names[3]: ["queued", "deferred", "succeeded"], names[4]: ["queued", "succeeded"]})


def test_form_and_key():
    with Customer() as customer:
        with Sandbox(*AT_ONCE, "--webhook", customer.url, "--webhook-key", "s&c ret",
                     "--server-composition", "shop") as sandbox:
            sandbox.post(fields(subject="Grüße & 件名"))
            _, path, kind, form = customer.post()
            equal((path, kind), ("/hook?a=b", "application/x-www-form-urlencoded"))
            equal((form["event_type"], form["server_composition"], form["api_key"]), ("deliveries", "shop", "s&c ret"))
            equal(json.loads(form["event"])["deliveries"][0]["subject"], "Grüße & 件名")
            assert "s&c" not in sandbox.log()
        with Sandbox(*AT_ONCE, "--webhook", customer.url) as sandbox:
            sandbox.post(fields())
            while (form := customer.post()[3]) and form["server_composition"] == "shop":
                pass
            assert "api_key" not in form


def test_again_until_it_is_taken():
    with Customer(503, 302) as customer, Sandbox(*AT_ONCE, "--webhook", customer.url) as sandbox:
        sandbox.post(fields(to="bounce-a@example.org"))
        first, second, third = customer.post(), customer.post(), customer.post()
        equal([post[0] for post in (first, second, third)], [503, 302, 200])
        equal(first[3], second[3])
        equal(first[3], third[3])
        equal(customer.rows("bounces", 1)[0]["to"], "bounce-a@example.org")
        posts, failures, events = wait_health(sandbox, lambda found: found[2] == 3)
        equal((posts - failures >= 2, failures, events), (True, 2, 3))


def test_many_in_order():
    people = address_list(*({"name": "", "address": f"bounce-{n % 11 + 1}-{n}@example.org"} for n in range(1000)))
    with Customer() as customer, Sandbox(*AT_ONCE, "--webhook", customer.url) as sandbox:
        equal(sandbox.post(bulk_fields(to=people), BULK).status, 200)
        rows = customer.rows("bounces", 1000)
        equal([row["to"].split("-")[2] for row in rows], [f"{n}@example.org" for n in range(1000)])
        equal(len({row["messageId"] for row in rows}), 1000)


def test_results_take_their_time():
    with Customer() as customer, Sandbox("--no-store", "--event-delay", "3600000", "--webhook", customer.url) as sandbox:
        sandbox.post(fields(to="bounce-a@example.org"))
        equal([row["status"] for row in customer.rows("deliveries", 1)], ["queued"])
        sandbox.post(fields(to="bounce-b@example.org"))
        equal([(row["to"], row["status"]) for row in customer.rows("deliveries", 1)], [("bounce-b@example.org", "queued")])
    with Customer() as customer, Sandbox("--no-store", "--event-delay", "200", "--webhook", customer.url) as sandbox:
        sandbox.post(fields(to="bounce-a@example.org"))
        equal([row["status"] for row in customer.rows("deliveries", 2)], ["queued", "failed"])


def test_arara_has_none():
    with Customer() as customer, Arara(*AT_ONCE, "--webhook", customer.url) as sandbox:
        equal(sandbox.send(delivery()).json()["items"][0]["result"]["code"], "201")
        Sandbox.post(sandbox, fields(to="last@example.org"))
        equal([row["to"] for row in customer.rows("deliveries", 2)], ["last@example.org"] * 2)


def test_ends_at_once():
    """The with statement of Sandbox waits for the end: neither a server without an answer nor none at all delays it."""
    with Customer(silent=True) as customer, Sandbox(*AT_ONCE, "--webhook", customer.url) as sandbox:
        sandbox.post(fields())
        customer.post()
    with Customer() as nobody:
        url = nobody.url
    with Sandbox(*AT_ONCE, "--webhook", url) as sandbox:
        sandbox.post(fields())
        wait_health(sandbox, lambda found: found[1] > 0)


def test_options():
    for options, word in ((["--webhook", "ftp://x/"], "http://"), (["--webhook-key", "x"], "without --webhook"),
                          (["--webhook", "http://x", "--webhook-key", "a", "--webhook-key-file", "b"], "exclude")):
        done = subprocess.run([PROGRAM, "--listen", "127.0.0.1:0", *options], capture_output=True, text=True, timeout=PATIENCE)
        equal((done.returncode, word in done.stderr), (64, True), done.stderr)


if __name__ == "__main__":
    run(sys.modules[__name__])
