#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""scripts/lab growth without a guest: the laws that are fitted, the bounds, what is refused."""

import csv
import io
import json
import math
import os
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/scripts")
# pylint: disable=wrong-import-position
from labkit import growth, guest, scenario, tap  # noqa: E402


def pulse_lines(fold=lambda cpus: 1000 + 100 * cpus, span=40_000_000, share=4000):
    return [{"what": "pulse", "cpus": cpus, "heart": heart, "fill": fill, "fold_ns": fold(cpus), "fold_beats": 2, "beat_most_ns": 9,
             "span_most_ns": span, "interval_ns": 10**7, "interrupt_ns": 1800, "beat_ns": 218,
             "fold_share_ppm": 30000 if fill == "full" else share, "pulse_share_ppm": 5000}
            for cpus in (1, 2, 8, 64, 256) for fill in growth.FILLS for heart in growth.HEARTS]


def decision_lines(arm, cost, switched=1.0):
    return [{"what": "decision", "arm": arm, "load": "crowd", "tasks": n, "span_ns": int(cost(n) * 10**5), "yields": 10**5,
             "switches": int(10**5 * switched), "timed_ns": 10**9, "timed_switches": 10**5, "calls": 5 * 10**5,
             "program_ns": int(cost(n) / 2 * 10**5)} for n in growth.TASKS]


def verdict_lines(cost=lambda n: 60):
    return [{"what": "verdict", "connections": n, "verdict_ns": cost(n)} for n in growth.CONNECTIONS]


def text(rows, end="done\n"):
    return "".join(json.dumps(row) + "\r\n" for row in rows) + end


# costs are rounded to a tenth of a nanosecond, so what is fitted is not quite this
def logarithm(n):
    return 5000 + 40 * math.log2(n)


def document(cost=logarithm, verdict=lambda n: 60, **pulse):
    rows = growth.parse("pulse", text(pulse_lines(**pulse))) + growth.parse("verdict", text(verdict_lines(verdict)))
    for arm in ("act", "eevdf"):
        rows += growth.parse(arm, text(decision_lines(arm, cost)))
    return growth.whole(rows, {"qemu": "none"})


def missed(found):
    return [bound["bound"] for bound in found["bounds"] if not bound["held"]]


class Laws(unittest.TestCase):
    def test_a_line_is_found_again(self):
        law = growth.fit([(x, 7 + 3 * x) for x in (1, 2, 8, 64)])
        self.assertAlmostEqual(law.a, 7)
        self.assertAlmostEqual(law.b, 3)
        self.assertAlmostEqual(law.residual, 0)
        self.assertAlmostEqual(law.at(100), 307)

    def test_a_logarithm_is_found_again(self):
        law = growth.fit([(n, logarithm(n)) for n in growth.TASKS], math.log2)
        self.assertAlmostEqual(law.a, 5000)
        self.assertAlmostEqual(law.b, 40)
        self.assertAlmostEqual(law.at(1024), 5400)

    def test_the_distance_is_that_of_the_worst_point(self):
        # least squares through (0, 0) (1, 0) (2, 3): -1/2 + 3/2 x; off by 1 at x = 1, where y is 0
        self.assertEqual(growth.fit([(0, 0), (1, 0), (2, 3)]).residual, math.inf)
        # through (0, 2) (1, 2) (2, 5): 3/2 + 3/2 x; off by 1/2, 1 and 1/2
        self.assertAlmostEqual(growth.fit([(0, 2), (1, 2), (2, 5)]).residual, 0.5)

    def test_exponents(self):
        for e in (0, 0.5, 1, 2):
            self.assertAlmostEqual(growth.exponent([(n, 3 * n**e) for n in growth.TASKS]), e)
        self.assertLess(growth.exponent([(n, logarithm(n)) for n in growth.TASKS]), growth.EXPONENT_MOST)

    def test_one_point_is_no_slope(self):
        with self.assertRaisesRegex(ValueError, "two different points"):
            growth.fit([(3, 1), (3, 2)])


