"""The rest of Arara Message v2: DKIM domains, the plan and the usage."""

import base64
import datetime
import json
import sys

from arara import Arara, basic, delivery, list_of, recipient
from sandboxes import equal, run

JST = datetime.timezone(datetime.timedelta(hours=9))


def query(sandbox, method, path, body=None):
    text = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
    return sandbox.request(method, path, text, sandbox.headers("application/json" if text else None))


def register(sandbox, *domains):
    return query(sandbox, "POST", "/domain/dkim", {"domains": list(domains)})


def test_keys():
    with Arara() as sandbox:
        answer = register(sandbox, {"sign_domain": "example.net"},
                          {"sign_domain": "example.org", "selector": "s2.mail", "key_len": 2048, "default": 1, "enable": 0,
                           "start_date": "2026-12-01"}).json()
        equal(answer["count"], 2)
        first, second = answer["items"]
        equal((first["sign_domain"], first["key_len"], first["default"], first["enable"]), ("example.net", 1024, 0, 1))
        equal(first["dns"]["name"], f"{first['selector']}._domainkey.example.net")
        equal((second["selector"], second["key_len"], second["default"], second["enable"], second["start_date"]),
              ("s2.mail", 2048, 1, 0, "2026-12-01"))
        for item, size in ((first, 162), (second, 294)):
            tags = dict(tag.split("=", 1) for tag in item["dns"]["value"].split("; "))
            equal((tags["v"], tags["k"], len(base64.b64decode(tags["p"], validate=True))), ("DKIM1", "rsa", size))
            assert item["registered_date"].endswith("+09:00")
        register(sandbox, {"sign_domain": "example.net", "selector": "s3"})
        items = query(sandbox, "GET", "/domain").json()["items"]
        equal([(item["domain"], [key["selector"] for key in item["dkim"]]) for item in items],
              [("example.net", [first["selector"], "s3"]), ("example.org", ["s2.mail"])])
        item, = query(sandbox, "GET", "/domain?d=Example.org").json()["items"]
        equal(item["dkim"], [{"selector": "s2.mail", "status": "OK", "key_len": 2048, "start_date": "2026-12-01",
                              "default": 1, "enable": 0}])
        equal((item["dns"]["status"], item["spf"]["status"], item["spf"]["record"][:6]), ("OK", "OK", "v=spf1"))
        equal(query(sandbox, "GET", "/domain?d=example.com").json(), {"items": [], "count": 0})
        equal(query(sandbox, "GET", "/domain?x=1").status, 400)


def test_changes():
    with Arara("--status-lag", "3600000") as sandbox:
        register(sandbox, {"sign_domain": "example.net", "selector": "a", "default": 1},
                 {"sign_domain": "example.net", "selector": "b"})
        answer = query(sandbox, "PUT", "/domain/dkim/example.net/b", {"domains": [{"default": 1, "enable": 0}]})
        equal((answer.status, answer.json()["setting_values"]), (200, {"start_date": "", "default": 1, "enable": 0}))
        item, = query(sandbox, "GET", "/domain").json()["items"]
        equal([(key["selector"], key["default"], key["enable"], key["status"]) for key in item["dkim"]],
              [("a", 0, 1, "NG"), ("b", 1, 0, "NG")], "not in DNS so soon, and one default")
        for body in ({}, {"domains": []}, {"domains": [{}]}, {"domains": [{"enable": True}]}, {"domains": [{"enable": 2}]},
                     {"domains": [{"start_date": "soon"}]}, {"domains": [{"enable": 1}, {"enable": 1}]},
                     {"domains": [{"selector": "c"}]}, {"domains": {"enable": 1}}):
            equal(query(sandbox, "PUT", "/domain/dkim/example.net/b", body).status, 400, body)
        for path in ("example.net/c", "example.net", "example.net/", "example.net/a/b", ""):
            equal(query(sandbox, "PUT", "/domain/dkim/" + path, {"domains": [{"enable": 1}]}).status, 404, path)
            equal(query(sandbox, "DELETE", "/domain/dkim/" + path).status, 404, path)
        equal(query(sandbox, "DELETE", "/domain/dkim/example.net/a").json(), {"message": "success"})
        equal(query(sandbox, "DELETE", "/domain/dkim/example.net/a").status, 404)
        item, = query(sandbox, "GET", "/domain").json()["items"]
        equal([key["selector"] for key in item["dkim"]], ["b"])


def test_registrations_that_are_refused():
    good = {"sign_domain": "example.net"}
    with Arara() as sandbox:
        rows = [[], [{}], [{"sign_domain": "example"}], [{"sign_domain": "-a.example"}], [{"sign_domain": "例え.jp"}],
                [{"sign_domain": "a..example"}], [{"sign_domain": "x" * 64 + ".example"}], [{"sign_domain": 1}],
                [{**good, "selector": ""}], [{**good, "selector": "a b"}], [{**good, "selector": "a/b"}],
                [{**good, "key_len": 1536}], [{**good, "key_len": "1024"}], [{**good, "start_date": "2026-02-30"}],
                [{**good, "enable": "1"}], [{**good, "colour": 1}], [good] * 51,
                [{**good, "selector": "a"}, {**good, "selector": "A"}]]
        for row in rows:
            equal(register(sandbox, *row).status, 400, row)
        equal(query(sandbox, "GET", "/domain").json()["count"], 0, "nothing was taken")
        equal(register(sandbox, *[good] * 50).json()["count"], 50)
        equal(register(sandbox, {**good, "selector": "a"}).status, 200)
        equal(register(sandbox, {**good, "selector": "a"}).status, 400)
        equal(sandbox.request("GET", "/domain").status, 401)


def test_plan_and_usage():
    now = datetime.datetime.now(JST)
    later = (now + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M+09:00")
    with Arara() as sandbox:
        equal(sorted(query(sandbox, "GET", "/plan").json()), ["count", "excess_price", "plan"])
        equal(query(sandbox, "GET", "/delivery_record").json(),
              {"users": [{"user_id": "client", "dates": []}], "total": 0})
        sandbox.send(delivery(**list_of(recipient("a@example.org"), recipient("bounce-b@example.org"))))
        item = delivery()
        item["settings"]["send_time"] = later
        sandbox.send(item)
        want = {"total": 2, "users": [{"user_id": "client", "dates": [{"date": now.strftime("%Y%m%d"), "count": 2}]}]}
        equal(query(sandbox, "GET", "/delivery_record").json(), want)
        equal(query(sandbox, "GET", "/delivery_record?yearmonth=" + now.strftime("%Y-%m")).json(), want)
        equal(query(sandbox, "GET", "/delivery_record?yearmonth=2001-02").json()["total"], 0)
        for text in ("2026", "2026-13", "2026-1", "2026-1-", "202601", "-026-01", "2026-01-01", "x"):
            equal(query(sandbox, "GET", "/delivery_record?yearmonth=" + text).status, 400, text)
        equal(query(sandbox, "GET", "/delivery_record?month=2026-01").status, 400)
        sandbox.fault(kind="status=503/7@/plan", count=1)
        equal([query(sandbox, "GET", "/plan").status for _ in range(2)], [503, 200])
        equal(sandbox.request("GET", "/plan", headers={"Authorization": basic()}).status, 401)


if __name__ == "__main__":
    run(sys.modules[__name__])
