"""What store_driver prints, read back: the store's promises without a daemon."""

import os
import subprocess

import rig  # noqa: F401  (finds shim)
import shim

DRIVER = os.path.join(shim.TOP, "tests", "crash", "store_driver")


def dump(folder):
    """Id -> digest of all mails in a store; fails on one that cannot be read."""
    done = subprocess.run([DRIVER, "dump", folder], capture_output=True, text=True, timeout=shim.PATIENCE)
    if done.returncode:
        raise AssertionError(f"the store cannot be opened: {done.stderr}")
    bad = [line for line in done.stdout.splitlines() if line.startswith("!") or not line.endswith(" ")]
    if bad:
        raise AssertionError(f"damaged: {bad[:5]}")
    return {words[0][1:]: words[2] for words in map(str.split, done.stdout.splitlines())}


class Told:
    """What the driver's output so far promises."""

    def __init__(self):
        self.sums, self.durable, self.maybe_gone, self.gone, self.seen = {}, set(), set(), set(), 0

    def read(self, said):
        """said: all pieces of output up to now."""
        text = b"".join(said[self.seen:])
        self.seen = len(said)
        for line in text.decode("utf-8", "replace").splitlines():
            mark, rest = line[:1], line[1:].split()
            if mark == "~":
                self.sums[rest[0]] = rest[1]
            elif mark in "+?-" and rest:
                {"+": self.durable, "?": self.maybe_gone, "-": self.gone}[mark].add(rest[0])

    def wrong(self, folder):
        """What a store lacks, or has that it should not have, in words."""
        try:
            have = dump(folder)
        except AssertionError as problem:
            return [str(problem)]
        must = self.durable - self.maybe_gone
        bad = [f"{len(must - have.keys())} of {len(must)} lost"] if must - have.keys() else []
        if self.gone & have.keys():
            bad.append(f"back again: {sorted(self.gone & have.keys())[:3]}")
        return bad + [f"half: {name}" for name, digest in have.items() if digest != self.sums[name]]