class Bounds(unittest.TestCase):
    def test_all_held(self):
        found = document()
        self.assertEqual(missed(found), [])
        self.assertEqual(len(found["bounds"]), 9)
        # 0.5 % of 500 ms, less 1000 ns, at 100 ns a CPU
        self.assertEqual(found["busy_cpus_most"], 24990)

    def test_a_cost_that_is_linear_in_the_tasks_is_found_out(self):
        # small beside the constant, so that the exponent of a power law alone would not tell
        found = document(cost=lambda n: logarithm(n) + 0.05 * n)
        self.assertLess(found["fits"]["decision"]["exponent"], growth.EXPONENT_MOST)
        self.assertEqual(missed(found), ["decision: above the logarithm of up to 1000 tasks",
                                         "programs: above the logarithm of up to 1000 tasks"])

    def test_a_power_is_found_out(self):
        self.assertIn("decision: exponent of a power law", missed(document(cost=lambda n: 1000 * n**0.2)))
        self.assertEqual(missed(document(verdict=lambda n: 60 * n**0.2)), ["verdict: exponent of a power law"])

    def test_a_fold_that_takes_too_long_or_too_much(self):
        self.assertEqual(missed(document(span=50_000_001)), ["a fold of 256 CPUs, from begin to end"])
        self.assertEqual(missed(document(share=5001)), ["folding 256 CPUs (idle), share of one CPU",
                                                        "folding 256 CPUs (busy), share of one CPU",
                                                        "folding 256 CPUs (wide), share of one CPU"])


class Results(unittest.TestCase):
    def test_a_part_is_no_result(self):
        with self.assertRaisesRegex(guest.Failed, "growth pulse: .* end in the middle"):
            growth.parse("pulse", text(pulse_lines(), end=""))
        with self.assertRaisesRegex(guest.Failed, "growth pulse: 39 of 40 cases"):
            growth.parse("pulse", text(pulse_lines()[1:]))
        with self.assertRaisesRegex(guest.Failed, "growth act: a line of the guest's results is broken"):
            growth.parse("act", text(decision_lines("act", logarithm)).replace("}", "", 1))
        with self.assertRaisesRegex(guest.Failed, "growth verdict: 4 of 5 cases"):
            growth.parse("verdict", text(verdict_lines()[1:]))
        with self.assertRaisesRegex(guest.Failed, "growth act: 6 of 7 cases"):
            growth.parse("act", text(decision_lines("act", logarithm)[1:]))

    def test_yields_that_were_no_switches(self):
        with self.assertRaisesRegex(guest.Failed, "act, 10 tasks: only 50% of the yields were a switch"):
            growth.parse("act", text(decision_lines("act", logarithm, switched=0.5)))

    def test_what_is_not_built_is_refused(self):
        with self.assertRaisesRegex(scenario.Refused, "/nowhere/ktest/test_growth is not built: run make lab-growth"):
            growth.files("/nowhere")

    def test_table_csv_and_pictures(self):
        found = document()
        table = growth.table(found)
        for word in ("at most 50.00 ms", "20 buckets a CPU", "10000", "held", "ns = 5000.1 + 39.99 log2(tasks)", "ns = 1000 + 100 CPUs"):
            self.assertIn(word, table)
        self.assertIn("MISSED", growth.table(document(share=5001)))
        rows = list(csv.DictReader(io.StringIO(growth.to_csv(found))))
        self.assertIn({"what": "pulse", "case": "busy, stressed", "size": "256", "figure": "fold_ns", "unit": "ns", "value": "26600"}, rows)
        self.assertIn({"what": "decision", "case": "act", "size": "10", "figure": "switches", "unit": "count", "value": "100000"}, rows)
        self.assertIn({"what": "verdict", "case": "steered", "size": "10", "figure": "verdict_ns", "unit": "ns", "value": "60"}, rows)
        with tempfile.TemporaryDirectory() as tmp:
            growth.draw(found, tmp)
            for name, word in (("pulse", "1000 + 100 CPUs"), ("decision", "5000.1 + 39.99 log2(tasks)"), ("verdict", "60 + 0 log2(connections)")):
                with open(f"{tmp}/{name}.svg", encoding="utf-8") as file:
                    self.assertIn(word, file.read())

    def test_a_falling_law_reads_well(self):
        self.assertEqual(growth.formula({"a_ns": 2954.2, "b_ns": -9.8, "x": "log2(tasks)"}), "2954.2 - 9.8 log2(tasks)")

    def test_the_digest_covers_the_figures(self):
        self.assertEqual(document()["sha256"], document()["sha256"])
        self.assertNotEqual(document()["sha256"], document(share=4001)["sha256"])


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
