#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""The search and the training records, without a guest: what a run gives is computed from the profile it was given."""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/scripts")
# pylint: disable=wrong-import-position
from labkit import farm, guest, journal, profile, scenario, search, tap, training  # noqa: E402

SCENARIO = """name: {name}
about: a probe and a hog
phases: {{ busy: 1s }}
loads:
  - {{ name: probe, run: probe -p 1000 }}
  - {{ name: hog, run: hog -t 2 }}
figures:
  - {{ load: probe, name: p99_ns, better: less, tolerance: 15% }}
  - {{ load: hog, name: work, better: more }}
arms: [act]
"""
PROFILE = """# reasons
name: small
description: two knobs and a rule
knobs:
  - { name: sched.slice.batch_us, value: 20ms, min: 1ms, max: 50ms }
  - { name: sched.recognise.util_permille, value: 30% }
rules:
  - { when: sched.wait.normal.p99_ns, low: 5ms, high: 15ms, knob: sched.slice.batch_us, kind: aimd, up: 50%, down: 1ms }
"""
WEIGHTS = {"loss_permille": 400, "jitter_permille": 200, "work_permille": 400, "energy_permille": 0}
LOOK = {"at_ns": 5, "armed": 1, "knobs": {"sched.starvation_ms": {"value": 100, "gen": 1}},
        "vitals": {"sched.wait.critical.p99_ns": 100000, "sched.jitter.critical_ns": 300000, "sched.switches_hz": 10000,
                   "sense.cost_permille": 20}}


def a_scenario(name):
    return scenario.parse(f"{name}.yaml", SCENARIO.format(name=name))


def slice_us(text):
    value = yaml.safe_load(text)["knobs"][0]["value"]
    return profile.quantity(value)[0] / 1000


def physics(run):
    """A guest's record: the probe likes slices of 3 ms best, the hog does not care. Seeds differ a little."""
    wait = 1000 + 500 * abs(math.log(slice_us(run.text) / 3000)) + 7 * run.seed
    return {"loads": {"probe": {"p99_ns": wait}, "hog": {"work": 1000 + run.seed}}, "arm": run.arm, "seed": run.seed,
            "facts": {"kernel": "7.3.4"}, "timeline": [LOOK]}


