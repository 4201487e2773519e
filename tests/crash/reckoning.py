"""The reckoning: what the clients were promised against what the recipients got, the queue holds and the senders got
back."""

import collections
import email
import email.policy
import hashlib
import io
import re
import zipfile

import load

MOST_READ = 300  # copies that one reckoning reads whole

def read_copy(row):
    with open(row["file"], "rb") as file:
        return email.message_from_binary_file(file, policy=email.policy.default)


def text_of(mail):
    """All its parts' bytes in one."""
    return b"\n".join(part.get_payload(decode=True) or b"" for part in mail.walk()).decode("utf-8", "replace")


def digest(part):
    """Of a part's bytes; of an archive's files, whose times differ."""
    content = part.get_payload(decode=True) or b""
    if part.get_content_type() == "application/zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = repr([(file.filename, file.file_size, file.CRC) for file in archive.infolist()]).encode()
    return hashlib.sha256(content).hexdigest()


def parts_of(mail):
    """What a recipient sees of a copy: subject and each part's type, name and bytes."""
    return str(mail["Subject"]), tuple((part.get_content_type(), part.get_filename(), digest(part))
                                       for part in mail.walk() if not part.is_multipart())


class Reckoning:
    def __init__(self, rig, log):
        self.rig, self.log = rig, log
        self.rows = rig.sandbox.box()
        self.copies = collections.defaultdict(list)
        for row in self.rows:
            self.copies[row["to"]].append(row)
        self.bounced, self.bounce_calls = set(), set()
        for sent in log:
            for row in self.copies.get(sent.sender, ()):
                named = set(re.findall(r"r\w*-\d+@example\.org", text_of(read_copy(row)))) & set(sent.recipients)
                if named & self.bounced:
                    self.bounce_calls.add(row["call"])
                self.bounced |= named
        shown = rig.mailq()
        self.waiting = set(re.findall(r"r\w*-\d+@example\.org", shown))
        # A bounce that cannot be delivered is held, for the operator.
        self.queued = self.waiting | set(to for sent in log if re.search(rf"\b{sent.sender}\b", shown) for to in sent.recipients)

    def lost(self):
        """Promised recipients that are nowhere."""
        return [(sent, to) for sent in self.log if sent.result == load.PROMISED for to in sent.recipients
                if to not in self.copies and to not in self.queued and to not in self.bounced]

    def smuggled(self):
        """Refused ones that somebody got."""
        return [(sent, to) for sent in self.log if sent.result == load.REFUSED for to in sent.recipients
                if to in self.copies or to in self.waiting]

    def strangers(self):
        known = {to for sent in self.log for to in sent.recipients} | {sent.sender for sent in self.log}
        return [row for row in self.rows if row["to"] not in known]

    def twice(self):
        """Calls beyond the first that reached somebody who had the mail already."""
        calls = set(self.bounce_calls)
        for sent in self.log:
            for to in sent.recipients:
                calls.update(row["call"] for row in self.copies.get(to, ())[1:])
        return calls

    def different(self):
        """Copies that are not like the other copies of the same mail: half ones."""
        looks = collections.defaultdict(lambda: collections.defaultdict(list))
        pairs = [(sent, row) for sent in self.log for to in sent.recipients for row in self.copies.get(to, ())]
        for sent, row in pairs[::max(1, len(pairs) // MOST_READ)]:
            looks[sent.name][parts_of(read_copy(row))].append(row["to"])
        return {name: {str(look): people[:3] for look, people in kinds.items()}
                for name, kinds in looks.items() if len(kinds) > 1}

    def untold(self, among):
        """Of these mails, those whose life `shimta trace` does not tell."""
        missing = []
        for sent in among:
            for to in sent.recipients:
                done = self.rig.run("shimta", "-c", self.rig.conf, "trace", to)
                text = done.stdout.decode("utf-8", "replace")
                if done.returncode or to not in text or not re.search(r"accepted|queued|delivered|refused|bounced|held", text):
                    missing.append((sent, done.returncode, text + done.stderr.decode("utf-8", "replace")))
        return missing


def check(test, rig, log, duplicates=None, trace=20, same=True):
    """All of it as one test's assertions. duplicates: calls that may have reached somebody twice."""
    result = Reckoning(rig, log)
    show = "\n".join
    lost = result.lost()
    test.assertFalse(lost, f"{len(lost)} of {len(log)} lost:\n" + show(f"{to} of {sent}" for sent, to in lost[:10])
                     + f"\n{rig.daemon.text()[-2000:]}")
    smuggled = result.smuggled()
    test.assertFalse(smuggled, "refused, yet sent:\n" + show(f"{to} of {sent}" for sent, to in smuggled[:10]))
    test.assertFalse(result.strangers(), "nobody sent these")
    twice = result.twice()
    test.assertLessEqual(len(twice), duplicates or 0, f"calls that sent again: {sorted(twice)[:20]}")
    if same:
        test.assertFalse(result.different(), "copies of one mail differ")
    promised = [sent for sent in log if sent.result == load.PROMISED]
    untold = result.untold(promised[::max(1, len(promised) // trace)] if trace else [])
    test.assertFalse(untold, f"trace does not know: {untold[:3]}")
    return result
