# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Scenarios: what an experiment consists of, read strictly from YAML.

A key that is not known, a value of another kind, a phase that does not exist: each is refused with file,
line and reason, before a guest is started.
"""

import hashlib
import os
import re
from dataclasses import dataclass, field

import yaml

from labkit import BUILD

SECONDS_MAX = 3600
TOLERANCE = 0.05  # where a figure states none
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
CONTROLLER = re.compile(r"[1-9][0-9]{0,3}(ms|s)|events")
DURATION = re.compile(r"([1-9][0-9]*)(s|min)")
FAVOURS = ("eevdf", "nice", "slice", "fifo")  # stock kernel, the favoured loads otherwise
PROFILED = ("observe", "act")  # homeostat, with :PROFILE
HOMEOSTAT = PROFILED + ("user", "policy")  # it runs there
ARMS = FAVOURS + PROFILED


class Refused(Exception):
    """Input that is not taken: what, where and why, in one line."""


@dataclass(frozen=True)
class Phase:
    name: str
    start_s: int
    seconds: int


@dataclass(frozen=True)
class Load:
    """One program, from the start of its first phase to the end of its last."""

    name: str
    command: str  # words, no shell; {seconds} and {seed} are replaced
    ours: bool  # a program of the lab: takes -d, -o and -R, prints a line of JSON
    favoured: bool  # those whom the arms nice, slice and fifo help
    reads: dict  # of other programs: figure -> regular expression with one group, on what they print
    start_s: int
    seconds: int


@dataclass(frozen=True)
class Figure:
    """What arms are compared by."""

    load: str
    name: str
    better: str  # "less" or "more"
    tolerance: float  # a share: so much worse is no regression yet

    @property
    def title(self):
        return f"{self.load} {self.name}"


@dataclass(frozen=True)
class Scenario:
    path: str
    name: str
    about: str
    cpus: int
    nodes: int
    memory_mib: int
    kernel: str
    network: bool  # a namespace `far`, 10.77.0.2, at the other end of a veth pair
    disk: bool  # a file system with a device, at /mnt
    phases: tuple
    loads: tuple
    figures: tuple
    arms: tuple
    profile: str
    seeds: tuple
    sha256: str = field(repr=False, default="")

    @property
    def seconds(self):
        return sum(p.seconds for p in self.phases)

    @property
    def seeded(self):
        """Whether one seed differs from another: no load that takes it, and all of them give the same."""
        return any("{seed}" in load.command for load in self.loads)

    @property
    def approximate(self):
        """Guest CPUs take turns in virtual time: with two of them microseconds mean nothing."""
        return self.cpus > 1


class Reader:
    """The nodes of one YAML file, taken key by key; what was not taken is refused."""

    def __init__(self, path, node):
        self.path, self.node = path, node

    def refuse(self, why, node=None):
        raise Refused(f"{self.path}:{(node or self.node).start_mark.line + 1}: {why}")

    def mapping(self, node, what):
        """Its keys in their order: name -> node. Refuses what is no mapping, and a key given twice."""
        if not isinstance(node, yaml.MappingNode):
            self.refuse(f"{what}: 'key: value' lines are wanted", node)
        found = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse(f"{what}: a key must be a word", key)
            if key.value in found:
                self.refuse(f"{what}: '{key.value}' is there twice", key)
            found[key.value] = value
        return found

    def known(self, node, what, keys):
        found = self.mapping(node, what)
        for key, value in found.items():
            if key not in keys:
                self.refuse(f"{what}: unknown key '{key}'; known: {', '.join(keys)}", value)
        return found

    def items(self, node, what):
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.refuse(f"{what}: a list with something in it is wanted", node)
        return node.value

    def text(self, node, what):
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.refuse(f"{what}: a text is wanted", node)
        return node.value.strip()

    def word(self, node, what):
        value = self.text(node, what)
        if not NAME.fullmatch(value):
            self.refuse(f"{what}: '{value}' is no name (a-z, 0-9 and -, 32 at most)", node)
        return value

    def choice(self, node, what, choices):
        value = self.text(node, what)
        if value not in choices:
            self.refuse(f"{what}: '{value}'; one of these is wanted: {', '.join(choices)}", node)
        return value

    def number(self, node, what, low, high):
        value = self.text(node, what)
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            self.refuse(f"{what}: '{value}' is no number from {low} to {high}", node)
        return int(value)

    def seconds(self, node, what):
        found = DURATION.fullmatch(self.text(node, what))
        value = int(found[1]) * (60 if found[2] == "min" else 1) if found else 0
        if not 1 <= value <= SECONDS_MAX:
            self.refuse(f"{what}: '{node.value}'; whole seconds up to {SECONDS_MAX} are wanted, as 5s or 2min", node)
        return value


def parse_arm(text):
    """An arm as people write it: (kind, argument). ValueError says what is wrong with it."""
    kind, _, argument = text.partition(":")
    argument = argument.strip()
    if kind == "scx":
        if not argument:
            raise ValueError(f"arm '{text}': which scheduler? scx:COMMAND is wanted")
    elif kind == "user":
        if not CONTROLLER.fullmatch(argument):
            raise ValueError(f"arm '{text}': how often does it look? user:1s, user:10ms or user:events is wanted")
    elif kind == "policy":
        if not argument.endswith(".bpf.o") and not NAME.fullmatch(argument):
            raise ValueError(f"arm '{text}': which one? policy:NAME or policy:FILE.bpf.o is wanted")
    elif kind not in ARMS:
        raise ValueError(f"no arm '{text}'; there are {', '.join(ARMS)}, user:WHEN, policy:POLICY and scx:COMMAND")
    elif argument and kind not in PROFILED:
        raise ValueError(f"arm '{text}': only {' and '.join(PROFILED)} take a profile")
    return kind, argument


def policy_object(argument):
    """The file that an arm's policy is in: its own, or where the build puts those of policy/reflex."""
    return argument if argument.endswith(".bpf.o") else f"{BUILD}/policy/{argument}.bpf.o"


