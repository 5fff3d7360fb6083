# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""A median and how sure of it one can be, whatever the values are distributed like."""

import math
import statistics
from dataclasses import dataclass

CONFIDENCE = 0.95
VALUES_MIN = 6  # with fewer, not even the whole range covers the median with that confidence


@dataclass(frozen=True)
class Interval:
    """The median of `n` values; `low` to `high` holds the true one with probability `coverage`."""
    median: float
    low: float
    high: float
    coverage: float
    n: int

    def against(self, limit):
        """Is it at most `limit`: 'kept', 'missed', or 'open' where the interval holds the limit."""
        if self.high <= limit:
            return "kept"
        return "missed" if self.low > limit else "open"


def of_median(values):
    """By order statistics (the sign test turned round): each value is below the true median as a coin falls.
    The shortest such interval that covers at least CONFIDENCE."""
    n = len(values)
    if n < VALUES_MIN:
        raise ValueError(f"{n} values are too few for an interval, {VALUES_MIN} is the least")
    ordered = sorted(values)
    below, outside = 0, 0  # so many from either end are left out, and how probable it is to err with that
    while True:
        more = outside + 2 * math.comb(n, below) / 2 ** n
        if more > 1 - CONFIDENCE:
            break
        below, outside = below + 1, more
    return Interval(statistics.median(ordered), ordered[below - 1], ordered[n - below], 1 - outside, n)


def ratios(arm, base):
    """Block by block: what the arm's visits took, by what the base's took between them."""
    return [sum(a) / sum(b) for a, b in zip(arm, base, strict=True)]


def differences(arm, base):
    """Likewise; the mean visit's difference."""
    return [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(arm, base, strict=True)]
