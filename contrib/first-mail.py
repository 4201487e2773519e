"""Sends one real mail through shimtad into shimta-sandbox, by SMTP and by sendmail, and shows what came of it.
Started by quickstart; ends 0 only if every recipient got exactly what he should."""

import os
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
import mails  # noqa: E402
import shim  # noqa: E402

VISIBLE = ["yamada@example.org", "keiri@example.org"]
HIDDEN = "audit@example.net"


def by_smtp(daemon, message):
    with smtplib.SMTP("127.0.0.1", daemon.port, "quickstart", timeout=shim.PATIENCE) as client:
        client.ehlo_or_helo_if_needed()
        replies = [client.mail("shop@example.jp"), *map(client.rcpt, [*VISIBLE, HIDDEN])]
        refused = [reply for reply in replies if reply[0] != 250]
        code, text = refused[0] if refused else client.data(message)
        return f"{code} {text.decode()}"


def by_sendmail(daemon, message):
    message = message.replace(b"\r\n", b"\n").replace(b"Subject:", b"Bcc: " + HIDDEN.encode() + b"\nSubject:", 1)
    done = daemon.sendmail("-t", "-i", "-v", "-f", "shop@example.jp", stdin=message)
    return f"exit {done.returncode}: {(done.stdout + done.stderr).decode().strip()}"


def show(sandbox):
    """Prints the copies; True if they are what was meant."""
    good = True
    copies = sandbox.copies()
    for address in [*VISIBLE, HIDDEN]:
        for mail in copies.get(address, []):
            parts = [part.get_filename() or part.get_content_type() for part in mail.walk() if not part.is_multipart()]
            print(f"    {address} got: {mail['Subject']}")
            print(f"        To: {mail['To']}   Cc: {mail['Cc']}   {', '.join(parts)}")
            good &= mail["Subject"] == mails.SUBJECT
            good &= shim.text_of(mail) == mails.TEXT
            good &= shim.text_of(mail, "html").rstrip("\n") == mails.HTML
            good &= [part.get_content() for part in mail.iter_attachments()] == [mails.png()]
            good &= HIDDEN not in mail.as_string()[:mail.as_string().index("\n\n")].replace(
                f"X-Sandbox-Recipient: {HIDDEN}", "")
    good &= sorted(copies) == sorted([*VISIBLE, HIDDEN]) and all(len(mail) == 1 for mail in copies.values())
    return good


def main():
    good = True
    sandbox = shim.Sandbox()
    daemon = shim.Daemon(sandbox.url)
    print(f"sandbox at {sandbox.url}, shimtad at 127.0.0.1:{daemon.port} and {daemon.socket}\n")
    try:
        for title, send in (("by SMTP", by_smtp), ("by sendmail -t", by_sendmail)):
            sandbox.clear()
            reply = send(daemon, mails.order())
            print(f"{title}: {reply}")
            good &= reply.startswith(("250 2.0.0 Ok: queued as <", "exit 0: ")) and "<" in reply
            good &= show(sandbox)
            print()
    finally:
        good &= daemon.end() == 0
        good &= sandbox.end() == 0
    print("everything arrived as it should" if good else "SOMETHING WENT WRONG; see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
