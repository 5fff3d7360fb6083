# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Training records: what homeostat saw (state), what the knobs were (action), and how good that was (reward).

Terms are costs in permille: 0 is as good as can be, 1000 as bad. All of it is integers, from the run's timeline
alone, so that it is the same on every machine. docs/lab.md says the same for people.
"""

import json

WAIT_HALF_NS = 100000  # a wait, or a jitter, of so much costs half of what can be lost
SWITCHES_HALF_HZ = 10000  # so many switches a second on each CPU


def saturating(value, half):
    """0 … 1000: 500 at `half`, and never quite 1000."""
    return 1000 * value // (value + half)


def terms(vitals, cpus):
    """loss, jitter, work, energy of one look. None: not to be known from these vital signs."""
    wait, jitter = vitals.get("sched.wait.critical.p99_ns"), vitals.get("sched.jitter.critical_ns")
    switches, own = vitals.get("sched.switches_hz"), vitals.get("sense.cost_permille")
    return {
        "loss": None if wait is None else saturating(wait, WAIT_HALF_NS),
        "jitter": None if jitter is None else saturating(jitter, WAIT_HALF_NS),
        "work": None if switches is None or own is None else min(1000, saturating(switches // cpus, SWITCHES_HALF_HZ) + own),
        "energy": None,  # a guest has no energy counter
    }


def reward(found, weights):
    """Minus the weighted mean of the terms that there are, permille; None where none of them counts."""
    counting = {name: weights[f"{name}_permille"] for name, cost in found.items() if cost is not None}
    total = sum(counting.values())
    return -(sum(found[name] * weight for name, weight in counting.items()) // total) if total else None


def records(what, run):
    """One record for each look of a run's timeline. Each stands for itself: files may be put together."""
    if "profile" not in run:
        return []
    head = {"scenario": what.name, "seed": run["seed"], "arm": run["arm"], "kernel": run["facts"]["kernel"],
            "profile_sha256": run["profile"]["sha256"]}
    made = []
    for look in run["timeline"]:
        found = terms(look["vitals"], what.cpus)
        made.append({**head, "at_ns": look["at_ns"], "armed": look["armed"], "state": look["vitals"],
                     "action": {name: knob["value"] for name, knob in look["knobs"].items()},
                     "reward": reward(found, run["profile"]["weights"]), "terms": found})
    return made


def to_lines(made):
    return "".join(json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n" for record in made)
