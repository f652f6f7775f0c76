"""Which clone of another node a clone speaks of: the one it is tied to; pure.

A clone of a network interface whose properties quote a machine's id must quote the clone of that machine which it is
tied to. So the rule is that of the relationship between the two; where there is none, it is the clone with the same
number, wrapped.
"""

from __future__ import annotations

import numpy as np

from synthgen.base import Base
from synthgen.clones import Clones, Tie, shifts_of
from synthgen.seeding import I64


class Numbering:
    """Which clone is meant, for any pair of base nodes."""

    def __init__(self, base: Base, clones: Clones, *, others: Tie, seed: int) -> None:
        self._clones = clones
        self._size = base.size
        pairs, shifts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        if others is Tie.SHIFTED:
            for table in base.relationships:
                if table.type in base.profile.containment_types or table.type in base.profile.protected_types:
                    continue
                tied = np.flatnonzero((clones.count[table.start] > 0) & (clones.count[table.end] > 0))
                pairs.append(table.start[tied] * base.size + table.end[tied])
                shifts.append(shifts_of(tied, table.type, seed))
        keys, first = np.unique(np.concatenate(pairs), return_index=True)
        self._pairs, self._shifts = keys, np.concatenate(shifts)[first]

    def rules(self, speakers: I64, meant: I64) -> tuple[I64, I64]:
        """Give shift and period for each pair: the clone with number (c + shift) mod period, for the speaker's c.

        The meant node's own number of clones still wraps the result.
        """
        forward, backward = self._shift(speakers * self._size + meant), self._shift(meant * self._size + speakers)
        own, theirs = np.maximum(self._clones.count[speakers], 1), np.maximum(self._clones.count[meant], 1)
        # A start's clone c is tied to the end's (c + shift) mod its clones; seen from the end it is the other way.
        turned = (forward < 0) & (backward >= 0)
        period = np.where(turned, own, theirs)
        shift = np.where(turned, -backward % own, np.maximum(forward, 0) % theirs)
        return shift, period

    def _shift(self, keys: I64) -> I64:
        if not len(self._pairs):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        return np.where(self._pairs[at] == keys, self._shifts[at], -1)
