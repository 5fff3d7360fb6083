# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""Real time, by KVM: nothing repeats there, so arms take turns, and a figure comes with how sure of it one can be.

Each two seeds are a block, in which every arm has its turn there and back (a, b, b, a): what grows slower or faster
meanwhile, the machine's temperature or its other work, meets all of them alike. Ratios are taken within a block.
"""

import contextlib
import os
import platform
import re
import statistics
import time

from labkit import guest, interval
from labkit.result import figures, of_arm, unit_of
from labkit.scenario import Refused

DEVICE = "/dev/kvm"
SEEDS_MIN = 2 * interval.VALUES_MIN
BOOT_LIMIT_S = 60  # a guest takes one or two


def seeds_of(wanted):
    """The seeds 1 to `wanted`, of which each two are a block; Refused where they make no interval."""
    count = wanted or SEEDS_MIN
    if count % 2 or count < SEEDS_MIN:
        raise Refused(f"--kvm with --seeds {count}: {SEEDS_MIN} and more are wanted, and an even number: "
                      f"each two are a block, and {interval.VALUES_MIN} blocks are the least that has an interval of 95 %")
    return range(1, count + 1)


def order(arms, seeds):
    """What runs after what: (arm, seed)s, there and back."""
    return [(arm, seed) for seed in seeds for arm in (arms if seed % 2 else arms[::-1])]


def room_for(scenario):
    """Refused where the guest's CPUs would take turns on those of this machine."""
    here = len(os.sched_getaffinity(0))
    if scenario.cpus > here:
        raise Refused(f"--kvm: {scenario.name} has {scenario.cpus} CPUs, and there are {here} here")


def usable(device):
    """Refused where this user cannot use it; whether it runs a kernel is for `preflight` to find out."""
    try:
        os.close(os.open(device, os.O_RDWR))
    except OSError as error:
        raise Refused(f"--kvm: {device}: {error.strerror}; without --kvm the lab needs nothing of the host") from error


def preflight(device, kernel, root, folder):
    """Failed where no guest comes up: now, and not in the middle of an experiment. Its console is in `folder`."""
    guest.release(kernel)  # that there is none has nothing to do with KVM
    log = f"{folder}/kvm.log"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(log)  # of an earlier time
    try:
        guest.told("a guest by KVM", ["-K", device, "-k", kernel, "-t", str(BOOT_LIMIT_S)], root, log, ["-c", "exit 0"])
    except guest.Failed as error:
        raise guest.Failed(f"{error}\n{device} does not run the lab's kernel (is this a virtual machine itself?); "
                           "without --kvm it is not needed") from error


def machine():
    """What was measured on, without names of places."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return {"kernel": platform.release().split("-")[0], "cpu": model[1] if model else "unknown", "cpus": os.cpu_count(),
            "load_average": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d", time.gmtime())}


def blocks(records, arm, figure):
    """One figure of an arm: a pair for each block, in their order."""
    values = figures(sorted(of_arm(records, arm), key=lambda record: record["seed"]), figure.load, figure.name)
    return list(zip(values[::2], values[1::2], strict=True))


def verdict(ratio, better):
    """Of an interval of ratios: 'better' or 'worse' when all of it is, else 'open'."""
    if ratio.low <= 1 <= ratio.high:
        return "open"
    return "better" if (ratio.high < 1) == (better == "less") else "worse"


def summary(scenario, records, arms):
    """Per arm and compared figure: the median over the blocks, its ratio to the first arm's, and both intervals."""
    rows = []
    for figure in scenario.figures:
        first = blocks(records, arms[0], figure)
        for arm in arms:
            mine = blocks(records, arm, figure)
            value = interval.of_median([statistics.mean(pair) for pair in mine])
            row = {"arm": arm, "load": figure.load, "figure": figure.name, "unit": unit_of(figure.name), "better": figure.better,
                   "median": value.median, "low": value.low, "high": value.high, "coverage": value.coverage, "blocks": value.n,
                   "ratio": None}
            if arm != arms[0] and all(sum(pair) for pair in first):
                ratio = interval.of_median(interval.ratios(mine, first))
                row.update(ratio=ratio.median, ratio_low=ratio.low, ratio_high=ratio.high, verdict=verdict(ratio, figure.better))
            rows.append(row)
    return rows
