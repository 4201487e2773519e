"""Arara, version 1: the XML of its unsubscribe scripts, and what each of them refuses."""

import datetime
import sys
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

from arara import Arara, delivery, list_of, recipient, settings
from sandboxes import equal, run

LIST, LIFT, ENABLE = "/tm/unsubscribe_requesters.php", "/tm/resubscribers.php", "/tm/unsubscribe_receivers.php"
TYPE = {"Content-Type": "application/octet-stream"}
JAPAN = datetime.timezone(datetime.timedelta(hours=9))
SHOP = "shop@example.net"
AUTH = '<site id="12"/><service id="34"/><name><![CDATA[api]]></name><pass><![CDATA[s<c]]]]><![CDATA[>ret]]></pass>'
PASS = "s<c]]>ret"
OPTIONS = ("--event-delay", "0", "--user", "api", "--key", PASS)


def today():
    return datetime.datetime.now(JAPAN).date()


def day_of(date, sender=SHOP):
    return (f"<unsubscription_request><header_from>{escape(sender)}</header_from><year>{date.year}</year>"
            f"<month>{date.month}</month><day>{date.day}</day></unsubscription_request>")


def request_of(wish, auth=AUTH, head='<?xml version="1.0" encoding="UTF-8" ?>\n'):
    return f"{head}<request><auth>{auth}</auth>{wish}</request>".encode()


class V1(Arara):
    """A sandbox in which somebody has unsubscribed."""

    def __init__(self, *more):
        super().__init__(*OPTIONS, *more)

    def ask(self, body, path=LIST, headers=TYPE):
        answer = self.request("POST", path, body, headers)
        equal((answer.status, answer.headers["Content-Type"]), (200, "text/xml; charset=UTF-8"))
        assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8" ?>'), answer.body
        return ElementTree.fromstring(answer.body)

    def list(self, date=None, sender=SHOP):
        tree = self.ask(request_of(day_of(date or today(), sender)))
        equal([tree.tag, *[element.tag for element in tree]], ["response", "unsubscribers"])
        equal(tree.findtext("unsubscribers/header_from"), sender)
        return tree.findall("unsubscribers/requesters/requester")

    def refused(self, body, path=LIST, headers=TYPE):
        """The kind of the one error."""
        tree = self.ask(body, path, headers)
        equal([tree.tag, *[element.tag for element in tree]], ["mail", "result", "errors"], body)
        equal((tree.find("result").get("code"), len(tree.findall("errors/error"))), ("-1", 1), body)
        error = tree.find("errors/error")
        assert error.get("code").isdigit() and error.text == tree.findtext("result"), body
        return error.get("kind")

    def mail(self, *to, sender=SHOP):
        item = delivery(**list_of(*map(recipient, to)), settings=settings(**{"from": {"name": "", "address": sender}}))
        result = self.send(item).json()["items"][0]
        equal(result["result"]["code"], "201", result)
        return result["delivery_id"]

    def enable(self, sender=SHOP):
        tree = self.ask(request_of(f"<receiver><header_from>{sender}</header_from></receiver>"), ENABLE)
        equal((tree.tag, tree.find("result").get("code")), ("response", "0"))

    def lift(self, to, sender=SHOP):
        wish = f"<resubscriber><header_from>{sender}</header_from><message_to>{to}</message_to></resubscriber>"
        equal(self.ask(request_of(wish), LIFT).find("result").get("code"), "0")


def test_list():
    with V1() as v1:
        equal(v1.list(), [], "nobody")
        v1.enable()
        number = v1.mail("unsubscribe-a@example.org", "b@example.org", "unsubscribe-c@example.org")
        rows = v1.list()
        equal([row.findtext("message_to") for row in rows], ["unsubscribe-a@example.org", "unsubscribe-c@example.org"])
        equal([element.tag for element in rows[0]], ["message_id", "message_to", "datetime", "filtered"])
        assert number in rows[0].findtext("message_id") and "<" not in rows[0].findtext("message_id")
        time = datetime.datetime.strptime(rows[0].findtext("datetime"), "%Y/%m/%d %H:%M").replace(tzinfo=JAPAN)
        assert abs(datetime.datetime.now(JAPAN) - time) < datetime.timedelta(minutes=10), time
        equal(rows[0].findtext("filtered"), "1")
        for days in (-1, 1, 90, 91, 3650):
            equal(v1.list(today() - datetime.timedelta(days=days)), [], "another day")
        equal(v1.list(sender="other@example.net"), [], "another sender")
        equal(len(v1.list(sender=SHOP.upper())), 2)


