"""How many ids differ, guessed from symbols that do not tell yet, and how many symbols name that many.

The difference of two symbols' numbers is a sum of +1 and -1 over the differing ids that hit it. Around the share of the
known difference of counts it scatters with variance d p (1 - p), p = 1 / (1 + i / 2): so it tells d without a byte,
with an error of sqrt(2 / n) from n symbols (29 % from 24). One-sided differences are told exactly by the counts.

Symbols that are asked for in vain cost bytes; symbols that are too few cost a round trip, and are used all the same. So
the guess stays near the middle, and the counts are left only for a scatter that they cannot explain: at 2.4 errors one
of eight runs with one-sided differences asked for twice what it needed.
"""

from __future__ import annotations

import math

import numpy as np

from lumbung_cluster import limits
from lumbung_cluster.inventory.symbols import Symbols

__all__ = ["estimate", "wanted_symbols"]

_FIRST = 8  # the first symbols are hit by nearly all: their numbers scatter too little
_LEAST = 16  # symbols below which the scatter says nothing
_BEYOND_COUNTS = 4.0  # errors by which the scatter must exceed what the counts explain
_ROOM = 1.5  # errors of room above the scatter: who asks a third time must not ask a fourth
_ROOM_FIRST = 0.0  # from the first few symbols: their error is so large that the next guess is far better


def estimate(surplus: int, difference: Symbols) -> int:
    """About how many ids differ; `surplus` is our count less theirs, `difference` our symbols minus theirs."""
    exact = abs(surplus) * 1.05
    if len(difference) < _LEAST:
        return math.ceil(exact)
    shares = 1.0 / (1.0 + np.arange(_FIRST, len(difference)) / 2.0)
    apart = difference.counts[_FIRST:].astype(np.float64) - surplus * shares
    apart = (apart + 128.0) % 256.0 - 128.0  # numbers are modulo 256
    scattered = float(np.mean(apart * apart / (shares * (1.0 - shares))))
    error = math.sqrt(2.0 / len(shares))
    if scattered <= abs(surplus) * (1.0 + _BEYOND_COUNTS * error):
        return math.ceil(exact)
    room = _ROOM_FIRST if len(difference) <= limits.RECONCILE_EAGER_SYMBOLS else _ROOM
    return math.ceil(max(exact, scattered * (1.0 + room * error)))


def wanted_symbols(differences: int) -> int:
    """How many symbols name that many differences, nearly always: 1.35 d in the mean, with room for bad luck."""
    return math.ceil(1.35 * differences + 4.0 * math.sqrt(differences) + 6.0)
