"""What the base offers a scenario to stand in and to look like; knows topologies only by the names it is given.

Nodes that are synthetic already are neither anchors nor models: they may be rolled back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.graph import column
from synthgen.identifiers import GUID
from synthgen.metadata import EVERY_NAME
from synthgen.profile import Role
from synthgen.scenarios.parameters import region_key
from synthgen.scenarios.topology import Group, Shared
from synthgen.seeding import I64, permute
from synthgen.types import TYPES

SUBSCRIPTION_ID = "subscription_id"
_MODELS = 1_000
_GUID = f"(?i)^{GUID.pattern}$"
_PATH = "/subscriptions/"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A base node that synthetic ones are tied to.

    Attributes:
        node: Its node number.
        labels: Its label set.
        key: What ids and properties call it: a subscription's id without path, a region's name.
        tenant: The tenant it belongs to, when the base says.
    """

    node: int
    labels: tuple[str, ...]
    key: str
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """Base nodes of one kind, whose properties synthetic ones take over.

    Attributes:
        labels: Their label set.
        types: Their properties and types, without metadata.
        spelling: Their type as the base writes it.
        frame: At most 1,000 of them; what is a node's own (ids, names, GUIDs, paths) is null.
    """

    labels: tuple[str, ...]
    types: Mapping[str, str]
    spelling: str | None
    frame: pl.DataFrame


