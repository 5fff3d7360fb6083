#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""The laboratory's own logic, without a guest: what is refused and how, what is made of results."""

import csv
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/scripts")
# pylint: disable=wrong-import-position
from labkit import gate, guest, picture, realtime, result, scenario, tap  # noqa: E402

GOOD = """name: small
about: two loads
guest: { cpus: 1, memory_mib: 512 }
phases: { idle: 1s, busy: 2s, calm: 1min }
loads:
  - { name: probe, run: probe -p 1000, favoured: yes }
  - { name: hog, run: "hog -t 2 -s {seed}", phases: [busy] }
  - { name: hack, tool: "hackbench -l 100 {seconds}", phases: [busy, calm], reads: { time_s: "^Time: ([0-9.]+)" } }
figures:
  - { load: probe, name: p99_ns, better: less }
  - { load: hog, name: work, better: more }
arms: [eevdf, act]
seeds: [1, 7]
"""


class Scenarios(unittest.TestCase):
    def test_all_of_it_is_read(self):
        what = scenario.parse("x.yaml", GOOD)
        self.assertEqual((what.name, what.cpus, what.nodes, what.memory_mib, what.kernel), ("small", 1, 1, 512, "scx"))
        self.assertEqual([(p.name, p.start_s, p.seconds) for p in what.phases], [("idle", 0, 1), ("busy", 1, 2), ("calm", 3, 60)])
        self.assertEqual(what.seconds, 63)
        self.assertEqual([(x.name, x.start_s, x.seconds, x.ours, x.favoured) for x in what.loads],
                         [("probe", 0, 63, True, True), ("hog", 1, 2, True, False), ("hack", 1, 62, False, False)])
        self.assertEqual((what.arms, what.seeds, what.profile), (("eevdf", "act"), (1, 7), "balanced"))
        self.assertFalse(what.approximate)
        self.assertFalse(what.network)
        self.assertTrue(scenario.parse("x.yaml", GOOD.replace("cpus: 1", "cpus: 1, network: yes", 1)).network)
        self.assertTrue(scenario.parse("x.yaml", GOOD.replace("cpus: 1", "cpus: 1, disk: yes", 1)).disk)

    def refused(self, old, new, line, reason):
        self.assertIn(old, GOOD)
        with self.assertRaises(scenario.Refused) as caught:
            scenario.parse("x.yaml", GOOD.replace(old, new, 1))
        self.assertRegex(str(caught.exception), f"^x.yaml:{line}: .*{reason}")

    def test_what_is_wrong_is_refused_with_line_and_reason(self):
        for old, new, line, reason in (
                ("about:", "abuot:", 2, "unknown key 'abuot'"),
                ("about: two loads\n", "", 1, "about is missing"),
                ("about: two loads", "about: two loads\nabout: three", 3, "'about' is there twice"),
                ("about: two loads", "about: [1]", 2, "a text is wanted"),
                ("name: small", "name: Small Thing", 1, "is no name"),
                ("name: small", "name: &a small", 1, "anchors"),
                ("name: small", "name: !!str small", 1, "tags"),
                ("name: small", "name: 'small", 14, "quoted scalar|end of stream"),
                ("cpus: 1", "cpus: 0", 3, "no number from 1 to 64"),
                ("cpus: 1", "cpus: 1e9", 3, "no number"),
                ("cpus: 1", "cpus: 1, network: far", 3, "'far'; one of these is wanted: yes, no"),
                ("cpus: 1", "cpus: 3, nodes: 2", 3, "do not divide"),
                ("memory_mib", "memory", 3, "unknown key 'memory'"),
                ("guest: {", "guest: [", 3, ""),
                ("idle: 1s", "idle: 500ms", 4, "whole seconds"),
                ("idle: 1s", "idle: 0s", 4, "whole seconds"),
                ("calm: 1min", "calm: 60min", 4, "3600 at most"),
                ("busy: 2s", "idle: 2s", 4, "there twice"),
                ("phases: [busy]", "phases: [bussy]", 7, "no phase 'bussy'"),
                ("phases: [busy, calm]", "phases: [idle, calm]", 8, "follow each other"),
                ("phases: [busy, calm]", "phases: [calm, busy]", 8, "follow each other"),
                ("phases: [busy]", "phases: []", 7, "list with something"),
                ("name: hog, run", "name: probe, run", 6, "probe is there twice"),
                ("name: hog, run: ", "name: hog, tool: x, run: ", 7, "either run"),
                ("name: hog, run", "run", 7, "a name and either run"),
                ("favoured: yes", "favoured: maybe", 6, "'maybe'; one of these is wanted: yes, no"),
                ("\"^Time: ([0-9.]+)\"", "\"^Time: [0-9.]+\"", 8, "one group"),
                ("\"^Time: ([0-9.]+)\"", "\"^Time: ([0-9.]+\"", 8, "unterminated|missing"),
                ("phases: [busy] }", "phases: [busy], reads: { a: \"(b)\" } }", 7, "reads is for tools"),
                ("load: hog, name: work", "load: hogg, name: work", 11, "'hogg'; one of these"),
                ("better: more", "better: bigger", 11, "less, more"),
                ("name: work, ", "", 11, "name is missing"),
                ("better: more", "better: more, tolerance: 5", 11, "whole per cent"),
                ("better: more", "better: more, tolerance: 0%", 11, "whole per cent"),
                ("arms: [eevdf, act]", "arms: [eevdf, cfs]", 12, "no arm 'cfs'"),
                ("arms: [eevdf, act]", "arms: ['scx:']", 12, "which scheduler"),
                ("arms: [eevdf, act]", "arms: ['nice:x']", 12, "only observe and act"),
                ("arms: [eevdf, act]", "arms: [act, act]", 12, "there twice"),
                ("seeds: [1, 7]", "seeds: [1, 1]", 13, "each of them once"),
                ("{seconds}", "{second}", 8, "{second} means nothing"),
                ("load: hog, name: work", "load: hack, name: work", 11, "does not read its work"),
                ("load: hog, name: work, better: more", "load: probe, name: p99_ns, better: less", 10, "each of them once"),
                ("seeds: [1, 7]", "seeds: [0]", 13, "no number from 1"),
        ):
            with self.subTest(new):
                self.refused(old, new, line, reason)

    def test_files_that_are_none(self):
        for text in ("", "# nothing\n", "- 1\n", "just text\n"):
            with self.subTest(text), self.assertRaises(scenario.Refused):
                scenario.parse("x.yaml", text)
        with self.assertRaisesRegex(scenario.Refused, "/nowhere.yaml: No such file"):
            scenario.read("/nowhere.yaml")

    def test_those_we_ship(self):
        folder = f"{TOP}/selftests/lab"
        names = [f for f in os.listdir(folder) if f.endswith(".yaml")]
        self.assertGreater(len(names), 0)
        for name in names:
            self.assertEqual(scenario.read(f"{folder}/{name}").name + ".yaml", name)


