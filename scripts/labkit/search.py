# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Tunes the numbers of a profile: coordinate descent, where what is not better with one seed does not get the next.

What counts are the figures that the scenarios are compared by, relative to the profile that it starts from. The
path depends on the profile, the scenarios, the seeds and the search's own seed alone: a search that was
interrupted goes the same way again, with the runs that its journal has.
"""

import hashlib
import math
import statistics
from dataclasses import dataclass

from labkit import gate
from labkit.guest import Failed
from labkit.result import readable, unit_of

FACTORS = (3, 1.5)  # how far a number is moved; the next when nothing better is found with the one before
RATIO_MAX = 10  # no single figure counts for more: a tail that was luck is not all
GAIN_MIN = 0.01  # of the score, about one per cent in each figure: what is less is no improvement


class Exhausted(Exception):
    """The budget does not allow for the next runs."""


@dataclass(frozen=True)
class Try:
    """One run that a search wants: a profile's text on a scenario with a seed."""

    text: str
    scenario: object
    seed: int


def figure_score(figure, start, found):
    """How much better one figure is, as the natural logarithm of the ratio: 0.1 is about 10 %."""
    tiny = 1e-9
    ratio = math.log((found + tiny) / (start + tiny))
    limit = math.log(RATIO_MAX)
    return min(limit, max(-limit, -ratio if figure.better == "less" else ratio))


class Judge:
    """Evaluates candidates, within a budget of runs. `run` takes tries and gives, for each, {"figures": {title: value}} or
    {"failed": why}."""

    def __init__(self, tunable, scenarios, seeds, budget, run):
        self.tunable, self.scenarios, self.seeds, self.run = tunable, scenarios, tuple(seeds), run
        self.budget, self.used, self.known = budget, 0, {}

    def outcomes(self, values, scenarios, seeds, free=False):
        """What came of these runs, by scenario's name and seed. Each counts once, whoever has done it and when; `free`:
        not against the budget."""
        wanted = [(what, seed) for what in scenarios for seed in seeds]
        new = [(what, seed) for what, seed in wanted if (values, what.name, seed) not in self.known]
        if new:
            if not free and self.used + len(new) > self.budget:
                raise Exhausted
            text = self.tunable.text(values)
            for (what, seed), outcome in zip(new, self.run([Try(text, what, seed) for what, seed in new])):
                self.known[values, what.name, seed] = outcome
            self.used += 0 if free else len(new)
        return {(what.name, seed): self.known[values, what.name, seed] for what, seed in wanted}

    def start(self, scenarios, seeds, free=False):
        """The same of the profile as it is, which must not fail."""
        found = self.outcomes(self.tunable.start, scenarios, seeds, free)
        for outcome in found.values():
            if "failed" in outcome:
                raise Failed(f"{self.tunable.origin} itself fails, so nothing can be compared with it: {outcome['failed']}")
        return found

    def score(self, values, seeds, scenarios=None, free=False):
        """Mean over scenarios, figures and seeds; minus infinity where a run failed."""
        scenarios = scenarios or self.scenarios
        start = self.start(scenarios, seeds, free)
        found = self.outcomes(values, scenarios, seeds, free)
        if any("failed" in outcome for outcome in found.values()):
            return -math.inf
        return statistics.fmean(figure_score(figure, start[what.name, seed]["figures"][figure.title],
                                             found[what.name, seed]["figures"][figure.title])
                                for what in scenarios for seed in seeds for figure in what.figures)

    def rows(self, values, scenarios, free=False):
        """Figure by figure: the values of start and of these, seed by seed, and the verdict on the medians by the
        scenario's own tolerance, as `scripts/lab check` has it."""
        start = self.start(scenarios, self.seeds, free)
        found = self.outcomes(values, scenarios, self.seeds, free)
        rows = []
        for what in scenarios:
            for figure in what.figures:
                old, new = ([side[what.name, seed]["figures"][figure.title] for seed in self.seeds] for side in (start, found))
                judged = {"better": figure.better, "tolerance": figure.tolerance}
                rows.append({
                    "scenario": what.name, "figure": figure.title, "unit": unit_of(figure.name), **judged, "start": old, "found": new,
                    "better_seeds": sum(figure_score(figure, o, n) > 0 for o, n in zip(old, new)),
                    "verdict": gate.verdict(statistics.median(old), {"value": statistics.median(new), **judged}),
                })
        return rows

    def accepts(self, values, best):
        """(yes or no, why in some words). It must be better than the best with each seed: one after the other, so that
        what was luck with the first seeds takes few runs."""
        for seed in self.seeds:
            score = self.score(values, [seed])
            if score == -math.inf:
                return False, f"fails with seed {seed}"
            if score <= self.score(best, [seed]):
                return False, f"{score:+.3f} with seed {seed}, where the best has {self.score(best, [seed]):+.3f}"
        score = self.score(values, self.seeds)
        worse = [row["figure"] for row in self.rows(values, self.scenarios) if row["verdict"] == "worse"]
        if worse:
            return False, f"{score:+.3f}, but worse in {', '.join(worse)}"
        return score > self.score(best, self.seeds) + GAIN_MIN, f"{score:+.3f}"


