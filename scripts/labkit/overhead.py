# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""What observing costs: the loads it is measured with, and figures out of their runs."""

import json
import re
from dataclasses import asdict, dataclass

from labkit import interval

ARMS = ("off", "empty", "sampled", "unsampled")
ABOUT = {
    "off": "no sensor",
    "empty": "an empty program at the sensor's hook",
    "sampled": "sensor and pulse of homeostatd, as it observes",
    "unsampled": "the same, the wait of every switch measured",
}
GUEST_ARMS = (*ARMS, "homeostatd", "off-again")
LIMITS = {("pipe", "sampled"): 3.0, ("pipe", "unsampled"): 5.0}  # % more CPU time
GUEST_EVENTS = {"pingpong": ("trip_ns", 2), "storm": ("wakeup_ns", 1)}  # a figure, and the events in it


class Failed(Exception):
    """No result: why, in one line."""


@dataclass(frozen=True)
class Load:
    """A fixed amount of work. `command` without its count; `said` finds the time that it states itself."""
    name: str
    about: str
    command: str
    count: int
    said: str
    said_ns: float  # its unit
    blocks: int = 1  # to one of the others: more where the interval has to lie below a limit

    def stated_ns(self, text):
        found = re.search(self.said, text)
        if not found:
            raise Failed(f"{self.name}: `{self.command}` did not state its time (/{self.said}/) but: {text.strip()[:200]}")
        return float(found[1]) * self.said_ns


LOADS = (
    Load("pipe", "perf bench sched pipe", "perf bench sched pipe -l", 500000, r"([0-9.]+) usecs/op", 1e3, 3),
    Load("hackbench", "hackbench, 8 processes and pipes", "hackbench -p -s 4096 -g 1 -f 4 -l", 8000, r"Time: ([0-9.]+)", 1e9),
    Load("storm", "a wake-up storm: one wakes 31", "storm -w 500 -n", 1500, r'"wakeup_ns":([0-9]+)', 1),
)


def order(block):
    """The arms of a block there and back, so that what drifts evenly falls on all; every other block begins at the
    other end."""
    there = ARMS if block % 2 == 0 else ARMS[::-1]
    return there + there[::-1]


def visits(runs, load, arm, what):
    """Of each block, what the arm's visits of that load have for `what`."""
    mine = [run for run in runs if run["load"] == load and run["arm"] == arm]
    return [[run[what] for run in mine if run["block"] == block] for block in sorted({run["block"] for run in mine})]


def _figure(load, arm, name, unit, values):
    return {"load": load, "arm": arm, "name": name, "unit": unit, **asdict(interval.of_median(values))}


def _percent(arm, base):
    return [100 * ratio - 100 for ratio in interval.ratios(arm, base)]


def figures(runs):
    """Every figure with its interval: by load and arm, against the runs of the same block without a sensor."""
    found = []
    for load in LOADS:
        of_arm = {arm: {what: visits(runs, load.name, arm, what) for what in ("cpu_ns", "stated_ns", "switches")} for arm in ARMS}
        off, empty = of_arm["off"], of_arm["empty"]
        for arm in ARMS[1:]:
            mine = of_arm[arm]
            added = interval.differences(mine["cpu_ns"], off["cpu_ns"])
            switches = [sum(counts) / len(counts) for counts in off["switches"]]  # of a run
            found += [
                _figure(load.name, arm, "overhead_cpu_percent", "%", _percent(mine["cpu_ns"], off["cpu_ns"])),
                _figure(load.name, arm, "over_empty_cpu_percent", "%", _percent(mine["cpu_ns"], empty["cpu_ns"])),
                _figure(load.name, arm, "overhead_stated_percent", "%", _percent(mine["stated_ns"], off["stated_ns"])),
                _figure(load.name, arm, "added_per_switch_ns", "ns", [a / n for a, n in zip(added, switches, strict=True)]),
            ]
    return found


def of(found, load, arm, name):
    return next(f for f in found if (f["load"], f["arm"], f["name"]) == (load, arm, name))


def verdicts(found):
    """Each limit that homeostat has set itself, against the interval."""
    rows = []
    for (load, arm), limit in LIMITS.items():
        figure = of(found, load, arm, "overhead_cpu_percent")
        kept = interval.Interval(*(figure[k] for k in ("median", "low", "high", "coverage", "n"))).against(limit)
        rows.append({"load": load, "arm": arm, "limit_percent": limit, "verdict": kept, **{k: figure[k] for k in ("median", "low", "high")}})
    return rows


def share(arm, seen, measured):
    """Which part of the switches was measured. Failed where the arm is not what it is called."""
    least, most = {"sampled": (0.001, 0.5), "unsampled": (0.99, 1)}.get(arm, (0, 0))
    found = measured / max(1, seen)
    if not least <= found <= most:
        raise Failed(f"arm {arm}: {measured} of {seen} switches were measured")
    return found


def shares(runs):
    """Of each arm, over all of its runs."""
    mine = {arm: [run for run in runs if run["arm"] == arm] for arm in ARMS}
    return {arm: share(arm, sum(r["seen"] for r in found), sum(r["measured"] for r in found)) for arm, found in mine.items()}


def read_guest(text):
    """Instructions per event by arm and load, and how many of the switches were measured, out of the guest's lines."""
    rows, sampling = [], {}
    for line in text.replace("\r", "").splitlines():
        arm, _, rest = line.partition(" ")
        try:
            said = json.loads(rest)
        except ValueError as error:
            raise Failed(f"a line of the guest's results is broken: {error}") from error
        if said["load"] == "sensor":
            sampling[arm] = share(arm, said["switches"], said["samples"])
            continue
        name, events = GUEST_EVENTS[said["load"]]
        rows.append({"arm": arm, "load": said["load"], "instructions_per_event": said[name] / events})
    missing = {(a, load) for a in GUEST_ARMS for load in GUEST_EVENTS} - {(r["arm"], r["load"]) for r in rows}
    if missing or set(sampling) != set(ARMS):
        raise Failed(f"the guest's results are not whole: {sorted(missing) or 'counters are missing'}")
    base = {row["load"]: row["instructions_per_event"] for row in rows if row["arm"] == "off"}
    for row in rows:
        row["added"] = row["instructions_per_event"] - base[row["load"]]
    return {"rows": rows, "measured_share": sampling}


def _cells(figure, digits):
    return f"{figure['median']:.{digits}f} | {figure['low']:.{digits}f} … {figure['high']:.{digits}f}"


COLUMNS = (("overhead_cpu_percent", "CPU time, % more", 2), ("over_empty_cpu_percent", "than empty, %", 2),
           ("added_per_switch_ns", "ns per switch, more", 0), ("overhead_stated_percent", "stated time, % more", 2))


def table(found):
    """The native figures, as people and Markdown read them."""
    lines = ["| load | arm | " + " | ".join(f"{title} | interval" for _, title, _ in COLUMNS) + " |",
             "| --- | --- |" + " ---: | :---: |" * len(COLUMNS)]
    for load in LOADS:
        for arm in ARMS[1:]:
            cells = [_cells(of(found, load.name, arm, name), digits) if (arm, name) != ("empty", "over_empty_cpu_percent") else "- | -"
                     for name, _, digits in COLUMNS]
            lines.append(f"| {load.name} | {arm} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def guest_table(guest):
    lines = ["| load | arm | instructions per event | more |", "| --- | --- | ---: | ---: |"]
    for row in sorted(guest["rows"], key=lambda r: r["load"]):
        lines.append(f"| {row['load']} | {row['arm']} | {row['instructions_per_event']:.1f} | {row['added']:.1f} |")
    return "\n".join(lines)
