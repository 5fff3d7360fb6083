# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Pictures of a result, drawn by gnuplot: the latency of each load, and what homeostat saw and did."""

import math
import subprocess

HEAD = """set terminal svg noenhanced size 1000,{height} font 'sans-serif,12' background '#ffffff'
set encoding utf8
set grid lc rgb '#dddddd'
set key outside right top
"""
COLOURS = ("#888888", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
POINTS = 400  # of a curve; more would not be seen
LEAD_S = 1  # the recorder begins so long before the first phase: `lead` in selftests/lab/play.sh


class Unable(Exception):
    """No picture came of it, and why."""


def draw(script, path, height=500):
    text = HEAD.format(height=height) + f"set output {quote(path)}\n" + script
    try:
        done = subprocess.run(["gnuplot", "-"], input=text, text=True, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Unable("no gnuplot: run scripts/setup") from error
    if done.returncode:  # it warns of a curve that is one point
        raise Unable(f"{path}: gnuplot: {(done.stderr.strip() or 'failed').splitlines()[-1]}")


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def block(rows):
    return "".join(" ".join(str(x) for x in row) + "\n" for row in rows) + "e\n"


def _tail(samples):
    """(latency in µs, share of samples above it): the complement, so that the tail is what is seen."""
    ordered = sorted(samples)
    n = len(ordered)
    # evenly spaced in the logarithm of the share: the same density in the tail as in the middle
    ranks = sorted({min(n - 1, int(n - n ** (1 - i / POINTS))) for i in range(POINTS + 1)})
    return [(ordered[r] / 1000, (n - r) / n) for r in ranks]


def latency(load, samples_by_arm, path):
    """Samples of one load, ns, by arm: how many of them were later than that."""
    curves, data = [], []
    for i, (arm, samples) in enumerate(samples_by_arm.items()):
        if not samples:
            continue
        curves.append(f"'-' with steps lw 2 lc rgb '{COLOURS[i % len(COLOURS)]}' title {quote(arm)}")
        data.append(block((max(x, 0.1), y) for x, y in _tail(samples)))
    if not curves:
        return False
    draw(f"set title {quote(load)}\nset logscale xy\nset xlabel 'latency, µs'\nset ylabel 'share of samples above it'\n"
         "set format y '%g'\n"
         + "plot " + ", ".join(curves) + "\n" + "".join(data), path)
    return True


def histogram(load, samples_by_arm, path):
    """Samples of one load, ns, by arm: what share of them is how long; eight bars to each doubling."""
    curves, data = [], []
    for i, (arm, samples) in enumerate(samples_by_arm.items()):
        bars = {}
        for sample in samples:
            bar = round(8 * math.log2(max(sample, 100) / 1000))
            bars[bar] = bars.get(bar, 0) + 1
        if not bars:
            continue
        curves.append(f"'-' with impulses lw 3 lc rgb '{COLOURS[i % len(COLOURS)]}' title {quote(arm)}")
        data.append(block((2 ** (bar / 8), n / len(samples)) for bar, n in sorted(bars.items())))
    if not curves:
        return False
    draw(f"set title {quote(load)}\nset logscale x\nset yrange [0:*]\nset xlabel 'latency, µs'\nset ylabel 'share of samples'\n"
         + "plot " + ", ".join(curves) + "\n" + "".join(data), path)
    return True


def timeline(document, run, path):
    """Waits by class, knobs as a share of their largest value, phases; reflexes as marks. Of one run."""
    looks = run["timeline"]
    if not looks:
        return False
    start = looks[0]["at_ns"]
    waits = sorted({v for look in looks for v in look["vitals"] if v.startswith("sched.wait.") and v.endswith(".p99_ns")})
    changed = sorted({k for k in looks[0]["knobs"] if len({look["knobs"][k]["gen"] for look in looks}) > 1})
    marks = sorted({(look["knobs"][k]["changed_ns"], k) for look in looks for k in changed
                    if look["knobs"][k]["cause"] == "reflex" and look["knobs"][k]["changed_ns"] >= start})
    phases = "".join(
        f"set arrow from first {p['start_s'] + LEAD_S},graph 0 to first {p['start_s'] + LEAD_S},graph 1 nohead lc rgb '#999999' dt 2\n"
        f"set label {quote(p['name'])} at first {p['start_s'] + LEAD_S + 0.1},graph 0.97\n" for p in document["phases"])
    script = [f"set title {quote(document['scenario'] + ', ' + run['arm'])}\nset multiplot layout 2,1\n"
              f"set lmargin 10\nset rmargin 34\nset xrange [0:{document['seconds'] + LEAD_S}]\n", phases,
              "set logscale y\nset ylabel 'wait, p99, µs'\nset xlabel ''\n"]
    curves, data = [], []
    for i, name in enumerate(waits):
        curves.append(f"'-' with lines lw 2 lc rgb '{COLOURS[(i + 1) % len(COLOURS)]}' title {quote(name.split('.')[2])}")
        data.append(block(((look["at_ns"] - start) / 1e9, max(look["vitals"].get(name, 0) / 1000, 0.1)) for look in looks))
    script += ["plot " + ", ".join(curves) + "\n", *data] if curves else []
    script += ["unset logscale y\nunset title\nset ylabel 'knob, share of its largest'\nset xlabel 's'\nset yrange [0:1.1]\n"]
    curves, data = [], []
    for i, name in enumerate(changed):
        top = max(look["knobs"][name]["value"] for look in looks) or 1
        curves.append(f"'-' with steps lw 2 lc rgb '{COLOURS[(i + 1) % len(COLOURS)]}' title {quote(name)}")
        data.append(block(((look["at_ns"] - start) / 1e9, look["knobs"][name]["value"] / top) for look in looks))
    if marks:
        curves.append("'-' with points pt 9 lc rgb '#000000' title 'reflex'")
        data.append(block(((at - start) / 1e9, 1.05) for at, _ in marks))
    script += ["plot " + ", ".join(curves) + "\n", *data] if curves else ["plot 0 notitle lc rgb '#cccccc'\n"]
    script += ["unset multiplot\n"]
    draw("".join(script), path, height=800)
    return True
