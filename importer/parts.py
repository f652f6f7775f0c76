"""Makes a bundle's parts ready to be written: their Cypher, their rows, their ends as internal ids; knows no driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl

from importer import cypher
from importer.batches import DuePart, Gap, Int64s, OpenPart, gaps_between, node_keys, order_by_buckets
from importer.ledger import Range
from synthgen.bundle.manifest import NodeGroup, Part, RelationshipGroup, Space
from synthgen.bundle.read import END, ID, START, Bundle, read_nodes, read_relationships
from synthgen.errors import BundleError, LoadFailedError
from synthgen.graph import column as exactly

UNKNOWN = -1


@dataclass(slots=True)
class Nodes:
    """Where nodes are in the database: internal ids of the operation's nodes by import id, of base nodes by number.

    Attributes:
        ids: Position is the import id; `UNKNOWN` until the node is written.
        anchor_nodes: Node numbers of the snapshot, rising.
        anchor_ids: Their internal ids, in the same order.
    """

    ids: Int64s
    anchor_nodes: Int64s
    anchor_ids: Int64s

    @classmethod
    def before_load(cls, bundle: Bundle, anchors: pl.DataFrame) -> Nodes:
        """Know the base nodes only. `anchors` has `node` (node number) and `id` (internal id), Int64, in any order."""
        rising = anchors.select(pl.col("node", "id").cast(pl.Int64)).sort("node")
        ids = np.full(sum(group.rows for group in bundle.manifest.node_groups), UNKNOWN, dtype=np.int64)
        return cls(ids, rising["node"].to_numpy(), rising["id"].to_numpy())

    def find(self, space: Space, numbers: Int64s, file: str) -> Int64s:
        """Find internal ids.

        Raises:
            BundleError: A relationship ends on a node that the bundle has not or whose base node was not found.
        """
        if space == "operation":
            valid = (numbers >= 0) & (numbers < len(self.ids))
            found = self.ids[np.where(valid, numbers, 0)] if len(self.ids) else np.full(len(numbers), UNKNOWN)
        else:
            places = np.searchsorted(self.anchor_nodes, numbers)
            inside = np.minimum(places, max(len(self.anchor_nodes) - 1, 0))
            valid = (self.anchor_nodes[inside] == numbers) if len(self.anchor_nodes) else np.zeros(len(numbers), bool)
            found = self.anchor_ids[inside] if len(self.anchor_ids) else np.full(len(numbers), UNKNOWN)
        missing = numbers[~valid | (found == UNKNOWN)]
        if len(missing):
            raise BundleError(f"{file} has {len(missing)} ends in space {space!r} that are not known, e.g. node"
                              f" {missing[0]}", hint="generate the operation again", file=file, node=int(missing[0]))
        return found


@dataclass(slots=True)
class Done:
    """The ranges of one bundle that the ledger says are written."""

    ranges: dict[tuple[str, int, int], list[Gap]] = field(default_factory=dict)

    def add(self, done: Range) -> None:
        """Take note of a written range."""
        place = (done.kind, done.group, done.part)
        self.ranges.setdefault(place, []).append((done.first, done.first + done.rows))

    def gaps(self, kind: str, group: int, part: int, rows: int) -> tuple[Gap, ...]:
        """Give what is missing of a part.

        Raises:
            LoadFailedError: The ledger contradicts itself or the manifest.
        """
        try:
            return gaps_between(self.ranges.get((kind, group, part), []), rows)
        except ValueError as error:
            raise LoadFailedError(f"the ledger is damaged: {kind} group {group} part {part}: {error}",
                                  hint="roll the operation back, then load it again") from error


def first_import_id(group: NodeGroup, part: int) -> int:
    """Give the import id of a part's first node."""
    return group.first + sum(before.rows for before in group.parts[:part])


def open_first(bundle: Bundle) -> OpenPart:
    """Open the first part of nodes, which takes longer than what is asked of the database before it is written."""
    return _open_nodes(bundle, bundle.manifest.node_groups[0], 0)


def due_nodes(bundle: Bundle, done: Done, first: Callable[[], OpenPart]) -> Iterator[DuePart]:
    """Give the parts that have nodes to write, in the manifest's order; `first` gives what `open_first` does."""
    for number, group in enumerate(bundle.manifest.node_groups):
        for index, part in enumerate(group.parts):
            gaps = done.gaps("nodes", number, index, part.rows)
            if gaps:
                is_first = (number, index) == (0, 0)
                yield DuePart("nodes", number, index, gaps,
                              first if is_first else partial(_open_nodes, bundle, group, index))


def due_relationships(bundle: Bundle, done: Done, nodes: Nodes) -> Iterator[DuePart]:
    """Give the parts that have relationships to write, in the manifest's order; all nodes are written before."""
    for number, group in enumerate(bundle.manifest.relationship_groups):
        for index, part in enumerate(group.parts):
            gaps = done.gaps("relationships", number, index, part.rows)
            if gaps:
                yield DuePart("relationships", number, index, gaps,
                              partial(_open_relationships, bundle, group, part, nodes))


def _open_nodes(bundle: Bundle, group: NodeGroup, index: int) -> OpenPart:
    part = group.parts[index]
    frame = read_nodes(bundle, group, part)
    first = first_import_id(group, index)
    if not (frame[ID] == pl.int_range(first, first + frame.height, eager=True)).all():
        raise BundleError(f"{part.file} has import ids other than {first} to {first + frame.height - 1} in order",
                          hint="generate the operation again", file=part.file)
    constants = _constants(frame, group.types)
    varying = [name for name in group.types if name not in constants]
    return OpenPart(
        cypher.create_nodes(group.labels, group.types, list(constants)),
        list(constants.values()),
        # A frame without columns would have no rows either, and each row is a node.
        frame.select(map(exactly, varying or [ID])),
        file=part.file,
    )


def _open_relationships(bundle: Bundle, group: RelationshipGroup, part: Part, nodes: Nodes) -> OpenPart:
    frame = read_relationships(bundle, group, part)
    starts, ends = frame[START].to_numpy(), frame[END].to_numpy()
    order, pairs = order_by_buckets(node_keys(group.start_space, starts), node_keys(group.end_space, ends))
    constants = _constants(frame, group.types)
    found = frame.select(map(exactly, [name for name in frame.columns if name not in constants])).with_columns(
        pl.Series(START, nodes.find(group.start_space, starts, part.file)),
        pl.Series(END, nodes.find(group.end_space, ends, part.file)),
    )
    return OpenPart(
        cypher.create_relationships(group.type, group.types, list(constants)),
        list(constants.values()),
        found[order],
        pairs,
        part.file,
    )


def _constants(frame: pl.DataFrame, types: Mapping[str, str]) -> dict[str, object]:
    """Find the properties that have one value in all rows; they are sent once per batch instead of once per row."""
    found = {}
    for name, kind in types.items():
        column = frame[name]
        # Polars holds -0.0 and 0.0 for one value, Neo4j does not.
        if column.null_count() == len(column) or ("FLOAT" not in kind and column[:2].n_unique() == 1
                                                  and column.n_unique() == 1):
            found[name] = frame.select(exactly(name)).row(0)[0]
    return found
