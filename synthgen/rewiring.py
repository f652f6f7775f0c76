"""Swaps the ends of base relationships within their pattern, keeping every degree; pure.

The swaps are those of Maslov and Sneppen ("Specificity and stability in topology of protein networks", Science 296,
2002): two relationships exchange their ends unless that would make a loop or a second relationship of one pair.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl

from synthgen.base import Base, BaseRelationships
from synthgen.quoting import Quoting
from synthgen.seeding import I64, derive_seed, mix, pick

_TRIES = 8


class Rewiring:
    """Swaps the ends of a share of the relationships of each pattern.

    Relationships that a property repeats (`synthgen.quoting`) stay, or what the property says would be wrong.
    """

    def __init__(self, base: Base, quoting: Quoting, *, share: float, seed: int) -> None:
        self._kinds = base.resource_types.rank("dense").cast(pl.Int64).to_numpy()
        self._quoting = quoting
        self._most = max(int(Fraction(str(share)) * (1 << 64)) - 1, 0)
        self._seed = seed

    def swapped(self, table: BaseRelationships, picks: I64) -> tuple[I64, BaseRelationships]:
        """Swap ends among these relationships, all between two tables of nodes.

        Returns:
            Row numbers of those that have another end now, and the table with the new ends.
        """
        chance = mix(picks, derive_seed(self._seed, "swapped", table.type))
        chosen = picks[(chance <= np.uint64(self._most)) & ~self._quoting.repeated(table, picks)]
        end: I64 = table.end.copy()
        if len(chosen) > 1:
            self._swap(table.start, end, picks, chosen, derive_seed(self._seed, "partner", table.type))
        return chosen[end[chosen] != table.end[chosen]], replace(table, end=end)

    def _swap(self, start: I64, end: I64, picks: I64, chosen: I64, seed: int) -> None:
        pairs = set(zip(start[picks].tolist(), end[picks].tolist(), strict=True))
        pattern = self._kinds[start[chosen]] * (int(self._kinds.max()) + 1) + self._kinds[end[chosen]]
        chosen, pattern = chosen[np.argsort(pattern, kind="stable")], np.sort(pattern)
        begin, stop = np.searchsorted(pattern, pattern), np.searchsorted(pattern, pattern, side="right")
        for attempt in range(_TRIES):
            drawn = pick(chosen, derive_seed(seed, attempt), 1 << 62)
            for one, other in zip(chosen.tolist(), chosen[begin + drawn % (stop - begin)].tolist(), strict=True):
                made = {(start[one], end[other]), (start[other], end[one])}
                if end[one] == end[other] or start[one] == start[other] or made & pairs or any(a == b for a, b in made):
                    continue
                pairs -= {(start[one], end[one]), (start[other], end[other])}
                pairs |= made
                end[one], end[other] = end[other], end[one]
