"""Cuts parts into batches that may be written side by side; knows frames and ranges, no database and no threads.

Nodes are taken in the order of the part. Relationships are taken in an order that depends on the part alone, whatever
the size and number of batches, so that a range of it means the same rows to the run that resumes. The order: each end
node falls into one of `BUCKETS` of its space, each relationship into the unordered pair of its ends' buckets, and pairs
follow each other along a Z-curve, so that a range of neighbours touches few buckets. Nodes of the base have buckets of
their own: ties to the hubs of the base do not wait for those among the operation's nodes. Batches whose buckets are
disjoint share no end node, in either role, in any part; so several parts are open at once, and where one has nothing
free another may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.ledger import Kind, Range
from synthgen.bundle.manifest import Space

BUCKETS = 8
"""In each of the two spaces. With more, blocks are too small to fill a batch; with fewer, five writers do not fit."""
_OPERATION = (1 << BUCKETS) - 1
_TINY = 16
"""A batch under a sixteenth of the rows asked for waits while others are under way: its commit would cost the most."""
_MOST_OPEN = 4
_AHEAD = 4
"""Parts are opened until there are rows for this many batches of each writer, or `_MOST_OPEN` are open."""

Int64s = npt.NDArray[np.int64]
Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part made ready to be written.

    Attributes:
        text: The Cypher that writes its batches.
        constants: Values for `$batch.constants`.
        frame: Rows for `$batch.lists`, in the load's order.
        pairs: For relationships, per row the bits of its buckets; None for nodes.
        file: Its name, for messages.
    """

    text: str
    constants: Sequence[object]
    frame: pl.DataFrame
    pairs: Int64s | None = None
    file: str = ""


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
        """Give the rows as lists for `$batch.lists`."""
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
    """Gives batches of some parts at once, in the order of the parts as far as the buckets allow."""

    def __init__(self, due: Iterator[DuePart]) -> None:
        self._due = due
        self._open: list[_Segments] = []

    def take(self, rows: int, *, busy: int, writers: int) -> Batch | None:
        """Take up to `rows` rows that touch no bucket of `busy`; None when there are none, or none now.

        With `busy` 0 and nothing under way, None means that everything was given.
        """
        self._open = [part for part in self._open if part.left]
        while len(self._open) < _MOST_OPEN and self._left() < _AHEAD * rows * writers:
            due = next(self._due, None)
            if due is None:
                break
            self._open.append(_Segments(due))
        left = self._left()
        if not left:
            return None
        span = max(2, BUCKETS // min(writers, -(-left // rows)))
        runs = (run for place, part in enumerate(self._open) for run in part.runs(place, rows, busy, span))
        load = self._load()

        def worth(run: _Run) -> tuple[int, int, int]:
            # The heaviest bucket first, since its rows can only be written one batch after the other.
            return min(run.rows, rows // 2), max((load[bucket] for bucket in bits(run.buckets)), default=0), run.rows

        best = max(runs, key=worth, default=None)
        if best is None or (busy and best.rows < min(rows, left) // _TINY):
            return None
        return self._open[best.part].take(best)

    def _left(self) -> int:
        return sum(part.left for part in self._open)

    def _load(self) -> list[int]:
        load = [0] * (2 * BUCKETS)
        for part in self._open:
            for first, until, mask in part.segments:
                for bucket in bits(mask):
                    load[bucket] += until - first
        return load


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring segments, from `begin` to `end`, of an open part, as far as row `until`."""

    part: int
    begin: int
    end: int
    first: int
    until: int
    buckets: int

    @property
    def rows(self) -> int:
        return self.until - self.first


class _Segments:
    """What is left of one part: runs of rows of one pair of buckets, in order: first, until, the bits of buckets."""

    def __init__(self, due: DuePart) -> None:
        self._due = due
        self._opened = due.open()
        self.segments: list[tuple[int, int, int]] = list(_cut(due.gaps, self._opened.pairs))
        self.left = sum(until - first for first, until, _ in self.segments)

    def runs(self, part: int, rows: int, busy: int, span: int) -> Iterator[_Run]:
        """Give for each segment that is free the longest run from there, of at most `span` buckets in each space."""
        for begin, (first, until, own) in enumerate(self.segments):
            if own & busy:
                continue
            buckets, reached, end = own, min(until, first + rows), begin + 1
            while end < len(self.segments) and reached - first < rows:
                start, stop, mask = self.segments[end]
                joined = buckets | mask
                if start != reached or joined & busy or _width(joined) > span:
                    break
                buckets, reached, end = joined, min(stop, first + rows), end + 1
            yield _Run(part, begin, end, first, reached, buckets)

    def take(self, run: _Run) -> Batch:
        """Make a batch of a run; its rows are not given again."""
        _, stop, mask = self.segments[run.end - 1]
        self.segments[run.begin:run.end] = [(run.until, stop, mask)] if run.until < stop else []
        self.left -= run.rows
        place = Range(self._due.kind, self._due.group, self._due.part, run.first, run.rows)
        return Batch(place, self._opened, run.buckets)


def bits(mask: int) -> list[int]:
    """Give the buckets of a mask."""
    return [bucket for bucket in range(2 * BUCKETS) if mask >> bucket & 1]


def _width(mask: int) -> int:
    return max((mask & _OPERATION).bit_count(), (mask >> BUCKETS).bit_count())


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
        starts: What start nodes are known by, as `node_keys` gives it.
        ends: The same of end nodes; one node has one number in both roles.

    Returns:
        The rows in their new order, and for each the bits of its two buckets.
    """
    a, b = _bucket(starts), _bucket(ends)
    low, high = np.minimum(a, b), np.maximum(a, b)
    curve = np.zeros(len(low), dtype=np.int64)
    for bit in range(BUCKETS.bit_length()):
        curve |= ((high >> bit & 1) << (2 * bit + 1)) | ((low >> bit & 1) << (2 * bit))
    order = np.argsort(curve, kind="stable").astype(np.int64)
    masks = (np.int64(1) << low) | (np.int64(1) << high)
    return order, masks[order]


def _bucket(nodes: Int64s) -> Int64s:
    mixed = nodes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    own = (mixed >> np.uint64(64 - (BUCKETS - 1).bit_length())).astype(np.int64)
    return own + BUCKETS * (nodes & 1)


def node_keys(space: Space, numbers: Int64s) -> Int64s:
    """Give one number for a node of either space, by which its bucket is found: odd for the base."""
    return numbers * 2 + (1 if space == "base" else 0)
