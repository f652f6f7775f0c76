"""Makes the resources of a tenant, type by type and all rows of a type at once; pure, knows no other nodes' making.

Two passes, because properties quote ids of types that come later: the first places every resource (resource group,
region, parent, name, id), the second gives it its properties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from synthgen.sample.catalogue import Kind, Link, catalogue
from synthgen.sample.columns import amounts, chosen, filled, guids, kept, moments, numbered, some, weighted
from synthgen.sample.surroundings import Surroundings
from synthgen.seeding import I64, derive_seed, mix, pick

NONE = -1

_AT_HOME_PERCENT = 88
_DATED_PERCENT = 85
_PRICED_PERCENT = 75
_ZONAL_PERCENT = 40
_SITES = 256
_ZONES = (["1"], ["1"], ["2"], ["2"], ["3"], ["1", "2", "3"])


@dataclass(slots=True)
class Places:
    """Where each resource stands; arrays by row, columns by type.

    Attributes:
        counts: Type → how many.
        first: Type → row of its first resource; a type's rows follow each other.
        group: Row of the resource group.
        region: Row of the region; `NONE` where it is in none.
        parent: Row of the resource that contains it; `NONE` where its resource group does.
        names: Type → names.
        ids: Type → ids.
    """

    counts: dict[str, int]
    first: dict[str, int]
    group: I64
    region: I64
    parent: I64
    names: dict[str, pl.Series] = field(default_factory=dict)
    ids: dict[str, pl.Series] = field(default_factory=dict)

    def rows(self, kind: str) -> slice:
        """Give the rows of a type."""
        return slice(self.first[kind], self.first[kind] + self.counts[kind])


def _found(link: Link, kind: Kind, places: Places, seed: int) -> I64:
    """Find, for each resource of a type, the place among the link's type of the one that it quotes, or `NONE`."""
    own = np.arange(places.counts[kind.type], dtype=np.int64)
    size = places.counts[link.to]
    if size == 0:
        return np.full(len(own), NONE, np.int64)
    # By type and not by placeholder: all that a resource quotes of one type by chance is the same one.
    chance = derive_seed(seed, kind.type, "any", link.to)
    if link.by == "any":
        return pick(own, chance, size)
    if link.by == "near":
        return _near(places.region[places.rows(kind.type)], places.region[places.rows(link.to)], chance)
    if link.by == "modulo":
        return own % size
    shift = 0 if link.by == "same" else places.counts[link.by[1:]]
    place = own - shift if link.by.startswith("-") else own + shift
    return np.where((place >= 0) & (place < size), place, NONE)


def _near(region: I64, region_of_target: I64, seed: int) -> I64:
    """Pick for each region one of the targets in it, or any where it has none."""
    by_region = np.argsort(region_of_target, kind="stable")
    start = np.searchsorted(region_of_target[by_region], region, side="left")
    end = np.searchsorted(region_of_target[by_region], region, side="right")
    start, end = np.where(start == end, 0, start), np.where(start == end, len(by_region), end)
    chance = mix(np.arange(len(region), dtype=np.int64), seed)
    place: I64 = by_region[start + (chance % (end - start).astype(np.uint64)).astype(np.int64)]
    return place


class _Row:
    """The columns that a type's templates can name, each made when it is first asked for."""

    def __init__(self, kind: Kind, places: Places, around: Surroundings, seed: int) -> None:
        self.kind = kind
        self.places = places
        self.seed = derive_seed(seed, "resource", kind.type)
        self.index = np.arange(places.counts[kind.type], dtype=np.int64)
        self._link_seed = seed
        self._rows = places.rows(kind.type)
        self._around = around
        self._made: dict[str, pl.Series] = {}

    def value_of(self, name: str) -> pl.Series:
        """Give the column of a placeholder."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> pl.Series:
        if name in self.kind.links:
            return self._quoted(name)
        if name in catalogue().choices:
            return chosen(self.index, derive_seed(self.seed, name), catalogue().choices[name])
        if name in self._around.words_of_group.columns:
            return self._around.words_of_group[name].gather(self.places.group[self._rows])
        return _MADE[name](self)

    def name(self) -> pl.Series:
        """Give the names, once the resources are placed."""
        return self.places.names[self.kind.type]

    def number(self) -> pl.Series:
        """Give each its number among its type."""
        return numbered(self.index)

    def guid(self) -> pl.Series:
        """Give each a GUID."""
        return guids(self.index, derive_seed(self.seed, "guid"))

    def location(self) -> pl.Series:
        """Give the region's name, or `global`."""
        regions = self._around.frames["Region"]["name"]
        region = self.places.region[self._rows]
        at = np.where(region == NONE, len(regions), region)
        return pl.concat([regions, pl.Series("name", ["global"])]).gather(at)

    def site(self) -> pl.Series:
        """Give the second number of the addresses in a network: a child has its parent's."""
        parent = self.places.parent[self._rows]
        index = parent - self.places.first[self.kind.parent] if self.kind.parent else self.index
        return pl.Series(index % _SITES).cast(pl.String)

    def octet(self) -> pl.Series:
        """Give a number from 1 to 254."""
        return pl.Series(1 + pick(self.index, derive_seed(self.seed, "octet"), 254)).cast(pl.String)

    def _quoted(self, name: str) -> pl.Series:
        result: pl.Series | None = None
        links = self.kind.links[name]
        for link in links:
            found = _found(link, self.kind, self.places, self._link_seed)
            if not self.places.counts[link.to]:
                continue
            before, after = link.text.split("@")
            quoted = before + self.places.ids[link.to].gather(np.maximum(found, 0)) + after
            quoted = kept(quoted, found != NONE)
            result = quoted if result is None else result.zip_with(result.is_not_null(), quoted)
        if result is None:
            return pl.repeat(links[-1].absent, len(self.index), eager=True)
        return result.fill_null(links[-1].absent)