def order(numbers, seed, round_nr):
    """In which order a round goes through the numbers: fixed by the seed, on every machine and Python."""
    def lot(index):
        return hashlib.sha256(f"{seed} {round_nr} {numbers[index].title}".encode()).hexdigest()
    return sorted(range(len(numbers)), key=lot)


class Descent:
    """Coordinate descent from the profile as it is; `best` is always the best so far, also when the budget is used up."""

    def __init__(self, judge, say):
        self.judge, self.say = judge, say
        self.best, self.own_end, self.path = judge.tunable.start, False, []
        self.tried = {self.best}

    def along(self, index, factor):
        """Moves one number in one direction for as long as it helps; whether it did."""
        number, helped = self.judge.tunable.numbers[index], False
        while True:
            old = self.best[index]
            values = self.best[:index] + (number.moved(old, factor),) + self.best[index + 1:]
            if values in self.tried or not self.judge.tunable.valid(values):
                return helped
            self.tried.add(values)
            yes, why = self.judge.accepts(values, self.best)
            self.say(f"{number.title} {number.text(old)} -> {number.text(values[index])}: {why}{', taken' if yes else ''}")
            if not yes:
                return helped
            self.path.append({"title": number.title, "to": number.text(values[index]), "score": self.judge.score(values, self.judge.seeds)})
            self.best, helped = values, True

    def run(self, seed):
        """Until no number helps any more, or the budget is used up."""
        numbers, rounds = self.judge.tunable.numbers, 0
        try:
            self.judge.score(self.best, self.judge.seeds)  # the start itself, with all seeds
            self.say("the profile as it is: done")
            for factor in FACTORS:
                before = None
                while before != self.best:
                    before = self.best
                    for index in order(numbers, seed, rounds):
                        if not self.along(index, 1 / factor):
                            self.along(index, factor)
                    rounds += 1
            self.own_end = True
        except Exhausted:
            self.say("the budget is used up")


def conclude(judge, values, held_out):
    """What a search ends with: figures, scores by seed, and whether the found one is better where it was tuned, with
    each seed, and not worse where it was not."""
    training = [judge.score(values, [seed]) for seed in judge.seeds]
    rows = judge.rows(values, judge.scenarios)
    unseen = [judge.score(values, [seed], [held_out], free=True) for seed in judge.seeds]
    if min(unseen) == -math.inf:
        failed = [o["failed"] for o in judge.outcomes(values, [held_out], judge.seeds, free=True).values() if "failed" in o]
        return {"figures": rows, "score": {"training": training}, "worse": [f"{held_out.name}, where it fails: {failed[0]}"], "holds": False}
    rows += [{**row, "held_out": True} for row in judge.rows(values, [held_out], free=True)]
    worse = [f"{row['scenario']} {row['figure']}" for row in rows if row["verdict"] == "worse"]
    return {"figures": rows, "score": {"training": training, "held_out": unseen}, "worse": worse,
            "holds": min(training) > 0 and not worse}


def table(rows):
    """Figure by figure: start, found (median and range over the seeds), ratio of the medians, verdict."""
    lines = [["scenario", "figure", "start", "found", "ratio", "seeds", "verdict"]]
    for row in rows:
        cells = []
        for values in (row["start"], row["found"]):
            middle = statistics.median(values)
            text, unit = readable(middle, row["unit"])
            low, high = (readable(bound, row["unit"], middle)[0] for bound in (min(values), max(values)))
            cells.append(f"{text}{'' if unit == 'count' else ' ' + unit} [{low}–{high}]")
        old, new = statistics.median(row["start"]), statistics.median(row["found"])
        lines.append([row["scenario"] + (" (held out)" if row.get("held_out") else ""), row["figure"], *cells,
                      f"×{new / old:.3f}" if old else "-", f"{row['better_seeds']}/{len(row['start'])} better", row["verdict"]])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