def run_of(text=GOOD, arm="act", seed=7):
    return guest.Run(scenario.parse("x.yaml", text), arm, seed)


SAID = """fact kernel 7.3.4
load probe 0
json probe {"load":"probe","samples":2,"p99_ns":20}
raw probe 10
raw probe 20
load hog 0
json hog {"load":"hog","work":5}
load hack 0
out hack Running
out hack Time: 0.100
out hack Time: 0.250
look {"at_ns":1,"armed":1,"vitals":{},"knobs":{}}
verify {"sched_enqueue":{"insns":900,"states":40}}
done
"""


class Guests(unittest.TestCase):
    def test_what_a_guest_is_told(self):
        kind, argument, seconds, text, network, disk, loads = guest.play_arguments(run_of())
        self.assertEqual((kind, argument, seconds, text, network, disk), ("act", "balanced", "63", "", "no", "no"))
        lines = loads.split("\n")
        self.assertEqual(lines[0], "0|yes|probe|probe -p 1000 -d 63 -o /tmp/lab/run/probe.json -R /tmp/lab/run/probe.raw")
        self.assertEqual(lines[1].split(" -d")[0], "1|no|hog|hog -t 2 -s 7")
        self.assertEqual(lines[2], "1|no|hack|hackbench -l 100 62")

    def test_profiles(self):
        with self.assertRaisesRegex(scenario.Refused, "no profile none.yaml in policy/profiles"):
            guest.play_arguments(run_of(arm="act:none"))
        with self.assertRaisesRegex(scenario.Refused, "No such file"):
            guest.play_arguments(run_of(arm="observe:/nowhere.yaml"))
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("name: mine\n")
            file.flush()
            self.assertEqual(guest.play_arguments(run_of(arm=f"act:{file.name}"))[3], "name: mine\n")
        self.assertEqual(guest.play_arguments(run_of(arm="scx:./x/scx_simple -v"))[:2], ["scx", "scx_simple -v"])

    def test_controllers_in_user_space(self):
        for when in ("1s", "10ms", "events"):
            kind, argument, _, text, *_ = guest.play_arguments(run_of(arm=f"user:{when}"))
            self.assertEqual((kind, argument), ("user", when))
            self.assertIn("rules:", text)  # those of the scenario's profile
        for when in ("", ":", ":10", ":0s", ":-p 1", ":event"):
            with self.subTest(when), self.assertRaisesRegex(ValueError, "how often does it look"):
                scenario.parse_arm(f"user{when}")

    def test_policies(self):
        kind, argument, _, text, *_ = guest.play_arguments(run_of(arm="policy:./x/mine.bpf.o"))
        self.assertEqual((kind, argument), ("policy", "mine.bpf.o"))
        self.assertIn("rules:", text)  # those that it takes the place of, and the scenario's knobs
        self.assertEqual(guest.play_arguments(run_of(arm="policy:pi"))[:2], ["policy", "pi.bpf.o"])
        for what in ("", ":", ":mine.c"):
            with self.subTest(what), self.assertRaisesRegex(ValueError, "which one"):
                scenario.parse_arm(f"policy{what}")
        for arms, reason in (("policy:/nowhere/mine.bpf.o", "no such file"), ("policy:{0}/a/x.bpf.o,policy:{0}/b/x.bpf.o", "the same name")):
            with self.subTest(arms), tempfile.TemporaryDirectory() as tmp:
                for name in "ab":
                    os.mkdir(f"{tmp}/{name}")
                    with open(f"{tmp}/{name}/x.bpf.o", "w", encoding="utf-8"):
                        pass
                done = subprocess.run([f"{TOP}/scripts/lab", "run", "hogs", "--arms", arms.format(tmp)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(reason, done.stderr)

    def test_profiles_of_the_lab(self):
        text = guest.play_arguments(run_of(text=GOOD + "profile: reaction\n"))[3]
        self.assertIn("name: reaction", text)

    def test_files_of_arms_differ(self):
        arms = ("act", "act:./a/b.yaml", "act:./a-b.yaml", "act:./A.yaml", "act:./B.yaml")
        self.assertEqual(len({run_of(arm=arm).file for arm in arms}), len(arms))
        self.assertEqual(run_of().file, "act.7")

    def test_figures_of_tools_are_numbers(self):
        text = GOOD.replace("([0-9.]+)", "(.+)")
        for value in ("abc", "nan"):
            with self.subTest(value), self.assertRaisesRegex(guest.Failed, f"'{value}', no number"):
                guest.parse(run_of(text), SAID.replace("0.250", value))

    def test_what_a_guest_says(self):
        record = guest.parse(run_of(), SAID)
        self.assertEqual(record["loads"], {"probe": {"samples": 2, "p99_ns": 20}, "hog": {"work": 5}, "hack": {"time_s": 0.25}})
        self.assertEqual(record["samples"], {"probe": [10, 20]})
        self.assertEqual(record["timeline"][0]["at_ns"], 1)
        self.assertEqual(record["facts"], {"kernel": "7.3.4", "armed_permille": 1000})
        self.assertEqual(record["verifier"], {"sched_enqueue": {"insns": 900, "states": 40}})

    def test_a_part_is_no_result(self):
        for old, new, reason in (("done\n", "", "end in the middle"),
                                 ('json hog {"load":"hog","work":5}\n', "", "hog left no line"),
                                 ('"work":5', '"other":5', "hog has no figure work"),
                                 ("Time: ", "Zeit: ", "hack did not say its time_s"),
                                 ('"work":5}', '"work":5', "a line of the guest's results is broken"),
                                 ("raw probe 10", "raw probe 1x", "a line of the guest's results is broken"),
                                 ('verify {"sched_enqueue":{"insns":900,"states":40}}\n', "", "nothing was recorded of homeostat")):
            with self.subTest(new), self.assertRaisesRegex(guest.Failed, reason):
                guest.parse(run_of(), SAID.replace(old, new))

    def boot(self, code, console=""):
        """guest.boot() with a scripts/vm that only returns a code."""
        with tempfile.TemporaryDirectory() as tmp:
            def vm(command, **_):
                said = mock.MagicMock(returncode=code)
                said.__enter__.return_value = said
                said.communicate.return_value = (None, "vm: no kernel: run scripts/setup\n")
                if code == 2:
                    return said
                with open(command[command.index("-o") + 1], "w", encoding="utf-8") as file:
                    file.write(SAID)
                with open(f"{tmp}/log", "w", encoding="utf-8") as file:
                    file.write(console)
                return said
            with mock.patch("subprocess.Popen", vm):
                return guest.boot(run_of(), "root", f"{tmp}/log")

    def test_how_a_guest_ends(self):
        self.assertEqual(self.boot(0)["seed"], 7)
        for code, reason in ((124, "out of time"), (125, "the guest died"), (1, "exit code 1")):
            with self.subTest(code), self.assertRaisesRegex(guest.Failed, f"(?s)small act seed 7: {reason}.*Kernel panic"):
                self.boot(code, "some\nKernel panic\n")
        for code, console, of_the_arm in ((1, "homeostat did not stay armed", True), (1, "", False), (143, "booting", False), (125, "x", False)):
            with self.subTest((code, console)), self.assertRaises(guest.Failed) as caught:
                self.boot(code, console)
            self.assertEqual(isinstance(caught.exception, guest.ArmFailed), of_the_arm)
        with self.assertRaisesRegex(guest.Failed, "seed 7: vm: no kernel: run scripts/setup"):
            self.boot(2)


def record(arm, seed, p99, work):
    return {"arm": arm, "seed": seed, "loads": {"probe": {"p99_ns": p99}, "hog": {"work": work}, "hack": {"time_s": 0.5}},
            "samples": {"probe": [1, 2]}, "timeline": [], "facts": {}, "verifier": {"sched_enqueue": {"insns": 900, "states": 40}}}


class Results(unittest.TestCase):
    def setUp(self):
        self.what = scenario.parse("x.yaml", GOOD)
        self.records = [record("eevdf", 1, 600000, 100), record("eevdf", 7, 800000, 200),
                        record("act", 1, 6000, 101), record("act", 7, 40000000, 198)]
        self.whole = result.whole(self.what, self.records, ("eevdf", "act"), {"root_sha256": "0"})

    def test_summary(self):
        row = next(r for r in self.whole["summary"] if r["arm"] == "act" and r["load"] == "probe")
        self.assertEqual((row["median"], row["min"], row["max"], row["unit"]), (20003000, 6000, 40000000, "ns"))
        self.assertEqual((row["better_seeds"], row["seeds"]), (1, 2))
        row = next(r for r in self.whole["summary"] if r["arm"] == "act" and r["load"] == "hog")
        self.assertEqual((row["ratio"], row["better_seeds"], row["unit"]), (1.0, 1, "count"))

    def test_nothing_to_compare_with(self):
        records = [record(arm, seed, 1000, work) for arm, works in (("eevdf", (0, 0, 10)), ("act", (500, 500, 9)))
                   for seed, work in enumerate(works)]
        row = next(r for r in result.summary(self.what, records, ("eevdf", "act")) if r["arm"] == "act" and r["load"] == "hog")
        self.assertEqual((row["ratio"], row["better_seeds"]), (None, 2))  # not 0.9, that of the only seed that has one
        self.assertIn("(2/3 better)", result.cell(row))
        self.assertNotIn("better", result.cell(row, False))

    def test_unit_of_a_figure(self):
        for figure, unit in (("p99_ns", "ns"), ("mbit", "Mbit/s"), ("lost_percent", "%"), ("work", "count")):
            self.assertEqual(result.unit_of(figure), unit)

    def test_digest(self):
        again = result.whole(self.what, self.records, ("eevdf", "act"), {"root_sha256": "0"})
        self.assertEqual(self.whole["sha256"], again["sha256"])
        self.records[3]["samples"]["probe"][1] = 3
        changed = result.whole(self.what, self.records, ("eevdf", "act"), {"root_sha256": "0"})
        self.assertNotEqual(self.whole["sha256"], changed["sha256"])
        self.assertEqual(self.whole["runs"][0]["sha256"], changed["runs"][0]["sha256"])
        self.assertNotEqual(self.whole["runs"][3]["sha256"], changed["runs"][3]["sha256"])
        self.assertEqual(result.digest({"a": 1, "b": 2}), result.digest({"b": 2, "a": 1}))

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(result.to_csv(self.whole))))
        self.assertEqual(len(rows), 4 * 3)
        self.assertIn({"scenario": "small", "arm": "act", "seed": "7", "load": "probe", "figure": "p99_ns", "unit": "ns",
                       "value": "40000000"}, rows)

    def test_table(self):
        text = result.table(self.whole)
        self.assertIn("700.0 µs [600.0–800.0]", text)
        self.assertRegex(text, r"act +20.00 ms \[.*\] +×25.005 \(1/2 better\)")
        self.assertRegex(text, r"20.00 ms \[0.01–40.00\]")  # all of it in the unit that is stated
        self.assertNotIn("approximate", text)
        self.assertIn("approximate", result.table({**self.whole, "approximate": True}))

    def test_units(self):
        for name, unit in (("p99_ns", "ns"), ("rate_hz", "hz"), ("work", "count"), ("peak_kib", "KiB"), ("s", "s")):
            self.assertEqual(result.unit_of(name), unit)


