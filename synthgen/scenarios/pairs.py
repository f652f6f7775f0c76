"""Which rows a relationship of a topology ties, by arithmetic on row numbers; knows no names and no frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthgen.errors import UsageError
from synthgen.scenarios.topology import How
from synthgen.seeding import I64

Ends = tuple[I64, I64]
_MOST_MESHED_SITES = 1_000


@dataclass(frozen=True, slots=True)
class Grid:
    """The rows of a group: those of the first site, then those of the second, and so on."""

    sites: int
    per_site: int

    @property
    def rows(self) -> int:
        """In all sites."""
        return self.sites * self.per_site


@dataclass(frozen=True, slots=True)
class Pairs:
    """`rows` pairs of rows or of nodes; `ends` gives the starts and the ends of any of them, counted from 0."""

    rows: int
    ends: Callable[[I64], Ends]


def pair_rows(how: How, start: Grid, end: Grid) -> Pairs:
    """Say which rows are tied; none when one of the groups is empty."""
    if not start.rows or not end.rows:
        return Pairs(0, lambda rows: (rows, rows))
    return _within_a_site(how, start, end) if how.within_a_site else _between_sites(how, start, end)


def _within_a_site(how: How, start: Grid, end: Grid) -> Pairs:
    n, m = start.per_site, end.per_site
    match how:
        case How.ONE_TO_ONE:
            both = min(n, m)
            return Pairs(start.sites * both, lambda k: (k // both * n + k % both, k // both * m + k % both))
        case How.MANY_TO_ONE:
            return Pairs(start.rows, lambda k: (k, k // n * m + k % n % m))
        case _:
            return Pairs(end.rows, lambda k: (k // m * n + k % m % n, k))


def _between_sites(how: How, start: Grid, end: Grid) -> Pairs:
    n = start.per_site
    match how:
        case How.HUB:
            return Pairs(end.rows, lambda k: (k % start.rows, k))
        case How.CHAIN:
            return Pairs((start.sites - 1) * n, lambda k: (k, k + n))
        case How.RING:
            return Pairs(start.rows if start.sites > 1 else 0, lambda k: (k, (k + n) % start.rows))
        case _:
            return _mesh(start)


def both_ways(pairs: Pairs) -> Pairs:
    """Tie each pair in both directions; of nodes, not of rows of two groups."""

    def ends(rows: I64) -> Ends:
        start, end = pairs.ends(rows // 2)
        turned = rows % 2 == 1
        return np.where(turned, end, start), np.where(turned, start, end)

    return Pairs(2 * pairs.rows, ends)


def _mesh(grid: Grid) -> Pairs:
    if grid.sites > _MOST_MESHED_SITES:
        raise UsageError(f"a mesh of {grid.sites:,} sites is too much: its relationships grow with the square",
                         hint=f"use a ring or a hub, or at most {_MOST_MESHED_SITES:,} sites")
    n = grid.per_site

    def ends(rows: I64) -> Ends:
        site, other = np.divmod(rows // n, grid.sites - 1)
        other = other + (other >= site)
        return site * n + rows % n, other * n + rows % n

    return Pairs(grid.sites * (grid.sites - 1) * n, ends)
