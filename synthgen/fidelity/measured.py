"""A graph that is measured, as arrays: kinds of nodes, ends and types of relationships, rows in pieces; knows no files.

Nodes that are *own* are those whose shape is compared: synthetic ones, or the base's that they were drawn from. Other
nodes are only ends of their relationships: regions, tags, subscriptions. The number of relationships that these have
grows with the operation, so it says nothing of shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.base import Base, BaseNodes, Mask
from synthgen.graph import column
from synthgen.metadata import EVERY_NAME, OF_SCENARIO, SCENARIO
from synthgen.profile import Profile, Role
from synthgen.seeding import I64, U64

I32 = npt.NDArray[np.int32]


class Vocabulary:
    """Names and their codes, 0, 1, 2, … in the order in which they were first asked for; shared by graphs compared.

    Attributes:
        names: All names, at the place of their code.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, name: str) -> int:
        """Give a name's code, a new one if need be."""
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]

    def codes(self, names: pl.Series) -> I32:
        """Give the codes of many names; new names get theirs in sorted order."""
        known = {name: self.code(name) for name in names.unique().sort().to_list()}
        codes: I32 = names.replace_strict(known, return_dtype=pl.Int32).to_numpy() if known else np.zeros(0, np.int32)
        return codes


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of own nodes, or of relationships, with their properties but without synthetic metadata.

    Attributes:
        numbers: Their places in the arrays of a `Measured`.
        types: Property name → Neo4j type name.
        frame: One column per property of `types`.
    """

    numbers: I64
    types: Mapping[str, str]
    frame: pl.DataFrame


@dataclass(frozen=True)
class Measured:
    """A graph that is measured.

    Attributes:
        kinds, types: What the codes in `kind` and `type` mean.
        kind: Per node, its kind: the type of a resource, the labels of others; shape (nodes,).
        own: Per node, whether it is own.
        shared: Per node, whether it is shared: neither own nor, in a half, of the other half.
        identity: Per shared node, a hash of its labels and properties; 0 for others.
        start, end: Per relationship, places of its ends; at least one of the two is own; shape (relationships,).
        type: Per relationship, its type.
        nodes: Gives the own nodes' rows in pieces, anew with each call.
        relationships: Gives the relationships' rows in pieces; tables without properties are left out.
    """

    kinds: Vocabulary
    types: Vocabulary
    kind: I32
    own: Mask
    shared: Mask
    identity: U64
    start: I64
    end: I64
    type: I32
    nodes: Callable[[], Iterator[Rows]]
    relationships: Callable[[], Iterator[Rows]]


def rows_of(numbers: I64, types: Mapping[str, str], frame: pl.DataFrame, chosen: I64 | None = None) -> Rows:
    """Take the properties of `types` from a frame, and of its rows the chosen ones or all."""
    if not types:
        # A frame without columns has no rows that could be chosen.
        return Rows(numbers, types, pl.DataFrame(height=len(numbers)))
    columns = frame.select(map(column, types))
    return Rows(numbers, types, columns if chosen is None else columns[chosen])


def own_properties(types: Mapping[str, str]) -> dict[str, str]:
    """Leave of a table's property types those that are not synthetic metadata."""
    metadata = EVERY_NAME if SCENARIO in types else EVERY_NAME - OF_SCENARIO
    return {name: kind for name, kind in types.items() if name not in metadata}


def kind_names(labels: tuple[str, ...], types: Mapping[str, str], frame: pl.DataFrame, profile: Profile) -> pl.Series:
    """Name the kind of each node of a table: a resource by its type, others by their labels.

    A resource's type stands alone when it has no other labels than a resource must have.
    """
    by_labels = ":" + ":".join(labels)
    kind = profile.type
    if profile.role(labels) is not Role.RESOURCE or kind is None or types.get(kind) != "STRING":
        return pl.repeat(by_labels, frame.height, dtype=pl.String, eager=True)
    prefix = "" if set(labels) == set(profile.resource_labels) else by_labels + " "
    return (prefix + frame[kind]).fill_null(by_labels)


def kinds_of(base: Base, kinds: Vocabulary) -> I32:
    """Give the kind of every node of a base."""
    pieces = [kinds.codes(kind_names(table.labels, table.types, table.frame, base.profile)) for table in base.nodes]
    return np.concatenate([np.zeros(0, np.int32), *pieces])


def identities_of(tables: Iterable[BaseNodes]) -> U64:
    """Hash labels and properties of every node, so that a shared node is known again in another reading of it."""
    pieces = [np.zeros(0, np.uint64)]
    for table in tables:
        marked = table.frame.with_columns(pl.lit(":".join(table.labels)).alias(":labels"))
        pieces.append(marked.hash_rows().to_numpy() if table.frame.width else np.full(table.frame.height, 1, np.uint64))
    return np.concatenate(pieces)


def measure_part(
    base: Base, own: Mask, shared: Mask, kinds: Vocabulary, types: Vocabulary, *, beyond: Mask | None = None
) -> Measured:
    """Look at a part of a graph in memory.

    Args:
        base: The graph.
        own: The nodes whose shape is meant.
        shared: Shared nodes that their relationships may end on.
        kinds: Names of kinds, shared with the graph that it is compared with.
        types: Names of relationship types, shared likewise.
        beyond: Other nodes that their relationships may end on; relationships to all others are left out.
    """
    ends = own | shared if beyond is None else own | shared | beyond
    shared = shared & ~own
    picks: list[I64] = []
    codes: list[I32] = []
    for table in base.relationships:
        meant = (own[table.start] | own[table.end]) & ends[table.start] & ends[table.end]
        if table.type in base.profile.protected_types:
            meant = np.zeros(len(meant), np.bool_)
        picks.append(np.flatnonzero(meant))
        codes.append(np.full(len(picks[-1]), types.code(table.type), np.int32))

    def nodes() -> Iterator[Rows]:
        for table in base.nodes:
            chosen = np.flatnonzero(own[table.numbers])
            if len(chosen):
                yield rows_of(table.first + chosen, own_properties(table.types), table.frame, chosen)

    def relationships() -> Iterator[Rows]:
        first = 0
        for table, picked in zip(base.relationships, picks, strict=True):
            if table.types and len(picked):
                numbers = np.arange(first, first + len(picked), dtype=np.int64)
                yield rows_of(numbers, table.types, table.frame, picked)
            first += len(picked)

    ends_of = [(table.start[picked], table.end[picked])
               for table, picked in zip(base.relationships, picks, strict=True)]
    none: I64 = np.zeros(0, np.int64)
    return Measured(
        kinds=kinds, types=types, kind=kinds_of(base, kinds), own=own, shared=shared,
        identity=np.where(shared, identities_of(base.nodes), np.uint64(0)),
        start=np.concatenate([none, *(start for start, _ in ends_of)]),
        end=np.concatenate([none, *(end for _, end in ends_of)]),
        type=np.concatenate([np.zeros(0, np.int32), *codes]), nodes=nodes, relationships=relationships,
    )
