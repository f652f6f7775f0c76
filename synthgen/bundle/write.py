"""Writes bundles: any growth as import-format CSV and a manifest, whole or not at all; knows no server.

CSV as FORMAT.md, "Bundle", says. Each part is made and written alone; memory holds one part and one bit per node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.bundle.layout import Layout, node_layout, relationship_layout
from synthgen.bundle.manifest import (
    ANCHORS,
    Counts,
    Manifest,
    NodeGroup,
    Part,
    Pattern,
    RelationshipGroup,
    Space,
    read_manifest,
)
from synthgen.bundle.manifest import write_manifest as _write_manifest
from synthgen.bundle.read import ID, Bundle, open_bundle, operations_folder
from synthgen.errors import UsageError
from synthgen.files import file_digest, whole_folder
from synthgen.graph import END, START
from synthgen.growth import Growth, NodeBlock, RelationshipBlock
from synthgen.metadata import Stamp
from synthgen.progress import Progress, silent
from synthgen.snapshot.digest import hex_digests
from synthgen.stamping import stamped, stamped_types

NODES_PER_PART = 200_000
RELATIONSHIPS_PER_PART = 1_000_000


@dataclass(frozen=True, slots=True)
class Origin:
    """What the manifest says of how an operation came about; see FORMAT.md for each field."""

    stamp: Stamp
    seed: int
    snapshot: Mapping[str, Any]
    profile: Mapping[str, Any]
    anchor_digests: npt.NDArray[np.uint64] = field(repr=False)


def write_bundle(
    growth: Growth, origin: Origin, out: Path, progress: Progress = silent, *,
    check: Callable[[Bundle], None] | None = None,
) -> Bundle:
    """Write a growth as the bundle of one operation under `out`; it appears whole or not at all.

    `check` is given the bundle before it appears; when it raises, nothing is left behind.

    Raises:
        UsageError: The operation id is taken.
        SynthError: The disk is full or not writable.
    """
    final = operations_folder(out) / origin.stamp.operation_id
    if final.exists():
        raise UsageError(f"there is already an operation {origin.stamp.operation_id} in {final.parent}",
                         hint="choose another --operation-id, or leave it out")
    with whole_folder(final) as folder:
        _Writing(folder, growth, origin, progress).run()
        if check is not None:
            check(Bundle(folder, read_manifest(folder)))
    return open_bundle(final)


class _Writing:
    def __init__(self, folder: Path, growth: Growth, origin: Origin, progress: Progress) -> None:
        self._folder = folder
        self._growth = growth
        self._origin = origin
        self._progress = progress
        self._nodes = sum(block.rows for block in growth.nodes)
        self._relationships = sum(block.rows for block in growth.relationships)
        self._touched = np.zeros(self._nodes, np.bool_)
        self._anchored = np.zeros(len(origin.anchor_digests), np.bool_)

    def run(self) -> None:
        node_groups = list(self._node_groups())
        relationship_groups = list(self._relationship_groups())
        self._write_anchors()
        headers = [ANCHORS, *(group.header for group in node_groups), *(group.header for group in relationship_groups)]
        stamp = self._origin.stamp
        _write_manifest(self._folder, Manifest(
            operation_id=stamp.operation_id, strategy=stamp.strategy, parameters=self._growth.parameters,
            seed=self._origin.seed, created_at=stamp.created_at, snapshot=self._origin.snapshot,
            profile=self._origin.profile, counts=self._counts(), left_out=self._growth.left_out,
            node_groups=tuple(node_groups), relationship_groups=tuple(relationship_groups),
            header_digests={name: file_digest(self._folder / name) for name in headers},
            history=({"event": "generated", "at": stamp.created_at},),
        ))

    def _node_groups(self) -> Iterator[NodeGroup]:
        first = done = 0
        # Only neighbours are joined: import ids count through the blocks in the growth's own order.
        for number, blocks in enumerate(list(run) for _, run in groupby(self._growth.nodes, _node_key)):
            types, labels = stamped_types(blocks[0]), blocks[0].labels
            header = f"nodes-{number:03}.header.csv"
            layout = node_layout(self._origin.stamp.operation_id, labels, types)
            (self._folder / header).write_text(layout.header(), encoding="utf-8")
            rows = sum(block.rows for block in blocks)
            parts: list[Part] = []
            for start in range(0, rows, NODES_PER_PART):
                stop = min(start + NODES_PER_PART, rows)
                frame = pl.concat([stamped(block.make(low, high), block, self._origin.stamp)
                                   for block, low, high in _ranges(blocks, start, stop)])
                ids = pl.Series(ID, np.arange(first + start, first + stop))
                parts.append(self._write_part(f"nodes-{number:03}.part-{len(parts):05}.csv", layout, frame, [ids]))
                done += stop - start
                self._progress("writing nodes", done, self._nodes)
            yield NodeGroup(labels, types, first, rows, header, tuple(parts))
            first += rows

    def _relationship_groups(self) -> Iterator[RelationshipGroup]:
        done = 0
        for number, blocks in enumerate(_runs(self._growth.relationships, _relationship_key)):
            block = blocks[0]
            header = f"relationships-{number:03}.header.csv"
            spaces = {space: space if space == "base" else self._origin.stamp.operation_id
                      for space in (block.start_space, block.end_space)}
            layout = relationship_layout(spaces[block.start_space], spaces[block.end_space], block.type, block.types)
            (self._folder / header).write_text(layout.header(), encoding="utf-8")
            rows = sum(one.rows for one in blocks)
            parts: list[Part] = []
            for start in range(0, rows, RELATIONSHIPS_PER_PART):
                stop = min(start + RELATIONSHIPS_PER_PART, rows)
                frame = pl.concat([one.make(low, high) for one, low, high in _ranges(blocks, start, stop)])
                self._touch(frame[START], block.start_space)
                self._touch(frame[END], block.end_space)
                parts.append(self._write_part(f"relationships-{number:03}.part-{len(parts):05}.csv", layout, frame,
                                              [frame[START], frame[END]]))
                done += stop - start
                self._progress("writing relationships", done, self._relationships)
            yield RelationshipGroup(block.type, block.start_space, block.end_space, block.types, rows, header,
                                    tuple(parts))

    def _touch(self, ends: pl.Series, space: Space) -> None:
        (self._touched if space == "operation" else self._anchored)[ends.to_numpy()] = True

    def _write_part(self, name: str, layout: Layout, frame: pl.DataFrame, ids: list[pl.Series]) -> Part:
        path = self._folder / name
        longest = layout.write(path, frame, ids)
        return Part(name, frame.height, path.stat().st_size, longest, file_digest(path))

    def _write_anchors(self) -> None:
        nodes = np.flatnonzero(self._anchored)
        pl.DataFrame({"node": nodes, "digest": hex_digests(self._origin.anchor_digests[nodes])},
                     schema={"node": pl.Int64, "digest": pl.String}).write_csv(self._folder / ANCHORS)

    def _counts(self) -> Counts:
        labels: Counter[str] = Counter()
        resources: Counter[str] = Counter()
        for block in self._growth.nodes:
            labels.update(dict.fromkeys(block.labels, block.rows))
            resources.update(block.resource_types)
        patterns: Counter[tuple[tuple[str, ...], str, tuple[str, ...]]] = Counter()
        types: Counter[str] = Counter()
        for one in self._growth.relationships:
            patterns[one.start_labels, one.type, one.end_labels] += one.rows
            types[one.type] += one.rows
        return Counts(
            resources=resources.total(), nodes=self._nodes, relationships=self._relationships,
            isolated=int((~self._touched).sum()), labels=dict(sorted(labels.items())),
            resource_types=dict(sorted(resources.items())), types=dict(sorted(types.items())),
            patterns=tuple(Pattern(*pattern, count) for pattern, count in sorted(patterns.items())),
        )


def _node_key(block: NodeBlock) -> tuple[Any, ...]:
    return block.labels, tuple(stamped_types(block).items())


def _relationship_key(block: RelationshipBlock) -> tuple[Any, ...]:
    return block.type, block.start_space, block.end_space, tuple(block.types.items())


def _runs(blocks: Sequence[Any], key: Any) -> list[list[Any]]:
    """Join blocks that share a header, in the order in which their headers first appear."""
    grouped: dict[Any, list[Any]] = {}
    for block in blocks:
        grouped.setdefault(key(block), []).append(block)
    return list(grouped.values())


def _ranges(blocks: Sequence[Any], start: int, stop: int) -> Iterator[tuple[Any, int, int]]:
    """Give the blocks that rows start … stop - 1 of their concatenation fall into, each with its own range."""
    offset = 0
    for block in blocks:
        low, high = max(start - offset, 0), min(stop - offset, block.rows)
        if low < high:
            yield block, low, high
        offset += block.rows
