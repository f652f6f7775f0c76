"""What an operation made, read back from its bundle or made from its growth, and a naive view of the base to judge by.

Nothing here uses the product's own idea of roles, types or shares: it is written anew, slowly and plainly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from synthgen.base import Base
from synthgen.bundle.read import Bundle, read_nodes, read_relationships
from synthgen.bundle.write import write_bundle
from synthgen.generate import grow, origin_of, strategy_of
from synthgen.graph import END, START, Graph
from synthgen.growth import Growth
from synthgen.metadata import Stamp
from synthgen.parameters import Parameters
from synthgen.profile import AZURE, Profile
from synthgen.snapshot.read import Snapshot
from tests.graphs import stored

OPERATION = "scale-20260131T120000-0123abcd"
OTHER_OPERATION = "scale-20260131T120000-0123abce"
MARKS = ("synthetic", "scale_operation_id", "generation_strategy", "generation_timestamp")
NOW = "2026-01-31T12:00:00+00:00"

End = tuple[str, int]
"""A relationship's end: `base` or `operation`, and a number in it."""


@dataclass(frozen=True)
class BaseNode:
    """A node of the base as a test sees it."""

    labels: tuple[str, ...]
    properties: dict[str, Any]

    @property
    def protected(self) -> bool:
        return "Original" in self.labels

    @property
    def resource(self) -> bool:
        return "Resource" in self.labels and not self.protected

    @property
    def container(self) -> bool:
        return "ResourceGroup" in self.labels and not self.resource and not self.protected

    @property
    def shared(self) -> bool:
        return not (self.protected or self.resource or self.container)

    @property
    def synthetic(self) -> bool:
        return self.properties.get("synthetic") is True or "scale_operation_id" in self.properties

    @property
    def type(self) -> str:
        found = self.properties.get("type")
        return found if isinstance(found, str) else ":".join(self.labels)


@dataclass(frozen=True)
class View:
    """A base graph as a test sees it: Azure's parts, node numbers as positions."""

    nodes: list[BaseNode]
    relationships: list[tuple[int, str, int]]

    @classmethod
    def of(cls, graph: Graph) -> View:
        nodes = [BaseNode(table.labels, {k: v for k, v in row.items() if v is not None})
                 for table in graph.nodes for row in rows_of(table.frame)]
        return cls(nodes, [(row[START], table.type, row[END]) for table in graph.relationships
                           for row in table.frame.iter_rows(named=True)])

    def chosen(self, *, types: Sequence[str] = (), synthetic: bool = False) -> set[int]:
        """Number the resources that may be multiplied."""
        return {number for number, node in enumerate(self.nodes)
                if node.resource and (synthetic or not node.synthetic) and (not types or node.type in types)}

    def types(self, *, synthetic: bool = False) -> list[str]:
        """Name the types of the resources that may be multiplied, sorted."""
        return sorted({self.nodes[number].type for number in self.chosen(synthetic=synthetic)})

    def counts(self, chosen: set[int]) -> dict[str, int]:
        """Count nodes by type, sorted by type."""
        return dict(sorted(Counter(self.nodes[number].type for number in chosen).items()))

    def containers_of(self, chosen: set[int]) -> set[int]:
        """Number the containers around these nodes, through any number of levels."""
        reached, before = set(chosen), 0
        inner = {number for number, node in enumerate(self.nodes) if node.resource or node.container}
        while before != len(reached):
            before = len(reached)
            reached |= {start for start, type_, end in self.relationships
                        if type_ == "CONTAINS" and end in reached and {start, end} <= inner}
        return {number for number in reached if self.nodes[number].container}

    @cached_property
    def source_ids(self) -> dict[str, int]:
        """Node numbers by what `template_source_id` calls them."""
        return {node.properties.get("id", f"node:{number}"): number for number, node in enumerate(self.nodes)}

    @cached_property
    def ids(self) -> set[Any]:
        """The values of `id` in the base."""
        return {node.properties["id"] for node in self.nodes if "id" in node.properties}


@dataclass(frozen=True)
class MadeNode:
    """A synthetic node; absent properties are left out."""

    labels: tuple[str, ...]
    properties: dict[str, Any]

    @property
    def type(self) -> str:
        found = self.properties.get("type")
        return found if isinstance(found, str) else ":".join(self.labels)


