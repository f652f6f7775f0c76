"""The rows of clones: base rows with new ids and names that agree with each other; pure.

Where texts are cut is `synthgen.cutting`'s; here columns become blocks. Uniqueness needs no luck: base ids are unique,
or else followed by the node's number, and no two clones of one node have the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from synthgen.base import Base
from synthgen.clones import CloneGroup, Clones, Lift, Rewritten
from synthgen.copies import Copies, rewritten
from synthgen.cutting import Cutting
from synthgen.errors import UsageError
from synthgen.graph import START, column
from synthgen.growth import NodeBlock
from synthgen.identifiers import ITEM_END, key_properties
from synthgen.metadata import EVERY_NAME, OF_SCENARIO, SCENARIO, SOURCE_ID
from synthgen.pieces import Cuts, Piece, integer_keys
from synthgen.profile import Role
from synthgen.seeding import I64, derive_seed, token
from synthgen.variation import Variation

_TEXTS = frozenset({"STRING", "LIST<STRING>"})


class Renaming:
    """New ids and names for the clones of one operation."""

    def __init__(self, base: Base, clones: Clones, cutting: Cutting, *, operation_id: str, seed: int) -> None:
        self._base = base
        self._clones = clones
        self._cutting = cutting
        self._seed = derive_seed(seed, operation_id)
        self._token = token(seed, operation_id)
        self._ids = base.texts(base.profile.id)

    def block(self, group: CloneGroup, *, with_source: bool, variation: float = 0.0) -> NodeBlock:
        """Make a group of clones a block of nodes; `with_source` adds `template_source_id`.

        `variation` is the share of clones and properties taken over from another node of the type; properties that name
        or place a node, and those that speak of others, are its own.
        """
        table = self._base.nodes[group.table]
        kept = {name: kind for name, kind in table.types.items() if name not in EVERY_NAME - OF_SCENARIO}
        keys = self._keys(table.labels, kept)
        columns = _without_metadata(table.frame[group.members - table.first], kept)
        # A clone that varies may take a value over from any node of the group.
        used = group.members if group.whole or variation else group.members[:group.extra]
        cuts = self._cuts(columns, kept, keys, used)
        integers = [name for name in keys if kept[name] == "INTEGER"]
        types = dict(kept)
        if with_source:
            types[SOURCE_ID] = "STRING"
            columns = pl.DataFrame([*columns.get_columns(), self._source(group.members).alias(SOURCE_ID)])
        copies = Copies(len(group.members), columns, cuts)
        profile = self._base.profile
        own = {*keys, *cuts, *EVERY_NAME, *profile.container_names, profile.id, profile.type, profile.name_property,
               profile.location, profile.tenant}
        varied = Variation(columns, self._base.resource_types[group.members], sorted(set(kept) - own),
                           share=variation, seed=derive_seed(self._seed, "variation", group.first))

        def make(start: int, stop: int) -> pl.DataFrame:
            numbers = group.first + np.arange(start, stop, dtype=np.int64)
            copy, rank = copies.places(start, stop)
            frame = copies.made(copy, rank)
            return frame.with_columns(*varied.varied(numbers, rank), *(
                self._integers(name, numbers).set(frame[name].is_null(), None) for name in integers))

        return NodeBlock(table.labels, types, group.rows, self._resource_counts(group),
                         make if integers or varied.changes else copies)

    def rewritten(self, lift: Lift) -> Rewritten | None:
        """Find what the properties of a lift's relationships quote; None when they quote nothing."""
        table = lift.table
        drivers = (table.start if lift.drives == START else table.end)[lift.picks]
        cuts = {name: Cuts.of(rows, token=self._token, seed=self._seed, names=self._cutting.given)
                for name, kind in table.types.items() if kind in _TEXTS
                and any(rows := self._cutting.texts(_as_text(table.frame[name][lift.picks]), drivers))}
        if not cuts:
            return None

        def rewrite(frame: pl.DataFrame, numbers: I64) -> pl.DataFrame:
            copy, position = lift.places(numbers)
            return frame.with_columns(rewritten(frame[name], cut, position, copy) for name, cut in cuts.items())

        return rewrite

    def ids_of(self, nodes: I64) -> Cuts:
        """Cut the ids of some nodes, to be written for any clone of them."""
        rows = self._cutting.keys(self._ids[nodes], nodes, is_id=True)
        return Cuts.of(rows, token=self._token, seed=self._seed, names=self._cutting.given)

    def _resource_counts(self, group: CloneGroup) -> Mapping[str, int]:
        if self._base.nodes[group.table].role is not Role.RESOURCE:
            return {}
        counted = pl.DataFrame({"type": self._base.resource_types[group.members],
                                "clones": self._clones.count[group.members]}).group_by("type").sum()
        return {type_: count for type_, count in sorted(counted.iter_rows()) if count}

    def _keys(self, labels: tuple[str, ...], types: Mapping[str, str]) -> list[str]:
        keys = key_properties(self._base, labels, types)
        for name in keys:
            if types[name] not in {"STRING", "INTEGER"}:
                raise UsageError(
                    f"nodes labelled {':'.join(labels)} cannot be copied: {name!r} is unique and a {types[name]}",
                    hint="only STRING and INTEGER values can be made unique; choose other resource labels in a profile",
                )
        return keys

    def _cuts(
        self, columns: pl.DataFrame, types: Mapping[str, str], keys: Sequence[str], members: I64
    ) -> dict[str, Cuts]:
        """Cut every column of text, in the rows of the first nodes; one whose rows speak of no node is left out."""
        others: list[list[Piece]] = [[]] * (columns.height - len(members))
        profile = self._base.profile
        cuts: dict[str, Cuts] = {}
        for name in (name for name, kind in types.items() if kind in _TEXTS):
            values = _as_text(columns[name][:len(members)])
            if types[name] == "STRING" and name == profile.name_property and name not in keys:
                rows = self._cutting.names(values, members)
            elif types[name] == "STRING" and name in keys:
                rows = self._cutting.keys(values, members, is_id=name == profile.id)
            elif name in profile.container_names:
                rows = self._cutting.container_names(values, members)
            else:
                rows = self._cutting.texts(values, members)
            if any(rows):
                cuts[name] = Cuts.of(rows + others, token=self._token, seed=self._seed, names=self._cutting.given)
        return cuts

    def _integers(self, name: str, numbers: I64) -> pl.Series:
        return integer_keys(self._seed, numbers).alias(name)

    def _source(self, members: I64) -> pl.Series:
        numbers = pl.Series("number", members)
        return pl.select(pl.coalesce(self._ids[members], pl.format("node:{}", numbers))).to_series()


def _as_text(values: pl.Series) -> pl.Series:
    """Give texts as they are and each list as one; null for a list that could not be cut into its items again."""
    if values.dtype != pl.List(pl.String):
        return values
    joined = values.list.join(ITEM_END)
    return joined.set(joined.str.count_matches(ITEM_END, literal=True) + 1 != values.list.len(), None)


def _without_metadata(frame: pl.DataFrame, kept: Mapping[str, str]) -> pl.DataFrame:
    """Give the kept columns; names that scenarios use are a node's own unless a scenario made the node."""
    if not kept:
        return pl.DataFrame(height=frame.height)
    if SCENARIO not in frame.columns:
        return frame.select(map(column, kept))
    own = pl.col(SCENARIO).is_null()
    return frame.select(pl.when(own).then(column(name)).alias(name) if name in OF_SCENARIO else column(name)
                        for name in kept)
