# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""The regression gate: figures that are recorded, and whether a change made one of them worse.

The record is a value for each name; in which direction worse is, and how much of it counts, the scenario says.
"""

import json
import os
import statistics

from labkit.result import figures as over_seeds
from labkit.result import of_arm, readable, unit_of
from labkit.result import write as to_file
from labkit.scenario import Refused

ARMS = ("observe", "act")
FAIL = ("worse", "not recorded", "gone")
VERIFIER = "verifier"  # what programs cost it, whatever the scenario
VERIFIER_TOLERANCE = 0.05


def arms(what):
    """Those of a scenario whose figures are recorded; Refused where it has none of them."""
    found = [arm for arm in ARMS if arm in what.arms]
    if not found:
        raise Refused(f"{what.path}: none of its arms is recorded; {' or '.join(ARMS)} is wanted")
    return found


def figures(what, records):
    """What a scenario is judged by: name -> value (the median over the seeds), better, tolerance."""
    found = {}
    for arm in arms(what):
        mine = of_arm(records, arm)
        for figure in what.figures:
            found[f"{what.name} {arm} {figure.title}"] = {
                "value": statistics.median(over_seeds(mine, figure.load, figure.name)),
                "better": figure.better, "tolerance": figure.tolerance,
            }
    # all programs are loaded, whatever the arm and the scenario: the last one's count
    for program, costs in of_arm(records, arms(what)[-1])[0]["verifier"].items():
        for cost, value in costs.items():
            found[f"{VERIFIER} {program} {cost}"] = {"value": value, "better": "less", "tolerance": VERIFIER_TOLERANCE}
    return found


def read(path):
    """The record; empty where there is none yet."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Refused(f"{path}: {error}") from error


def updated(expected, found, names):
    """The record with what was found of these scenarios; of others it stays."""
    others = {name: value for name, value in expected.items() if name.split(" ")[0] not in (*names, VERIFIER)}
    return {**others, **{name: row["value"] for name, row in found.items()}}


def write(path, expected):
    to_file(os.path.dirname(path) or ".", os.path.basename(path), json.dumps(expected, indent=1, sort_keys=True) + "\n")


def verdict(old, new):
    """Of one figure, `new` judged by the tolerance that it states now."""
    if old is None:
        return "not recorded"
    if new is None:
        return "gone"
    loss = new["value"] - old if new["better"] == "less" else old - new["value"]
    if loss > abs(old) * new["tolerance"]:
        return "worse"
    return "better" if -loss > abs(old) * new["tolerance"] else "same"


def compare(expected, found, names):
    """One row for each figure of these scenarios, recorded or found."""
    rows = []
    for name in sorted({n for n in expected if n.split(" ")[0] in (*names, VERIFIER)} | set(found)):
        old, new = expected.get(name), found.get(name)
        rows.append({"name": name, "old": old, "new": new and new["value"], "verdict": verdict(old, new)})
    return rows


def table(rows):
    """Those that changed beyond their tolerance; the others are only counted."""
    lines = [f"  {'figure':<52} {'recorded':>12} {'now':>12} {'ratio':>7}"]
    for row in rows:
        if row["verdict"] == "same":
            continue
        unit = unit_of(row["name"])
        old, new = (" ".join(readable(v, unit)) if v is not None else "-" for v in (row["old"], row["new"]))
        ratio = f"{row['new'] / row['old']:.3f}" if row["old"] and row["new"] is not None else "-"
        lines.append(f"  {row['name']:<52} {old:>12} {new:>12} {ratio:>7}  {row['verdict']}")
    same = sum(row["verdict"] == "same" for row in rows)
    return "\n".join(lines + [f"  {same} within their tolerance"])