def _phases(reader, node):
    phases, start = [], 0
    for name, value in reader.mapping(node, "phases").items():
        if not NAME.fullmatch(name):
            reader.refuse(f"phases: '{name}' is no name (a-z, 0-9 and -, 32 at most)", value)
        phase = Phase(name, start, reader.seconds(value, f"phase {name}"))
        phases.append(phase)
        start += phase.seconds
    if not phases or start > SECONDS_MAX:
        reader.refuse(f"phases: {start} s in all, {SECONDS_MAX} at most and one at least are wanted", node)
    return tuple(phases)


def _reads(reader, node, name):
    reads = {}
    for figure, value in reader.mapping(node, f"load {name}: reads").items():
        pattern = reader.text(value, f"load {name}: {figure}")
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            reader.refuse(f"load {name}: {figure}: {error}", value)
        if groups != 1:
            reader.refuse(f"load {name}: {figure}: one group, the number, is wanted in '{pattern}'", value)
        reads[figure] = pattern
    return reads


def _load(reader, node, phases):
    keys = reader.known(node, "load", ("name", "run", "tool", "phases", "favoured", "reads"))
    if "name" not in keys or ("run" in keys) == ("tool" in keys):
        reader.refuse("load: a name and either run (a program of the lab) or tool are wanted", node)
    name = reader.word(keys["name"], "load")
    if "reads" in keys and "run" in keys:
        reader.refuse(f"load {name}: reads is for tools; ours print their figures as JSON", keys["reads"])
    during = list(phases)
    if "phases" in keys:
        names = [reader.text(n, f"load {name}: phase") for n in reader.items(keys["phases"], f"load {name}: phases")]
        by_name = {p.name: p for p in phases}
        for n in names:
            if n not in by_name:
                reader.refuse(f"load {name}: no phase '{n}'", keys["phases"])
        during = [p for p in phases if p.name in names]
        if names != [p.name for p in during] or during != list(phases[phases.index(during[0]):][:len(during)]):
            reader.refuse(f"load {name}: phases that follow each other are wanted, each once", keys["phases"])
    command = reader.text(keys["run"] if "run" in keys else keys["tool"], f"load {name}")
    if "\n" in command:
        reader.refuse(f"load {name}: a command has one line", node)
    for word in PLACEHOLDER.findall(command):
        if word not in ("seconds", "seed"):
            reader.refuse(f"load {name}: {{{word}}} means nothing; {{seconds}} and {{seed}} do", node)
    return Load(
        name=name,
        command=command,
        ours="run" in keys,
        favoured="favoured" in keys and reader.choice(keys["favoured"], f"load {name}: favoured", ("yes", "no")) == "yes",
        reads=_reads(reader, keys["reads"], name) if "reads" in keys else {},
        start_s=during[0].start_s,
        seconds=sum(p.seconds for p in during),
    )


