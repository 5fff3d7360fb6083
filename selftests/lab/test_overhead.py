#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""scripts/bench without a machine: intervals, and what is made of runs."""

import itertools
import json
import os
import random
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/scripts")
# pylint: disable=wrong-import-position
from labkit import interval, overhead, tap  # noqa: E402


class Intervals(unittest.TestCase):
    def test_ranks_of_the_sign_test(self):
        # from the tables: n -> rank that the interval of at least 95 % begins with, and its coverage
        for n, rank, coverage in ((6, 1, 0.9688), (8, 1, 0.9922), (9, 2, 0.9609), (20, 6, 0.9586), (25, 8, 0.9567), (60, 22, 0.9727)):
            found = interval.of_median(range(1, n + 1))
            self.assertEqual((found.low, found.high), (rank, n + 1 - rank), n)
            self.assertAlmostEqual(found.coverage, coverage, 3, n)
            self.assertEqual((found.median, found.n), ((n + 1) / 2, n))

    def test_order_does_not_matter_and_outliers_hardly(self):
        values = [1.0] * 15 + [1000.0] * 3
        random.Random(1).shuffle(values)
        found = interval.of_median(values)
        self.assertEqual((found.low, found.median, found.high), (1, 1, 1))

    def test_it_covers_as_often_as_it_says(self):
        chance, hits = random.Random(7), 0
        for _ in range(2000):
            found = interval.of_median([chance.expovariate(1) for _ in range(20)])
            hits += found.low <= 0.6931 <= found.high
        self.assertGreater(hits / 2000, 0.945)
        self.assertLess(hits / 2000, 0.975)

    def test_too_few(self):
        with self.assertRaisesRegex(ValueError, "5 values are too few for an interval, 6 is the least"):
            interval.of_median([1, 2, 3, 4, 5])

    def test_against_a_limit(self):
        found = interval.Interval(3.0, 2.0, 4.0, 0.95, 9)
        self.assertEqual([found.against(limit) for limit in (5, 4, 3, 2, 1)], ["kept", "kept", "open", "open", "missed"])

    def test_pairs(self):
        self.assertEqual(interval.ratios([[3, 5], [9, 11]], [[2, 2], [10, 10]]), [2, 1])
        self.assertEqual(interval.differences([[3, 5]], [[2, 2]]), [2])
        with self.assertRaises(ValueError):
            interval.ratios([[1, 1]], [])


def runs(blocks=8, drift=0.0):
    """A machine that gets slower by `drift` with each run, and arms that cost 0, 4, 5 and 9 ns more on 100 a switch."""
    more, slow, found = {"off": 0, "empty": 4, "sampled": 5, "unsampled": 9}, 1.0, []
    for block, load in itertools.product(range(blocks), overhead.LOADS):
        for arm in overhead.order(block):
            slow += drift
            found.append({"block": block, "load": load.name, "arm": arm, "cpu_ns": (100 + more[arm]) * 1000 * slow, "switches": 1000,
                          "stated_ns": (100 + more[arm]) * slow, "seen": 1000, "measured": {"sampled": 30, "unsampled": 1000}.get(arm, 0)})
    return found


