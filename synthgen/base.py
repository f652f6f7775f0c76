"""The base graph in memory, with the part that each of its nodes plays; knows no server and no strategy.

Everything per node is an array over node numbers, so that relationships (pairs of node numbers) index it directly.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.errors import UsageError
from synthgen.graph import END, START
from synthgen.metadata import OPERATION_ID, SYNTHETIC
from synthgen.profile import Profile, Role
from synthgen.seeding import I64
from synthgen.snapshot.read import Snapshot

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BaseNodes:
    """One node table of the base; node numbers are `first` … `first + frame.height - 1`."""

    labels: tuple[str, ...]
    types: Mapping[str, str]
    first: int
    frame: pl.DataFrame
    role: Role

    @property
    def numbers(self) -> slice:
        """Where the table's nodes stand in arrays over node numbers."""
        return slice(self.first, self.first + self.frame.height)


@dataclass(frozen=True, slots=True)
class BaseRelationships:
    """One relationship table of the base; `start` and `end` are node numbers."""

    type: str
    types: Mapping[str, str]
    start: I64
    end: I64
    frame: pl.DataFrame


class Base:
    """A snapshot's graph, read whole, under a profile.

    Attributes:
        digest, fingerprint: The snapshot's.
        nodes, relationships: Its tables, in order.
        profile: What decides the roles.
        size: Number of nodes.
    """

    def __init__(self, snapshot: Snapshot, profile: Profile) -> None:
        self.snapshot = snapshot
        self.profile = profile
        self.nodes = [
            BaseNodes(table.labels, table.types, table.first, snapshot.read(table), profile.role(table.labels))
            for table in snapshot.node_tables
        ]
        self.relationships = [self._relationships(table) for table in snapshot.relationship_tables]
        self.size = int(snapshot.counts["nodes"])

    def _relationships(self, table: Any) -> BaseRelationships:
        frame = self.snapshot.read(table)
        return BaseRelationships(table.type, table.types, frame[START].to_numpy(), frame[END].to_numpy(), frame)

    def with_frames(self, nodes: Sequence[pl.DataFrame], relationships: Sequence[pl.DataFrame]) -> Base:
        """Give a base of the same snapshot and profile with other property values: one frame per table, in order.

        Numbers of rows, columns, their dtypes, and the ends of relationships must be those of this base.
        """
        made = copy.copy(self)
        for name in [name for name, kind in vars(Base).items() if isinstance(kind, cached_property)]:
            made.__dict__.pop(name, None)
        made.nodes = [replace(table, frame=frame) for table, frame in zip(self.nodes, nodes, strict=True)]
        made.relationships = [replace(table, frame=frame)
                              for table, frame in zip(self.relationships, relationships, strict=True)]
        return made

    @cached_property
    def table_of(self) -> I64:
        """Position in `nodes` of each node's table."""
        return self._per_node(np.arange(len(self.nodes), dtype=np.int64))

    def having(self, *roles: Role) -> Mask:
        """Mark the nodes that play one of these roles."""
        return self._per_node(np.array([table.role in roles for table in self.nodes], np.bool_))

    def _per_node(self, per_table: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.repeat(per_table, np.array([table.frame.height for table in self.nodes], np.int64))

    def texts(self, name: str | None) -> pl.Series:
        """Give a STRING property of every node; null where absent or of another type."""
        pieces = []
        for table in self.nodes:
            if name is not None and table.types.get(name) == "STRING":
                pieces.append(table.frame[name].alias("value"))
            else:
                pieces.append(pl.Series("value", [None] * table.frame.height, pl.String))
        return pl.concat(pieces) if pieces else pl.Series("value", [], pl.String)

    @cached_property
    def synthetic(self) -> Mask:
        """Mark the nodes that are synthetic already."""
        pieces = [np.zeros(0, np.bool_)]
        for table in self.nodes:
            marked = pl.repeat(value=False, n=table.frame.height, eager=True)
            if table.types.get(SYNTHETIC) == "BOOLEAN":
                marked = marked | table.frame[SYNTHETIC].fill_null(value=False)
            if OPERATION_ID in table.types:
                marked = marked | table.frame[OPERATION_ID].is_not_null()
            pieces.append(marked.to_numpy())
        return np.concatenate(pieces)

    @cached_property
    def resource_types(self) -> pl.Series:
        """Type of every node as the profile has it: its type property, else its labels joined by a colon."""
        labels = pl.concat([pl.repeat(":".join(t.labels), t.frame.height, dtype=pl.String, eager=True)
                            for t in self.nodes]) if self.nodes else pl.Series([], dtype=pl.String)
        found = self.texts(self.profile.type)
        return pl.select(pl.coalesce(found.alias("found"), labels.alias("labels"))).to_series()

    @cached_property
    def resources(self) -> Mask:
        """Mark the base's resources: nodes that may be multiplied, synthetic ones included."""
        return self.having(Role.RESOURCE)

    def resources_of(self, *, tenant: str | None = None, include_synthetic: bool = False) -> Mask:
        """Mark the resources meant: of one tenant or of all, with those that are synthetic already or without.

        A tenant's resources are those whose tenant property names it; where no resource carries that property, those
        that the tenant's node contains, directly or through others.

        Raises:
            UsageError: The tenant is not in the graph.
        """
        chosen = self.resources.copy()
        if not include_synthetic:
            chosen &= ~self.synthetic
        if tenant is None:
            return chosen
        named = self.texts(self.profile.tenant)
        if chosen.any() and named.filter(pl.Series(chosen)).null_count() < int(chosen.sum()):
            belongs = (named == tenant).fill_null(value=False).to_numpy()
        else:
            belongs = self.contained_in(self.tenant_nodes(tenant))
        if not (chosen & belongs).any():
            raise UsageError(f"tenant {tenant!r} has no resources in the base", hint=self._tenants_hint(),
                             tenant=tenant)
        chosen &= belongs
        return chosen

    def labelled(self, labels: Collection[str]) -> Mask:
        """Mark the nodes that carry one of these labels."""
        return self._per_node(np.array([bool(set(table.labels) & set(labels)) for table in self.nodes], np.bool_))

    def tenant_nodes(self, tenant: str) -> Mask:
        """Mark the nodes of the tenant with this id.

        Raises:
            UsageError: There is none.
        """
        found: Mask = (self.texts(self.profile.id) == tenant).fill_null(value=False).to_numpy().copy()
        found &= self.labelled(self.profile.tenant_labels)
        if not found.any():
            raise UsageError(f"there is no tenant {tenant!r} in the base", hint=self._tenants_hint(), tenant=tenant)
        return found

    def _tenants_hint(self) -> str:
        labelled = [t for t in self.nodes if set(t.labels) & set(self.profile.tenant_labels)]
        key = self.profile.id
        ids = [value for t in labelled if key is not None and key in t.types for value in t.frame[key].head(5)]
        return "tenants in the base: " + ", ".join(map(str, ids)) if ids else "the base holds no tenant nodes"

    def contained_in(self, roots: Mask) -> Mask:
        """Mark these nodes and all that they contain, directly or through others."""
        reached = roots.copy()
        edges = [table for table in self.relationships if table.type in self.profile.containment_types]
        before = -1
        while before != int(reached.sum()):
            before = int(reached.sum())
            for table in edges:
                reached[table.end[reached[table.start]]] = True
        return reached
