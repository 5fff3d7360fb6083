#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""scripts/lab with real guests: the same digest twice, and guests that end in all the wrong ways."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/scripts")
# pylint: disable=wrong-import-position
from labkit import tap  # noqa: E402

only_long = unittest.skipUnless(os.environ.get("LONG"), "only with --long")  # scripts/test

SCENARIO = """name: tiny
about: a probe and hogs, for a moment
phases: {{ idle: 1s, hog: {hog_s}s }}
loads:
  - {{ name: probe, run: probe -p {period_us}, favoured: yes }}
  - {load}
figures:
  - {{ load: probe, name: p99_ns, better: less }}
arms: [eevdf]
profile: {profile}
"""


def scenario_of(load, profile="balanced", period_us=1000, hog_s=1):
    return SCENARIO.format(load=load, profile=profile, period_us=period_us, hog_s=hog_s)


class Guests(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tmp)

    def lab(self, load, *options, **more):
        """The lab's exit code, all that it said, and whether it left a result."""
        with open(f"{self.tmp}/tiny.yaml", "w", encoding="utf-8") as file:
            file.write(scenario_of(load, **more))
        done = subprocess.run([f"{TOP}/scripts/lab", "run", f"{self.tmp}/tiny.yaml", "--out", f"{self.tmp}/out", *options],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout, os.path.exists(f"{self.tmp}/out/tiny/result.json")

    def test_the_same_twice_while_the_machine_is_busy(self):
        busy = subprocess.Popen(["sh", "-c", "while :; do :; done"])
        try:
            code, said, left = self.lab("{ name: hog, run: hog -t 2, phases: [hog] }", "--arms", "eevdf,slice,act", "--verify")
        finally:
            busy.kill()
            busy.wait()
        self.assertEqual((code, left), (0, True), said)
        self.assertNotIn("DIFFERS", said)
        with open(f"{self.tmp}/out/tiny/result.json", encoding="utf-8") as file:
            found = json.load(file)
        self.assertIn(found["sha256"], said)
        stock, _, act = found["runs"]
        self.assertEqual(stock["loads"]["probe"]["samples"], 2000)
        self.assertGreater(stock["loads"]["probe"]["p99_ns"], act["loads"]["probe"]["p99_ns"])
        self.assertGreater(stock["loads"]["hog"]["work"], 0)
        self.assertEqual((len(stock["timeline"]), act["facts"]["armed"]), (0, "true"))
        self.assertGreater(len(act["timeline"]), 20)
        self.assertIn("sched_enqueue", act["verifier"])
        for name in ("result.csv", "table.txt", "latency-probe.svg", "timeline-act.svg", "act.1.probe.txt", "act.1.records.jsonl"):
            self.assertTrue(os.path.getsize(f"{self.tmp}/out/tiny/{name}"), name)

    @only_long
    def test_the_same_twice_when_idle(self):
        # QEMU moves the clock of an idle guest, and that is where it went wrong: one sleep of 100 000, before it recorded
        code, said, left = self.lab("{ name: other, run: probe -p 10000, phases: [hog] }", "--verify", period_us=250, hog_s=24)
        self.assertEqual((code, left), (0, True), said)
        self.assertNotIn("DIFFERS", said)

    @only_long
    def test_reactions(self):
        code, said, left = self.lab("{ name: reaction, run: reaction -g 20 -G 120, phases: [hog] }", "--arms", "act,user:10ms,user:events",
                                    profile="reaction", period_us=500000, hog_s=5)  # a probe each millisecond would help the victim
        self.assertEqual((code, left), (0, True), said)
        with open(f"{self.tmp}/out/tiny/result.json", encoding="utf-8") as file:
            pulse, slow, events = [run["loads"]["reaction"] for run in json.load(file)["runs"]]
        for found in (pulse, slow, events):
            self.assertGreater(found["samples"], 0)
            self.assertEqual(found["missed"], 0)
            self.assertLess(found["p99_ns"], found["used_p99_ns"])
        self.assertLess(pulse["p99_ns"], 1099500 + 20000)  # the profile's 1 ms and a tenth, and 20 us
        self.assertLess(pulse["p99_ns"], slow["p99_ns"])
        self.assertTrue(os.path.getsize(f"{self.tmp}/out/tiny/histogram-reaction.svg"))

    def test_a_trip_in_the_middle(self):
        path = f"{self.tmp}/tripper.yaml"
        with open(f"{TOP}/policy/profiles/balanced.yaml", encoding="utf-8") as file:
            text = file.read()
        text = re.sub("(?ms)^limits:\n.*?^(?=[a-z])", "limits:\n  - { vital: sched.starved_ns, max: 1ms }\n", text)
        with open(path, "w", encoding="utf-8") as file:  # armed again soon, and at the end
            file.write(re.sub("(?m)^trip:.*", "trip: { rearm: 1s, rearm_max: 1s, trips: 16, window: 1h }", text))
        code, said, left = self.lab("{ name: hog, run: hog -t 4, phases: [hog] }", "--arms", f"act:{path}", hog_s=2)
        self.assertEqual((code, left), (1, False), said)
        self.assertRegex(said, "homeostat (tripped meanwhile.*sched.starved_ns|did not stay armed)")

    def test_no_reaction_without_homeostat(self):
        self.fails("{ name: reaction, run: reaction, phases: [hog] }", "exit code 1.*no homeostat runs here")

    @only_long
    def test_a_search_and_once_more_from_its_journal(self):
        for name in ("tiny", "other"):
            with open(f"{self.tmp}/{name}.yaml", "w", encoding="utf-8") as file:
                file.write(scenario_of("{ name: hog, run: hog -t 2, phases: [hog] }").replace("name: tiny", f"name: {name}"))
        with open(f"{self.tmp}/mine.yaml", "w", encoding="utf-8") as file:  # recognises nothing as critical, at first
            file.write("name: mine\nknobs:\n  - { name: sched.critical.budget_permille, value: 30% }\n"
                       "  - { name: sched.recognise.burst_us, value: 1us }\n")
        command = [f"{TOP}/scripts/lab", "search", f"{self.tmp}/mine.yaml", f"{self.tmp}/tiny.yaml", "--held-out", f"{self.tmp}/other.yaml",
                   "--seeds", "1", "--budget", "4", "--out", f"{self.tmp}/search"]
        ends = []
        for _ in range(2):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            with open(f"{self.tmp}/search/evidence.json", encoding="utf-8") as file:
                ends.append((done.returncode, json.load(file)))
            with open(f"{self.tmp}/search/journal.jsonl", encoding="utf-8") as file:
                ends[-1] += (file.read(),)
        self.assertEqual(ends[0], ends[1], done.stdout)
        self.assertIn(ends[0][0], (0, 1), done.stdout)
        self.assertEqual(ends[0][1]["runs"], 4)
        self.assertEqual(len(os.listdir(f"{self.tmp}/search/records")), len(ends[0][2].splitlines()))

    def fails(self, load, reason, *options):
        code, said, left = self.lab(load, *options)
        self.assertEqual((code, left), (1, False), said)
        self.assertRegex(said, f"(?s)tiny eevdf seed 1: {reason}")

    def test_a_guest_that_panics(self):
        self.fails("{ name: bad, tool: 'awk BEGIN{printf\"c\">\"/proc/sysrq-trigger\"}', phases: [hog] }",
                   r"the guest died \(Kernel panic.*sysrq triggered crash\); its console is in ")

    def test_a_load_that_fails(self):
        self.fails("{ name: bad, tool: cat /nowhere, phases: [hog] }", r"exit code 1.*No such file.*these loads failed: bad \(1\)")

    def test_a_guest_that_hangs(self):
        self.fails("{ name: bad, tool: hog -d 3000, phases: [hog] }", "out of time.*its console is in", "--limit", "25")

    def test_a_device_that_is_no_kvm(self):
        done = subprocess.run([f"{TOP}/scripts/vm", "-q", "-K", "/dev/null", "-i", __file__, "--", "true"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 125, done.stdout)
        self.assertRegex(done.stdout, "(?s)failed to initialize kvm.*the guest died")

    def test_a_figure_that_is_not_there(self):
        self.fails("{ name: bad, tool: echo hello, phases: [hog], reads: { time_s: \"Time ([0-9]+)\" } }",
                   "load bad did not say its time_s")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
