"""Cuts parts into batches that may be written side by side; knows frames and ranges, no database and no threads.

Nodes are taken in the order of the part. Relationships are taken in an order that depends on the part alone, whatever
the size and number of batches, so that a range of it means the same rows to the run that resumes. The order: each end
node falls into one of `BUCKETS`, each relationship into the unordered pair of its ends' buckets, and pairs follow each
other along a Z-curve, so that a range of neighbours touches few buckets. Batches whose buckets are disjoint share no
end node, in either role, in any part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.ledger import Kind, Range
from synthgen.bundle.manifest import Space

BUCKETS = 16
_EVERY = (1 << BUCKETS) - 1
_TINY = 4
"""A batch under a quarter of the rows asked for waits while others are under way."""

Int64s = npt.NDArray[np.int64]
Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part made ready to be written.

    Attributes:
        text: The Cypher that writes its batches.
        constants: Values for `$constants`.
        frame: Rows for `$lists`, in the load's order.
        pairs: For relationships, per row the bits of its buckets; None for nodes.
    """

    text: str
    constants: Sequence[object]
    frame: pl.DataFrame
    pairs: Int64s | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A range of an open part; `buckets` has a bit for each bucket it touches."""

    range: Range
    part: OpenPart
    buckets: int = 0

    def halves(self) -> tuple[Batch, Batch]:
        """Cut the batch in two."""
        whole, half = self.range, self.range.rows // 2
        first = Range(whole.kind, whole.group, whole.part, whole.first, half)
        second = Range(whole.kind, whole.group, whole.part, whole.first + half, whole.rows - half)
        return Batch(first, self.part, self.buckets), Batch(second, self.part, self.buckets)

    def rows(self) -> list[tuple[object, ...]]:
        """Give the rows as lists for `$lists`."""
        return self.part.frame.slice(self.range.first, self.range.rows).rows()


@dataclass(frozen=True, slots=True)
class DuePart:
    """A part that has rows to write.

    Attributes:
        kind: What its rows are.
        group: Position of its group in the manifest.
        part: Its position in the group.
        gaps: The ranges that are missing, each from and to, rising.
        open: Reads it.
    """

    kind: Kind
    group: int
    part: int
    gaps: tuple[Gap, ...]
    open: Callable[[], OpenPart]


class Source:
    """Gives batches of one part after the other; the next is opened when nothing of the last is left to give."""

    def __init__(self, due: Iterator[DuePart]) -> None:
        self._due = due
        self._current: tuple[DuePart, OpenPart, _Segments] | None = None

    def take(self, rows: int, *, busy: int, writers: int) -> Batch | None:
        """Take up to `rows` rows that touch no bucket of `busy`; None when there are none, or none now.

        With `busy` 0 and nothing under way, None means that everything was given.
        """
        while True:
            if self._current is None:
                due = next(self._due, None)
                if due is None:
                    return None
                opened = due.open()
                self._current = (due, opened, _Segments(due.gaps, opened.pairs))
            due, opened, segments = self._current
            if not segments.left:
                self._current = None
                continue
            taken = segments.take(rows, busy, writers)
            if taken is None:
                return None
            first, until, buckets = taken
            return Batch(Range(due.kind, due.group, due.part, first, until - first), opened, buckets)


class _Segments:
    """What is left of one part: runs of rows of one pair of buckets, in order."""

    def __init__(self, gaps: Sequence[Gap], pairs: Int64s | None) -> None:
        self._gaps: list[tuple[int, int, int]] = list(_cut(gaps, pairs))
        self.left = sum(until - first for first, until, _ in self._gaps)

    def take(self, rows: int, busy: int, writers: int) -> tuple[int, int, int] | None:
        start = self._choose(busy, writers)
        if start is None:
            return None
        span = self._span(rows, writers)
        first, _, buckets = self._gaps[start]
        until, end = first, start
        while end < len(self._gaps) and until - first < rows:
            begin, stop, mask = self._gaps[end]
            joined = buckets | mask
            if begin != until or joined & busy or (end > start and joined.bit_count() > span):
                break
            buckets, until = joined, min(stop, first + rows)
            end += 1
        if busy and until - first < min(rows, self.left) // _TINY:
            return None
        _, stop, mask = self._gaps[end - 1]
        self._gaps[start:end] = [(until, stop, mask)] if until < stop else []
        self.left -= until - first
        return first, until, buckets

    def _choose(self, busy: int, writers: int) -> int | None:
        """Choose where to begin: at the fullest bucket when it alone would keep everybody waiting, else in order."""
        free = [i for i, (_, _, mask) in enumerate(self._gaps) if not mask & busy]
        if not free or writers == 1:
            return free[0] if free else None
        load = [0] * BUCKETS
        for first, until, mask in self._gaps:
            for bucket in _bits(mask):
                load[bucket] += until - first
        fullest = max(load)
        if fullest * writers <= self.left:
            return free[0]
        return max(free, key=lambda i: max((load[bucket] for bucket in _bits(self._gaps[i][2])), default=0))

    def _span(self, rows: int, writers: int) -> int:
        """How many buckets a batch may touch: enough to hold its rows, few enough that all writers find some."""
        useful = min(writers, -(-self.left // rows))
        enough = math.ceil(BUCKETS * math.sqrt(rows / self.left)) + 1
        return max(2, min(BUCKETS // useful, enough))


def _bits(mask: int) -> list[int]:
    return [bucket for bucket in range(BUCKETS) if mask >> bucket & 1]


def _cut(gaps: Sequence[Gap], pairs: Int64s | None) -> Iterator[tuple[int, int, int]]:
    for first, until in gaps:
        if pairs is None:
            yield first, until, 0
            continue
        inside = pairs[first:until]
        borders = [0, *(np.flatnonzero(np.diff(inside)) + 1).tolist(), until - first]
        for begin, stop in pairwise(borders):
            yield first + begin, first + stop, int(inside[begin])


def gaps_between(done: Sequence[Gap], rows: int) -> tuple[Gap, ...]:
    """Give what `done` leaves of `rows` rows.

    Raises:
        ValueError: `done` has ranges that overlap or lie outside.
    """
    gaps, reached = [], 0
    for first, until in sorted(done):
        if not reached <= first < until <= rows:
            raise ValueError(f"rows {first} to {until} overlap others or lie outside of {rows} rows")
        if reached < first:
            gaps.append((reached, first))
        reached = until
    if reached < rows:
        gaps.append((reached, rows))
    return tuple(gaps)


def order_by_buckets(starts: Int64s, ends: Int64s) -> tuple[Int64s, Int64s]:
    """Order relationships for writing side by side.

    Args:
        starts: What start nodes are known by, in any run the same.
        ends: The same of end nodes; one node has one number in both roles.

    Returns:
        The rows in their new order, and for each the bits of its two buckets.
    """
    a, b = _bucket(starts), _bucket(ends)
    low, high = np.minimum(a, b), np.maximum(a, b)
    curve = np.zeros(len(low), dtype=np.int64)
    for bit in range((BUCKETS - 1).bit_length()):
        curve |= ((high >> bit & 1) << (2 * bit + 1)) | ((low >> bit & 1) << (2 * bit))
    order = np.argsort(curve, kind="stable").astype(np.int64)
    masks = (np.int64(1) << low) | (np.int64(1) << high)
    return order, masks[order]


def _bucket(nodes: Int64s) -> Int64s:
    mixed = nodes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(64 - (BUCKETS - 1).bit_length())).astype(np.int64)


def node_keys(space: Space, numbers: Int64s) -> Int64s:
    """Give one number for a node of either space, by which its bucket is found."""
    return numbers * 2 + (1 if space == "base" else 0)