class RealTime(unittest.TestCase):
    def setUp(self):
        self.what = scenario.parse("x.yaml", GOOD)
        self.seeds = realtime.seeds_of(None)
        # the machine slows down all the time, by more than act gains
        self.records = []
        for turn, (arm, seed) in enumerate(realtime.order(("eevdf", "act"), self.seeds)):
            p99 = (1000 if arm == "eevdf" else 900) * (1 + turn)
            self.records.append(record(arm, seed, p99, 100 + (seed % 5 if arm == "act" else 2)))
        self.rows = realtime.summary(self.what, self.records, ("eevdf", "act"))

    def row(self, arm, load):
        return next(r for r in self.rows if (r["arm"], r["load"]) == (arm, load))

    def test_there_and_back(self):
        self.assertEqual(realtime.order(("a", "b", "c"), range(1, 5)),
                         [("a", 1), ("b", 1), ("c", 1), ("c", 2), ("b", 2), ("a", 2), ("a", 3), ("b", 3), ("c", 3), ("c", 4), ("b", 4), ("a", 4)])

    def test_seeds(self):
        self.assertEqual(list(self.seeds), list(range(1, 13)))
        self.assertEqual(realtime.seeds_of(20), range(1, 21))
        for few in (2, 10, 13):
            with self.subTest(few), self.assertRaisesRegex(scenario.Refused, f"--seeds {few}: 12 and more are wanted, and an even"):
                realtime.seeds_of(few)

    def test_a_drift_meets_all_arms_alike(self):
        found = self.row("act", "probe")
        self.assertEqual((found["blocks"], found["verdict"], round(found["ratio"], 6)), (6, "better", 0.9))
        self.assertEqual((round(found["ratio_low"], 6), round(found["ratio_high"], 6)), (0.9, 0.9))
        self.assertGreater(found["high"], 5 * found["low"])

    def test_what_is_not_sure_is_open(self):
        self.assertEqual(self.row("act", "hog")["verdict"], "open")
        sure = realtime.interval.Interval(1.2, 1.1, 1.3, 0.97, 6)
        self.assertEqual([realtime.verdict(sure, better) for better in ("less", "more")], ["worse", "better"])

    def test_document_and_table(self):
        document = result.whole(self.what, self.records, ("eevdf", "act"), {}, self.rows)
        self.assertTrue(document["real_time"])
        self.assertNotIn("sha256", document)
        self.assertNotIn("sha256", document["runs"][0])
        text = result.table(document)
        self.assertRegex(text, r"act +[\d.]+ [µm]s \[.*\]  ×0.900 \[0.900–0.900\] better")
        self.assertIn("real time, 6 blocks", text)
        self.assertEqual(text.count("×"), 2)
        big = scenario.parse("x.yaml", GOOD.replace("cpus: 1", "cpus: 2", 1))
        self.assertFalse(result.whole(big, self.records, ("eevdf", "act"), {}, self.rows)["approximate"])
        self.assertTrue(result.whole(big, self.records, ("eevdf", "act"), {})["approximate"])

    def test_nothing_to_take_a_ratio_of(self):
        for one in self.records:
            one["loads"]["hog"]["work"] = 0
        row = next(r for r in realtime.summary(self.what, self.records, ("eevdf", "act")) if (r["arm"], r["load"]) == ("act", "hog"))
        self.assertIsNone(row["ratio"])

    def test_a_turn_that_is_missing_is_no_block(self):
        with self.assertRaises(ValueError):
            realtime.summary(self.what, self.records[:-1], ("eevdf", "act"))

    def test_no_device(self):
        realtime.usable("/dev/null")
        with self.assertRaisesRegex(scenario.Refused, "^--kvm: /nowhere: No such file"):
            realtime.usable("/nowhere")

    def test_more_cpus_than_the_host_has(self):
        realtime.room_for(self.what)
        with self.assertRaisesRegex(scenario.Refused, "small has 64 CPUs, and there are"), \
                mock.patch("os.sched_getaffinity", return_value={0, 1}):
            realtime.room_for(scenario.parse("x.yaml", GOOD.replace("cpus: 1", "cpus: 64", 1)))

    def test_a_host_that_runs_no_guest(self):
        with mock.patch.object(guest, "release"), \
                mock.patch.object(guest, "told", side_effect=guest.Failed("a guest by KVM: out of time")) as told, \
                self.assertRaisesRegex(guest.Failed, "(?s)out of time.*/dev/kvm does not run the lab's kernel"):
            realtime.preflight("/dev/kvm", "scx", "root", "/tmp")
        self.assertEqual(told.call_args[0][1][:4], ["-K", "/dev/kvm", "-k", "scx"])

    def test_a_kernel_that_is_not_there_is_not_the_fault_of_kvm(self):
        with self.assertRaisesRegex(guest.Failed, "no such kernel; run scripts/setup$"):
            realtime.preflight("/dev/kvm", "nowhere", "root", "/tmp")


