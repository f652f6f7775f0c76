"""Turns pairs of rows into pairs of nodes: import ids of synthetic ones, node numbers of base ones; knows no names."""

from __future__ import annotations

import numpy as np

from synthgen.scenarios.pairs import Ends, Grid, Pairs
from synthgen.scenarios.topology import Pick
from synthgen.seeding import I64, pick


def shifted(pairs: Pairs, start: int, end: int) -> Pairs:
    """Turn rows of two groups into import ids."""

    def ends(rows: I64) -> Ends:
        starts, stops = pairs.ends(rows)
        return start + starts, end + stops

    return Pairs(pairs.rows, ends)


def held(grid: Grid, first: int, above: int, parents: Grid) -> Pairs:
    """Tie each row of a group to what holds it: in its site, the row among `parents` whose turn it is."""

    def ends(rows: I64) -> Ends:
        site, index = grid.place(rows)
        return above + parents.row(site, index % parents.count(site)), first + rows

    return Pairs(grid.rows, ends)


def spread(targets: I64, first: int, grid: Grid) -> Pairs:
    """Tie the rows of each site to the site's target; sites whose target is negative are left out."""
    sites = np.flatnonzero(targets >= 0)
    chosen = Grid(len(sites), grid.per_site if isinstance(grid.per_site, int)
                  else tuple(grid.per_site[site] for site in sites.tolist()))

    def ends(rows: I64) -> Ends:
        place, index = chosen.place(rows)
        site = sites[place]
        return first + grid.row(site, index), targets[site]

    return Pairs(chosen.rows, ends)


def picked(grid: Grid, first: int, targets: I64, by: Pick, seed: int) -> Pairs:
    """Tie each row of a group to one of the targets: all to the same one, those of a site, or each to its own."""

    def ends(rows: I64) -> Ends:
        match by:
            case Pick.ALL:
                sharers = np.zeros_like(rows)
            case Pick.SITE:
                sharers = grid.place(rows)[0]
            case _:
                sharers = rows
        return first + rows, targets[pick(sharers, seed, len(targets))]

    return Pairs(grid.rows, ends)
