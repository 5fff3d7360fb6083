# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""How costs grow: of a pulse with the CPUs, of a scheduling decision with the runnable tasks, of a packet's verdict with
the connections. In counted instructions."""

import csv
import io
import json
import math
import os
from dataclasses import dataclass

from labkit import TOP, guest, picture
from labkit.result import digest, readable
from labkit.scenario import Refused

TASKS = (10, 30, 100, 300, 1000, 3000, 10000)
MEMORY_MIB = 3072  # a task takes some 40 KiB of kernel memory
LIMIT_S = 1200
CONNECTIONS = (10, 100, 1000, 10000, 100000)
CASES = {"pulse": ("pulse",), "verdict": ("verdict",), "act": ("decision", "act", *map(str, TASKS)), "eevdf": ("decision", "eevdf", *map(str, TASKS))}
FILLS = {"idle": "no samples", "busy": "20 buckets a CPU", "wide": "60 buckets a CPU", "full": "all 372 buckets"}
SIZES = {"pulse": "cpus", "decision": "tasks", "verdict": "connections"}  # what each grows with
HEARTS = {"stressed": "1 ms", "resting": "250 ms"}

# The bounds
CPUS = 256
SPAN_MOST_NS = 50_000_000  # a fold, from its first pulse to the end of its last one
SHARE_MOST_PPM = 5000  # of one CPU, for folding
EVERY_MOST_NS = 500_000_000  # folds are not rarer: FOLD_EVERY_MOST_NS in kern/fold.h
EXPONENT_MOST = 0.1  # of a power law through the cost of a decision
FORETOLD_TO = 1000  # tasks: the law a + b log2 n is taken up to here …
EXCESS_MOST = 0.02  # … and what many more cost above it is no more than this part
SWITCHED_LEAST = 0.98  # a yield that was no switch would make the others look cheap


@dataclass(frozen=True)
class Law:
    """y = a + b f(x) by least squares, and the largest distance of a point from it, as a part of the point."""
    a: float
    b: float
    residual: float
    f: object

    def at(self, x):
        return self.a + self.b * self.f(x)


def fit(points, f=lambda x: x):
    """The Law through (x, y) points. ValueError where they do not determine one."""
    xs, ys = [f(x) for x, _ in points], [y for _, y in points]
    if len(set(xs)) < 2:
        raise ValueError("a slope wants two different points")
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    b = sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)
    a = my - b * mx
    return Law(a, b, max(abs(a + b * x - y) / abs(y) if y else math.inf for x, y in zip(xs, ys)), f)


def exponent(points):
    """e of the power law y = c x^e: the slope where both are logarithms."""
    return fit([(math.log2(x), math.log2(y)) for x, y in points]).b


def files(build):
    """What the guest needs beside the scenarios' root, as FILE:GUESTPATH."""
    wanted = {f"{build}/ktest/test_growth": "/lab/bin/test_growth", f"{build}/growth/crowd": "/lab/bin/crowd",
              f"{build}/bench/packets": "/lab/bin/packets", f"{TOP}/selftests/lab/growth.sh": "/lab/growth.sh"}
    for file in wanted:
        if not os.path.exists(file):
            raise Refused(f"{file} is not built: run make lab-growth")
    return [f"{file}:{path}" for file, path in wanted.items()]


def parse(name, text):
    """The guest's lines of JSON. Failed where a case is missing or a line is broken."""
    lines = text.replace("\r", "").split("\n")
    if "done" not in lines:
        raise guest.Failed(f"growth {name}: the guest's results end in the middle")
    try:
        rows = [json.loads(line) for line in lines if line.startswith("{")]
    except ValueError as error:
        raise guest.Failed(f"growth {name}: a line of the guest's results is broken: {error}") from error
    wanted = {"pulse": 5 * len(FILLS) * len(HEARTS), "verdict": len(CONNECTIONS)}.get(name, len(TASKS))
    if len(rows) != wanted:
        raise guest.Failed(f"growth {name}: {len(rows)} of {wanted} cases were measured")
    return [decision(row) for row in rows] if rows[0]["what"] == "decision" else rows


def decision(row):
    """What a switch cost, and what of it the scheduler's programs took by the kernel's statistics. These cost
    themselves, a part of it within the program's time: the same for any number of tasks."""
    switched = row["switches"] / row["yields"]
    if switched < SWITCHED_LEAST:
        raise guest.Failed(f"growth {row['arm']}, {row['tasks']} tasks: only {switched:.0%} of the yields were a switch")
    return {"what": "decision", "arm": row["arm"], "tasks": row["tasks"], "switches": row["switches"],
            "switch_ns": round(row["span_ns"] / row["switches"], 1),
            "programs_ns": round(row["program_ns"] / row["timed_switches"], 1),
            "programs_calls": round(row["calls"] / row["timed_switches"], 2)}


