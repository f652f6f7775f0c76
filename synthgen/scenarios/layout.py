"""How many nodes of a topology there are and where they stand: numbers and texts of rows; knows not the base graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthgen.errors import UsageError
from synthgen.scenarios.expressions import evaluate
from synthgen.scenarios.pairs import Grid
from synthgen.scenarios.topology import PLACEHOLDER, Group, Site, Topology
from synthgen.seeding import I64

MOST_RESOURCES = 1_000_000_000
_OCTET = 256


@dataclass(frozen=True, slots=True)
class Counts:
    """How many sites of each kind there are, and how many nodes of each group stand in one of them."""

    sites: Mapping[str, int]
    groups: Mapping[tuple[str, str], int]

    def grid(self, site: str, group: str) -> Grid:
        """Give the rows of a group."""
        return Grid(self.sites[site], self.groups[site, group])


def count_nodes(topology: Topology, numbers: Mapping[str, int]) -> Counts:
    """Compute every count of a topology.

    Args:
        topology: The scenario.
        numbers: The values of its parameters.

    Raises:
        UsageError: An expression is wrong, a count is negative, a size or the total is missed or too big, or
            ids would not be unique.
    """
    sites: dict[str, int] = {}
    groups: dict[tuple[str, str], int] = {}
    for site in topology.sites:
        where = f"{topology.name}: {site.name}"
        sites[site.name] = _at_least(0, evaluate(site.count, numbers, where), where)
        if site.environments and sites[site.name] != len(site.environments):
            raise UsageError(f"{where}: there are {len(site.environments)} environments, but {sites[site.name]} sites",
                             hint="leave count out where environments are given")
        names = dict(numbers)
        if site.size is not None:
            names["size"] = names["rest"] = _at_least(0, evaluate(site.size, numbers, where), where)
        for group in site.groups:
            count = _at_least(0, evaluate(group.count, names, f"{where}: {group.name}"), f"{where}: {group.name}")
            groups[site.name, group.name] = names[group.name] = count
            if site.size is not None:
                names["rest"] -= count
            _check_unique(site, group, sites[site.name], count, where)
        if site.size is not None and names["rest"]:
            raise UsageError(f"{where}: the groups make {names['size'] - names['rest']} resources, not {names['size']}",
                             hint='let the last group have count = "rest"')
    counts = Counts(sites, groups)
    _check_total(topology, counts, numbers)
    return counts


def _at_least(least: int, value: int, where: str) -> int:
    if value < least:
        raise UsageError(f"{where}: the count is {value}", hint="guard it with max(0, …)")
    return value


def _check_unique(site: Site, group: Group, sites: int, count: int, where: str) -> None:
    apart = set(PLACEHOLDER.findall(group.pattern))
    if count > 1 and not apart & {"index", "row"}:
        raise UsageError(f"{where}: {group.name}: {count} resources would have one name",
                         hint="put $index or $row into the pattern")
    of_sites = {"site": True, "region": site.region_each, "environment": bool(site.environments)}
    if sites > 1 and not any(of_sites.get(name) for name in PLACEHOLDER.findall(site.container_name)):
        raise UsageError(f"{where}: {sites} containers would have one name", hint="put $site into container_name")


def _check_total(topology: Topology, counts: Counts, numbers: Mapping[str, int]) -> None:
    total = sum(counts.sites[site] * count for (site, _), count in counts.groups.items())
    said = evaluate(topology.total, numbers, f"{topology.name}: total")
    if total != said:
        raise UsageError(f"{topology.name}: it makes {total:,} resources, but its total says {said:,}",
                         hint=f"correct total = {topology.total!r}, or the counts")
    if total > MOST_RESOURCES:
        raise UsageError(f"{total:,} resources are too many for one operation: {topology.total}",
                         hint=f"ask for at most {MOST_RESOURCES:,}", total=total)


@dataclass(frozen=True, slots=True)
class Place:
    """What the rows of a site's nodes have in common: texts by site number, and the operation's token."""

    token: str
    regions: pl.Series
    environments: pl.Series


def fill(pattern: str, place: Place, grid: Grid, rows: I64) -> pl.Series:
    """Fill a pattern's placeholders for some rows of a group."""
    site, index = np.divmod(rows, grid.per_site)
    columns: Mapping[str, Callable[[], pl.Series]] = {
        "site": lambda: _numbered(site, 3),
        "index": lambda: _numbered(index, 3),
        "row": lambda: _numbered(rows, 4),
        "region": lambda: place.regions[site],
        "environment": lambda: place.environments[site],
        "network": lambda: pl.Series((site + 1) % _OCTET).cast(pl.String),
        "host": lambda: pl.Series(index % _OCTET).cast(pl.String),
    }
    parts = PLACEHOLDER.split(pattern)
    named = set(parts[1::2]) - {"token"}
    if not named:
        return pl.repeat("".join(place.token if at % 2 else part for at, part in enumerate(parts)), len(rows),
                         dtype=pl.String, eager=True)
    frame = pl.DataFrame({name: columns[name]() for name in sorted(named)})
    pieces = [pl.col(part) if at % 2 and part in named else pl.lit(place.token if at % 2 else part)
              for at, part in enumerate(parts) if part]
    return frame.select(pl.concat_str(pieces)).to_series()


def _numbered(numbers: I64, digits: int) -> pl.Series:
    return pl.Series(numbers).cast(pl.String).str.zfill(digits)
