"""What the sandbox's tests share: the program on a free port, forms, and TAP."""

import email
import email.policy
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import urllib.parse

PROGRAM = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "bin", "shimta-sandbox")
SEND = "/api/v2/emails/send.json"
BULK = "/api/v2/emails/bulk.json"
BOUNDARY = "b7-shimta-test"


class Skip(Exception):
    """Raised by a test that this machine cannot run."""


class Answer:
    """status, headers and body of one answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def codes(self):
        """(code, field) of each error."""
        return [(e["code"], e["field"]) for e in self.json().get("errors", [])]


class Sandbox:
    """A running shimta-sandbox; ends with the with statement."""

    def __init__(self, *options, context=None):
        self.options = options
        self.context = context

    def __enter__(self):
        self.home = tempfile.TemporaryDirectory(prefix="sandbox-test-")
        self.log_file = open(os.path.join(self.home.name, "log"), "w+b")
        store = [] if "--no-store" in self.options else ["--folder", os.path.join(self.home.name, "box")]
        self.process = subprocess.Popen(
            [PROGRAM, "--listen", "127.0.0.1:0", "--exit-with-parent", *store, *self.options],
            stdout=subprocess.PIPE, stderr=self.log_file)
        line = self.process.stdout.readline().decode()
        assert line.startswith("listening http"), line + self.log()
        url = urllib.parse.urlparse(line.split()[1])
        self.scheme, self.host, self.port = url.scheme, url.hostname, url.port
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(30)
        self.process.stdout.close()
        text = self.log()
        self.log_file.close()
        self.home.cleanup()
        assert self.status == 0, f"ended with {self.status}: {text}"

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read().decode()

    def connect(self):
        if self.scheme == "https":
            return http.client.HTTPSConnection(self.host, self.port, timeout=60, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, fields, path=SEND):
        return self.request("POST", path, encode(fields), form_headers())

    def fault(self, **order):
        answer = self.request("POST", "/fault", urllib.parse.urlencode(order))
        assert answer.status == 200, answer.body

    def messages(self):
        return self.request("GET", "/messages").json()

    def message(self, number):
        """Message by number, parsed, with every defect found in it."""
        answer = self.request("GET", f"/messages/{number}")
        assert answer.status == 200 and answer.headers["Content-Type"] == "message/rfc822"
        return parse(answer.body)

    def health(self):
        return self.request("GET", "/health").json()


def parse(raw):
    """The message; fails if Python's parser finds anything wrong with it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for part in message.walk():
        assert not part.defects, part.defects
        for name, value in part.items():
            assert not value.defects, (name, value.defects)
    lines = raw.split(b"\r\n")
    assert all(len(line) <= 998 for line in lines), max(map(len, lines))
    assert b"\n" not in b"".join(lines), "a bare line end"
    return message


def form_headers(boundary=BOUNDARY):
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class File:
    """A part with a file name."""

    def __init__(self, name, data, media="application/octet-stream"):
        self.name, self.data, self.media = name, data, media


def encode(fields, boundary=BOUNDARY):
    """A multipart/form-data body of (name, value) pairs; a value is text, bytes or a File."""
    out = []
    for name, value in fields:
        disposition = f'Content-Disposition: form-data; name="{name}"'
        media = ""
        if isinstance(value, File):
            if value.name is not None:
                disposition += f'; filename="{value.name}"'
            media = f"Content-Type: {value.media}\r\n" if value.media else ""
            value = value.data
        if isinstance(value, str):
            value = value.encode()
        out += [f"--{boundary}\r\n{disposition}\r\n{media}\r\n".encode(), value, b"\r\n"]
    return b"".join(out) + f"--{boundary}--\r\n".encode()


def address(mail, name=""):
    return json.dumps({"name": name, "address": mail}, ensure_ascii=False)


def addresses(count, start=0):
    return json.dumps([{"name": "", "address": f"r{start + i}@example.org"} for i in range(count)])


def fields(**changes):
    """A valid request as (name, value) pairs with changes; None leaves a field out."""
    base = {"api_user": "user", "api_key": "secret-key", "to": "alice@example.org",
            "from": address("shop@example.net", "Shop"), "subject": "Hello", "text": "Hello, world.\n"}
    base.update({name.rstrip("_"): value for name, value in changes.items()})
    return [(name, value) for name, value in base.items() if value is not None]


def bulk_fields(**changes):
    changes.setdefault("to", address_list({"name": "Alice", "address": "alice@example.org"}))
    return fields(**changes)


def address_list(*objects):
    return json.dumps(list(objects), ensure_ascii=False)


def equal(got, want, what=""):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def raw_exchange(sandbox, data):
    """Sends bytes and returns all that comes back, and the error that ended it or None."""
    received = b""
    with socket.create_connection((sandbox.host, sandbox.port), timeout=60) as sock:
        try:
            sock.sendall(data)
            while chunk := sock.recv(65536):
                received += chunk
        except ConnectionError as error:
            return received, error
    return received, None


def run(module):
    """Runs every test_* function of a module in the order it is written, printing TAP."""
    tests = [(name, function) for name, function in vars(module).items() if name.startswith("test_")]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            result, why = "ok", ""
        except Skip as reason:
            result, why = "ok", f" # SKIP {reason}"
        except Exception:
            failed += 1
            result, why = "not ok", ""
            for line in traceback.format_exc().splitlines():
                print("#", line)
        print(f"{result} {number} - {name[5:].replace('_', ' ')}{why}", flush=True)
    sys.exit(1 if failed else 0)