def test_lift():
    with V1() as v1:
        v1.enable()
        v1.mail("unsubscribe-a@example.org", "unsubscribe-c@example.org")
        v1.lift("nobody@example.org")
        v1.lift("unsubscribe-a@example.org", "other@example.net")
        equal([row.findtext("filtered") for row in v1.list()], ["1", "1"], "an unknown pair is no error")
        v1.lift("unsubscribe-a@example.org")
        equal([row.findtext("filtered") for row in v1.list()], ["0", "1"])


def test_nobody_without_one_click():
    with V1() as v1:
        v1.mail("unsubscribe-a@example.org")
        equal(v1.list(), [])


def test_xml_is_escaped():
    sender = "a&b<c>'d@example.net"
    with V1() as v1:
        equal(v1.list(sender=sender), [])
        wish = day_of(today()).replace(SHOP, "<![CDATA[ " + SHOP + " ]]>")
        equal(v1.ask(request_of(wish)).findtext("unsubscribers/header_from"), SHOP)


def test_what_is_no_xml():
    good = request_of(day_of(today()))
    with V1() as v1:
        for body in (b"", b"x", b"<request>", b"<mail/>", b"{}", good + b"<x/>", good.replace(b"</auth>", b""), good[:-1],
                     good.replace(SHOP.encode(), b"\xff\xfe@example.net"), good.replace(SHOP.encode(), b"a&b@example.net"),
                     good.replace(b"UTF-8", b"x-none"), b" " * (64 * 1024) + good, good.replace(b"@", b"@" + b"a" * 65536),
                     request_of(day_of(today()), head='<!DOCTYPE request [<!ENTITY e "x">]>'),
                     request_of(day_of(today()).replace(SHOP, "&e;"), head='<!DOCTYPE request [<!ENTITY e "a@b.example">]>'),
                     request_of(day_of(today()), head='<!DOCTYPE request SYSTEM "file:///etc/passwd">')):
            equal(v1.refused(body), "format", body[:200])
        equal(v1.list(), [])
        equal(len(v1.ask(good.decode().replace("UTF-8", "Shift_JIS").encode("cp932"))), 1, "another encoding that is told")


def test_content_type():
    good = request_of(day_of(today()))
    with V1() as v1:
        for kind in (None, "text/xml", "application/xml", "application/x-www-form-urlencoded", "application/octet-streams"):
            equal(v1.refused(good, headers={"Content-Type": kind} if kind else {}), "format", kind)
        equal(v1.ask(good, headers={"Content-Type": "Application/Octet-Stream; charset=UTF-8"}).tag, "response")


def test_credentials():
    parts = {"site": '<site id="12"/>', "service": '<service id="34"/>', "name": "<name>api</name>",
             "pass": f"<pass>{escape(PASS)}</pass>"}
    with V1() as v1:
        equal(v1.ask(request_of(day_of(today()), "".join(parts.values()))).tag, "response")
        for name in parts:
            for wrong in ("", parts[name] * 2, f"<{name}/>", f"<{name}>x</{name}>", f'<{name} id=""/>', f'<{name} id="x"/>',
                          f'<{name} id="-1"/>', f'<{name} id="0"/>'):
                auth = "".join({**parts, name: wrong}.values())
                equal(v1.refused(request_of(day_of(today()), auth)), "auth", auth)
        body = request_of(day_of(today()))
        for wrong in (body.replace(b"<auth>", b"<a>").replace(b"</auth>", b"</a>"), body.replace(b"<auth>", b"<auth/><auth>"),
                      b"<request/>", b"<request>" + day_of(today()).encode() + b"</request>"):
            equal(v1.refused(wrong), "auth", wrong)
        for path in (LIFT, ENABLE):
            equal(v1.refused(request_of(day_of(today()), "<name>api</name>"), path), "auth")
        assert PASS not in v1.log() and "s&lt;c" not in v1.log(), "a password in the log"