class Bench(unittest.TestCase):
    """A search of PROFILE on the scenario `seen`, with guests that are a function."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.tmp, self.said, self.ran = place.name, [], []
        self.path = f"{self.tmp}/small.yaml"
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(PROFILE)
        self.tunable = profile.Tunable(self.path, "with seen")
        patch = mock.patch("labkit.guest.release", lambda kernel: "7.3.4")
        patch.start()
        self.addCleanup(patch.stop)

    def searched(self, out="out", seed=1, budget=200, boot=physics, dies_after=None):
        """(descent, judge) of a search, which is interrupted after so many runs."""
        def booted(run, *_):
            if dies_after is not None and len(self.ran) >= dies_after:
                raise KeyboardInterrupt
            self.ran.append(run)
            return boot(run)
        os.makedirs(f"{self.tmp}/{out}", exist_ok=True)
        with mock.patch("labkit.guest.boot", booted):
            evaluate = farm.Farm("root", {"root_sha256": "0"}, f"{self.tmp}/{out}", SimpleNamespace(jobs=1, limit=None), self.said.append)
            judge = search.Judge(self.tunable, [a_scenario("seen")], (1, 2, 3), budget, evaluate)
            descent = search.Descent(judge, self.said.append)
            descent.run(seed)
            self.ended = search.conclude(judge, descent.best, a_scenario("unseen"))
        return descent, judge


class Searches(Bench):
    def test_it_finds_what_is_better(self):
        descent, _ = self.searched()
        self.assertLess(abs(math.log(slice_us(self.tunable.text(descent.best)) / 3000)), math.log(1.5))
        self.assertEqual(descent.best[1:], self.tunable.start[1:])  # what makes no difference is left alone
        self.assertTrue(descent.own_end)
        self.assertTrue(self.ended["holds"])
        self.assertEqual([step["title"] for step in descent.path], ["sched.slice.batch_us"] * len(descent.path))

    def test_the_seed_fixes_the_path(self):
        paths = []
        for out, seed in (("a", 1), ("b", 1), ("c", 2)):
            self.ran = []
            self.searched(out, seed)
            paths.append([(run.text, run.seed, run.scenario.name) for run in self.ran])
        self.assertEqual(paths[0], paths[1])
        self.assertNotEqual(paths[0], paths[2])

    def test_interrupted_it_ends_the_same(self):
        whole, _ = self.searched("whole")
        ended, runs = self.ended, list(self.ran)
        self.ran = []
        for dies_after in (1, 5, 6, len(runs) - 1):
            with self.assertRaises(KeyboardInterrupt):
                self.searched("parts", dies_after=dies_after)
        again, judge = self.searched("parts")
        self.assertEqual((again.best, again.path, again.own_end, self.ended), (whole.best, whole.path, whole.own_end, ended))
        self.assertEqual([(r.text, r.scenario.name, r.seed) for r in self.ran], [(r.text, r.scenario.name, r.seed) for r in runs])
        self.assertEqual(judge.used + 2 * 3, len(runs))

    def test_bounds_hold(self):
        def greedy(run):  # shorter is always better, and so is a larger share
            share = profile.quantity(yaml.safe_load(run.text)["knobs"][1]["value"])[0]
            return {**physics(run), "loads": {"probe": {"p99_ns": slice_us(run.text)}, "hog": {"work": share + 1}}}
        descent, _ = self.searched(boot=greedy)
        self.assertEqual(descent.best[:2], (1000, 1000))
        for run in self.ran:
            numbers = dict(self.tunable._scalars(yaml.compose(run.text)))
            for number in self.tunable.numbers:
                value = profile.quantity(numbers[number.title].value)[0] // (1000 if number.unit == "us" else 1)
                self.assertTrue(number.low <= value <= number.high, number)

    def test_what_is_held_out_is_seen_last(self):
        self.searched()
        names = [run.scenario.name for run in self.ran]
        self.assertEqual(names, ["seen"] * (len(names) - 6) + ["unseen"] * 6)

    def test_the_budget_holds_and_the_best_is_kept(self):
        before = None
        for budget in range(4, 24, 4):
            descent, judge = self.searched(f"b{budget}", budget=budget)
            self.assertLessEqual(judge.used, budget)
            self.assertFalse(descent.own_end)
            if descent.path:
                self.assertEqual(descent.path[-1]["to"], self.tunable.numbers[0].text(descent.best[0]))
            if before is not None:
                self.assertEqual(descent.path[:len(before)], before)  # more of the same path
            before = descent.path
        self.assertTrue(before)

    def test_no_figure_may_pay_for_the_others(self):
        def bought(run):
            found = physics(run)
            found["loads"]["hog"]["work"] = 1000 * (slice_us(run.text) / 20000) ** 0.2  # 8 % less at 13 ms
            return found
        descent, _ = self.searched(boot=bought)
        self.assertEqual(descent.best, self.tunable.start)
        self.assertTrue(any("worse in hog work" in line for line in self.said))

    def test_a_candidate_that_fails_is_not_taken(self):
        def fragile(run):
            if slice_us(run.text) < 10000 and run.seed == 2:
                raise guest.ArmFailed("homeostat did not stay armed")
            return physics(run)
        descent, _ = self.searched(boot=fragile)
        self.assertGreaterEqual(slice_us(self.tunable.text(descent.best)), 10000)
        self.assertTrue(any("fails with seed 2" in line for line in self.said))

    def test_what_fails_where_it_was_not_tuned_does_not_hold(self):
        def local(run):
            if run.scenario.name == "unseen" and slice_us(run.text) < 20000:
                raise guest.ArmFailed("homeostat did not stay armed")
            return physics(run)
        self.searched(boot=local)
        self.assertFalse(self.ended["holds"])
        self.assertIn("unseen, where it fails: homeostat did not stay armed", self.ended["worse"])

    def test_worse_where_it_was_not_tuned_does_not_hold(self):
        def opposite(run):
            found = physics(run)
            if run.scenario.name == "unseen":
                found["loads"]["probe"]["p99_ns"] = 1e7 / found["loads"]["probe"]["p99_ns"]
            return found
        self.searched(boot=opposite)
        self.assertEqual((self.ended["holds"], self.ended["worse"]), (False, ["unseen probe p99_ns"]))
        self.assertLess(max(self.ended["score"]["held_out"]), 0)

    def test_a_start_that_fails_and_a_guest_that_dies_end_it(self):
        for error, reason in ((guest.ArmFailed("it tripped"), "small itself fails.*it tripped"), (guest.Failed("out of time"), "out of time")):
            def bad(run, error=error):
                raise error
            with self.subTest(reason), self.assertRaisesRegex(guest.Failed, reason):
                self.searched(f"out {reason[:3]}", boot=bad)

    def test_a_tail_that_was_luck_is_not_all(self):
        less, more = a_scenario("seen").figures
        self.assertAlmostEqual(search.figure_score(less, 110, 100), math.log(1.1))
        self.assertAlmostEqual(search.figure_score(more, 110, 100), -math.log(1.1))
        self.assertAlmostEqual(search.figure_score(less, 10**9, 1), math.log(10))
        self.assertAlmostEqual(search.figure_score(more, 1, 0), -math.log(10))
        self.assertEqual(search.figure_score(less, 0, 0), 0)


class Ends(Bench):
    def finish(self, descent, judge):
        with contextlib.redirect_stdout(io.StringIO()):
            return farm.finish(f"{self.tmp}/out", {"runs": judge.used}, self.tunable, descent.best, self.ended, self.said.append)

    def test_what_it_leaves(self):
        code = self.finish(*self.searched())
        with open(f"{self.tmp}/out/small-found.yaml", encoding="utf-8") as file:
            text = file.read()
        with open(f"{self.tmp}/out/evidence.json", encoding="utf-8") as file:
            evidence = json.load(file)
        self.assertEqual((code, profile.sha256(text), evidence["holds"]), (0, evidence["found_sha256"], True))
        self.assertIn(text, [run.text for run in self.ran])  # to the byte what was run
        self.assertEqual(profile.check(text, "x")["name"], "small-found")
        self.assertIn("of small (SHA-256 " + profile.sha256(PROFILE)[:16], text)
        self.assertNotIn("reasons\nname", text)
        self.assertEqual([(c["title"], c["from"]) for c in evidence["changes"]], [("sched.slice.batch_us", "20ms")])
        self.assertEqual([row.get("held_out", False) for row in evidence["figures"]], [False, False, True, True])
        self.assertEqual(len(os.listdir(f"{self.tmp}/out/records")), len(self.ran))
        with open(f"{self.tmp}/out/table.txt", encoding="utf-8") as file:
            self.assertRegex(file.read(), r"unseen \(held out\) +probe p99_ns +2.0 µs .* 3/3 better +better")

    def test_what_is_not_better_leaves_no_profile(self):
        self.finish(*self.searched())
        self.ended = {**self.ended, "holds": False, "worse": ["unseen hog work"]}
        descent, judge = SimpleNamespace(best=self.tunable.start), SimpleNamespace(used=3)
        self.assertEqual(self.finish(descent, judge), 1)
        self.assertFalse(os.path.exists(f"{self.tmp}/out/small-found.yaml"))
        self.assertIn("worse in unseen hog work", self.said[-1])
        self.ended = None
        self.assertEqual(self.finish(descent, judge), 1)
        self.assertIn("nothing better was found", self.said[-1])


class Tables(unittest.TestCase):
    def test_a_range_is_in_the_unit_of_its_median(self):
        row = {"scenario": "one", "figure": "probe p99_ns", "unit": "ns", "start": [9e6, 11e6, 30e6], "found": [7e6, 9e6, 12e6],
               "better_seeds": 3, "verdict": "better"}
        self.assertRegex(search.table([row]), r" 11\.00 ms \[9\.00–30\.00\] +9000\.0 µs \[7000\.0–12000\.0\] ")


class Journals(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.path, self.said = f"{place.name}/journal.jsonl", []

    def opened(self):
        return journal.Journal(self.path, self.said.append)

    def test_it_remembers(self):
        one = self.opened()
        self.assertIsNone(one.get({"seed": 1}))
        one.add({"seed": 1, "a": 2}, {"figures": {"x": 1.5}})
        one.add({"seed": 2}, {"failed": "why\nnot"})
        two = self.opened()
        self.assertEqual(two.get({"a": 2, "seed": 1}), {"figures": {"x": 1.5}})
        self.assertEqual(two.get({"seed": 2}), {"failed": "why\nnot"})
        self.assertIsNone(two.get({"seed": 3}))
        self.assertEqual(self.said, [])

    def test_a_line_that_was_not_finished_is_dropped_and_said(self):
        self.opened().add({"seed": 1}, {"figures": {}})
        self.opened().add({"seed": 2}, {"figures": {"x": 2}})
        os.truncate(self.path, os.path.getsize(self.path) - 4)
        again = self.opened()
        self.assertIsNone(again.get({"seed": 2}))
        self.assertRegex(self.said[0], "last line was not finished")
        again.add({"seed": 2}, {"figures": {"x": 3}})
        self.assertEqual(self.opened().get({"seed": 2}), {"figures": {"x": 3}})
        self.assertEqual(self.opened().get({"seed": 1}), {"figures": {}})

    def test_what_is_no_journal_is_refused(self):
        for line in ("nonsense", "[]", "3", '{"key": {}}', '{"key": {}, "outcome": 3}', ""):
            with self.subTest(line), self.assertRaisesRegex(scenario.Refused, "journal.jsonl:2: this is no line of a search's journal"):
                with open(self.path, "w", encoding="utf-8") as file:
                    file.write('{"key": {"seed": 1}, "outcome": {}}\n' + line + '\n{"key": {"seed": 2}, "outcome": {}}\n')
                self.opened()


class Profiles(unittest.TestCase):
    def test_those_we_ship_can_be_tuned(self):
        for name in ("balanced", "battery", "edge", "hft"):
            with self.subTest(name):
                tunable = profile.Tunable(profile.file_of(name), "with x")
                said = profile.check(profile.read(tunable.path), name)
                self.assertEqual(len(tunable.numbers), len(said["knobs"]) + 2 * said["rules"])
                again = profile.check(tunable.text(tunable.start), "made")
                self.assertEqual({**again, "name": name}, said)
                for number, value in zip(tunable.numbers, tunable.start):
                    self.assertTrue(number.low <= value <= number.high)

    def test_what_the_parser_refuses_is_refused(self):
        with self.assertRaisesRegex(scenario.Refused, "^mine:2: unknown key 'speed'"):
            profile.check("name: a\nspeed: 3\n", "mine")
        tunable = profile.Tunable(profile.file_of("balanced"), "with x")
        values = list(tunable.start)
        low = [number.title for number in tunable.numbers].index("rule 1 low")
        values[low] = 20000000  # above high
        self.assertFalse(tunable.valid(tuple(values)))
        self.assertTrue(tunable.valid(tunable.start))
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("name: empty\n")
            file.flush()
            with self.assertRaisesRegex(scenario.Refused, "neither knobs nor rules"):
                profile.Tunable(file.name, "with x")
        with mock.patch.object(profile, "PROGRAM", "/nowhere"), self.assertRaisesRegex(scenario.Refused, "run make"):
            profile.check("name: a\n", "mine")

    def test_numbers(self):
        number = profile.Number("x", "us", 20000, 1000, 50000)
        self.assertEqual([number.moved(20000, f) for f in (1 / 3, 1.5, 3, 1 / 100)], [6700, 30000, 50000, 1000])
        self.assertEqual([number.text(v) for v in (6700, 30000, 2000000)], ["6700us", "30ms", "2s"])
        share = profile.Number("x", "permille", 300, 0, 500)
        self.assertEqual([share.text(v) for v in (300, 305)], ["30%", "305permille"])
        for text, value in (("5ms", (5000000, "ns")), ("7.5%", (75, "permille")), ("16", (16, "count")), ("9hz", (9, "hz")),
                            ("300permille", (300, "permille")), ("3KiB", None), ("aimd", None), ("1.5ms", None)):
            with self.subTest(text):
                self.assertEqual(profile.quantity(text), value)


class Training(unittest.TestCase):
    def test_terms(self):
        self.assertEqual(training.terms(LOOK["vitals"], 1), {"loss": 500, "jitter": 750, "work": 520, "energy": None})
        self.assertEqual(training.terms(LOOK["vitals"], 4)["work"], 220)
        self.assertEqual(training.terms({}, 1), {"loss": None, "jitter": None, "work": None, "energy": None})
        self.assertEqual(training.terms({"sched.switches_hz": 10**9, "sense.cost_permille": 900}, 1)["work"], 1000)
        self.assertIsNone(training.terms({"sched.switches_hz": 10}, 1)["work"])
        self.assertEqual(training.terms({"sched.wait.critical.p99_ns": 0}, 1)["loss"], 0)

    def test_reward(self):
        found = training.terms(LOOK["vitals"], 1)
        self.assertEqual(training.reward(found, WEIGHTS), -(500 * 400 + 750 * 200 + 520 * 400) // 1000)
        # what is not known does not count, and the others have its part
        self.assertEqual(training.reward({**found, "loss": None}, WEIGHTS), -((750 * 200 + 520 * 400) // 600))
        self.assertIsNone(training.reward({"loss": None, "energy": None}, WEIGHTS))
        self.assertIsNone(training.reward({"energy": 5}, WEIGHTS))

    def test_each_record_stands_for_itself(self):
        run = {"arm": "act", "seed": 3, "facts": {"kernel": "7.3.4"}, "timeline": [LOOK, {**LOOK, "at_ns": 6, "vitals": {}}],
               "profile": {"sha256": "ab", "weights": WEIGHTS}}
        lines = training.to_lines(training.records(a_scenario("seen"), run)).splitlines()
        first, second = (json.loads(line) for line in lines)
        self.assertEqual(first, {"scenario": "seen", "seed": 3, "arm": "act", "kernel": "7.3.4", "profile_sha256": "ab", "at_ns": 5, "armed": 1,
                                 "state": LOOK["vitals"], "action": {"sched.starvation_ms": 100}, "reward": -558,
                                 "terms": {"loss": 500, "jitter": 750, "work": 520, "energy": None}})
        self.assertEqual((second["state"], second["reward"]), ({}, None))
        del run["profile"]  # stock: nobody saw, nobody acted
        self.assertEqual(training.records(a_scenario("seen"), run), [])


class Commands(unittest.TestCase):
    def test_what_cannot_be_searched_is_refused(self):
        with tempfile.TemporaryDirectory() as tmp:
            with open(f"{tmp}/two.yaml", "w", encoding="utf-8") as file:
                file.write(SCENARIO.format(name="two") + "guest: { cpus: 2 }\n")
            with open(f"{tmp}/fixed.yaml", "w", encoding="utf-8") as file:
                file.write(SCENARIO.format(name="fixed"))
            for words, reason in ((("balanced", "hogs", "--held-out", "hogs"), "hogs is there twice"),
                                  (("balanced", "hogs", "hogs", "--held-out", "mixed"), "hogs is there twice"),
                                  (("balanced", f"{tmp}/two.yaml", "--held-out", "mixed"), "two has 2 CPUs"),
                                  (("none", "server", "--held-out", "mixed"), "no profile none.yaml in policy/profiles"),
                                  (("balanced", "none", "--held-out", "mixed"), "no scenario 'none'"),
                                  (("balanced", "server", "--held-out", "mixed", "--budget", "3"), "takes 3 runs already"),
                                  (("balanced", f"{tmp}/fixed.yaml", "--held-out", "server"), "none of its loads takes {seed}"),
                                  (("balanced", "hogs"), "--held-out")):
                done = subprocess.run([f"{TOP}/scripts/lab", "search", "--out", f"{tmp}/out", *words], capture_output=True, text=True, check=False)
                with self.subTest(reason):
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertIn(reason, done.stderr)
                    self.assertFalse(os.path.exists(f"{tmp}/out"))


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
