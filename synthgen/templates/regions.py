"""Ties copies to the nodes of the locations that a template file gives them, instead of those of their originals; pure.

Whatever relationship type the base has from resources to shared nodes whose name is the resource's location counts as
such a tie. A copy has one when its original has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from synthgen.base import Base, BaseRelationships, Mask
from synthgen.clones import Lift
from synthgen.graph import END, START
from synthgen.growth import RelationshipBlock
from synthgen.profile import Role
from synthgen.seeding import I64
from synthgen.templates.overrides import Overrides
from synthgen.templates.sieve import Sieve

NO_PLACE = "no node of the base has the location's name"
_MOSTLY = 0.5
_NOWHERE, _AS_BEFORE = -1, -2


@dataclass(frozen=True, slots=True)
class Relocated:
    """What became of lifts: those that are as they were, blocks in place of the others, and ties that have no end."""

    lifts: list[Lift]
    blocks: Sequence[RelationshipBlock]
    left_out: int


def relocate(base: Base, lifts: Sequence[Lift], overrides: Overrides) -> Relocated:
    """Tie the copies whose location the file gives to where they are now."""
    places = _Places(base)
    kept: list[Lift] = []
    blocks: list[RelationshipBlock] = []
    left_out = 0
    for lift in lifts:
        moved = _moved(lift, overrides) if lift.table.type in places.types else None
        if moved is None or not moved.any():
            kept.append(lift)
            continue
        if not moved.all():
            kept.append(_part(lift, ~moved))
        tying = _Tying(_part(lift, moved), overrides, places)
        blocks.extend(tying.blocks())
        left_out += tying.nowhere
    return Relocated(kept, blocks, left_out)


def place_types(base: Base) -> set[str]:
    """Name the types of relationships that tie resources to the nodes of their locations."""
    names, locations = _keys(base.texts(base.profile.name_property or "name")), _keys(base.texts(base.profile.location))
    return {table.type for table in base.relationships if _ties_to_places(base, table, names, locations)}


class _Places:
    """The base's nodes of locations.

    Attributes:
        types: The types of relationships that tie resources to them.
        labels: Their label sets.
    """

    def __init__(self, base: Base) -> None:
        self._base = base
        names = _keys(base.texts(base.profile.name_property or "name"))
        shared = base.having(Role.SHARED)
        self.types = place_types(base)
        ends = np.unique(np.concatenate([np.zeros(0, np.int64), *(
            numbers[shared[numbers]] for table in base.relationships if table.type in self.types
            for numbers in (table.start, table.end))]))
        tables = np.unique(base.table_of[ends])
        self.labels = sorted({base.nodes[table].labels for table in tables.tolist()})
        alike = np.flatnonzero(shared & np.isin(base.table_of, tables))
        self._nodes = pl.DataFrame({"key": names[alike], "node": alike}).drop_nulls().unique(
            "key", keep="first", maintain_order=True)

    def nodes(self, locations: pl.Series) -> I64:
        """Find the node of each location; -2 where there is no location, -1 where no node is called so."""
        found = _keys(locations).alias("key").to_frame().join(self._nodes, on="key", how="left", maintain_order="left")
        missing = np.where(locations.is_null().to_numpy(), _AS_BEFORE, _NOWHERE)
        node = found["node"].to_numpy()
        known = found["node"].is_not_null().to_numpy()
        result: I64 = np.where(known, np.nan_to_num(node, nan=0).astype(np.int64), missing)
        return result

    def labels_of(self, nodes: I64) -> I64:
        """Give the position in `labels` of each node's label set."""
        positions = np.array([self.labels.index(table.labels) if table.labels in self.labels else -1
                              for table in self._base.nodes], np.int64)
        found: I64 = positions[self._base.table_of[nodes]]
        return found


def _keys(names: pl.Series) -> pl.Series:
    """Give names as they are compared: `East US` and `eastus` are the same."""
    return names.str.to_lowercase().str.replace_all(" ", "", literal=True)


def _ties_to_places(base: Base, table: BaseRelationships, names: pl.Series, locations: pl.Series) -> bool:
    if table.type in (*base.profile.protected_types, *base.profile.containment_types):
        return False
    resources, shared = base.resources, base.having(Role.SHARED)
    alike = known = 0
    for resource, place in ((table.start, table.end), (table.end, table.start)):
        both = resources[resource] & shared[place]
        located, named = locations[resource[both]], names[place[both]]
        known += int(located.is_not_null().sum())
        alike += int((located == named).sum())
    return alike > _MOSTLY * known


def _moved(lift: Lift, overrides: Overrides) -> Mask | None:
    """Mark the picks of a lift whose resource's copies may have another location; None where both ends are copies."""
    if (lift.start_group is None) == (lift.end_group is None):
        return None
    ends = lift.table.end if lift.start_group is None else lift.table.start
    return overrides.relocated[ends[lift.picks]]


def _part(lift: Lift, marked: Mask) -> Lift:
    """Give the part of a lift that is of some of its relationships; those with one clone more stay first."""
    return replace(lift, picks=lift.picks[marked], extra=int(marked[: lift.extra].sum()))


class _Tying:
    """The ties of one lift, to where the copies are now."""

    def __init__(self, lift: Lift, overrides: Overrides, places: _Places) -> None:
        self._lift = lift
        self._overrides = overrides
        self._places = places
        self._place_end = START if lift.start_group is None else END
        self.nowhere = self._ending_on(_NOWHERE).rows

    def blocks(self) -> list[RelationshipBlock]:
        """Make a block for each label set that they end on."""
        blocks = []
        for position, labels in enumerate(self._places.labels):
            sieve = self._ending_on(position)
            if sieve.rows:
                blocks.append(self._block(labels, sieve))
        return blocks

    def _ending_on(self, position: int) -> Sieve:
        return Sieve(self._lift.rows, lambda rows: self._targets(rows)[1] == position)

    def _block(self, labels: tuple[str, ...], sieve: Sieve) -> RelationshipBlock:
        lift = self._lift

        def make(start: int, stop: int) -> pl.DataFrame:
            rows = sieve(start, stop)
            return lift.make(rows).with_columns(pl.Series(self._place_end, self._targets(rows)[0]))

        group = lift.start_group or lift.end_group
        resource = self._overrides.labels(group) if group is not None else ()
        if self._place_end == END:
            return RelationshipBlock(lift.table.type, resource, labels, "operation", "base", lift.table.types,
                                     sieve.rows, make)
        return RelationshipBlock(lift.table.type, labels, resource, "base", "operation", lift.table.types, sieve.rows,
                                 make)

    def _targets(self, rows: I64) -> tuple[I64, I64]:
        """Give the node that each row ends on, and the position of its label set, or -1 for nowhere."""
        lift = self._lift
        copy, position = np.divmod(rows, len(lift.picks))
        picks = lift.picks[position]
        before, resource = (lift.table.end, lift.table.start) if self._place_end == END \
            else (lift.table.start, lift.table.end)
        kinds, numbers = self._overrides.counting.place(resource[picks], copy)
        found = self._places.nodes(self._overrides.shares.locations(kinds, numbers))
        nodes = np.where(found == _AS_BEFORE, before[picks], found)
        return nodes, np.where(nodes >= 0, self._places.labels_of(np.maximum(nodes, 0)), _NOWHERE)