def _figure(reader, node, loads):
    keys = reader.known(node, "figure", ("load", "name", "better", "tolerance"))
    for key in ("load", "name", "better"):
        if key not in keys:
            reader.refuse(f"figure: {key} is missing", node)
    load = reader.choice(keys["load"], "figure: load", [x.name for x in loads])
    reads = next(x for x in loads if x.name == load)
    if not reads.ours and keys["name"].value not in reads.reads:
        reader.refuse(f"figure: load {load} does not read its {keys['name'].value}", node)
    tolerance = TOLERANCE
    if "tolerance" in keys:
        text = reader.text(keys["tolerance"], "figure: tolerance")
        if not re.fullmatch(r"[1-9][0-9]{0,2}%", text):
            reader.refuse(f"figure: tolerance: '{text}'; whole per cent are wanted, as 5%", keys["tolerance"])
        tolerance = int(text[:-1]) / 100
    return Figure(load, reader.text(keys["name"], "figure: name"),
                  reader.choice(keys["better"], "figure: better", ("less", "more")), tolerance)


def _guest(reader, node):
    keys = reader.known(node, "guest", ("cpus", "nodes", "memory_mib", "kernel", "network", "disk")) if node else {}
    cpus = reader.number(keys["cpus"], "guest: cpus", 1, 64) if "cpus" in keys else 1
    nodes = reader.number(keys["nodes"], "guest: nodes", 1, 8) if "nodes" in keys else 1
    if cpus % nodes:
        reader.refuse(f"guest: {cpus} CPUs do not divide into {nodes} nodes", node)

    def wants(key):
        return key in keys and reader.choice(keys[key], f"guest: {key}", ("yes", "no")) == "yes"

    return {
        "cpus": cpus,
        "nodes": nodes,
        "memory_mib": reader.number(keys["memory_mib"], "guest: memory_mib", 256, 16384) if "memory_mib" in keys else 1024,
        "kernel": reader.word(keys["kernel"], "guest: kernel") if "kernel" in keys else "scx",
        "network": wants("network"),
        "disk": wants("disk"),
    }


def _arms(reader, node):
    arms = []
    for item in reader.items(node, "arms"):
        arm = reader.text(item, "arm")
        try:
            parse_arm(arm)
        except ValueError as error:
            reader.refuse(str(error), item)
        if arm in arms:
            reader.refuse(f"arm '{arm}' is there twice", item)
        arms.append(arm)
    return tuple(arms)


def parse(path, text):
    """The scenario in `text`; Refused with file, line and reason."""
    try:
        for token in yaml.scan(text):
            if isinstance(token, (yaml.AliasToken, yaml.AnchorToken, yaml.TagToken)):
                raise Refused(f"{path}:{token.start_mark.line + 1}: anchors, aliases and tags are not taken")
        node = yaml.compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Refused(f"{path}:{mark.line + 1 if mark else 1}: {getattr(error, 'problem', None) or error}") from error
    if node is None:
        raise Refused(f"{path}:1: there is nothing in it")
    reader = Reader(path, node)
    keys = reader.known(node, "scenario", ("name", "about", "guest", "phases", "loads", "figures", "arms", "profile", "seeds"))
    for key in ("name", "about", "phases", "loads", "figures", "arms"):
        if key not in keys:
            reader.refuse(f"{key} is missing", node)
    phases = _phases(reader, keys["phases"])
    loads = tuple(_load(reader, n, phases) for n in reader.items(keys["loads"], "loads"))
    for i, load in enumerate(loads):
        if load.name in [x.name for x in loads[:i]]:
            reader.refuse(f"load {load.name} is there twice", keys["loads"])
    figures = tuple(_figure(reader, n, loads) for n in reader.items(keys["figures"], "figures"))
    if len({figure.title for figure in figures}) != len(figures):
        reader.refuse("figures: each of them once", keys["figures"])
    seeds = [reader.number(n, "seed", 1, 1000000) for n in reader.items(keys["seeds"], "seeds")] if "seeds" in keys else [1]
    if len(set(seeds)) != len(seeds):
        reader.refuse("seeds: each of them once", keys["seeds"])
    return Scenario(
        path=path,
        name=reader.word(keys["name"], "name"),
        about=reader.text(keys["about"], "about"),
        phases=phases,
        loads=loads,
        figures=figures,
        arms=_arms(reader, keys["arms"]),
        profile=reader.word(keys["profile"], "profile") if "profile" in keys else "balanced",
        seeds=tuple(seeds),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        **_guest(reader, keys.get("guest")),
    )


def read(path):
    """The scenario in a file; Refused."""
    try:
        with open(path, encoding="utf-8") as file:
            what = parse(path, file.read())
        if f"{what.name}.yaml" != os.path.basename(path):
            raise Refused(f"{path}: its name is '{what.name}'; the file must be {what.name}.yaml")
        return what
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path}: {getattr(error, 'strerror', None) or error}") from error
