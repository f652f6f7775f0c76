"""Ties together what a part-copy has cut: starts whose end is not copied with ends whose start is not; pure.

A part-copy of a share p of the nodes holds both ends of a share p² of the relationships only. The others are stubs, as
many on the one side as on the other but for chance, and are matched as the configuration model does (Newman:
"Networks", 2018, chapter 12), so that copies have the degrees of their originals.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from synthgen.base import Base, BaseRelationships
from synthgen.clones import Clones
from synthgen.quoting import Quoting
from synthgen.seeding import I64, derive_seed, permute

_TRIES = 8


class Stubs:
    """Matches the stubs of the last copy, which not every node has.

    Relationships that a property repeats (`synthgen.quoting`) are left out: the property says which end is meant.
    """

    def __init__(self, base: Base, clones: Clones, quoting: Quoting, *, seed: int) -> None:
        self._kinds = base.resource_types.rank("dense").cast(pl.Int64).to_numpy()
        self._quoting = quoting
        whole = np.array([group.whole for group in clones.groups], np.int64)
        cloned = clones.group_of >= 0
        self._extra = cloned.copy()
        self._extra[cloned] = clones.count[cloned] > whole[clones.group_of[cloned]]
        self._seed = seed

    def matched(self, table: BaseRelationships, picks: I64) -> tuple[I64, BaseRelationships, int]:
        """Match the stubs of these relationships, all between the clones of two groups.

        Returns:
            Row numbers of the relationships whose start has another end now, the table with these ends, and how many
            starts have none.
        """
        has_start, has_end = self._extra[table.start[picks]], self._extra[table.end[picks]]
        free = ~self._quoting.repeated(table, picks)
        starts, ends = picks[has_start & ~has_end & free], picks[has_end & ~has_start & free]
        whole = picks[has_start & has_end]
        pairs = set(zip(table.start[whole].tolist(), table.end[whole].tolist(), strict=True))
        end: I64 = table.end.copy()
        rows: list[int] = []
        for attempt in range(_TRIES):
            if not len(starts) or not len(ends):
                break
            seed = derive_seed(self._seed, table.type, attempt)
            at, into = self._side_by_side(table, _shuffled(starts, seed), _shuffled(ends, derive_seed(seed, "ends")))
            done = []
            for row, other in zip(at.tolist(), into.tolist(), strict=True):
                pair = int(table.start[row]), int(table.end[other])
                if pair not in pairs and pair[0] != pair[1]:
                    pairs.add(pair)
                    end[row] = pair[1]
                    done.append((row, other))
            rows += (row for row, _ in done)
            starts = np.setdiff1d(starts, [row for row, _ in done])
            ends = np.setdiff1d(ends, [other for _, other in done])
        return np.array(sorted(rows), np.int64), replace(table, end=end), int((has_start & ~has_end).sum()) - len(rows)

    def _side_by_side(self, table: BaseRelationships, starts: I64, ends: I64) -> tuple[I64, I64]:
        """Put the starts and the ends of each pattern side by side, as far as there are both."""
        ours, theirs = self._turns(table, starts), self._turns(table, ends)
        both = ours.join(theirs, on=["pattern", "turn"], how="inner", maintain_order="left")
        return both["row"].to_numpy(), both["row_right"].to_numpy()

    def _turns(self, table: BaseRelationships, rows: I64) -> pl.DataFrame:
        pattern = self._kinds[table.start[rows]] * (int(self._kinds.max()) + 1) + self._kinds[table.end[rows]]
        return pl.DataFrame({"row": rows, "pattern": pattern}).with_columns(
            turn=pl.int_range(pl.len()).over("pattern"))


def _shuffled(rows: I64, seed: int) -> I64:
    return rows[permute(np.arange(len(rows), dtype=np.int64), seed, len(rows))]
