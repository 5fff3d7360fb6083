# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""What a search has evaluated, one line of JSON for each run: nothing of it needs to be run again."""

import json
import os

from labkit.scenario import Refused


class Journal:
    """Append-only. A line that was not finished, as the search was killed, is dropped and said; any other that
    cannot be read is refused: somebody else has written there."""

    def __init__(self, path, say):
        self.path, self.found = path, {}
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return
        whole, newline, rest = text.rpartition(b"\n")
        if rest:
            say(f"{path}: its last line was not finished; that run is done again")
            os.truncate(path, len(whole) + len(newline))
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            self._take(number, line)

    def _take(self, number, line):
        try:
            entry = json.loads(line)
            self.found[self._name(entry["key"])] = dict(entry["outcome"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(f"{self.path}:{number}: this is no line of a search's journal ({error or type(error).__name__}); "
                          "take it away, or choose another --out") from error

    @staticmethod
    def _name(key):
        return json.dumps(key, sort_keys=True)

    def get(self, key):
        """The outcome of a run; None where it was not done yet."""
        return self.found.get(self._name(key))

    def add(self, key, outcome):
        """On disk when this returns."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "outcome": outcome}, sort_keys=True, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.found[self._name(key)] = outcome
