"""What a template file says of resources, put in place of what their copies took over: columns of node blocks; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.clones import CloneGroup, Clones
from synthgen.errors import UsageError
from synthgen.growth import NodeBlock
from synthgen.profile import Profile, Role
from synthgen.seeding import I64
from synthgen.templates.counting import NO_KIND, CloneCounting, Counting
from synthgen.templates.naming import GivenNames
from synthgen.templates.render import Renderer
from synthgen.templates.shares import Share, Shares
from synthgen.templates.template import Entry
from synthgen.templates.values import Value
from synthgen.types import TYPES

SUBSCRIPTION_ID = "subscription_id"
_GROUP_IN_ID = r"(?i)/resourceGroups/([^/]+)"
_SUBSCRIPTION_IN_ID = r"(?i)^/subscriptions/([^/]+)"
_JSON_TABLE = r"^\s*\{"


@dataclass(frozen=True, slots=True)
class _Columns:
    """What an entry's resources get in one table: a renderer for each property, and its type."""

    types: Mapping[str, str]
    renderers: Mapping[str, Renderer]


class Overrides:
    """The template file's part in one pass of cloning.

    Attributes:
        shares: Entries, and how many of each.
        counting: Of the pass's clones.
        names: What copies are called.
        relocated: Per node number, whether the file gives a location to copies of it.
    """

    def __init__(
        self, base: Base, clones: Clones, shares: Shares, *, counting: Counting, kind_of: I64, relocated: Mask,
        labels: Mapping[int, tuple[str, ...]],
    ) -> None:
        """Look at what is asked for in the light of what the base has.

        Raises:
            UsageError: A value is of another kind than the base's of that property, or the property is not one to give.
        """
        self._base = base
        self.shares = shares
        self.counting = counting
        self.relocated = relocated
        self.names = GivenNames(base, clones, counting, shares, kind_of)
        self._labels = labels
        self._tenant = _only_tenant(base)
        self._columns: dict[tuple[int, int], _Columns] = {}
        for table in sorted({group.table for group in clones.groups}):
            members = np.concatenate([group.members for group in clones.groups if group.table == table])
            shares_here = [share for kind in counting.kinds_of(members) for share in shares.of(kind)]
            self._bind_table(table, shares_here)

    def labels(self, group: CloneGroup) -> tuple[str, ...]:
        """Give the label set of a group's clones."""
        return self._labels.get(group.first, self._base.nodes[group.table].labels)

    def block(self, block: NodeBlock, group: CloneGroup) -> NodeBlock:
        """Give a block of clones with what the file says in place of what they took over."""
        kinds = self.counting.kinds_of(group.members)
        shares = [share for kind in kinds for share in self.shares.of(kind)]
        columns = [self._columns[group.table, id(share)] for share in shares]
        if not any(column.types for column in columns):
            return block
        types = dict(block.types)
        for column in columns:
            types.update(column.types)

        def make(start: int, stop: int) -> pl.DataFrame:
            copy, rank = np.divmod(np.arange(start, stop, dtype=np.int64), len(group.members))
            made = block.make(start, stop)
            missing = [pl.repeat(None, len(rank), dtype=TYPES[kind].dtype, eager=True).alias(name)
                       for name, kind in types.items() if name not in made.columns]
            frame = pl.DataFrame([*made.get_columns(), *missing])
            return self._replaced(frame, group.table, *self.counting.place(group.members[rank], copy))

        return replace(block, types=types, make=make)

    def _replaced(self, frame: pl.DataFrame, table: int, kinds: I64, numbers: I64) -> pl.DataFrame:
        at: dict[str, I64] = {}
        pieces: dict[str, list[pl.Series]] = {}
        for kind in np.unique(kinds[kinds != NO_KIND]).tolist():
            here = np.flatnonzero(kinds == kind)
            for share, positions in self.shares.split(kind, numbers[here]):
                rows = here[positions]
                row = _Rows(self._base, self.shares, share, frame=frame[rows], index=numbers[rows] - share.first,
                            tenant=self._tenant)
                for name, renderer in self._columns[table, id(share)].renderers.items():
                    if name not in at:
                        at[name], pieces[name] = np.arange(frame.height), [frame[name]]
                    at[name][rows] = sum(map(len, pieces[name])) + np.arange(len(rows))
                    pieces[name].append(row.column(renderer).alias(name))
        return frame.with_columns(pl.concat(pieces[name])[at[name]] for name in at)

    def _bind_table(self, table: int, shares: Sequence[Share]) -> None:
        """Find the type of every property that the file gives to resources of a table, and prepare their columns."""
        present, labels = self._base.nodes[table].types, self._base.nodes[table].labels
        types: dict[str, str] = {}
        asked = [(share, self._values(table, share.entry)) for share in shares]
        for _, values in asked:
            for name, value in values.items():
                if any(item.makes_unique(labels) and name in item.properties for item in self._base.snapshot.schema):
                    raise UsageError(f"{value.where}: a constraint of the base makes {name!r} unique",
                                     hint="leave it out: copies get values of their own")
                wanted = present.get(name) or types.get(name) or None
                if wanted == "INTEGER" and name not in present and value.kind == "FLOAT":
                    wanted = "FLOAT"
                if wanted is None and value.content is not None:
                    wanted = value.kind
                if wanted is not None and not value.fits(wanted):
                    raise UsageError(
                        f"{value.where}: {name!r} is a {wanted} in the {'base' if name in present else 'lines above'},"
                        f" and {value.said} is none",
                        hint=f"give a {wanted}" if wanted in _GIVEN else "leave it out: a file cannot give these")
                types[name] = wanted or types.get(name, "")
        for share, values in asked:
            given = {name: types[name] for name in values if types[name]}
            self._columns[table, id(share)] = _Columns(
                given, {name: Renderer(values[name], kind) for name, kind in given.items()})

    def _values(self, table: int, entry: Entry) -> dict[str, Value]:
        profile = self._base.profile
        for name, value in entry.columns.items():
            _check_part(profile, name, value)
        values = dict(entry.columns)
        if "sku" in values:
            values["sku"] = _short_sku(self._base, table, values["sku"])
        if entry.location is not None:
            if profile.location is None:
                raise UsageError(f"{entry.where}: the profile {profile.name!r} has no property for locations",
                                 hint="name one in a profile, or leave `location` out")
            values[profile.location] = Value(entry.location, entry.where)
        return values