class Around:
    """The base's subscriptions, regions, models and ways to say things."""

    def __init__(self, base: Base, *, seed: int) -> None:
        self._base = base
        self._seed = seed
        self._live = base.having(Role.RESOURCE, Role.CONTAINER, Role.SHARED) & ~base.synthetic
        self._resource_types = base.resource_types.str.to_lowercase()

    @cached_property
    def resources(self) -> Mask:
        """Mark the resources that are not synthetic."""
        return self._base.resources & self._live

    def of_type(self, type_: str) -> Mask:
        """Mark the resources of a type, however the base spells it."""
        found: Mask = (self._resource_types == type_.lower()).fill_null(value=False).to_numpy()
        return found & self.resources

    def labelled(self, label: str) -> Mask:
        """Mark the nodes with a label."""
        found = np.repeat([label in table.labels for table in self._base.nodes],
                          [table.frame.height for table in self._base.nodes])
        marked: Mask = found.astype(np.bool_) & self._live
        return marked

    def with_labels(self, labels: tuple[str, ...]) -> Mask:
        """Mark the nodes that have all these labels."""
        marked: Mask = np.logical_and.reduce([self.labelled(label) for label in labels])
        return marked

    def of_group(self, group: Group) -> Mask:
        """Mark the nodes that are like those of a group: of its labels, or else of its type."""
        return self.with_labels(group.labels) if group.labels else self.of_type(group.type or "")

    def of_shared(self, shared: Shared) -> Mask:
        """Mark the shared nodes that a scenario means."""
        marked = self.labelled(shared.label) if shared.label is not None else self.of_type(shared.type or "")
        for name, text in shared.having.items():
            marked = marked & (self._base.texts(name) == text).fill_null(value=False).to_numpy()
        return marked

    def alike(self, marked: Mask) -> tuple[tuple[str, ...], I64]:
        """Give the label set that most of the marked nodes have, and the numbers of those that have it."""
        numbers: I64 = np.flatnonzero(marked)
        if not len(numbers):
            return (), numbers
        counts: Counter[tuple[str, ...]] = Counter()
        per_table = np.bincount(self._base.table_of[numbers], minlength=len(self._base.nodes))
        for table, count in zip(self._base.nodes, per_table.tolist(), strict=True):
            counts[table.labels] += count
        labels = counts.most_common(1)[0][0]
        tables = [position for position, table in enumerate(self._base.nodes) if table.labels == labels]
        return labels, numbers[np.isin(self._base.table_of[numbers], tables)]

    def unique_properties(self, labels: tuple[str, ...]) -> set[str]:
        """Name what uniqueness constraints cover, unless the id, which is unique anyway, is part of the constraint."""
        return {name for item in self._base.snapshot.schema if item.makes_unique(labels)
                and self._base.profile.id not in item.properties for name in item.properties}

    def subscriptions(self, label: str | None) -> list[Anchor]:
        """Find the base's subscriptions in the order of their node numbers; none without a label."""
        if label is None:
            return []
        ids, tenants = self._base.texts(self._base.profile.id), self._base.texts(self._base.profile.tenant)
        plain = self._base.texts(SUBSCRIPTION_ID)
        around = self._tenants_around(self.labelled(label))
        anchors = []
        for node in np.flatnonzero(self.labelled(label)).tolist():
            key = plain[node] or (ids[node] or "").rsplit("/", 1)[-1]
            if key:
                anchors.append(Anchor(node, self._labels(node), key, tenants[node] or around[node]))
        return anchors

    def regions(self, label: str | None) -> dict[str, Anchor]:
        """Find the base's regions by name, those that most resources are tied to first; none without a label."""
        if label is None:
            return {}
        names = self._base.texts(self._base.profile.name_property or "name")
        marked = self.labelled(label)
        used: I64 = np.zeros(self._base.size, np.int64)
        for table in self._base.relationships:
            used += np.bincount(table.end[marked[table.end] & self.resources[table.start]], minlength=self._base.size)
            used += np.bincount(table.start[marked[table.start] & self.resources[table.end]], minlength=self._base.size)
        found: dict[str, Anchor] = {}
        named = [(region_key(names[node] or ""), node) for node in np.flatnonzero(marked).tolist()]
        for key, node in sorted(named, key=lambda region: (-int(used[region[1]]), region)):
            if key:
                found.setdefault(key, Anchor(node, self._labels(node), key))
        return found

    def relationship(self, starts: Mask, ends: Mask, default: str) -> tuple[str, bool]:
        """Name the relationship type between two kinds of nodes as the base does, else by the default.

        Returns:
            The type, and whether the base has it the other way round.
        """
        forward, backward = self._types_between(starts, ends), self._types_between(ends, starts)
        if default in forward or not (forward or backward):
            return default, False
        found = forward or backward
        return min(found, key=lambda type_: (-found[type_], type_)), not forward

    def are_tied(self, starts: Mask, ends: Mask) -> bool:
        """Say whether any relationship leads from one kind of nodes to another, containment apart."""
        return bool(self._types_between(starts, ends))

    def models(self, marked: Mask, *, replaced: set[str]) -> Models | None:
        """Take the properties of some nodes as models, of the table that holds most of them.

        Args:
            marked: The nodes.
            replaced: Properties that get values of their own anyway: null in the frame.
        """
        base = self._base
        numbers: I64 = np.flatnonzero(marked)
        if not len(numbers):
            return None
        position = int(np.bincount(base.table_of[numbers]).argmax())
        table = base.nodes[position]
        numbers = numbers[base.table_of[numbers] == position]
        numbers = np.sort(numbers[permute(np.arange(len(numbers), dtype=np.int64), self._seed, len(numbers))[:_MODELS]])
        types = {name: kind for name, kind in table.types.items() if name not in EVERY_NAME}
        replaced = replaced | self.unique_properties(table.labels)
        frame = table.frame.select(map(column, types))[numbers - table.first]
        spelled = Counter(base.resource_types[numbers].to_list()).most_common(1)[0][0]
        return Models(table.labels, types, spelled, self._impersonal(frame, types, numbers, replaced))

    def property_types(self) -> Mapping[str, str]:
        """Give the property types of the base's largest table of resources; empty when it has none."""
        tables = [table for table in self._base.nodes if table.role is Role.RESOURCE]
        return max(tables, key=lambda table: table.frame.height).types if tables else {}

    def _labels(self, node: int) -> tuple[str, ...]:
        return self._base.nodes[int(self._base.table_of[node])].labels

    def _tenants_around(self, marked: Mask) -> dict[int, str | None]:
        ids: list[str | None] = self._base.texts(self._base.profile.id).to_list()
        tenants = np.zeros(self._base.size, np.bool_)
        for label in self._base.profile.tenant_labels:
            tenants |= self.labelled(label)
        only = np.flatnonzero(tenants)
        usual = ids[int(only[0])] if len(only) == 1 else None
        found: dict[int, str | None] = {int(node): usual for node in np.flatnonzero(marked)}
        for table in self._base.relationships:
            if table.type in self._base.profile.containment_types:
                both = tenants[table.start] & marked[table.end]
                for start, end in zip(table.start[both].tolist(), table.end[both].tolist(), strict=True):
                    found[end] = ids[start]
        return found

    def _types_between(self, starts: Mask, ends: Mask) -> dict[str, int]:
        profile = self._base.profile
        found: dict[str, int] = {}
        for table in self._base.relationships:
            if table.type not in (*profile.protected_types, *profile.containment_types):
                count = int((starts[table.start] & ends[table.end]).sum())
                if count:
                    found[table.type] = found.get(table.type, 0) + count
        return found

    def _impersonal(
        self, frame: pl.DataFrame, types: Mapping[str, str], numbers: I64, replaced: set[str]
    ) -> pl.DataFrame:
        texts = [name for name, kind in types.items() if kind == "STRING" and name not in replaced]
        lists = [name for name, kind in types.items() if kind == "LIST<STRING>" and name not in replaced]
        cells = pl.concat([pl.Series("cell", [], pl.String), *(frame[name].alias("cell") for name in texts),
                           *(frame[name].explode().alias("cell") for name in lists)]).unique().to_frame()
        ids = self._base.texts(self._base.profile.id).alias("cell").to_frame()
        quoted = ids.join(cells, on="cell", how="semi")["cell"].unique()
        own = (self._base.texts(self._base.profile.name_property)[numbers],
               self._base.texts(self._base.profile.id)[numbers])

        def personal(cell: pl.Expr) -> pl.Expr:
            return (cell.str.to_lowercase().str.contains(_PATH, literal=True) | cell.str.contains(_GUID)
                    | cell.is_in(quoted.implode()))

        columns = []
        for name, kind in types.items():
            cell = column(name)
            if name in replaced:
                cell = pl.lit(None, dtype=TYPES[kind].dtype).alias(name)
            elif name in texts:
                quotes_itself = [cell.str.contains(pl.lit(text), literal=True).fill_null(value=False) for text in own]
                cell = pl.when(~pl.any_horizontal(personal(cell), *quotes_itself)).then(cell)
            elif name in lists:
                cell = pl.when(~cell.list.eval(personal(pl.element())).list.any()).then(cell)
            columns.append(cell.alias(name))
        return frame.select(columns)
