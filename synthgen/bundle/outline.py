"""Which files a growth becomes, as data: groups, and parts that can be made in any order; knows no folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import polars as pl

from synthgen.bundle.layout import Layout, node_layout, relationship_layout
from synthgen.bundle.manifest import Counts, Pattern
from synthgen.bundle.records import Records, records_of
from synthgen.copies import Copies
from synthgen.files import text_digest
from synthgen.graph import END, START
from synthgen.growth import Growth, NodeBlock, RelationshipBlock
from synthgen.metadata import Stamp
from synthgen.stamping import stamped, stamped_types

Block = TypeVar("Block", NodeBlock, RelationshipBlock)


@dataclass(frozen=True, slots=True)
class PartRows:
    """How many rows a part has at most."""

    nodes: int
    relationships: int


_RECORDS_AT_ONCE = 4_000
"""So many are still in the processor's cache when they are digested and written."""
_NODES_AT_ONCE, _RELATIONSHIPS_AT_ONCE = 50_000, 250_000
"""Of rows that are made one by one: fewer take longer, more take more memory."""
PART_ROWS = PartRows(200_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows of a part, written.

    Attributes:
        octets: Their records.
        longest: How long the longest is; see `Layout.write`.
        ends: What relationships end at, start and end; nothing for nodes.
    """

    octets: memoryview
    longest: int
    ends: tuple[pl.Series, ...] = ()


@dataclass(frozen=True)
class NodesOutline:
    """Nodes that share a header; `first` is the import id of the first one."""

    name: str
    blocks: tuple[NodeBlock, ...]
    layout: Layout
    rows: int
    first: int
    stamp: Stamp

    def make(self, start: int, stop: int) -> tuple[pl.DataFrame, list[pl.Series]]:
        """Make rows start … stop - 1: the properties of `layout.types`, and the columns of numbers before them."""
        frame = _joined([stamped(block.make(low, high), block, self.stamp)
                         for block, low, high in _ranges(self.blocks, start, stop)])
        return frame, [pl.Series(np.arange(self.first + start, self.first + stop))]

    @cached_property
    def records(self) -> Sequence[Records] | None:
        """The records of each block, where all are copies whose records can be cut; else None."""
        found = []
        for block in self.blocks:
            if not isinstance(block.make, Copies):
                return None
            records = records_of(self.layout, stamped(block.make.frame, block, self.stamp), block.make,
                                 at_once=_RECORDS_AT_ONCE)
            if records is None:
                return None
            found.append(records)
        return found

    def written(self, start: int, stop: int) -> Iterator[Stretch]:
        """Write rows start … stop - 1, some at a time: by their `records`, or made one by one."""
        if self.records is None:
            for begin, end in _stretches(start, stop, _NODES_AT_ONCE):
                yield Stretch(*self.layout.written(*self.make(begin, end)))
            return
        first = self.first + start
        by_block = {id(block): records for block, records in zip(self.blocks, self.records, strict=True)}
        for block, low, high in _ranges(self.blocks, start, stop):
            records = by_block[id(block)]
            for begin, end in records.stretches(low, high):
                yield Stretch(*records.written(begin, end, first))
                first += end - begin


@dataclass(frozen=True, slots=True)
class RelationshipsOutline:
    """Relationships that share a header."""

    name: str
    blocks: tuple[RelationshipBlock, ...]
    layout: Layout
    rows: int

    def make(self, start: int, stop: int) -> tuple[pl.DataFrame, list[pl.Series]]:
        """Make rows start … stop - 1: the properties of `layout.types`, and the columns of numbers before them."""
        frame = _joined([block.make(low, high) for block, low, high in _ranges(self.blocks, start, stop)])
        return frame, [frame[START], frame[END]]

    def written(self, start: int, stop: int) -> Iterator[Stretch]:
        """Write rows start … stop - 1, some at a time."""
        for begin, end in _stretches(start, stop, _RELATIONSHIPS_AT_ONCE):
            frame, ends = self.make(begin, end)
            yield Stretch(*self.layout.written(frame, ends), tuple(ends))


@dataclass(frozen=True, slots=True)
class PartOutline:
    """Rows start … stop - 1 of a group, which become one file; `number` counts through all parts of a bundle."""

    number: int
    group: NodesOutline | RelationshipsOutline
    file: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Outline:
    """Everything that a bundle will hold, before any of its rows is made.

    Attributes:
        growth: What it is the outline of.
        stamp: What marks its nodes.
        part_rows: How its groups are cut.
        nodes, relationships: Its groups, in the order of their files.
        parts: Its parts, those of nodes first.
    """

    growth: Growth
    stamp: Stamp
    part_rows: PartRows
    nodes: tuple[NodesOutline, ...]
    relationships: tuple[RelationshipsOutline, ...]
    parts: tuple[PartOutline, ...]

    @property
    def groups(self) -> list[NodesOutline | RelationshipsOutline]:
        """All groups, nodes first."""
        return [*self.nodes, *self.relationships]

    @property
    def node_rows(self) -> int:
        """How many nodes it has."""
        return sum(group.rows for group in self.nodes)

    @property
    def relationship_rows(self) -> int:
        """How many relationships it has."""
        return sum(group.rows for group in self.relationships)

    def digest(self) -> str:
        """Give a digest (BLAKE3, 32 bytes, hex) of all that can be said of the bundle before its rows are made."""
        said = [asdict(self.stamp), dict(self.growth.parameters), dict(self.growth.left_out),
                [group.layout.header() for group in self.groups],
                [(part.file, part.start, part.stop) for part in self.parts], asdict(self.counts(isolated=0))]
        text = json.dumps(said, sort_keys=True, default=str)
        return text_digest(text)

    def counts(self, isolated: int) -> Counts:
        """Count what it holds; how many of its nodes have no relationship is known to who made them."""
        labels: Counter[str] = Counter()
        resources: Counter[str] = Counter()
        for block in self.growth.nodes:
            labels.update(dict.fromkeys(block.labels, block.rows))
            resources.update(block.resource_types)
        patterns: Counter[tuple[tuple[str, ...], str, tuple[str, ...]]] = Counter()
        types: Counter[str] = Counter()
        for one in self.growth.relationships:
            patterns[one.start_labels, one.type, one.end_labels] += one.rows
            types[one.type] += one.rows
        return Counts(
            resources=resources.total(), nodes=self.node_rows, relationships=self.relationship_rows, isolated=isolated,
            labels=dict(sorted(labels.items())), resource_types=dict(sorted(resources.items())),
            types=dict(sorted(types.items())),
            patterns=tuple(Pattern(*pattern, count) for pattern, count in sorted(patterns.items())),
        )


def outline_of(growth: Growth, stamp: Stamp, part_rows: PartRows | None = None) -> Outline:
    """Say which groups and parts a growth becomes; the same arguments give the same outline, anywhere.

    Args:
        growth: What is to be made.
        stamp: What marks its nodes.
        part_rows: How to cut it; `PART_ROWS` when None.
    """
    part_rows = part_rows or PART_ROWS
    nodes: list[NodesOutline] = []
    first = 0
    # Only neighbours are joined: import ids count through the blocks in the growth's own order.
    for number, blocks in enumerate(tuple(run) for _, run in groupby(growth.nodes, _node_key)):
        layout = node_layout(stamp.operation_id, blocks[0].labels, stamped_types(blocks[0]))
        nodes.append(NodesOutline(f"nodes-{number:03}", blocks, layout, _rows(blocks), first, stamp))
        first += nodes[-1].rows
    relationships = []
    for number, ties in enumerate(_runs(growth.relationships, _relationship_key)):
        spaces = [space if space == "base" else stamp.operation_id
                  for space in (ties[0].start_space, ties[0].end_space)]
        layout = relationship_layout(spaces[0], spaces[1], ties[0].type, ties[0].types)
        relationships.append(RelationshipsOutline(f"relationships-{number:03}", ties, layout, _rows(ties)))
    cut = [(group, f"{group.name}.part-{place:05}.csv", start, min(start + most, group.rows))
           for groups, most in ((nodes, part_rows.nodes), (relationships, part_rows.relationships))
           for group in groups for place, start in enumerate(range(0, group.rows, most))]
    parts = tuple(PartOutline(number, *part) for number, part in enumerate(cut))
    return Outline(growth, stamp, part_rows, tuple(nodes), tuple(relationships), parts)


def header_file(group: NodesOutline | RelationshipsOutline) -> str:
    """Give the name of a group's header file."""
    return f"{group.name}.header.csv"


def _node_key(block: NodeBlock) -> Hashable:
    return block.labels, tuple(stamped_types(block).items())


def _relationship_key(block: RelationshipBlock) -> Hashable:
    return block.type, block.start_space, block.end_space, tuple(block.types.items())


def _rows(blocks: Sequence[Any]) -> int:
    return sum(block.rows for block in blocks)


def _runs(blocks: Sequence[Block], key: Callable[[Block], Hashable]) -> list[tuple[Block, ...]]:
    """Join blocks that share a header, in the order in which their headers first appear."""
    grouped: dict[Hashable, list[Block]] = {}
    for block in blocks:
        grouped.setdefault(key(block), []).append(block)
    return [tuple(run) for run in grouped.values()]


def _ranges(blocks: Sequence[Block], start: int, stop: int) -> Iterator[tuple[Block, int, int]]:
    """Give the blocks that rows start … stop - 1 of their concatenation fall into, each with its own range."""
    offset = 0
    for block in blocks:
        low, high = max(start - offset, 0), min(stop - offset, block.rows)
        if low < high:
            yield block, low, high
        offset += block.rows


def _stretches(start: int, stop: int, most: int) -> Iterator[tuple[int, int]]:
    return ((begin, min(begin + most, stop)) for begin in range(start, stop, most))


def _joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return frames[0] if len(frames) == 1 else pl.concat(frames)