_GIVEN = ("BOOLEAN", "INTEGER", "FLOAT", "STRING", "LIST<STRING>")


class _Rows:
    """The rows of one entry, and what the names in its texts stand for there."""

    def __init__(
        self, base: Base, shares: Shares, share: Share, *, frame: pl.DataFrame, index: I64, tenant: str
    ) -> None:
        self._base = base
        self._shares = shares
        self._share = share
        self._frame = frame
        self._index = index
        self._tenant = tenant
        self._found: dict[str, Sequence[Any]] = {}

    def column(self, renderer: Renderer) -> pl.Series:
        """Render a property."""
        for name in renderer.names:
            if name not in self._found:
                self._found[name] = _FOUND[name](self)
        return renderer.column(self._frame.height, self._found)

    def index(self) -> Sequence[int]:
        return list(map(int, self._index))

    def random_location(self) -> Sequence[str]:
        return self._shares.random_locations(self._share, self._index).to_list()

    def location(self) -> Sequence[str]:
        text = self._share.entry.location
        if text is not None:
            return self._shares.texts(self._share, text, self._index).to_list()
        return self._texts(self._base.profile.location)

    def name(self) -> Sequence[str]:
        return self._texts(self._base.profile.name_property)

    def type(self) -> Sequence[str]:
        return [self._share.entry.type] * self._frame.height

    def subscription_id(self) -> Sequence[str]:
        return self._texts_or(_SUBSCRIPTION_IN_ID, SUBSCRIPTION_ID)

    def resource_group(self) -> Sequence[str]:
        names = self._base.profile.container_names
        return self._texts_or(_GROUP_IN_ID, names[0] if names else None)

    def tenant_id(self) -> Sequence[str]:
        column = self._column(self._base.profile.tenant)
        return column.fill_null(self._tenant).to_list()

    def _texts_or(self, in_id: str, name: str | None) -> list[str]:
        ids, other = self._column(self._base.profile.id), self._column(name)
        found = ids.str.extract(in_id)
        return found.zip_with(found.is_not_null(), other).fill_null("").to_list()

    def _texts(self, name: str | None) -> list[str]:
        return self._column(name).fill_null("").to_list()

    def _column(self, name: str | None) -> pl.Series:
        if name in self._frame.columns and self._frame.schema[str(name)] == pl.String:
            return self._frame[str(name)]
        return pl.repeat(None, self._frame.height, dtype=pl.String, eager=True)


_FOUND: Mapping[str, Callable[[_Rows], Sequence[Any]]] = {
    "index": _Rows.index, "random_location": _Rows.random_location, "location": _Rows.location, "name": _Rows.name,
    "type": _Rows.type, "subscription_id": _Rows.subscription_id, "resource_group": _Rows.resource_group,
    "tenant_id": _Rows.tenant_id,
}


def override_clones(
    base: Base, clones: Clones, shares: Shares, labels: Mapping[int, tuple[str, ...]]
) -> Overrides:
    """Prepare the part of a template file in a pass whose clones are of the types of their originals."""
    kinds = {type_: kind for kind, type_ in enumerate(shares.types)}
    kind_of: I64 = base.resource_types.replace_strict(kinds, default=NO_KIND, return_dtype=pl.Int64).to_numpy().copy()
    kind_of[~base.resources] = NO_KIND
    kind_of[base.having(Role.CONTAINER)] = shares.containers
    moving = np.array([any(share.entry.location for share in shares.of(kind)) for kind in kinds.values()]
                      + [False, False])
    return Overrides(base, clones, shares, counting=CloneCounting(clones, kind_of), kind_of=kind_of,
                     relocated=moving[kind_of], labels=labels)


def _check_part(profile: Profile, name: str, value: Value) -> None:
    if name in {profile.id, profile.type, profile.name_property, profile.tenant, *profile.container_names}:
        raise UsageError(f"{value.where}: {name!r} cannot be given: it says what a node is and where it belongs",
                         hint="it is made to agree with the others; for names there is name_pattern")
    if name == profile.location:
        raise UsageError(f"{value.where}: {name!r} is where a node is located", hint="give it as `location`")


def _short_sku(base: Base, table: int, value: Value) -> Value:
    """Give the name alone of a sku that the file writes as a table, as Azure does, where the base has plain names."""
    if not isinstance(value.content, dict) or "name" not in value.content:
        return value
    if base.nodes[table].types.get("sku") != "STRING" or \
            base.nodes[table].frame["sku"].str.contains(_JSON_TABLE).any():
        return value
    return replace(value, content=value.content["name"])


def _only_tenant(base: Base) -> str:
    ids = base.texts(base.profile.id)
    found = [ids[number] for table in base.nodes if set(table.labels) & set(base.profile.tenant_labels)
             for number in range(table.first, table.first + table.frame.height)]
    return found[0] or "" if len(found) == 1 else ""
