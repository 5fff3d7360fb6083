# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""What came out of a scenario: records of runs, their digest, JSON, CSV and a table that people read."""

import csv
import hashlib
import io
import json
import os
import statistics

from labkit import training

UNITS = {"ns": "ns", "us": "us", "ms": "ms", "s": "s", "hz": "hz", "kib": "KiB", "permille": "permille",
         "percent": "%", "mbit": "Mbit/s"}


def unit_of(figure):
    """The unit that a figure's name ends with; work and the like are counts."""
    return UNITS.get(figure.rsplit("_", 1)[-1], "count")


def digest(value):
    """Of anything that JSON can hold, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def figures(records, load, name):
    """One figure of one load over the seeds of an arm, in their order."""
    return [record["loads"][load][name] for record in records]


def write(folder, name, text):
    """All of a file or nothing."""
    with open(f"{folder}/.{name}", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{folder}/.{name}", f"{folder}/{name}")


def of_arm(records, arm):
    return [record for record in records if record["arm"] == arm]


def summary(scenario, records, arms):
    """Per arm and compared figure: median and range over the seeds, and the ratio to the first arm, seed by seed."""
    rows = []
    for figure in scenario.figures:
        first = figures(of_arm(records, arms[0]), figure.load, figure.name)
        for arm in arms:
            values = figures(of_arm(records, arm), figure.load, figure.name)
            # with a 0 to compare with in one of them there is no ratio: that of the other seeds would be another figure
            ratios = [v / f for v, f in zip(values, first)] if all(first) else []
            better = [v < f if figure.better == "less" else v > f for v, f in zip(values, first)]
            rows.append({
                "arm": arm, "load": figure.load, "figure": figure.name, "unit": unit_of(figure.name),
                "better": figure.better, "median": statistics.median(values), "min": min(values), "max": max(values),
                "ratio": round(statistics.median(ratios), 4) if ratios else None,
                "better_seeds": sum(better), "seeds": len(values),
            })
    return rows


def whole(scenario, records, arms, made_with, rows=None):
    """The result as one document. `made_with`: what it was made with (root, kernel, version); `rows`: a summary of
    another kind (realtime.summary)."""
    runs = [{k: v for k, v in record.items() if k != "samples"} for record in records]
    if rows is None:  # in real time there is nothing that they could be compared with
        runs = [{**run, "samples_sha256": digest(record["samples"]), "training_sha256": digest(training.records(scenario, record)),
                 "sha256": digest(record)} for run, record in zip(runs, records)]
    document = {
        "scenario": scenario.name, "about": scenario.about, "scenario_sha256": scenario.sha256,
        "cpus": scenario.cpus, "approximate": scenario.approximate and rows is None, "real_time": rows is not None, "seconds": scenario.seconds,
        "phases": [{"name": p.name, "start_s": p.start_s, "seconds": p.seconds} for p in scenario.phases],
        "made_with": made_with, "arms": list(arms), "summary": summary(scenario, records, arms) if rows is None else rows, "runs": runs,
    }
    if rows is None:
        document["sha256"] = digest(document)
    return document


def to_csv(document):
    """Every figure of every run with its unit: one line each."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["scenario", "arm", "seed", "load", "figure", "unit", "value"])
    for run in document["runs"]:
        for load, found in sorted(run["loads"].items()):
            for figure, value in found.items():
                writer.writerow([document["scenario"], run["arm"], run["seed"], load, figure, unit_of(figure), value])
    return out.getvalue()


def readable(value, unit, like=None):
    """A figure as people read it, and its unit: (text, unit). Beside another, `like`, in that one's unit."""
    if unit == "ns":
        return (f"{value / 1e6:.2f}", "ms") if abs(value if like is None else like) >= 1e7 else (f"{value / 1e3:.1f}", "µs")
    return (f"{value:.4g}" if isinstance(value, float) and value != int(value) else f"{int(value)}"), unit


def cell(row, compared=True):
    """One figure of an arm: median and range, and how it compares with the first arm."""
    text, unit = readable(row["median"], row["unit"])
    said = text + ("" if unit == "count" else f" {unit}")
    low, high = (row["low"], row["high"]) if "low" in row else (row["min"], row["max"])
    if "low" in row or row["seeds"] > 1:
        said += " [" + "–".join(readable(bound, row["unit"], row["median"])[0] for bound in (low, high)) + "]"
    if row["ratio"] is not None:
        said += f"  ×{row['ratio']:.3f}"
        if "verdict" in row:
            said += f" [{row['ratio_low']:.3f}–{row['ratio_high']:.3f}] {row['verdict']}"
    if compared and "verdict" not in row and row["seeds"] > 1:
        said += f" ({row['better_seeds']}/{row['seeds']} better)"
    return said


def table(document):
    """Arms down, figures across; each with its ratio to the first arm, and over how many seeds that held, or how sure it is."""
    rows = document["summary"]
    titles = list(dict.fromkeys((r["load"], r["figure"]) for r in rows))
    lines = [["arm"] + [f"{load} {figure}" for load, figure in titles]]
    for arm in document["arms"]:
        mine = {(r["load"], r["figure"]): r for r in rows if r["arm"] == arm}
        if arm == document["arms"][0]:
            mine = {title: {**row, "ratio": None} for title, row in mine.items()}
        lines.append([arm] + [cell(mine[title], arm != document["arms"][0]) for title in titles])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = "\n".join("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)
    if document["approximate"]:
        text += "\n  approximate: the CPUs of a guest take turns in virtual time"
    if document["real_time"]:
        text += f"\n  real time, {rows[0]['blocks']} blocks: medians over them, in brackets the interval of at least 95 %"
    return text
