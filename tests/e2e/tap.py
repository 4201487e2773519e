"""Runs the unittest cases of a file and prints TAP, for automake's driver and for people."""

import os
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def line(self, test, ok, note="", detail=""):
        self.count += 1
        print(f"{'ok' if ok else 'not ok'} {self.count} - {test.id().split('.', 1)[-1]}{note}", flush=True)
        for text in detail.splitlines():
            print("#", text)

    def addSuccess(self, test):
        self.line(test, True)

    def addSkip(self, test, reason):
        self.line(test, True, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, False, detail=self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, False, detail=self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        if err is not None:
            super().addSubTest(test, subtest, err)
            kept = self.failures if issubclass(err[0], test.failureException) else self.errors
            self.line(subtest, False, detail=kept[-1][1])


def main():
    """Like unittest.main(); arguments select tests by a part of their name. E2E=0: all this is tested elsewhere, only
    what is imported must be there."""
    if os.environ.get("E2E") == "0":
        print("1..0 # SKIP E2E=0")
        sys.exit(0)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]] or None
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    unittest.doModuleCleanups()
    sys.exit(0 if result.wasSuccessful() else 1)
