"""What tests of TLS and AUTH need: certificates, users, and a client's side of SCRAM-SHA-256."""

import base64
import hashlib
import hmac
import os
import secrets
import ssl
import subprocess


def write(path, text):
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def certificate(folder, name, names=None, ca=None, expired=False, rsa=False):
    """Makes NAME.pem and NAME.key in folder, self-signed or signed by another such name; returns their paths."""
    path, issuer = os.path.join(folder, name), os.path.join(folder, ca or name)
    names = f"subjectAltName={names or 'DNS:' + name}"
    kind = ["-newkey", "rsa:2048"] if rsa else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    key = [*kind, "-nodes", "-subj", f"/CN={name}", "-keyout", path + ".key"]
    if ca:
        subprocess.run(["openssl", "req", *key, "-out", path + ".csr"], check=True, capture_output=True)
        sign(path, issuer, names, ("20200101000000Z", "20200201000000Z") if expired else None)
    else:
        subprocess.run(["openssl", "req", "-x509", *key, "-days", "2", "-addext", names, "-out", path + ".pem"], check=True,
                       capture_output=True)
    os.chmod(path + ".key", 0o600)
    return path + ".pem", path + ".key"


def sign(path, issuer, names, dates):
    """Makes path.pem from path.csr; only `openssl ca` takes dates."""
    open(path + ".index", "w").close()
    write(path + ".ext", f"[ca]\ndefault_ca = one\n[one]\nnew_certs_dir = {os.path.dirname(path)}\ndatabase = {path}.index\n"
          f"rand_serial = yes\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n[names]\n{names}\n")
    subprocess.run(["openssl", "ca", "-batch", "-config", path + ".ext", "-in", path + ".csr", "-cert", issuer + ".pem", "-keyfile",
                    issuer + ".key", "-extensions", "names", "-notext", "-out", path + ".pem",
                    *(["-startdate", dates[0], "-enddate", dates[1]] if dates else ["-days", "2"])], check=True, capture_output=True)


def context(**more):
    """A client that believes any certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    for name, value in more.items():
        setattr(made, name, value)
    return made


def encode(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def keys(password, salt, iterations):
    """ClientKey, StoredKey and ServerKey of RFC 5802."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return client, hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def user_line(user, password, scram=True, iterations=4096):
    """A line of a password file, with a hash and a verifier that shimta has not made."""
    done = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password.encode(), capture_output=True, check=True)
    line = f"{user}:{done.stdout.decode().strip()}"
    if scram:
        salt = secrets.token_bytes(12)
        _, stored, server = keys(password, salt, iterations)
        line += f":{{SCRAM-SHA-256}}{iterations},{encode(salt)},{encode(stored)},{encode(server)}"
    return line + "\n"


def scram(talk, user, password):
    """Authenticates by SCRAM-SHA-256; returns the last reply, and asserts that the server has proved itself."""
    nonce = secrets.token_urlsafe(18)
    first = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
    code, text = talk.ask("AUTH SCRAM-SHA-256 " + encode("n,," + first))
    if code != 334:
        return code, text
    challenge = base64.b64decode(text).decode()
    values = dict(part.split("=", 1) for part in challenge.split(","))
    assert values["r"].startswith(nonce) and len(values["r"]) > len(nonce)
    client, stored, server = keys(password, base64.b64decode(values["s"]), int(values["i"]))
    last = f"c=biws,r={values['r']}"
    message = f"{first},{challenge},{last}".encode()
    proof = bytes(a ^ b for a, b in zip(client, hmac.digest(stored, message, "sha256")))
    code, text = talk.ask(encode(f"{last},p={encode(proof)}"))
    if code != 334:
        return code, text
    assert base64.b64decode(text).decode() == "v=" + encode(hmac.digest(server, message, "sha256"))
    return talk.ask("")


def plain(talk, user, password):
    return talk.ask("AUTH PLAIN " + encode(f"\0{user}\0{password}"))


def login(talk, user, password):
    talk.ask("AUTH LOGIN")
    talk.ask(encode(user))
    return talk.ask(encode(password))
