"""Which rows a relationship of a topology ties, by arithmetic on row numbers; knows no names and no frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthgen.errors import UsageError
from synthgen.scenarios.topology import How
from synthgen.seeding import I64

Ends = tuple[I64, I64]
MOST_MESHED = 1_000


@dataclass(frozen=True)
class Grid:
    """The rows of a group: those of the first site, then those of the second, and so on.

    Attributes:
        sites: How many there are.
        per_site: Rows in each, or in the first, the second and so on where that differs (few sites then).
    """

    sites: int
    per_site: int | tuple[int, ...]

    @cached_property
    def rows(self) -> int:
        """In all sites."""
        return self.sites * self.per_site if isinstance(self.per_site, int) else sum(self.per_site)

    @cached_property
    def most(self) -> int:
        """In the site that has most; 0 without sites."""
        if isinstance(self.per_site, int):
            return self.per_site if self.sites else 0
        return max(self.per_site, default=0)

    @cached_property
    def _firsts(self) -> I64:
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(self.per_site, np.int64))])

    def place(self, rows: I64) -> tuple[I64, I64]:
        """Give the site of each row, and its position there."""
        if isinstance(self.per_site, int):
            site, index = np.divmod(rows, max(1, self.per_site))
            return site, index
        # Sites without rows have the same first row as the one after them: the last of them is meant.
        site = np.searchsorted(self._firsts, rows, side="right").astype(np.int64) - 1
        return site, rows - self._firsts[site]

    def row(self, site: I64, index: I64) -> I64:
        """Give the rows at these positions of these sites."""
        rows: I64 = (site * self.per_site if isinstance(self.per_site, int) else self._firsts[site]) + index
        return rows

    def count(self, site: I64) -> I64:
        """Give the number of rows in these sites, at least 1, to divide by."""
        if isinstance(self.per_site, int):
            return np.full(1, max(1, self.per_site), np.int64)
        return np.maximum(1, np.array(self.per_site, np.int64)[site])


@dataclass(frozen=True, slots=True)
class Pairs:
    """`rows` pairs of rows or of nodes; `ends` gives the starts and the ends of any of them, counted from 0."""

    rows: int
    ends: Callable[[I64], Ends]


def pair_rows(
    how: How, start: Grid, end: Grid, *, one_site: bool = True, one_group: bool = False, within: bool = False,
    both: bool = False, each: int = 2,
) -> Pairs:
    """Say which rows are tied; none when one of the groups is empty.

    Args:
        how: The way of tying; those of one group (`How.of_one_group`) look at `start` only.
        start: Rows of the one group.
        end: Rows of the other.
        one_site: Whether both groups stand in the same sites; else all their rows are taken as those of one.
        one_group: Whether both are the same group, so that no row may be tied to itself.
        within: Whether chain, ring, pairs and mesh tie the rows of a site, not those of different sites.
        both: Whether each pair will be tied in both directions, and must therefore come but once.
        each: With `MANY_TO_MANY`, ends of each start, as far as there are so many.

    Raises:
        UsageError: A mesh has too many members.
    """
    if how.of_one_group:
        return _within_sites(how, start, both=both) if within else _between_sites(how, start, both=both)
    if how is How.HUB or not one_site:
        start, end = Grid(1, start.rows), Grid(1, end.rows)
    match how:
        case How.ONE_TO_ONE:
            least = _combined(start, end, min)
            return Pairs(least.rows, lambda k: _at(least, k, start, end))
        case How.MANY_TO_ONE:
            return _in_turn(start, end)
        case How.MANY_TO_MANY:
            return _several_each(start, end, each, one_group=one_group)
        case _:
            turned = _in_turn(end, start)
            return Pairs(turned.rows, lambda k: turned.ends(k)[::-1])


def _combined(one: Grid, other: Grid, combine: Callable[[int, int], int]) -> Grid:
    if isinstance(one.per_site, int) and isinstance(other.per_site, int):
        return Grid(one.sites, combine(one.per_site, other.per_site))
    return Grid(one.sites, tuple(map(combine, _counts(one), _counts(other))))


def _counts(grid: Grid) -> tuple[int, ...]:
    return (grid.per_site,) * grid.sites if isinstance(grid.per_site, int) else grid.per_site


def _at(least: Grid, rows: I64, start: Grid, end: Grid) -> Ends:
    site, index = least.place(rows)
    return start.row(site, index), end.row(site, index)


def _in_turn(many: Grid, one: Grid) -> Pairs:
    """Tie each of the many to one of the others of its site, in turn."""
    tied = _combined(many, one, lambda n, m: n if m else 0)

    def ends(rows: I64) -> Ends:
        site, index = tied.place(rows)
        return many.row(site, index), one.row(site, index % one.count(site))

    return Pairs(tied.rows, ends)


def _several_each(start: Grid, end: Grid, each: int, *, one_group: bool) -> Pairs:
    """Tie each start to several ends that follow each other; of one group, to those after itself."""
    widths = _combined(start, end, lambda n, m: max(0, min(each, m - one_group)) if n else 0)
    tied = _combined(start, widths, int.__mul__)

    def ends(rows: I64) -> Ends:
        site, place = tied.place(rows)
        index, turn = np.divmod(place, widths.count(site))
        target = index + 1 + turn if one_group else index * widths.count(site) + turn
        return start.row(site, index), end.row(site, target % end.count(site))

    return Pairs(tied.rows, ends)


def _links(how: How, members: int, *, both: bool) -> int:
    """Count the links among some members."""
    match how:
        case How.CHAIN:
            return max(0, members - 1)
        case How.RING:
            return 1 if both and members == 2 else members if members > 1 else 0  # noqa: PLR2004 - there and back
        case How.PAIRS:
            return (members + 1) // 2 if members > 1 else 0
        case _:
            if members > MOST_MESHED:
                raise UsageError(f"a mesh of {members:,} is too much: its relationships grow with the square",
                                 hint=f"use a ring or a hub, or at most {MOST_MESHED:,} in a mesh")
            return members * (members - 1)


def _linked(how: How, link: I64, members: I64 | int) -> Ends:
    """Say which members a link ties."""
    match how:
        case How.CHAIN | How.RING:
            return link, (link + 1) % members
        case How.PAIRS:
            return 2 * link, (2 * link + 1) % members
        case _:
            one, other = np.divmod(link, np.maximum(1, members - 1))
            return one, other + (other >= one)


def _within_sites(how: How, grid: Grid, *, both: bool) -> Pairs:
    links = _combined(grid, grid, lambda n, _: _links(how, n, both=both))

    def ends(rows: I64) -> Ends:
        site, link = links.place(rows)
        one, other = _linked(how, link, grid.count(site))
        return grid.row(site, one), grid.row(site, other)

    return Pairs(links.rows, ends)


def _between_sites(how: How, grid: Grid, *, both: bool) -> Pairs:
    """Tie the rows that have the same position in the two sites of each link, as far as both have one."""
    count = _links(how, grid.sites, both=both)
    if isinstance(grid.per_site, int):
        tied = Grid(count, grid.per_site)
    else:
        one, other = _linked(how, np.arange(count, dtype=np.int64), grid.sites)
        sizes = np.array(grid.per_site, np.int64)
        tied = Grid(count, tuple(np.minimum(sizes[one], sizes[other]).tolist()))

    def ends(rows: I64) -> Ends:
        link, index = tied.place(rows)
        one, other = _linked(how, link, grid.sites)
        return grid.row(one, index), grid.row(other, index)

    return Pairs(tied.rows, ends)
