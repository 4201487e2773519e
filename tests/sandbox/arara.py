"""What the tests of Arara share: deliveries, and a sandbox that is logged in."""

import base64
import itertools
import json
import urllib.parse

from sandboxes import Answer, Sandbox, equal

NEW = object()  # stands for a member that is left out
numbers = itertools.count(1)


def request_id():
    return f"test{next(numbers)}"


def changed(base, changes):
    base.update(changes)
    return {name: value for name, value in base.items() if value is not NEW}


def recipient(address="alice@example.org", **more):
    return {"to": {"address": address, **more}}


def list_of(*elements):
    return {"mailing-list": list(elements)}


def attachment(**changes):
    return changed({"filename": "a.txt", "mimetype": "text/plain", "data": "aGVsbG8K"}, changes)


def contents(**changes):
    return changed({"subject": "Hello", "body": {"text": "Hello, world.\n"}}, changes)


def settings(**changes):
    return changed({"send_time": "now", "request_id": request_id(),
                    "from": {"name": "Shop", "address": "shop@example.net"}}, changes)


def delivery(**changes):
    return changed({**list_of(recipient()), "contents": contents(), "settings": settings()}, changes)


def body_of(*deliveries):
    return json.dumps({"delivery": list(deliveries)}, ensure_ascii=False).encode()


def basic(client="client", secret="secret"):
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


class Arara(Sandbox):
    """A sandbox and a token for it."""

    def __enter__(self):
        super().__enter__()
        self.token = self.login().json().get("access_token")
        return self

    def login(self, authorization=basic(), form="grant_type=client_credentials",
              content_type="application/x-www-form-urlencoded", method="POST"):
        headers = {"Authorization": authorization, "Content-Type": content_type}
        return self.request(method, "/oauth2/token", form, {k: v for k, v in headers.items() if v is not None})

    def headers(self, content_type="application/json"):
        return {"Authorization": f"Bearer {self.token}", **({"Content-Type": content_type} if content_type else {})}

    def post(self, body, content_type="application/json"):
        return self.request("POST", "/send", body, self.headers(content_type))

    def send(self, *deliveries):
        return self.post(body_of(*deliveries))

    def post_in_pieces(self, body, size):
        connection = self.connect()
        connection.putrequest("POST", "/send")
        for name, value in self.headers().items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        for at in range(0, len(body), size):
            connection.send(body[at:at + size])
        answer = Answer(connection.getresponse())
        connection.close()
        equal(answer.json()["items"][0]["result"]["code"], "201", answer.body)

    def status(self, path="", **query):
        path = "/send" + path + ("?" + urllib.parse.urlencode(query) if query else "")
        return self.request("GET", path, headers=self.headers(None))

    def delete(self, delivery_id):
        return self.request("DELETE", f"/send/{delivery_id}", headers=self.headers(None))