class Gates(unittest.TestCase):
    def setUp(self):
        self.what = scenario.parse("x.yaml", GOOD.replace("[eevdf, act]", "[observe, act]"))

    def found(self, p99, work):
        return gate.figures(self.what, [record(arm, seed, p99, work) for arm in gate.ARMS for seed in (1, 7)])

    def recorded(self):
        return gate.updated({}, self.found(1000, 100), ["small"])

    def verdicts(self, p99, work):
        rows = gate.compare(self.recorded(), self.found(p99, work), ["small"])
        return {row["name"]: row["verdict"] for row in rows}

    def test_worse_is_what_fails(self):
        probe, hog = "small act probe p99_ns", "small act hog work"
        for p99, work, of_probe, of_hog in ((1000, 100, "same", "same"), (1050, 95, "same", "same"), (1051, 94, "worse", "worse"),
                                            (949, 106, "better", "better")):
            with self.subTest(p99):
                found = self.verdicts(p99, work)
                self.assertEqual((found[probe], found[hog]), (of_probe, of_hog))
        self.assertIn("worse", gate.FAIL)
        self.assertNotIn("better", gate.FAIL)

    def test_what_is_on_one_side_only(self):
        old, new = self.recorded(), self.found(1000, 100)
        new["small act probe p50_ns"] = new.pop("small act probe p99_ns")
        old["other act x"] = 1
        old["verifier sched_gone states"] = 1
        found = {row["name"]: row["verdict"] for row in gate.compare(old, new, ["small"])}
        self.assertEqual(found["small act probe p99_ns"], "gone")
        self.assertEqual(found["small act probe p50_ns"], "not recorded")
        self.assertEqual((found["verifier sched_enqueue states"], found["verifier sched_gone states"]), ("same", "gone"))
        self.assertNotIn("other act x", found)

    def test_table(self):
        text = gate.table(gate.compare(self.recorded(), self.found(2000, 100), ["small"]))
        self.assertRegex(text, r"small act probe p99_ns +1.0 µs +2.0 µs +2.000  worse")
        self.assertIn("4 within their tolerance", text)

    def test_arms_of_the_record(self):
        self.assertEqual(gate.arms(scenario.parse("x.yaml", GOOD)), ["act"])
        with self.assertRaisesRegex(scenario.Refused, "x.yaml: none of its arms is recorded; observe or act"):
            gate.arms(scenario.parse("x.yaml", GOOD.replace("[eevdf, act]", "[eevdf]")))

    def test_the_record(self):
        with tempfile.TemporaryDirectory() as tmp:
            self.assertEqual(gate.read(f"{tmp}/none.json"), {})
            gate.write(f"{tmp}/e.json", self.recorded())
            self.assertEqual(gate.read(f"{tmp}/e.json"), self.recorded())
            with open(f"{tmp}/e.json", "w", encoding="utf-8") as file:
                file.write("{")
            with self.assertRaises(scenario.Refused):
                gate.read(f"{tmp}/e.json")

    def test_the_record_of_other_scenarios_stays(self):
        old = {"other act x": 1, "small act gone": 2, "verifier gone states": 3}
        self.assertEqual(gate.updated(old, self.found(1000, 100), ["small"]), {"other act x": 1, **self.recorded()})


