"""How many nodes of a topology there are and where they stand: numbers and texts of rows; knows not the base graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from synthgen.errors import UsageError
from synthgen.scenarios.expressions import evaluate
from synthgen.scenarios.pairs import Grid, Pairs, pair_rows
from synthgen.scenarios.topology import PLACEHOLDER, Amount, End, Group, Relation, Site, Topology
from synthgen.seeding import I64

MOST_RESOURCES = 1_000_000_000
MOST_SITES = 1_000_000
_OCTET = 256


@dataclass(frozen=True, slots=True)
class Counts:
    """How many sites of each kind there are, and the rows of each group in them."""

    sites: Mapping[str, int]
    grids: Mapping[End, Grid]

    @property
    def total(self) -> int:
        """The rows of all groups."""
        return sum(grid.rows for grid in self.grids.values())


def count_nodes(topology: Topology, numbers: Mapping[str, int]) -> Counts:
    """Compute every count of a topology.

    Args:
        topology: The scenario.
        numbers: The values of its parameters.

    Raises:
        UsageError: An expression is wrong, a count is negative, a size or the total is missed, or ids would not be
            unique.
    """
    sites: dict[str, int] = {}
    grids: dict[End, Grid] = {}
    for site in topology.sites:
        count = sites[site.name] = _evaluated(site.count, numbers, site.where)
        if site.environments and count != len(site.environments):
            raise UsageError(f"{site.where}: there are {len(site.environments)} environments, but {count} sites",
                             hint="leave count out where environments are given")
        has_containers = site.contained and topology.container is not None
        if count > 1 and has_containers and not _set_apart(site, site.container_name):
            raise UsageError(f"{site.where}: {count} containers would have one name",
                             hint="put $site into container_name")
        by_environment = [_count_groups(site, environment, numbers) for environment in site.environments or (None,)]
        for group in site.groups:
            per_site = [found[group.name] for found in by_environment]
            grids[site.name, group.name] = Grid(
                count, per_site[0] if len(set(per_site)) == 1 else tuple(per_site))
            _check_unique(site, group, grids[site.name, group.name])
    counts = Counts(sites, grids)
    said = evaluate(topology.total, numbers, f"{topology.where}: total")
    if counts.total != said:
        raise UsageError(f"{topology.where}: the groups make {counts.total:,} nodes, but its total says {said:,}"
                         + _with(numbers), hint=f"correct total = {topology.total!r}, or the counts")
    return counts


def tied_rows(relation: Relation, counts: Counts, numbers: Mapping[str, int]) -> Pairs:
    """Say which rows of its two groups a relation ties; those of `both` are given in one direction.

    Raises:
        UsageError: Its expression is wrong, or a mesh too much.
    """
    each = evaluate(relation.each, numbers, relation.where)
    return pair_rows(
        relation.how, counts.grids[relation.start], counts.grids[relation.end],
        one_site=relation.start[0] == relation.end[0], one_group=relation.start == relation.end,
        within=relation.within, both=relation.both, each=max(0, each))


def check_limits(topology: Topology, counts: Counts) -> None:
    """Check that it is not too much for one operation.

    Raises:
        UsageError: It is.
    """
    if counts.total > MOST_RESOURCES:
        raise UsageError(f"{counts.total:,} resources are too many for one operation: {topology.total}",
                         hint=f"ask for at most {MOST_RESOURCES:,}", total=counts.total)
    for name, count in counts.sites.items():
        if count > MOST_SITES:
            raise UsageError(f"{topology.name}: {count:,} sites {name!r} are too many for one operation",
                             hint=f"ask for at most {MOST_SITES:,}, with more nodes in each", sites=count)


def _count_groups(site: Site, environment: str | None, numbers: Mapping[str, int]) -> dict[str, int]:
    names, found = dict(numbers), {}
    if site.size is not None:
        names["size"] = names["rest"] = _evaluated(_amount(site.size, environment), numbers, f"{site.where}: size")
    for group in site.groups:
        count = found[group.name] = names[group.name] = _evaluated(_amount(group.count, environment), names,
                                                                   group.where)
        if count and group.parent is not None and not found[group.parent]:
            raise UsageError(f"{group.where}: there are {count} children of {group.parent!r}, but no such parent"
                             + _with(numbers), hint=f"let count be 0 when {group.parent} is 0")
        if site.size is not None:
            names["rest"] -= count
    if site.size is not None and names["rest"]:
        raise UsageError(f"{site.where}: the groups make {names['size'] - names['rest']} nodes, not {names['size']}"
                         + _with(numbers), hint='let the last group have count = "rest"')
    return found


def _amount(amount: Amount, environment: str | None) -> str:
    return amount if isinstance(amount, str) else amount[environment or ""]


def _evaluated(text: str, values: Mapping[str, int], where: str) -> int:
    value = evaluate(text, values, where)
    if value < 0:
        raise UsageError(f"{where}: the count is {value}", hint="guard it with max(0, …)")
    return value


def _with(numbers: Mapping[str, int]) -> str:
    return " with " + ", ".join(f"{name}={value}" for name, value in numbers.items()) if numbers else ""


def _set_apart(site: Site, pattern: str) -> bool:
    """Say whether a pattern gives each site something of its own."""
    of_sites = {"site": True, "region": site.region_each, "environment": bool(site.environments)}
    return any(of_sites.get(name) for name in PLACEHOLDER.findall(pattern))


def _check_unique(site: Site, group: Group, grid: Grid) -> None:
    pattern = group.pattern if group.id_pattern is None else group.id_pattern
    apart = set(PLACEHOLDER.findall(pattern))
    if grid.most > 1 and not apart & {"index", "row"}:
        raise UsageError(f"{group.where}: {grid.most} nodes of a site would have one "
                         + ("name" if group.id_pattern is None else "id"),
                         hint="put $index or $row into the pattern")
    if group.id_pattern is not None and grid.sites > 1 and "row" not in apart and not _set_apart(site, pattern):
        raise UsageError(f"{group.where}: nodes of different sites would have one id", hint="put $row into the pattern")


@dataclass(frozen=True, slots=True)
class Place:
    """What the rows of a site's nodes have in common: texts by site number, and the operation's token."""

    token: str
    regions: pl.Series
    environments: pl.Series


def fill(pattern: str, place: Place, grid: Grid, rows: I64) -> pl.Series:
    """Fill a pattern's placeholders for some rows of a group."""
    site, index = grid.place(rows)
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