_MADE: dict[str, Callable[[_Row], pl.Series]] = {
    "name": _Row.name,
    "number": _Row.number,
    "guid": _Row.guid,
    "location": _Row.location,
    "site": _Row.site,
    "octet": _Row.octet,
}


def _place(kind: Kind, places: Places, around: Surroundings, seed: int) -> None:
    row = _Row(kind, places, around, seed)
    rows = places.rows(kind.type)
    group = weighted(row.index, derive_seed(row.seed, "group"), around.group_ends)
    elsewhere = weighted(row.index, derive_seed(row.seed, "region"), around.region_ends)
    is_home = some(row.index, derive_seed(row.seed, "home"), _AT_HOME_PERCENT)
    region = np.where(is_home, around.region_of_group[group], elsewhere)
    anchors = (Link(kind.parent, kind.parent_by),) if kind.parent else kind.links.get(kind.beside, ())
    is_settled = np.zeros(len(row.index), np.bool_)
    for link in anchors:
        found = _found(link, kind, places, seed)
        takes = (found != NONE) & ~is_settled
        anchor = places.first[link.to] + found[takes]
        group[takes] = places.group[anchor]
        # What a type in no region watches may be in one, and the other way round.
        region[takes] = np.where(places.region[anchor] == NONE, region[takes], places.region[anchor])
        if kind.parent:
            places.parent[rows] = anchor
        is_settled |= takes
    places.group[rows] = group
    places.region[rows] = NONE if kind.is_global else region
    names = filled(kind.name, row.value_of)
    places.names[kind.type] = names
    if kind.parent:
        above = places.ids[kind.parent].gather(places.parent[rows] - places.first[kind.parent])
        path = "/" + kind.type.rsplit("/", 1)[1] + "/"
    else:
        above = around.frames["ResourceGroup"]["id"].gather(group)
        path = f"/providers/{kind.type}/"
    places.ids[kind.type] = above + path + names


def place_resources(counts: dict[str, int], around: Surroundings, seed: int) -> Places:
    """Give every resource its resource group, region, parent, name and id."""
    total = sum(counts.values())
    starts = np.cumsum([0, *counts.values()])[:-1].tolist()
    group, region, parent = (np.full(total, NONE, np.int64) for _ in range(3))
    places = Places(counts, dict(zip(counts, starts, strict=True)), group, region, parent)
    for kind in catalogue().kinds.values():
        if counts[kind.type]:
            _place(kind, places, around, seed)
    return places


def _described(kind: Kind, places: Places, around: Surroundings, seed: int) -> pl.DataFrame:
    row = _Row(kind, places, around, seed)
    group = places.group[places.rows(kind.type)]
    dated = some(row.index, derive_seed(row.seed, "dated"), _DATED_PERCENT)
    priced = some(row.index, derive_seed(row.seed, "priced"), _PRICED_PERCENT)
    zonal = some(row.index, derive_seed(row.seed, "zonal"), _ZONAL_PERCENT)
    zones = pl.Series("", list(_ZONES)).gather(pick(row.index, derive_seed(row.seed, "zones"), len(_ZONES)))
    return pl.DataFrame(
        {
            "id": places.ids[kind.type],
            "name": places.names[kind.type],
            "location": row.value_of("location"),
            "resource_group": around.frames["ResourceGroup"]["name"].gather(group),
            "subscription_id": around.frames["ResourceGroup"]["subscription_id"].gather(group),
            "properties": filled(kind.properties, row.value_of),
            "created_at": kept(moments(row.index, derive_seed(row.seed, "created")), dated),
        }
    ).select(
        pl.all(),
        pl.lit(kind.type).alias("type"),
        (pl.lit(row.value_of(kind.sku)) if kind.sku else pl.lit(None, pl.String)).alias("sku"),
        (pl.lit(row.value_of(kind.size).cast(pl.Int64)) if kind.size else pl.lit(None, pl.Int64)).alias("size"),
        (
            pl.lit(kept(amounts(row.index, derive_seed(row.seed, "cost"), kind.cost), priced))
            if kind.cost
            else pl.lit(None, pl.Float64)
        ).alias("cost"),
        (pl.lit(kept(zones, zonal)) if kind.zones else pl.lit(None, pl.List(pl.String))).alias("zones"),
    )


def describe_resources(places: Places, around: Surroundings, seed: int) -> pl.DataFrame:
    """Give every resource its properties; rows as placed."""
    kinds = [kind for kind in catalogue().kinds.values() if places.counts[kind.type]]
    return pl.concat([_described(kind, places, around, seed) for kind in kinds])
