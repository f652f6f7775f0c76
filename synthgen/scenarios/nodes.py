"""The columns of a scenario's nodes: ids, names, metadata, and what they take over from the base's; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from synthgen.graph import column
from synthgen.growth import NodeBlock
from synthgen.pieces import guid_texts, integer_keys
from synthgen.profile import Profile, Role
from synthgen.scenarios.around import SUBSCRIPTION_ID, Anchor, Models
from synthgen.scenarios.layout import Counts, Place, fill
from synthgen.scenarios.pairs import Grid
from synthgen.scenarios.topology import Group, Site, Topology
from synthgen.seeding import I64, derive_seed, mix, pick, token
from synthgen.types import TYPES

PROPERTIES = "properties"
SCENARIO_NAME = "scenario_name"
_CONTAINER_TOKEN_LENGTH = 12
_EVERYWHERE = "global"
"""What Azure gives as the location of what is in no region."""
_Columns = dict[str | None, pl.Series | pl.Expr]  # a profile may have no property for a part: None, and left out
_ENVIRONMENT = r'("environment"\s*:\s*)"[^"]*"'


@dataclass(frozen=True, slots=True)
class Operation:
    """Which operation the nodes are of."""

    scenario: str
    operation_id: str
    seed: int


@dataclass(frozen=True, slots=True)
class Look:
    """What nodes of one kind look like.

    Attributes:
        labels: Their label set.
        types: Their properties and types, without the scenario's metadata.
        models: Base nodes that values are taken from which are not the scenario's own; null without.
        keys: Properties of them that are made unique: STRING as the id is written, or INTEGER.
        type: Their resource type, as the base spells it; None for containers.
    """

    labels: tuple[str, ...]
    types: Mapping[str, str]
    models: Models | None
    keys: Mapping[str, str]
    type: str | None = None


class SiteNodes:
    """The nodes of one kind of site; any range of their rows can be made alone.

    Attributes:
        site: The kind.
        region_of: Position of each site's region among the regions given.
        subscription_of: Position of each site's subscription among those given.
    """

    def __init__(
        self, site: Site, counts: Counts, operation: Operation, profile: Profile, topology: Topology, *,
        regions: list[str], subscriptions: list[Anchor], looks: Mapping[str, Look],
    ) -> None:
        self.site = site
        self._counts = counts
        self._operation = operation
        self._profile = profile
        self._topology = topology
        self._looks = looks
        self._groups = {group.name: group for group in site.groups}
        self._seed = derive_seed(operation.seed, operation.operation_id, site.name)
        sites = np.arange(counts.sites[site.name], dtype=np.int64)
        self.region_of: I64 = sites if site.region_each else np.zeros_like(sites)
        self.subscription_of: I64 = pick(sites, derive_seed(self._seed, "subscription"), max(1, len(subscriptions)))
        found = subscriptions or [Anchor(-1, (), _made_subscription(operation))]
        names = (operation.seed, operation.operation_id)
        self._place = Place(
            token(*names), pl.Series(regions or [None], dtype=pl.String)[self.region_of],
            pl.Series(site.environments or [None] * len(sites), dtype=pl.String),
        )
        # Ids are unique through what has room for more of the operation than a vault's name.
        self._roomy = Place(token(*names, length=_CONTAINER_TOKEN_LENGTH), self._place.regions,
                            self._place.environments)
        path = "/subscriptions/{}/resourceGroups/{}"
        self._containers = pl.DataFrame({
            "name": fill(site.container_name, self._roomy, Grid(len(sites), 1), sites),
            "subscription": pl.Series([anchor.key for anchor in found], dtype=pl.String)[self.subscription_of],
            "tenant": pl.Series([anchor.tenant for anchor in found], dtype=pl.String)[self.subscription_of],
        }).with_columns(id=pl.col("name") if topology.subscription is None
                        else pl.format(path, "subscription", "name"))

    def container_block(self, look: Look, first: int) -> NodeBlock:
        """Make the sites' containers a block of nodes; `first` is the import id of its first one."""
        types = {**look.types, **self._metadata_types(self.site.role)}

        def make(start: int, stop: int) -> pl.DataFrame:
            sites = np.arange(start, stop, dtype=np.int64)
            return self._frame(
                look, "", sites, sites, texts={self._profile.name_property: self._containers["name"][sites]},
                made=self._keys(look, self._containers["id"][sites], first + sites), role=self.site.role,
            ).select(map(column, types))

        return NodeBlock(look.labels, types, len(self.region_of), {}, make, {SCENARIO_NAME: self._operation.scenario})

    def group_block(self, group: Group, first: int) -> NodeBlock:
        """Make a group's nodes a block; `first` is the import id of its first one."""
        look = self._looks[group.name]
        type_ = look.type or ""
        grid = self._counts.grids[self.site.name, group.name]
        role = group.role or self.site.role
        # A name that is part of an id of the group's own must be the same in both.
        place = self._place if group.id is None else self._roomy
        types = {**look.types, **self._metadata_types(role)}

        def make(start: int, stop: int) -> pl.DataFrame:
            rows = np.arange(start, stop, dtype=np.int64)
            texts: _Columns = {self._profile.name_property: fill(group.pattern, place, grid, rows)}
            if group.type is not None:
                texts[self._profile.type] = pl.lit(type_)
            if group.properties:
                texts[PROPERTIES] = fill(group.properties, place, grid, rows)
            made: _Columns = {**self._keys(look, self._ids(group, rows), first + rows),
                              **{name: _value(value, place, grid, rows) for name, value in group.values.items()}}
            frame = self._frame(look, group.name, rows, grid.place(rows)[0], texts=texts, made=made, role=role)
            if group.everywhere:
                nowhere: _Columns = {"region": pl.lit(None, pl.String), self._profile.location: pl.lit(_EVERYWHERE)}
                frame = frame.with_columns(value.alias(name) for name, value in nowhere.items() if name in types)
            return frame.select(map(column, types))

        is_resource = self._profile.role(look.labels) is Role.RESOURCE
        return NodeBlock(look.labels, types, grid.rows, {type_: grid.rows} if is_resource else {}, make,
                         {SCENARIO_NAME: self._operation.scenario})

    def _ids(self, group: Group, rows: I64) -> pl.Series:
        type_ = self._looks[group.name].type or ""
        grid = self._counts.grids[self.site.name, group.name]
        if group.id_pattern is not None:
            return fill(group.id_pattern, self._roomy, grid, rows)
        site, index = grid.place(rows)
        if group.parent is None:
            above, between = self._containers["id"][site], f"/providers/{type_}/"
        else:
            parents = self._counts.grids[self.site.name, group.parent]
            above = self._ids(self._groups[group.parent], parents.row(site, index % parents.count(site)))
            between = f"/{type_.rsplit('/', 1)[-1]}/"
        frame = pl.DataFrame({"above": above, "name": fill(group.pattern, self._place, grid, rows)})
        return frame.select(pl.concat_str("above", pl.lit(between), "name")).to_series()

    def _keys(self, look: Look, ids: pl.Series, numbers: I64) -> _Columns:
        seed = derive_seed(self._operation.seed, self._operation.operation_id)
        return {name: integer_keys(seed, numbers) if kind == "INTEGER" else ids for name, kind in look.keys.items()}

    def _frame(
        self, look: Look, group: str, rows: I64, site: I64, *, texts: _Columns, made: _Columns,
        role: str | None,
    ) -> pl.DataFrame:
        around: _Columns = {}
        if self._topology.region is not None:
            around[self._profile.location] = self._place.regions[site]
        if self._topology.subscription is not None and self.site.contained:
            around[SUBSCRIPTION_ID] = self._containers["subscription"][site]
            around[self._profile.tenant] = self._containers["tenant"][site]
        if self._topology.container is not None and self.site.contained:
            around |= dict.fromkeys(self._profile.container_names, self._containers["name"][site])
        # What the base has under one of these names, but as no text, is left as it is.
        fitting = {name: value for name, value in {**around, **texts}.items() if look.types.get(name or "") == "STRING"}
        metadata: _Columns = {"region": self._place.regions[site], "role": pl.lit(role)}
        if self.site.environments:
            metadata["environment"] = self._place.environments[site]
        if self.site.number_as is not None:
            metadata[self.site.number_as] = pl.Series(site)
        return self._modelled(look, group, rows, site).with_columns(
            (pl.lit(value) if isinstance(value, pl.Series) else value).alias(name or "")
            for name, value in {**fitting, **made, **metadata}.items()
        )

    def _modelled(self, look: Look, group: str, rows: I64, site: I64) -> pl.DataFrame:
        if look.models is None:
            empty = [pl.repeat(None, len(rows), dtype=TYPES[kind].dtype, eager=True).alias(name)
                     for name, kind in look.types.items()]
            return pl.DataFrame(empty)
        models = look.models.frame
        frame = models[pick(rows, derive_seed(self._seed, "model", group), models.height)]
        missing = [pl.lit(None, dtype=TYPES[kind].dtype).alias(name)
                   for name, kind in look.types.items() if name not in frame.columns]
        if self.site.environments:
            tagged = [name for name, kind in look.models.types.items()
                      if kind == "STRING" and models[name].str.contains(_ENVIRONMENT).any()]
            for number, environment in enumerate(self.site.environments):
                here = pl.lit(pl.Series(site == number))
                frame = frame.with_columns(
                    pl.when(here).then(column(name).str.replace_all(_ENVIRONMENT, '${1}"' + environment + '"'))
                    .otherwise(column(name)).alias(name) for name in tagged
                )
        return frame.with_columns(missing)

    def _metadata_types(self, role: str | None) -> dict[str, str]:
        types = {"region": "STRING"} if self._topology.region is not None else {}
        if role is not None:
            types["role"] = "STRING"
        if self.site.number_as is not None:
            types[self.site.number_as] = "INTEGER"
        if self.site.environments:
            types["environment"] = "STRING"
        return types


def _value(value: Any, place: Place, grid: Grid, rows: I64) -> pl.Series | pl.Expr:
    match value:
        case str():
            return fill(value, place, grid, rows)
        case dict():
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            return fill(text, place, grid, rows)
        case list():
            frame = pl.DataFrame([fill(item, place, grid, rows).alias(str(at))
                                  for at, item in enumerate(value)])
            empty = pl.repeat([], len(rows), dtype=pl.List(pl.String), eager=True)
            return frame.select(pl.concat_list(pl.all())).to_series() if value else empty
        case _:
            return pl.lit(value)


def _made_subscription(operation: Operation) -> str:
    seed = derive_seed(operation.seed, operation.operation_id, "subscription")
    row = np.zeros(1, np.int64)
    return str(guid_texts(mix(row, derive_seed(seed, "high")), mix(row, derive_seed(seed, "low")))[0])
