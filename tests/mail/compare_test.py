"""What Python's email package sees in each mail of the corpus against what our translation makes of it: two readers
that share no code. Every difference is listed here with its reason; one that is not listed, or no longer there, fails."""

import email
import email.policy
import email.utils
import glob
import hashlib
import os
import re
import subprocess
import sys
import urllib.parse
from email.header import decode_header, make_header

NO_FROM = "without From the envelope sender is it"
NO_SUBJECT = "the API wants a subject"
ENCRYPTED = "an account refuses what the API cannot carry, by default"
RAW = "8-bit without a label: Python does not guess"
STRICT = "Python's address parser gives up at an error"
REPORT = "Python takes the report apart and ends it with another empty line"
CP50221 = "Python's ISO-2022-JP has no vendor's rows"

# {mail: {kind of difference: why}}
EXPLAINED = {
    "alternatives-in-a-row": {"part": "a second page joins the first without its title, which nobody sees"},
    "bounce-delayed": {"part": REPORT, "attachment": REPORT},
    "bounce-failed": {"part": REPORT, "attachment": REPORT},
    "bounce-no-header": {"to": RAW, "part": REPORT, "attachment": REPORT},
    "bounce-relayed": {"part": REPORT, "attachment": REPORT},
    "broken-addresses": {"from": STRICT, "to": STRICT, "cc": STRICT},
    "broken-base64": {"part": "Python ends at the first padding, we and mail programs go on",
                      "attachment": "see part"},
    "broken-no-empty-line": {"part": "Python ends a part's header at a broken fold even if its fields go on behind",
                             "attachment": "Python puts an empty line before a forwarded mail without header"},
    "broken-no-empty-line-crlf": {"part": "as with LF", "attachment": "as with LF"},
    "broken-part-type": {"type": "of a type that is none Python makes text, we do so only if it may be text"},
    "charset-as-sent-misfit": {"part": CP50221},
    "dsn-report": {"part": REPORT, "attachment": REPORT},
    "empty": {"from": NO_FROM, "subject": NO_SUBJECT},
    "encrypted-attached": {"refused": ENCRYPTED},
    "encrypted-attached-bcc": {"refused": ENCRYPTED},
    "encrypted-refused": {"refused": ENCRYPTED},
    "encrypted-with-footer": {"refused": ENCRYPTED},
    "external-and-partial": {"part": "Python reads the outer part's content as a mail and ends it differently",
                             "attachment": "see part"},
    "filenames": {"filename": "filename* outranks filename (RFC 6266), Python takes the first"},
    "forwarded": {"part": "Python puts an empty line before a forwarded mail without header",
                  "attachment": "see part"},
    "from-headers-bad-resent": {"to": STRICT},
    "from-headers-other-bad": {"to": STRICT},
    "from-headers-phrase": {"to": STRICT, "cc": STRICT},
    "groups-and-hidden": {"from": "of several the one that Sender names", "cc": STRICT},
    "header-injection": {"to": STRICT, "subject": "a line break is one blank, however it is written"},
    "html-meta-charset": {"part": "the page's own charset counts where the part has no label"},
    "iso-2022-jp": {"part": CP50221},
    "names-cleaned": {"from": "no marks that reorder text", "to": STRICT, "subject": "NUL goes without a trace"},
    "no-header": {"from": NO_FROM, "subject": NO_SUBJECT},
    "no-sender": {"from": NO_FROM},
    "no-sender-default": {"from": NO_FROM},
    "smime-encrypted-refused": {"refused": ENCRYPTED},
    "subject-missing": {"subject": NO_SUBJECT},
    "two-content-types": {"part": "Python takes the first Content-Type, we the last, as GMime", "attachment": "see part"},
    "unknown-charset": {"subject": "what has an unknown label is read as what it looks like"},
    "unlabelled-euc-jp": {"from": RAW, "subject": RAW},
    "unlabelled-iso-2022-jp": {"from": RAW, "to": RAW, "subject": RAW, "part": RAW},
    "unlabelled-latin1": {"from": RAW, "subject": RAW, "part": RAW},
    "unlabelled-shift-jis": {"from": RAW, "subject": RAW, "part": RAW},
    "unlabelled-utf8": {"from": RAW, "to": RAW, "subject": RAW},
}

# Labels mean what mail programs mean by them: that is no difference.
MEANT = {"shift_jis": "cp932", "gb2312": "gb18030", "ks_c_5601-1987": "uhc", "iso-8859-1": "cp1252",
         "us-ascii": "utf-8"}


