# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Where the candidates of a search are run, and what stays of them: journal, training records, profile and evidence."""

import json
import os
import time

from labkit import guest, profile, search, training
from labkit.journal import Journal
from labkit.result import write

ARM = "act:found.yaml"  # the same for all candidates: the guest is told it, and each byte of that counts


class Farm:
    """Evaluates tries of a search: from the journal, or in guests."""

    def __init__(self, root, made_with, out, options, say):
        self.root, self.made_with, self.out, self.options = root, made_with, out, options
        self.journal = Journal(f"{out}/journal.jsonl", say)
        self.seconds, self.ran = 0.0, 0
        for folder in ("consoles", "records"):
            os.makedirs(f"{out}/{folder}", exist_ok=True)

    def _key(self, run):
        return {"profile": profile.sha256(run.text), "scenario": run.scenario.sha256, "seed": run.seed, **self.made_with,
                "kernel": guest.release(run.scenario.kernel)}

    def __call__(self, tries):
        runs = [guest.Run(t.scenario, ARM, t.seed, t.text) for t in tries]
        new = [run for run in runs if self.journal.get(self._key(run)) is None]
        begun = time.monotonic()
        guest.each(new, self.options.jobs, self._one, lambda run, outcome: self.journal.add(self._key(run), outcome))
        self.seconds, self.ran = self.seconds + time.monotonic() - begun, self.ran + len(new)
        return [self.journal.get(self._key(run)) for run in runs]

    def _one(self, run):
        name = f"{run.scenario.name}.{run.seed}.{profile.sha256(run.text)[:12]}"
        try:
            record = guest.boot(run, self.root, f"{self.out}/consoles/{name}.log", self.options.limit)
        except guest.ArmFailed as error:
            return {"failed": str(error)}
        record["profile"] = guest.profile_facts(run)
        write(f"{self.out}/records", f"{name}.records.jsonl", training.to_lines(training.records(run.scenario, record)))
        return {"figures": {figure.title: record["loads"][figure.load][figure.name] for figure in run.scenario.figures}}

    def estimate(self, runs):
        """How long so many runs take, by those that were done since it began; for people."""
        return f"{runs * self.seconds / self.ran / 60:.0f} min left at most" if self.ran else "all of it known already"


def finish(out, evidence, tunable, values, ended, say):
    """Writes what the search ended with; 0 when its end is good. A profile that is not better leaves no file."""
    name = f"{tunable.name}.yaml"
    if os.path.exists(f"{out}/{name}"):
        os.unlink(f"{out}/{name}")
    text = tunable.text(values)
    evidence = {**evidence, "found_sha256": profile.sha256(text), "changes": tunable.changes(values), "text": text, **(ended or {"holds": False})}
    if ended:
        write(out, "table.txt", search.table(ended["figures"]) + "\n")
        print("\n" + search.table(ended["figures"]))
        for change in evidence["changes"]:
            print(f"  {change['title']}: {change['from']} -> {change['to']}")
    write(out, "evidence.json", json.dumps(evidence, indent=1, sort_keys=True) + "\n")
    if not evidence["holds"]:
        why = "nothing better was found" if not ended else f"worse in {', '.join(ended['worse'])}" if ended["worse"] else "not better with each seed"
        say(f"{tunable.origin} stays: {why}; the evidence is in {out}")
        return 1
    write(out, name, text)
    say(f"{out}/{name} is better than {tunable.origin} with each seed, and not worse on what was held out; evidence beside it")
    return 0