@dataclass(frozen=True)
class Made:
    """What an operation made: nodes by import id, relationships as (start, type, end, properties)."""

    nodes: list[MadeNode]
    relationships: list[tuple[End, str, End, dict[str, Any]]]

    @property
    def resources(self) -> list[MadeNode]:
        return [node for node in self.nodes if "Resource" in node.labels]

    def labels_at(self, end: End, base: View) -> tuple[str, ...]:
        """Give the labels of a relationship's end."""
        return self.nodes[end[1]].labels if end[0] == "operation" else base.nodes[end[1]].labels

    def type_at(self, end: End, base: View) -> str:
        """Give the resource type of a relationship's end."""
        return self.nodes[end[1]].type if end[0] == "operation" else base.nodes[end[1]].type


def rows_of(frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Give a frame's rows, also those of a frame without columns."""
    return frame.iter_rows(named=True) if frame.width else iter([{}] * frame.height)


def made_by(bundle: Bundle) -> Made:
    """Read a bundle back; its import ids must be 0, 1, 2, … in order."""
    nodes: list[MadeNode] = []
    for group in bundle.manifest.node_groups:
        assert group.first == len(nodes)
        for part in group.parts:
            frame = read_nodes(bundle, group, part)
            assert frame[":id"].to_list() == list(range(len(nodes), len(nodes) + frame.height))
            nodes.extend(MadeNode(group.labels, present(row)) for row in frame.drop(":id").iter_rows(named=True))
    relationships = []
    for group in bundle.manifest.relationship_groups:
        for part in group.parts:
            for row in read_relationships(bundle, group, part).iter_rows(named=True):
                start, end = (group.start_space, row.pop(START)), (group.end_space, row.pop(END))
                relationships.append((start, group.type, end, present(row)))
    return Made(nodes, relationships)


def present(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is absent."""
    return {name: value for name, value in sorted(row.items()) if value is not None}


def identities(growth: Growth) -> tuple[list[str], Counter[str]]:
    """Make a growth whole, in its own order: every node as text, and every relationship as text of its two ends."""
    nodes = [repr((block.labels, present(row))) for block in growth.nodes for row in _made(block)]
    ties = Counter(
        repr((block.type, nodes[row[START]] if block.start_space == "operation" else row[START],
              nodes[row[END]] if block.end_space == "operation" else row[END]))
        for block in growth.relationships for row in _made(block))
    return nodes, ties


def _made(block: Any) -> list[dict[str, Any]]:
    frame = block.make(0, block.rows)
    assert frame.height == block.rows
    return list(rows_of(frame))


@contextmanager
def grown_base(graph: Graph, profile: Profile = AZURE) -> Iterator[tuple[Base, View, Path]]:
    """Write a graph, open it as a base, and give a folder for bundles; all there for the block."""
    with stored(graph) as snapshot:
        yield Base(snapshot, profile), View.of(graph), snapshot.path.parent


def make_bundle(
    base: Base, parameters: Parameters, out: Path, *, seed: int = 7, operation_id: str = OPERATION
) -> Bundle:
    """Generate as the pipeline does, from a base that is read already."""
    growth = grow(base, parameters, operation_id=operation_id, seed=seed)
    stamp = Stamp(operation_id, strategy_of(parameters), NOW)
    return write_bundle(growth, origin_of(base, stamp, seed), out)


def files_of(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}


def largest_remainder(total: int, weights: Sequence[float]) -> list[int]:
    """Share `total` by weight as Hamilton did: floors first, then one each to the greatest remainders, first of equals.

    Written without the product's: one unit at a time, with fractions.
    """
    whole = sum(Fraction(weight) for weight in weights)
    due = [Fraction(weight) * total / whole for weight in weights]
    shares = [due_share.numerator // due_share.denominator for due_share in due]
    given = [0] * len(weights)
    while sum(shares) + sum(given) < total:
        best = max((index for index in range(len(weights)) if not given[index]),
                   key=lambda index: (due[index] - shares[index], -index))
        given[best] = 1
    return [share + more for share, more in zip(shares, given, strict=True)]


_COPY = re.compile(r"-([0-9a-z]{8})-(\d+)$", re.DOTALL)


def copy_number(node: MadeNode) -> int | None:
    """Read the number of the copy from a made id or name; None where it has neither (or a GUID)."""
    for name in ("id", "name"):
        found = _COPY.search(node.properties.get(name) or "")
        if found:
            return int(found[2])
    return None


def snapshot_files(snapshot: Snapshot) -> list[str]:
    """Name the files of a snapshot."""
    return ["snapshot.json", *(table.file for table in snapshot.tables)]