def measure(root, folder, jobs, limit_s, say):
    """All rows, in the order of CASES. The first guest that fails ends it."""
    def boot(name):
        options = ["-m", str(MEMORY_MIB), "-t", str(limit_s or LIMIT_S)]
        return parse(name, guest.told(f"growth {name}", options, root, f"{folder}/{name}.log", ["/lab/growth.sh", *CASES[name]]))

    return [row for rows in guest.each(CASES, jobs, boot, lambda name, _: say(f"growth {name}: done")) for row in rows]


def pulses(rows, fill, heart="stressed"):
    return [row for row in rows if row["what"] == "pulse" and row["fill"] == fill and row["heart"] == heart]


def points(rows, arm, figure):
    return [(row["tasks"], row[figure]) for row in rows if row["what"] == "decision" and row["arm"] == arm]


def verdicts(rows):
    return [(row["connections"], row["verdict_ns"]) for row in rows if row["what"] == "verdict"]


def _numbers(law, x):
    return {"x": x, "a_ns": round(law.a, 1), "b_ns": round(law.b, 2), "residual": round(law.residual, 4)}


def formula(law):
    return f"{law['a_ns']:g} {'-' if law['b_ns'] < 0 else '+'} {abs(law['b_ns']):g} {law['x']}"


def fits(rows):
    """The laws, by curve: numbers with their units in the names."""
    found = {}
    for fill in FILLS:
        law = fit([(row["cpus"], row["fold_ns"]) for row in pulses(rows, fill)])
        found[f"pulse {fill}"] = _numbers(law, "CPUs")
    for title, arm, figure in (("decision", "act", "switch_ns"), ("programs", "act", "programs_ns"), ("eevdf", "eevdf", "switch_ns")):
        curve = points(rows, arm, figure)
        law = fit(curve, math.log2)
        foretold = fit([(n, y) for n, y in curve if n <= FORETOLD_TO], math.log2)
        found[title] = {**_numbers(law, "log2(tasks)"), "exponent": round(exponent(curve), 4),
                        "excess": round(max(y / foretold.at(n) - 1 for n, y in curve), 4)}
    curve = verdicts(rows)
    found["verdict"] = {**_numbers(fit(curve, math.log2), "log2(connections)"), "exponent": round(exponent(curve), 4)}
    return found


def judge(rows, laws):
    """The bounds: what, found, at most, unit."""
    at_most = [row for row in rows if row["what"] == "pulse" and row["cpus"] == CPUS]
    bounds = [(f"a fold of {CPUS} CPUs, from begin to end", max(row["span_most_ns"] for row in at_most), SPAN_MOST_NS, "ns")]
    for fill in ("idle", "busy", "wide"):
        bounds.append((f"folding {CPUS} CPUs ({fill}), share of one CPU",
                       max(row["fold_share_ppm"] for row in at_most if row["fill"] == fill), SHARE_MOST_PPM, "ppm"))
    for title in ("decision", "programs"):
        bounds.append((f"{title}: exponent of a power law", laws[title]["exponent"], EXPONENT_MOST, ""))
        bounds.append((f"{title}: above the logarithm of up to {FORETOLD_TO} tasks", laws[title]["excess"], EXCESS_MOST, ""))
    bounds.append(("verdict: exponent of a power law", laws["verdict"]["exponent"], EXPONENT_MOST, ""))
    return [{"bound": name, "found": found, "at_most": most, "unit": unit, "held": found <= most} for name, found, most, unit in bounds]


def ends(laws):
    """Where one machine's size ends: CPUs, all busy, for which folds as rare as they may become take 0.5 % of a CPU."""
    law = laws["pulse wide"]
    return int((EVERY_MOST_NS * SHARE_MOST_PPM / 1e6 - law["a_ns"]) / law["b_ns"])


def whole(rows, made_with):
    laws = fits(rows)
    document = {"made_with": made_with, "rows": rows, "fits": laws, "bounds": judge(rows, laws), "busy_cpus_most": ends(laws)}
    document["sha256"] = digest(document)
    return document


def unit_of(figure):
    return {"ns": "ns", "ppm": "ppm"}.get(figure.rsplit("_", 1)[-1], "count")


def to_csv(document):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["what", "case", "size", "figure", "unit", "value"])
    for row in document["rows"]:
        case = f"{row['fill']}, {row['heart']}" if row["what"] == "pulse" else row.get("arm", "steered")
        size = row[SIZES[row["what"]]]
        for figure, value in row.items():
            if figure not in ("what", "fill", "heart", "arm", *SIZES.values()):
                writer.writerow([row["what"], case, size, figure, unit_of(figure), value])
    return out.getvalue()


