"""Addresses that play roles: what becomes of mail that was accepted, as each API tells it."""

import datetime
import json
import sys
import urllib.parse

from arara import Arara, contents, delivery, list_of, recipient, settings
from sandboxes import Sandbox, address_list, equal, fields, run

JST = datetime.timezone(datetime.timedelta(hours=9))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
AT_ONCE = ("--no-store", "--event-delay", "0", "--daily-lists", "0")
ROLES = ("ok@example.org", "bounce-a@example.org", "bounce-4-a@example.org", "Mailbox-Full-a@example.org",
         "slow-a@example.org", "unsubscribe-a@example.org")


def today():
    return str(datetime.datetime.now(JST).date())


def to(*addresses):
    return address_list(*({"name": "", "address": address} for address in addresses))


def ask(sandbox, call, **changes):
    form = {"api_user": "user", "api_key": "secret-key", "server_composition": "trial", **changes}
    form = {name.rstrip("_"): value for name, value in form.items() if value is not None}
    return sandbox.request("POST", f"/transaction/v2/{call}.json", urllib.parse.urlencode(form), FORM)


def asked(sandbox, call, name, **changes):
    answer = ask(sandbox, call, **changes)
    equal(answer.status, 200, answer.body)
    return answer.json()[name]


def query(sandbox, method, path, body=None, **arguments):
    path += "?" + urllib.parse.urlencode(arguments) if arguments else ""
    return sandbox.request(method, path, json.dumps(body) if body is not None else None,
                           sandbox.headers("application/json" if body is not None else None))


def steps(sandbox):
    found = {}
    for row in asked(sandbox, "deliveries/list", "deliveries", date=today()):
        found.setdefault(row["to"], []).append(row["status"])
    return found


def test_deliveries_and_bounces():
    with Sandbox(*AT_ONCE) as sandbox:
        equal(sandbox.post(fields(to=to(*ROLES))).status, 200, "accepted as any other")
        equal(steps(sandbox), {
            "ok@example.org": ["queued", "succeeded"], "bounce-a@example.org": ["queued", "failed"],
            "bounce-4-a@example.org": ["queued", "failed"], "Mailbox-Full-a@example.org": ["queued", "failed"],
            "slow-a@example.org": ["queued", "deferred"], "unsubscribe-a@example.org": ["queued", "succeeded"]})
        rows = asked(sandbox, "bounces/list", "bounces")
        equal([(row["to"], row["status"], row["reason"][:9]) for row in rows],
              [("bounce-a@example.org", "2", "550 5.1.1"), ("bounce-4-a@example.org", "4", "550 5.7.1"),
               ("Mailbox-Full-a@example.org", "5", "452 4.2.2")])
        equal(set(rows[0]), {"created", "status", "from", "to", "messageId", "returnPath", "subject", "apiData", "reason"})
        for changes, want in (({"status": "5"}, 1), ({"r": "2"}, 2), ({"r": "2", "p": "1"}, 1), ({"r": "2", "p": "2"}, 0),
                              ({"start_date": today(), "end_date": today()}, 3), ({"end_date": "2020-01-01"}, 0),
                              ({"to": "bounce-"}, 2), ({"api_data": "x"}, 0)):
            equal(len(asked(sandbox, "bounces/list", "bounces", **changes)), want, changes)
        for changes, want in (({"status": "12"}, ("11-009", "status")), ({"limit": "1"}, ("11-018", "limit")),
                              ({"start_date": "2026-2-1"}, ("11-009", "start_date")),
                              ({"server_composition": None}, ("11-009", "server_composition"))):
            equal(ask(sandbox, "bounces/list", **changes).codes(), [want], changes)
        equal(sandbox.request("GET", "/transaction/v2/bounces/list.json").status, 405)


def test_results_take_their_time():
    with Sandbox("--no-store", "--event-delay", "3600000", "--daily-lists", "0") as sandbox:
        sandbox.post(fields(to="bounce-a@example.org"))
        equal(steps(sandbox), {"bounce-a@example.org": ["queued"]})
        equal(asked(sandbox, "bounces/list", "bounces"), [])
    with Sandbox(*AT_ONCE, "--slow-delay", "0") as sandbox:
        sandbox.post(fields(to="slow-a@example.org"))
        equal(steps(sandbox), {"slow-a@example.org": ["queued", "deferred", "succeeded"]})


