"""The ledger of what was accepted, and Deliveries/list, which answers from it."""

import datetime
import json
import sys
import threading
import urllib.parse

import arara
from sandboxes import BULK, Sandbox, address_list, bulk_fields, encode, equal, fields, form_headers, run

LIST = "/transaction/v2/deliveries/list.json"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ledger(sandbox, **arguments):
    path = "/ledger" + ("?" + urllib.parse.urlencode(arguments) if arguments else "")
    return [json.loads(line) for line in sandbox.request("GET", path).body.splitlines()]


def tagged(tag, **changes):
    headers = [{"name": "X-Api-Data", "value": tag}, {"name": "X-Original-Message-ID", "value": f"<{tag}@client>"}]
    return fields(headers=json.dumps(headers), **changes)


def today():
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).date()


def ask(sandbox, **changes):
    form = {"api_user": "user", "api_key": "secret-key", "server_composition": "trial", "date": str(today()), **changes}
    form = {name.rstrip("_"): value for name, value in form.items() if value is not None}
    return sandbox.request("POST", LIST, urllib.parse.urlencode(form), FORM)


def rows(sandbox, **changes):
    answer = ask(sandbox, **changes)
    equal(answer.status, 200, answer.body)
    return answer.json()["deliveries"]


def test_a_row_for_each_accepted_call():
    for options in ((), ("--no-store",)):
        with Sandbox(*options) as sandbox:
            first = sandbox.post(tagged("t1", to=address_list(
                {"name": "", "address": "a@example.org"}, {"name": "", "address": "b@example.org"}),
                cc="c@example.org", bcc="d@example.org")).json()["id"]
            sandbox.post(fields(to="not an address"))
            sandbox.post(fields())
            sandbox.post(bulk_fields(), BULK)
            got = ledger(sandbox)
            equal([row["number"] for row in got], [1, 2, 3])
            equal(got[0], {"number": 1, "call": 1, "api": "emails", "id": first, "tag": "t1",
                           "message_id": "<t1@client>",
                           "to": ["a@example.org", "b@example.org", "c@example.org", "d@example.org"]})
            equal((got[1]["tag"], got[1]["message_id"], got[2]["id"]), (None, None, None))
            equal([row["number"] for row in ledger(sandbox, after=1, max=1)], [2])
            equal(ledger(sandbox, after=3), [])
            equal(sandbox.request("GET", "/ledger?after=x").status, 400)
            sandbox.request("DELETE", "/ledger")
            sandbox.post(fields())
            equal([row["number"] for row in ledger(sandbox)], [4])


def test_what_was_not_answered_is_there():
    for fault, want in (("close-after", 1), ("truncate", 1), ("cut", 1), ("reset", 0), ("status=503", 0)):
        with Sandbox("--no-store", "--fault", f"{fault}:1") as sandbox:
            try:
                sandbox.post(tagged("t1"))
            except Exception:
                pass  # what a client sees is another test's
            equal(len(ledger(sandbox)), want, fault)


def test_arara():
    with arara.Arara() as sandbox:
        delivery = arara.delivery(settings=arara.settings(request_id="a1"))
        for code in ("201", "409"):
            equal(sandbox.send(delivery).json()["items"][0]["result"]["code"], code)
        got = ledger(sandbox)
        equal([(row["api"], row["tag"]) for row in got], [("arara", "a1")])


def test_found_by_tag():
    with Sandbox("--no-store", "--event-delay", "0") as sandbox:
        first = sandbox.post(tagged("mail-1")).json()["id"]
        sandbox.post(tagged("mail-10", to="bob@example.org"))
        equal({row["apiData"] for row in rows(sandbox, api_data="mail-1")}, {"mail-1", "mail-10"}, "any part fits")
        got = rows(sandbox, api_data="mail-1", to="alice")
        equal([row["status"] for row in got], ["queued", "succeeded"])
        equal((got[0]["messageId"], got[0]["to"], got[0]["from"], got[0]["subject"]),
              (first, "alice@example.org", "shop@example.net", "Hello"))
        equal(rows(sandbox, api_data="none"), [])
        equal(rows(sandbox, date=str(today() - datetime.timedelta(days=1))), [])
        equal(len(rows(sandbox, status="queued")), 2)
        equal(rows(sandbox, status="failed"), [])
        equal(len(rows(sandbox, r="3")), 3)
        equal(len(rows(sandbox, r="3", p="1")), 1)
        answer = sandbox.request("POST", LIST, json.dumps({
            "api_user": "user", "api_key": "secret-key", "server_composition": "trial", "date": str(today()),
            "api_data": "mail-10"}), {"Content-Type": "application/json"})
        equal(len(answer.json()["deliveries"]), 2)
        equal((sandbox.health()["calls"], sandbox.health()["lookups"]), (2, 9))