def test_order_of_work():
    """Parse, authenticate, act: the first error is the only one."""
    with V1() as v1:
        equal(v1.refused(b"<request><auth/><x/>"), "format")
        equal(v1.refused(b"<request><auth/><x/></request>"), "auth")
        equal(v1.refused(request_of("<x/>")), "request")


def test_wishes():
    good = day_of(today())
    with V1() as v1:
        for wish in ("", good + good, "<unsubscription_request/>", good.replace("unsubscription_request", "x"),
                     good.replace(SHOP, ""), good.replace(SHOP, "shop"), good.replace(f"<header_from>{SHOP}</header_from>", ""),
                     good.replace("<year>", "<header_from>b@example.net</header_from><year>")):
            equal(v1.refused(request_of(wish)), "request", wish)
        for name in ("year", "month", "day"):
            value = str(getattr(today(), name))
            for wrong in ("", "x", "0", "-1", "10000", "1.5", value + "-" + value, "１"):
                wish = good.replace(f"<{name}>{value}</{name}>", f"<{name}>{wrong}</{name}>")
                equal(v1.refused(request_of(wish)), "request", wish)
            for wrong in ("", f"<{name}>{value}</{name}>" * 2):
                wish = good.replace(f"<{name}>{value}</{name}>", wrong)
                equal(v1.refused(request_of(wish)), "request", wish)
        equal(v1.refused(request_of(day_of(datetime.date(2025, 2, 28)).replace("<day>28<", "<day>30<"))), "request")
        equal(v1.ask(request_of(day_of(datetime.date(2025, 2, 7)).replace("<day>7<", "<day>07<"))).tag, "response")
        for path, wish in ((LIFT, f"<r><header_from>{SHOP}</header_from></r>"), (LIFT, "<r><message_to>a@b</message_to></r>"),
                           (LIFT, f"<r><header_from>{SHOP}</header_from><message_to>a</message_to></r>"), (ENABLE, "<r/>"),
                           (ENABLE, "<r><header_from>shop</header_from></r>"), (ENABLE, "")):
            equal(v1.refused(request_of(wish), path), "request", wish)
        equal(v1.health()["refused"], v1.health()["queries"] - 1)


def test_other_methods():
    with V1() as v1:
        for path in (LIST, LIFT, ENABLE):
            for method in ("GET", "PUT", "DELETE"):
                equal(v1.request(method, path).status, 405, (method, path))
        equal(v1.request("POST", "/tm/lpmail.php", b"", TYPE).status, 404)


def test_many():
    """One day has no end but 20,000, and they fit into 8 MB."""
    addresses = [f"unsubscribe-{n:05}-{'x' * 40}@example.org" for n in range(20500)]
    with V1("--no-store") as v1:
        v1.enable()
        for at in range(0, len(addresses), 2500):
            v1.mail(*addresses[at:at + 2500])
        answer = v1.request("POST", LIST, request_of(day_of(today())), TYPE)
        equal(len(ElementTree.fromstring(answer.body).findall("unsubscribers/requesters/requester")), 20000)
        assert 4 << 20 < len(answer.body) < 8 << 20, len(answer.body)


def test_faults():
    with V1() as v1:
        v1.fault(kind="error=500@/tm", count=1)
        equal(v1.refused(request_of(day_of(today()))), "system")
        v1.fault(kind="status=503@/tm", count=1)
        equal(v1.request("POST", LIST, request_of(day_of(today())), TYPE).status, 503)
        equal(v1.list(), [])


if __name__ == "__main__":
    run(sys.modules[__name__])