def table(document):
    rows = document["rows"]
    lines = [f"  {'samples':<18} {'heart':<9}{'CPUs':>5} {'fold µs':>10} {'pulses':>7} {'longest µs':>11} {'begin to end µs':>16} "
             f"{'every ms':>9} {'folding %':>10} {'all pulses %':>13}"]
    for row in (row for row in rows if row["what"] == "pulse"):
        lines.append(f"  {FILLS[row['fill']]:<18} {HEARTS[row['heart']]:<9}{row['cpus']:>5} {row['fold_ns'] / 1e3:>10.1f} {row['fold_beats']:>7} "
                     f"{row['beat_most_ns'] / 1e3:>11.1f} {row['span_most_ns'] / 1e3:>16.1f} {row['interval_ns'] / 1e6:>9.1f} "
                     f"{row['fold_share_ppm'] / 1e4:>10.3f} {row['pulse_share_ppm'] / 1e4:>13.3f}")
    lines += ["", f"  {'tasks':>6} {'a switch, ns':>13} {'our programs, ns':>17} {'calls':>6} {'a switch, eevdf, ns':>20}"]
    for ours, stock in zip(*([row for row in rows if row.get("arm") == arm] for arm in ("act", "eevdf"))):
        lines.append(f"  {ours['tasks']:>6} {ours['switch_ns']:>13.1f} {ours['programs_ns']:>17.1f} {ours['programs_calls']:>6.2f} "
                     f"{stock['switch_ns']:>20.1f}")
    lines += ["", f"  {'connections':>11} {'a verdict with steering, ns':>28}"]
    lines += [f"  {connections:>11} {cost:>28.1f}" for connections, cost in verdicts(rows)]
    lines.append("")
    for name, law in document["fits"].items():
        lines.append(f"  {name:<12} ns = {formula(law)}, "
                     f"within {law['residual']:.1%}" + (f"; as a power law, exponent {law['exponent']}" if "exponent" in law else ""))
    lines += ["", f"  with folds {EVERY_MOST_NS // 10**6} ms apart, {document['busy_cpus_most']} CPUs of 60 buckets take 0.5 % of one"]
    for bound in document["bounds"]:
        found, at_most = (" ".join(readable(bound[key], bound["unit"])).strip() for key in ("found", "at_most"))
        lines.append(f"  {'held' if bound['held'] else 'MISSED':<7} {bound['bound']}: {found}, at most {at_most}")
    return "\n".join(lines)


def _curve(i, title, data, law, f):
    """Points, and the law through them."""
    colour = picture.COLOURS[i % len(picture.COLOURS)]
    line = [(x, law["a_ns"] + law["b_ns"] * f(x)) for x, _ in data]
    return ([f"'-' with points pt 7 lc rgb '{colour}' title {picture.quote(title)}",
             f"'-' with lines lw 1 lc rgb '{colour}' title {picture.quote(formula(law))}"],
            [picture.block(data), picture.block(line)])


def draw(document, folder):
    rows, laws = document["rows"], document["fits"]
    curves = [_curve(i, FILLS[fill], [(row["cpus"], row["fold_ns"]) for row in pulses(rows, fill)], laws[f"pulse {fill}"], float)
              for i, fill in enumerate(FILLS)]
    _plot("a fold", "set logscale xy\nset xlabel 'CPUs'\nset ylabel 'instructions (ns in the lab)'\n", curves, f"{folder}/pulse.svg")
    curves = [_curve(i, title, points(rows, arm, figure), laws[name], math.log2) for i, (title, name, arm, figure) in enumerate((
        ("a switch, homeostat", "decision", "act", "switch_ns"), ("of it our programs, timed", "programs", "act", "programs_ns"),
        ("a switch, eevdf", "eevdf", "eevdf", "switch_ns")))]
    _plot("a decision", "set logscale x\nset yrange [0:*]\nset xlabel 'runnable tasks'\nset ylabel 'instructions (ns in the lab)'\n", curves,
          f"{folder}/decision.svg")
    curves = [_curve(0, "a verdict with steering", verdicts(rows), laws["verdict"], math.log2)]
    _plot("a packet's verdict", "set logscale x\nset yrange [0:*]\nset xlabel 'connections'\nset ylabel 'instructions (ns in the lab)'\n", curves,
          f"{folder}/verdict.svg")


def _plot(title, settings, curves, path):
    picture.draw(f"set title {picture.quote(title)}\n{settings}plot " + ", ".join(c for names, _ in curves for c in names) + "\n"
                 + "".join(d for _, data in curves for d in data), path)
