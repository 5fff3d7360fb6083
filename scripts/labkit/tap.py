# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Runs a module's unit tests and says so in the TAP format, as scripts/test wants it of all."""

import sys
import unittest


class Result(unittest.TestResult):
    def _say(self, word, test, why=""):
        print(f"{word} {self.testsRun} - {test.id().partition('.')[2]}")
        for line in why.splitlines():
            print(f"# {line}")

    def addSuccess(self, test):
        super().addSuccess(test)
        self._say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say("not ok", test, self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"ok {self.testsRun} - {test.id().partition('.')[2]} # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        # those that fail are said one by one; what was expected of the whole is said by addFailure for none
        super().addSubTest(test, subtest, err)
        if err:
            self._say("not ok", test, f"{subtest}\n{(self.failures + self.errors)[-1][1]}")


def main(module):
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    print(f"1..{suite.countTestCases()}")
    result = Result()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
