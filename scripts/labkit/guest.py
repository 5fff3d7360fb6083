# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""One run: a scenario's arm with one seed, in a lab guest of its own. Makes numbers of what the guest says."""

import concurrent.futures
import hashlib
import json
import math
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

from labkit import BUILD, TOP, profile
from labkit.scenario import HOMEOSTAT, parse_arm, policy_object

REAL_SECONDS_PER_GUEST_SECOND = 60  # a busy one takes 1.5 to 9, on a machine that does nothing else
REAL_SECONDS_MIN = 600


running = set()  # the guests


class Failed(Exception):
    """A run that came to nothing: why, and where its console is."""


class ArmFailed(Failed):
    """The guest was well, and said itself that the arm, or a load beside it, did not hold."""


@dataclass(frozen=True)
class Run:
    scenario: object
    arm: str
    seed: int
    text: str = None  # of its profile, where the arm's argument is but a name for it

    @property
    def title(self):
        return f"{self.scenario.name} {self.arm} seed {self.seed}"

    @property
    def file(self):
        return f"{file_of(self.arm)}.{self.seed}"


def file_of(arm):
    """An arm's name as part of a file's; no two have the same."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", arm)
    return plain if plain == arm else f"{plain}-{hashlib.sha256(arm.encode()).hexdigest()[:6]}"


def profile_of(run):
    """What play.sh is told of the profile: (name or path, text)."""
    kind, argument = parse_arm(run.arm)
    if kind == "scx":  # its program lies in the guest's path
        words = argument.split()
        return " ".join([os.path.basename(words[0]), *words[1:]]), ""
    if kind not in HOMEOSTAT:
        return argument, ""
    if run.text is not None:
        return argument, run.text
    wanted = run.scenario.profile if kind in ("user", "policy") else argument or run.scenario.profile
    path = profile.file_of(wanted)
    if kind == "policy":
        return os.path.basename(policy_object(argument)), profile.read(path)
    if kind == "user":  # what it is told is when to look
        return argument, profile.read(path)
    return wanted, "" if path == profile.shipped(wanted) else profile.read(path)


def profile_facts(run):
    """What is to be known of a run's profile afterwards; None where it has none."""
    if parse_arm(run.arm)[0] not in HOMEOSTAT:
        return None
    name, text = profile_of(run)
    text = text or profile.read(profile.file_of(name))
    said = profile.check(text, name)
    return {"name": said["name"], "sha256": profile.sha256(text), "weights": said["weights"]}


def command_of(load, seed):
    """The command line of a load: placeholders replaced, and what a program of the lab is always told."""
    values = {"{seconds}": str(load.seconds), "{seed}": str(seed)}
    command = re.sub(r"\{[a-z]+\}", lambda found: values.get(found[0], found[0]), load.command)
    if load.ours:
        command += f" -d {load.seconds} -o /tmp/lab/run/{load.name}.json -R /tmp/lab/run/{load.name}.raw"
    return command


def play_arguments(run):
    kind, _ = parse_arm(run.arm)
    argument, text = profile_of(run)
    loads = "\n".join(f"{load.start_s}|{'yes' if load.favoured else 'no'}|{load.name}|{command_of(load, run.seed)}"
                      for load in run.scenario.loads)
    has = ["yes" if there else "no" for there in (run.scenario.network, run.scenario.disk)]
    return [kind, argument, str(run.scenario.seconds), text, *has, loads]


def _tool_figures(run, load, said):
    """The numbers that a scenario reads out of what a program printed. The last of several counts."""
    figures = {}
    for name, pattern in load.reads.items():
        found = re.findall(pattern, said, re.MULTILINE)
        if not found:
            raise Failed(f"{run.title}: load {load.name} did not say its {name} (/{pattern}/)")
        try:
            figures[name] = float(found[-1])
        except ValueError:
            figures[name] = math.nan
        if not math.isfinite(figures[name]):
            raise Failed(f"{run.title}: load {load.name}: its {name} is '{found[-1]}', no number (/{pattern}/)")
    return figures


def parse(run, text):
    """What play.sh told, as one record. Failed where something is missing or broken: a part is no result."""
    try:
        return _parse(run, text)
    except ValueError as error:
        raise Failed(f"{run.title}: a line of the guest's results is broken: {error}") from error