def ours(paths):
    """{name: [(fact, word, …)]} as compare_dump prints it."""
    program = os.path.join(os.environ["TOP_BUILDDIR"], "tests", "mail", "compare_dump")
    done = subprocess.run([program, *paths], capture_output=True, check=True)
    mails, facts = {}, None
    for line in done.stdout.decode().splitlines():
        fact, *words = line.split(" ")
        words = [urllib.parse.unquote(word) for word in words]
        if fact == "mail":
            facts = mails[os.path.basename(words[0])[:-4]] = []
        else:
            facts.append((fact, *words))
    return mails


def decoded(value):
    """A header value as text."""
    if value is None:
        return ""
    line = re.sub(r"\r?\n(?=[ \t])", "", str(value))
    line = re.sub(r"(?<==\?)[^? ]+(?=\?)", lambda label: MEANT.get(label[0].lower(), label[0]), line)
    try:
        text = str(make_header(decode_header(line)))
    except (LookupError, UnicodeError):
        text = str(value)
    return re.sub(r"[\x00-\x1f]", " ", text).strip()


def mailboxes(message, name):
    values = [re.sub(r"\r?\n", "", str(value)) for value in message.get_all(name, [])]
    return [(decoded(shown), address) for shown, address in email.utils.getaddresses(values) if address]


def leaves(part):
    """The parts that are content; a forwarded mail is one."""
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        for child in part.get_payload():
            child.linesep = part.linesep
            yield from leaves(child)
    else:
        yield part


def content(part):
    """A leaf's bytes."""
    if part.is_multipart():  # message/*
        policy = email.policy.compat32.clone(max_line_length=0, linesep=part.linesep)
        return b"".join(child.as_bytes(policy=policy) for child in part.get_payload())
    return part.get_payload(decode=True) or b""


def squeezed(text):
    """Without blanks and tags: texts are joined, HTML into one document, and ends of lines are unified."""
    return re.sub(r"<[^>]*>|\s+", "", text)


def text_of(part):
    charset = part.get_content_charset() or "utf-8"
    try:
        text = content(part).decode(MEANT.get(charset, charset), "replace")
    except LookupError:
        text = content(part).decode("utf-8", "replace")
    return text.replace("\0", "").lstrip("\ufeff")


def differences(message, facts):
    """Yields (kind, what Python has, what we have)."""
    def all_of(fact):
        return [words for name, *words in facts if name == fact]

    if all_of("refused"):
        yield "refused", "", all_of("refused")[0][0]
        return
    for name in "from", "to", "cc":
        theirs, mine = mailboxes(message, name), [tuple(words) for words in all_of(name)]
        if name == "from":
            theirs = theirs[:1]
        if theirs != mine:
            yield name, theirs, mine
    if decoded(message["subject"]) != all_of("subject")[0][0]:
        yield "subject", decoded(message["subject"]), all_of("subject")[0][0]

    bodies = [squeezed(words[0]) for words in all_of("text") + all_of("html")]
    attachments = all_of("attachment")
    left = list(attachments)
    for part in leaves(message):
        digest = hashlib.sha256(content(part)).hexdigest()
        same = next((item for item in left if item[2] == digest), None)
        if same:
            left.remove(same)
            if same[1].split(";")[0] != part.get_content_type():
                yield "type", part.get_content_type(), same[1]
            if part.get_filename() and decoded(part.get_filename()) != same[0]:
                yield "filename", decoded(part.get_filename()), same[0]
        elif part.get_content_maintype() not in ("text", "multipart") or not any(squeezed(text_of(part)) in body for body in bodies):
            yield "part", f"{part.get_content_type()} {content(part)[:200]!r}", (bodies, left)
    for item in left:
        yield "attachment", "", item


def main():
    folder = os.path.join(os.environ["TOP_SRCDIR"], "tests", "mail", "corpus")
    paths = sorted(glob.glob(os.path.join(folder, "*.eml")))
    print(f"1..{len(paths)}")
    for number, (name, facts) in enumerate(ours(paths).items(), 1):
        with open(os.path.join(folder, name + ".eml"), "rb") as file:
            raw = file.read()
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        message.linesep = "\r\n" if b"\r\n" in raw else "\n"
        found = {}
        for kind, theirs, mine in differences(message, facts):
            found.setdefault(kind, (theirs, mine))
        known = EXPLAINED.get(name, {})
        wrong = [kind for kind in found if kind not in known] + [kind for kind in known if kind not in found]
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for kind in wrong:
            print(f"# {kind}: Python {found.get(kind, ('', ''))[0]!r}\n#   ours {found.get(kind, ('', 'as Python'))[1]!r}")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main()