def test_found_late():
    with Sandbox("--no-store", "--status-lag", "3600000") as sandbox:
        sandbox.post(tagged("mail-1"))
        equal(rows(sandbox, api_data="mail-1"), [])


def test_refusals():
    with Sandbox("--user", "user", "--key", "secret-key", "--server-composition", "trial") as sandbox:
        equal(ask(sandbox).status, 200)
        for change, code, field in (
                ({"api_user": None}, "11-009", "api_user"), ({"api_key": ""}, "11-009", "api_key"),
                ({"server_composition": None}, "11-009", "server_composition"), ({"date": None}, "11-009", "date"),
                ({"date": str(today() + datetime.timedelta(days=1))}, "11-009", "date"),
                ({"date": "2026-02-30"}, "11-009", "date"), ({"date": "2026-2-3"}, "11-009", "date"),
                ({"hour": "24"}, "11-009", "hour"), ({"status": "lost"}, "11-009", "status"),
                ({"limit": "1"}, "11-018", "limit")):
            equal([code for code, _ in ask(sandbox, **change).codes()], [code], change)
        for change in ({"api_user": "x"}, {"api_key": "x"}, {"server_composition": "x"}):
            equal(ask(sandbox, **change).codes()[0][0], "13-004", change)
        equal(sandbox.request("POST", LIST, encode(fields()), form_headers()).codes()[0][0], "11-015")
        equal(sandbox.request("GET", LIST).status, 405)


def test_faults_need_a_path():
    with Sandbox("--fault", "status=503", "--fault", "error=13-002@/transaction:1") as sandbox:
        equal(ask(sandbox).codes()[0][0], "13-002")
        equal(ask(sandbox).status, 200)
        equal(sandbox.post(fields()).status, 503)


def test_many():
    """Costs the same per call however many there are."""
    with Sandbox("--no-store", "--quiet") as sandbox:
        def client():
            connection = sandbox.connect()
            for _ in range(300):
                connection.request("POST", "/api/v2/emails/send.json", encode(tagged("t")), form_headers())
                connection.getresponse().read()
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = 0
        while page := ledger(sandbox, after=seen, max=500):
            equal(page[0]["number"], seen + 1)
            seen = page[-1]["number"]
        equal(seen, 1200)


def test_filled_in():
    """Long lists of both APIs are there from the start, can be paged through, and cost no more with each page."""
    with arara.Arara("--no-store", "--fill", "20000") as sandbox:
        days = [today() - datetime.timedelta(days=n) for n in (2, 1, 0)]
        found = []
        for day in days:
            page = 0
            while part := rows(sandbox, date=str(day), r="5000", p=str(page)):
                found += [(row["created"], row["to"], row["status"]) for row in part]
                page += 1
        equal((len(found), len(set(found))), (20000, 20000))
        equal(sum(status == "failed" for _, _, status in found), 1000)
        equal(sum(to.startswith("bounce-") for _, to, _ in found), 2000)
        status = sandbox.request("GET", "/send?request_id=fill1", None, sandbox.headers(None)).json()["items"][0]
        equal((status["status"], status["success"]), ("sent", 1))
        equal(len(ledger(sandbox, after="19990")), 10)
        Sandbox.post(sandbox, fields(to="new@example.org"))
        equal([row["to"] for row in ledger(sandbox, after="20000")], [["new@example.org"]])


if __name__ == "__main__":
    run(sys.modules[__name__])