def _parse(run, text):
    lines = text.replace("\r", "").split("\n")
    if "done" not in lines:
        raise Failed(f"{run.title}: the guest's results end in the middle")
    json_lines, raw, out, looks, facts, verifier = {}, {}, {}, [], {}, {}
    for line in lines:
        word, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        if word == "json":
            json_lines[name] = json.loads(value)
        elif word == "raw":
            raw.setdefault(name, []).append(int(value))
        elif word == "out":
            out.setdefault(name, []).append(value)
        elif word == "look":
            looks.append(json.loads(rest))
        elif word == "verify":
            verifier = json.loads(rest)
        elif word == "fact":
            facts[name] = f"{facts[name]}; {value}" if name in facts else value
    loads = {}
    for load in run.scenario.loads:
        if load.ours:
            if load.name not in json_lines:
                raise Failed(f"{run.title}: load {load.name} left no line of results")
            loads[load.name] = {k: v for k, v in json_lines[load.name].items() if isinstance(v, (int, float))}
        else:
            loads[load.name] = _tool_figures(run, load, "\n".join(out.get(load.name, [])))
    for figure in run.scenario.figures:
        if figure.name not in loads[figure.load]:
            raise Failed(f"{run.title}: load {figure.load} has no figure {figure.name}; "
                         f"it has {', '.join(loads[figure.load]) or 'none'}")
    if parse_arm(run.arm)[0] in HOMEOSTAT and not (looks and verifier):
        raise Failed(f"{run.title}: nothing was recorded of homeostat")
    if looks:  # less than 1000 in arm act: it went to look at stock meanwhile ("am I helping?")
        facts["armed_permille"] = sum(look["armed"] for look in looks) * 1000 // len(looks)
    return {"arm": run.arm, "seed": run.seed, "loads": loads, "samples": raw, "timeline": looks, "facts": facts,
            "verifier": verifier}


def boot(run, root, log, limit_s=None, kvm=None):
    """Boots the guest, returns its record. Failed with the end of its console where there is none, also when
    it has taken `limit_s` seconds of real time. `kvm`: the device by which it runs in real time."""
    scenario = run.scenario
    options = ["-k", scenario.kernel, "-c", str(scenario.cpus), "-n", str(scenario.nodes), "-m", str(scenario.memory_mib),
               "-s", str(run.seed),
               "-t", str(limit_s or max(REAL_SECONDS_MIN, scenario.seconds * REAL_SECONDS_PER_GUEST_SECOND)),
               *(["-K", kvm] if kvm else [])]
    return parse(run, told(run.title, options, root, log, ["/lab/play.sh", *play_arguments(run)]))


def told(title, options, root, log, script):
    """What a script says that runs in a guest of its own; Failed where that came to nothing."""
    with tempfile.TemporaryDirectory() as tmp:
        command = [f"{TOP}/scripts/vm", "-q", *options, "-i", root, "-l", log, "-o", f"{tmp}/results", "--", "/bin/sh", *script]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, errors="replace") as vm:
            running.add(vm)
            said = vm.communicate()[1]
            running.discard(vm)
        if not os.path.exists(log):  # it never began
            raise Failed(f"{title}: {said.strip() or f'exit code {vm.returncode}'}")
        if vm.returncode:
            reason = {124: "out of time (--limit gives it more)", 125: "the guest died"}.get(vm.returncode, f"exit code {vm.returncode}")
            # a script ends with 1; a full disk or a signal here must not be taken for that
            kind = ArmFailed if vm.returncode == 1 and os.path.getsize(log) else Failed
            ending = last_lines(log, 12) or "".join(f"    {line}\n" for line in said.splitlines()[-12:])  # QEMU's own
            raise kind(f"{title}: {reason}{complaint(log)}; its console is in {log}, it ends so:\n{ending}")
        with open(f"{tmp}/results", encoding="utf-8", errors="replace") as file:
            return file.read()


def release(kernel):
    """Which one a scenario's kernel is on this machine."""
    path = f"{BUILD}/deps/kernels/{kernel}/release"
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}: no such kernel; run scripts/setup") from error


def each(runs, jobs, one, done):
    """one(run) for all of them, so many at a time; done(run, result) as they come. The results, in the order of runs.
    The first that fails ends all guests."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(one, run): run for run in runs}
        try:
            for future in concurrent.futures.as_completed(futures):
                done(futures[future], future.result())
        except BaseException:
            for future in futures:
                future.cancel()
            end_all()
            raise
    return [future.result() for future in futures]


def end_all():
    """Ends the guests that run: nobody waits for their results any more."""
    for vm in list(running):
        vm.terminate()


def complaint(path):
    """The kernel's first word of what went wrong, in brackets; '' where there is none."""
    with open(path, encoding="utf-8", errors="replace") as file:
        found = re.search(r"(Kernel panic|BUG:|Oops:|WARNING:|Out of memory:).*", file.read())
    return f" ({found[0].strip()})" if found else ""


def last_lines(path, count):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(f"    {line.rstrip()}\n" for line in file.readlines()[-count:])
    except OSError as error:
        return f"    ({error.strerror})\n"
