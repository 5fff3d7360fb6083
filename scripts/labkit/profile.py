# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Profiles as the laboratory needs them: what the daemon's own parser says of one, and its numbers to be tuned.

`homeostat profile check` is the only judge of what is right; here a text that has passed it is taken apart.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

import yaml

from labkit import BUILD, TOP
from labkit.scenario import Refused

PROGRAM = f"{BUILD}/homeostat"
NAME_MAX = 31
THRESHOLD_REACH = 4  # a rule's threshold has no bounds of its own: so many times less or more than it was
TIMES_NS = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
QUANTITY = re.compile(r"([0-9]+)(\.[0-9])?([a-z%]*)")


def shipped(name):
    """Where a profile of that name lies that the guest has, too."""
    return f"{TOP}/policy/profiles/{name}.yaml"


def file_of(name):
    """The file of a profile given by name (one that is shipped, or the lab's own) or path."""
    if "/" in name or name.endswith(".yaml"):
        return name
    for path in (shipped(name), f"{TOP}/selftests/lab/profile/{name}.yaml"):
        if os.path.exists(path):
            return path
    raise Refused(f"no profile {name}.yaml in policy/profiles or selftests/lab/profile")


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def check(text, path):
    """What `homeostat profile check --json` makes of it; Refused with its own words. `path` is for these."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            done = subprocess.run([PROGRAM, "profile", "check", file.name, "--json"], capture_output=True, text=True, check=False)
        except OSError as error:
            raise Refused(f"{PROGRAM}: {error.strerror}: profiles cannot be checked; run make") from error
        try:
            said = json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise Refused(f"{path}: {PROGRAM} said nothing that can be read (exit code {done.returncode})") from error
        if done.returncode:
            raise Refused(said.get("error", f"exit code {done.returncode}").replace(file.name, path))
        return said


@dataclass(frozen=True)
class Number:
    """One number of a profile, in the unit that it has there."""

    title: str  # sched.slice.batch_us, or: rule 1 high
    unit: str
    value: int
    low: int
    high: int

    def moved(self, value, factor):
        """`value`, so many times as large, two digits of it, within the bounds."""
        wanted = value * factor
        digits = 10 ** max(0, len(str(int(wanted))) - 2)
        return min(max(round(wanted / digits) * digits, self.low), self.high)

    def text(self, value):
        """As a profile states it."""
        if self.unit in TIMES_NS:
            value *= TIMES_NS[self.unit]
            unit = next(u for u in ("s", "ms", "us", "ns") if value % TIMES_NS[u] == 0)
            return f"{value // TIMES_NS[unit]}{unit}"
        if self.unit == "permille":
            return f"{value}permille" if value % 10 else f"{value // 10}%"
        return str(value)


def quantity(text):
    """(value, unit) of a quantity that the daemon's parser has accepted; None for one of another kind."""
    found = QUANTITY.fullmatch(text)
    if not found or (found[2] and found[3] != "%"):
        return None
    if found[3] in TIMES_NS:
        return int(found[1]) * TIMES_NS[found[3]], "ns"
    if found[3] == "%":
        return int(found[1]) * 10 + int((found[2] or ".0")[1:]), "permille"
    return (int(found[1]), {"permille": "permille", "": "count", "hz": "hz"}[found[3]]) if found[3] in ("permille", "", "hz") else None


def _member(node, key):
    """The value of a key of a mapping; None."""
    return next((value for name, value in node.value if name.value == key), None)


def _entries(root, key):
    node = _member(root, key)
    return node.value if node is not None else []


class Tunable:
    """A profile whose numbers can be put in anew: the base values of its knobs, within the bounds that it states or that
    hold without it, and the thresholds of its rules."""

    def __init__(self, path, about):
        """`about`: what the description of profiles made of it ends with."""
        self.path, self.about = path, about
        self.source = read(path)
        said = check(self.source, path)
        self.name = f"{said['name'][:NAME_MAX - len('-found')]}-found"
        self.origin = said["name"]
        knobs = {knob["name"]: knob for knob in said["knobs"]}
        self.numbers = tuple(self._numbers(knobs))
        if not self.numbers:
            raise Refused(f"{path}: there is no number in it that could be tuned: neither knobs nor rules")

    def _scalars(self, root):
        """(title, node) of all numbers, in the order of the file."""
        for knob in _entries(root, "knobs"):
            yield _member(knob, "name").value, _member(knob, "value")
        for index, rule in enumerate(_entries(root, "rules")):
            for key in ("low", "high"):
                yield f"rule {index + 1} {key}", _member(rule, key)

    def _numbers(self, knobs):
        for title, node in self._scalars(yaml.compose(self.source)):
            if title in knobs:
                knob = knobs[title]
                yield Number(title, knob["unit"], knob["value"], knob["min"], knob["max"])
                continue
            found = quantity(node.value)
            if found:
                value, unit = found
                yield Number(title, unit, value, -(-value // THRESHOLD_REACH), value * THRESHOLD_REACH)

    @property
    def start(self):
        return tuple(number.value for number in self.numbers)

    def text(self, values):
        """The profile with these values instead of its own: no comments but one, and a name of its own."""
        root = yaml.compose(self.source)
        nodes = dict(self._scalars(root))
        for number, value in zip(self.numbers, values):
            nodes[number.title].value, nodes[number.title].style = number.text(value), None
        _member(root, "name").value = self.name
        root.value = [pair for pair in root.value if pair[0].value != "description"]
        said = f"{self.origin}, its numbers tuned {self.about}"
        said = said if len(said.encode()) < 160 else f"{self.origin}, its numbers tuned"
        root.value.insert(1, (yaml.ScalarNode("tag:yaml.org,2002:str", "description"), yaml.ScalarNode("tag:yaml.org,2002:str", said)))
        head = (f"# Made by scripts/lab search of {self.origin} (SHA-256 {sha256(self.source)[:16]}…): there are the reasons for what was\n"
                "# left as it was. The evidence for the rest is in evidence.json, beside this file.\n")
        return head + yaml.serialize(root, allow_unicode=True, width=120)

    def valid(self, values):
        """By the daemon's parser: numbers that fit by themselves may not fit each other."""
        try:
            check(self.text(values), self.name)
        except Refused:
            return False
        return True

    def changes(self, values):
        """What is not as it was: title, from, to, as profiles state them."""
        return [{"title": number.title, "from": number.text(number.value), "to": number.text(value)}
                for number, value in zip(self.numbers, values) if value != number.value]