class Pictures(unittest.TestCase):
    def test_latency(self):
        with tempfile.TemporaryDirectory() as tmp:
            self.assertFalse(picture.latency("probe", {"eevdf": []}, f"{tmp}/a.svg"))
            self.assertTrue(picture.latency("pro_be's", {"eevdf": [5000] * 990 + [900000] * 10, "act": [7000]}, f"{tmp}/a.svg"))
            with open(f"{tmp}/a.svg", encoding="utf-8") as file:
                text = file.read()
        self.assertIn("</svg>", text)
        self.assertIn("eevdf", text)

    def test_histogram(self):
        with tempfile.TemporaryDirectory() as tmp:
            self.assertFalse(picture.histogram("reaction", {"act": []}, f"{tmp}/h.svg"))
            self.assertTrue(picture.histogram("reaction", {"act": [5, 1000, 2000, 2000], "user:1s": [10**9]}, f"{tmp}/h.svg"))
            with open(f"{tmp}/h.svg", encoding="utf-8") as file:
                self.assertIn("user:1s", file.read())

    def test_timeline(self):
        knob = {"value": 5, "gen": 1, "changed_ns": 0, "cause": "profile"}
        looks = [{"at_ns": 10**9, "armed": 1, "vitals": {"sched.wait.critical.p99_ns": 5000}, "knobs": {"sched.slice": knob}},
                 {"at_ns": 2 * 10**9, "armed": 1, "vitals": {"sched.wait.critical.p99_ns": 9000},
                  "knobs": {"sched.slice": {**knob, "value": 2, "gen": 2, "changed_ns": 15 * 10**8, "cause": "reflex"}}}]
        document = {"scenario": "small", "seconds": 2, "phases": [{"name": "idle", "start_s": 0, "seconds": 2}]}
        with tempfile.TemporaryDirectory() as tmp:
            self.assertFalse(picture.timeline(document, {"arm": "eevdf", "timeline": []}, f"{tmp}/t.svg"))
            self.assertTrue(picture.timeline(document, {"arm": "act", "timeline": looks}, f"{tmp}/t.svg"))
            with open(f"{tmp}/t.svg", encoding="utf-8") as file:
                text = file.read()
        for word in ("critical", "sched.slice", "reflex", "idle"):
            self.assertIn(word, text)

    def test_no_picture_is_said(self):
        with tempfile.TemporaryDirectory() as tmp:  # who runs this as root would have gnuplot write to whatever is named
            with self.assertRaisesRegex(picture.Unable, "gnuplot"):
                picture.draw("plot nonsense(\n", f"{tmp}/x.svg")
            with mock.patch.dict(os.environ, {"PATH": "/nowhere"}), self.assertRaisesRegex(picture.Unable, "no gnuplot"):
                picture.draw("", f"{tmp}/x.svg")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