def test_lists_once_a_day():
    """Customers Mail Cloud wants lists asked for about once a day; Deliveries is also how a lost answer is made up for."""
    with Sandbox("--no-store", "--event-delay", "0") as sandbox:
        sandbox.post(fields(to="bounce-a@example.org"))
        month = dict(zip(("year", "month"), today().split("-")))
        for call, more in (("bounces/list", {}), ("unsubscribes/download", {}), ("statistics/list", month)):
            equal(ask(sandbox, call, status_="77").status, 400, "what is not understood does not count")
            equal(ask(sandbox, call, **more).status, 200, call)
            again = ask(sandbox, call, **more)
            equal((again.status, again.codes()), (400, [("11-007", "api_key")]), call)
            equal(ask(sandbox, call, server_composition="other", **more).status, 200, call)
        equal(ask(sandbox, "bounces/list", p="1").json(), {"bounces": []})
        for _ in range(3):
            equal(len(asked(sandbox, "deliveries/list", "deliveries", date=today())), 2)


def test_statistics():
    with Sandbox(*AT_ONCE) as sandbox:
        sandbox.post(fields(to=to(*ROLES)))
        year, month, day = today().split("-")
        days = asked(sandbox, "statistics/list", "statistics", year=year, month=month)
        want = {"queued": 6, "succeeded": 2, "failed": 3, "blocked": 0, "valid": 6}
        equal(days[int(day) - 1], {"date": today(), **want})
        equal(sum(row["queued"] for row in days), 6)
        equal(asked(sandbox, "statistics/list", "statistics", year=year, month=month, total="1", server_composition=None),
              [{"date": "total", **want}])
        for changes in ({"month": "13"}, {"month": "0"}, {"year": "x"}):
            equal(ask(sandbox, "statistics/list", **{"year": "2026", "month": "1", **changes}).codes()[0][0], "11-009", changes)


def test_unsubscribed_at_customers_mail_cloud():
    with Sandbox(*AT_ONCE) as sandbox:
        sandbox.post(fields(to="unsubscribe-a@example.org"))
        answer = ask(sandbox, "unsubscribes/download")
        lines = answer.body.decode().splitlines()
        equal((answer.headers["Content-Type"], lines[0], lines[1].split(",")[0]),
              ("text/csv; charset=utf-8", '"email","created"', '"unsubscribe-a@example.org"'))
        sandbox.post(fields(to="unsubscribe-a@example.org"))
        equal([row["status"] for row in asked(sandbox, "bounces/list", "bounces")], ["11"])
        body = {"api_user": "u", "api_key": "k", "server_composition": "trial", "email": ["unsubscribe-a@example.org"]}
        answer = sandbox.request("POST", "/transaction/v2/unsubscribes/cancel.json", json.dumps(body),
                                 {"Content-Type": "application/json"})
        equal(answer.json(), {"message": "success"})
        equal(len(ask(sandbox, "unsubscribes/download").body.splitlines()), 1)
        sandbox.post(fields(to="unsubscribe-a@example.org"))
        equal(len(asked(sandbox, "bounces/list", "bounces")), 1, "delivered")
        equal(ask(sandbox, "unsubscribes/cancel").codes(), [("11-009", "email")])


def send(sandbox, *addresses, contents_=None, **changes):
    item = delivery(**list_of(*(recipient(a) if isinstance(a, str) else a for a in addresses)),
                    settings=settings(**changes), **({"contents": contents_} if contents_ else {}))
    result = sandbox.send(item).json()["items"][0]
    equal(result["result"]["code"], "201", result)
    return result["delivery_id"]