class Figures(unittest.TestCase):
    def median(self, found, *which):
        return overhead.of(found, *which)["median"]

    def test_what_the_arms_cost(self):
        found = overhead.figures(runs())
        for load in overhead.LOADS:
            self.assertAlmostEqual(self.median(found, load.name, "unsampled", "overhead_cpu_percent"), 9)
            self.assertAlmostEqual(self.median(found, load.name, "empty", "over_empty_cpu_percent"), 0)
            self.assertAlmostEqual(self.median(found, load.name, "sampled", "over_empty_cpu_percent"), 100 / 104)
            self.assertAlmostEqual(self.median(found, load.name, "sampled", "overhead_stated_percent"), 5)
            self.assertAlmostEqual(self.median(found, load.name, "empty", "added_per_switch_ns"), 4)
        self.assertEqual({(f["unit"], f["n"]) for f in found}, {("%", 8), ("ns", 8)})

    def test_a_steady_drift_falls_on_all_arms(self):
        found = overhead.figures(runs(drift=0.01))
        for arm, percent in (("empty", 4), ("sampled", 5), ("unsampled", 9)):
            self.assertAlmostEqual(self.median(found, "pipe", arm, "overhead_cpu_percent"), percent, 1)

    def test_every_arm_twice_in_a_block_and_at_either_end(self):
        for block in range(2):
            order = overhead.order(block)
            self.assertEqual(order, order[::-1])
            self.assertEqual(sorted(order), sorted(overhead.ARMS * 2))
        self.assertEqual((overhead.order(0)[0], overhead.order(1)[0]), ("off", "unsampled"))

    def test_verdicts(self):
        found = {row["arm"]: row["verdict"] for row in overhead.verdicts(overhead.figures(runs()))}
        self.assertEqual(found, {"sampled": "missed", "unsampled": "missed"})
        cheap = [{**run, "cpu_ns": 100000} for run in runs()]
        self.assertEqual({row["verdict"] for row in overhead.verdicts(overhead.figures(cheap))}, {"kept"})

    def test_the_table_has_every_load_and_arm(self):
        text = overhead.table(overhead.figures(runs()))
        self.assertEqual(len(text.splitlines()), 2 + 9)
        self.assertIn("| pipe | unsampled | 9.00 | 9.00 … 9.00 | 4.81 |", text)

    def test_an_arm_that_is_another_one(self):
        self.assertEqual(overhead.shares(runs()), {"off": 0, "empty": 0, "sampled": 0.03, "unsampled": 1})
        for arm, seen, measured in (("sampled", 1000, 900), ("sampled", 1000, 0), ("unsampled", 1000, 900), ("empty", 9, 9), ("unsampled", 0, 0)):
            with self.assertRaisesRegex(overhead.Failed, f"arm {arm}: {measured} of {seen} switches"):
                overhead.share(arm, seen, measured)

    def test_what_a_load_states(self):
        pipe, hackbench, storm = overhead.LOADS
        self.assertEqual(pipe.stated_ns("Total time: 1\n   4.757000 usecs/op\n"), 4757)
        self.assertEqual(hackbench.stated_ns("Time: 0.125\n"), 125e6)
        self.assertEqual(storm.stated_ns('{"load":"storm","work":1,"wakeup_ns":4183}'), 4183)
        with self.assertRaisesRegex(overhead.Failed, "pipe: `perf bench .*` did not state its time .*: Killed"):
            pipe.stated_ns("Killed")


class Guests(unittest.TestCase):
    LINES = [f'{arm} {{"load":"{load}","{name}":{(1000 + more) * events}}}' for arm, more in
             (("off", 0), ("empty", 90), ("sampled", 120), ("unsampled", 300), ("homeostatd", 121), ("off-again", -1))
             for load, (name, events) in overhead.GUEST_EVENTS.items()]
    LINES += [f'{arm} {{"load":"sensor","switches":{seen},"samples":{n}}}' for arm, seen, n in
              (("off", 0, 0), ("empty", 0, 0), ("sampled", 1000, 30), ("unsampled", 1000, 1000))]

    def test_instructions_per_event(self):
        found = overhead.read_guest("\r\n".join(self.LINES) + "\r\n")
        self.assertIn({"arm": "sampled", "load": "pingpong", "instructions_per_event": 1120, "added": 120}, found["rows"])
        self.assertIn({"arm": "off-again", "load": "storm", "instructions_per_event": 999, "added": -1}, found["rows"])
        self.assertEqual(found["measured_share"]["sampled"], 0.03)
        self.assertIn("| storm | unsampled | 1300.0 | 300.0 |", overhead.guest_table(found))
        json.dumps(found)

    def test_a_part_is_no_result(self):
        for lost in range(len(self.LINES)):
            with self.assertRaises(overhead.Failed):
                overhead.read_guest("\n".join(self.LINES[:lost] + self.LINES[lost + 1:]))
            with self.assertRaisesRegex(overhead.Failed, "broken"):
                overhead.read_guest("\n".join([*self.LINES[:lost], self.LINES[lost][:-2], *self.LINES[lost + 1:]]))


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