def test_results_of_arara():
    with Arara(*AT_ONCE) as sandbox:
        first = send(sandbox, *ROLES)
        second = send(sandbox, "a@example.org", contents_=contents(cc="b@example.org", bcc="c@example.org"))
        status = query(sandbox, "GET", f"/send/{first}").json()["items"][0]
        equal((status["status"], status["success"], status["failure"]), ("sending", 2, 3))
        equal(query(sandbox, "GET", f"/send/{second}").json()["items"][0]["status"], "sent")
        answer = query(sandbox, "GET", f"/results/{first}").json()
        equal([(row["address"], row["status"], row["result"][:9]) for row in answer["items"]],
              [("ok@example.org", "success", ""), ("bounce-a@example.org", "error", "550 5.1.1"),
               ("bounce-4-a@example.org", "error", "550 5.7.1"), ("Mailbox-Full-a@example.org", "error", "452 4.2.2"),
               ("slow-a@example.org", "sending", "451 4.7.1"), ("unsubscribe-a@example.org", "success", "")])
        answer = query(sandbox, "GET", f"/results/{second}").json()
        equal([(row["type"], row["header_from"]) for row in answer["items"]],
              [(kind, "shop@example.net") for kind in ("to", "cc", "bcc")])
        now = datetime.datetime.now(JST)
        period = {name: (now + datetime.timedelta(minutes=shift)).strftime("%Y-%m-%dT%H:%M+09:00")
                  for name, shift in (("timemin", -2), ("timemax", 2))}
        equal(query(sandbox, "GET", "/results", **period).json()["count"], 9)
        equal(query(sandbox, "GET", "/results", timemin=period["timemin"]).status, 400)
        equal(query(sandbox, "GET", "/results/1").status, 404)
        equal(query(sandbox, "POST", f"/results/{first}").status, 405)
        equal(sandbox.request("GET", f"/results/{first}").status, 401)
        later = send(sandbox, "bounce-b@example.org",
                     send_time=(now + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M+09:00"))
        equal(query(sandbox, "GET", f"/results/{later}").json()["items"], [])
        equal(sandbox.delete(later).status, 200)
        equal(query(sandbox, "GET", f"/results/{later}").json()["items"], [])


def counts(sandbox, method, *items):
    answer = query(sandbox, method, "/errorfilter", {"items": list(items)})
    return answer.status, {row["address"]: row["count"] for row in answer.json().get("items", [])}


def test_error_filter():
    with Arara(*AT_ONCE) as sandbox:
        asked_for = [{"address": address} for address in ROLES]
        equal(counts(sandbox, "POST", *asked_for), (200, {}))
        send(sandbox, *ROLES)
        send(sandbox, "bounce-a@example.org")
        want = {"bounce-a@example.org": 2.0, "bounce-4-a@example.org": 1.0, "Mailbox-Full-a@example.org": 0.5}
        equal(counts(sandbox, "POST", *asked_for), (200, want))
        body = query(sandbox, "POST", "/errorfilter", {"items": asked_for[1:2]}).body
        assert b'"count":2.0' in body, body
        left_out = send(sandbox, "ok@example.org", "bounce-a@example.org", error_count=2)
        equal([row["address"] for row in query(sandbox, "GET", f"/results/{left_out}").json()["items"]], ["ok@example.org"])
        equal(counts(sandbox, "PUT", {"address": "bounce-a@example.org"}, {"address": "new@example.org", "count": 99}),
              (200, {"bounce-a@example.org": 0.0, "new@example.org": 99.0}))
        blocked = send(sandbox, "new@example.org", "ok@example.org")
        equal(len(query(sandbox, "GET", f"/results/{blocked}").json()["items"]), 1)
        item = {"address": "a@example.org"}
        for method, body, want in (
                ("POST", {"items": [item] * 10001}, 413), ("PUT", {"items": [item] * 101}, 413), ("PUT", {"items": []}, 400),
                ("PUT", {"items": [{"address": "a@example.org", "count": 100}]}, 400), ("POST", {}, 400),
                ("PUT", {"items": [{"address": "a@example.org", "count": "1"}]}, 400), ("PUT", {"items": [{}]}, 400),
                ("POST", {"items": [{"address": "none"}]}, 400), ("POST", {"items": item}, 400), ("POST", [], 400)):
            equal(query(sandbox, method, "/errorfilter", body).status, want, (method, str(body)[:80]))
        equal(len(counts(sandbox, "POST", *[item] * 10000)[1]), 0)
        equal(query(sandbox, "GET", "/errorfilter").status, 405)
        equal(sandbox.request("POST", "/errorfilter", "{}", sandbox.headers("text/plain")).status, 400)


def test_a_reserved_mail_fails_when_it_is_sent():
    with Arara(*AT_ONCE) as sandbox:
        tomorrow = (datetime.datetime.now(JST) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M+09:00")
        send(sandbox, "bounce-a@example.org", send_time=tomorrow)
        equal(counts(sandbox, "POST", {"address": "bounce-a@example.org"}), (200, {}))


def unsubscribers(sandbox, kind="auto-assigned", date=None):
    answer = query(sandbox, "GET", f"/unsubscribers/{kind}", **{"header-from": "shop@example.net", "date": date or today()})
    equal(answer.status, 200, answer.body)
    return answer.json()["items"]


def test_one_click():
    with Arara(*AT_ONCE) as sandbox:
        send(sandbox, "unsubscribe-a@example.org")
        equal(unsubscribers(sandbox), [], "without one-click there is no link")
        url = query(sandbox, "POST", "/unsubscribe-receivers", {"header-from": "shop@example.net"}).json()["unsubscribe-url"]
        sent = send(sandbox, "unsubscribe-a@example.org", {**recipient("unsubscribe-b@example.org"), "unsubscribe_url": url + "b7"},
                    {**recipient("unsubscribe-c@example.org"), "unsubscribe_url": "https://shop.example.net/u"})
        rows = unsubscribers(sandbox)
        equal([(row["header-from"], row["to-address"], row["filtered"]) for row in rows],
              [("shop@example.net", "unsubscribe-a@example.org", True)])
        assert f"-{sent}@" in rows[0]["message-id"], rows
        equal([row["unsubscribe-url"] for row in unsubscribers(sandbox, "customer-assigned")], ["b7"])
        equal(unsubscribers(sandbox, date="2020-01-01"), [])
        again = send(sandbox, "unsubscribe-a@example.org", "unsubscribe-b@example.org")
        equal([row["address"] for row in query(sandbox, "GET", f"/results/{again}").json()["items"]],
              ["unsubscribe-b@example.org"])
        answer = query(sandbox, "PUT", "/re-subscribers",
                       {"header-from": "shop@example.net", "to-addresses": ["unsubscribe-a@example.org", "none@example.org"]})
        equal((answer.status, answer.body), (204, b""))
        equal(unsubscribers(sandbox)[0]["filtered"], False)
        for arguments in ({}, {"header-from": "x@x"}, {"header-from": "x@x", "date": "2026-2-1"},
                          {"header-from": "x", "date": today()}, {"header-from": "x@x", "date": today(), "p": "1"},
                          {"header-from": "x@x", "date": today() + "+99:00"}):
            equal(query(sandbox, "GET", "/unsubscribers/auto-assigned", **arguments).status, 400, arguments)
        for body in ({}, {"header-from": "x@x"}, {"header-from": "x@x", "to-addresses": []},
                     {"header-from": "x@x", "to-addresses": [1]}, {"header-from": "x@x", "to-addresses": "a@x"}):
            equal(query(sandbox, "PUT", "/re-subscribers", body).status, 400, body)
        for body in ({}, {"header-from": "x"}, {"header-from": ["x@x"]}, {"header-from": "x@x", "b": 1}):
            equal(query(sandbox, "POST", "/unsubscribe-receivers", body).status, 400, body)


def test_faults():
    with Arara(*AT_ONCE, "--fault", "status=503") as sandbox:
        equal(query(sandbox, "GET", "/results/1").status, 404, "a fault for all is not for these")
        for kind, path, want in (("status=503", "/results", 503), ("error=too-many", "/errorfilter", 429),
                                 ("error=message-500", "/unsubscribers", 500)):
            sandbox.fault(kind="none")
            sandbox.fault(kind=f"{kind}@{path}", count=1)
            method, where = {"/results": ("GET", "/results/1"), "/errorfilter": ("POST", "/errorfilter"),
                             "/unsubscribers": ("GET", "/unsubscribers/auto-assigned")}[path]
            equal(query(sandbox, method, where).status, want, path)
        assert sandbox.health()["queries"] == 4, sandbox.health()


def test_the_ledger_is_a_ring():
    with Arara(*AT_ONCE, "--ledger-rows", "32") as sandbox:
        ids = [send(sandbox, f"bounce-{n % 2}-a@example.org") for n in range(100)]
        numbers = [json.loads(line)["number"] for line in sandbox.request("GET", "/ledger").body.splitlines()]
        assert 28 <= len(numbers) <= 32 and numbers[-1] == 100, numbers
        equal(query(sandbox, "GET", f"/results/{ids[-1]}").json()["count"], 1)
        equal(query(sandbox, "GET", f"/results/{ids[0]}").json()["count"], 0)
        equal(counts(sandbox, "POST", {"address": "bounce-1-a@example.org"})[1], {"bounce-1-a@example.org": 50.0})


if __name__ == "__main__":
    run(sys.modules[__name__])
