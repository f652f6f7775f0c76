"""Which rows each way of tying groups ties."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import UsageError
from synthgen.scenarios.pairs import Grid, Pairs, pair_rows
from synthgen.scenarios.topology import How


def tied(pairs: Pairs) -> list[tuple[int, int]]:
    start, end = pairs.ends(np.arange(pairs.rows))
    return list(zip(start.tolist(), end.tolist(), strict=True))


@pytest.mark.parametrize(("how", "sites", "expected"), [
    (How.ONE_TO_ONE, (2, 2, 3), [(0, 0), (1, 1), (2, 3), (3, 4)]),
    (How.MANY_TO_ONE, (2, 3, 2), [(0, 0), (1, 1), (2, 0), (3, 2), (4, 3), (5, 2)]),
    (How.ONE_TO_MANY, (2, 2, 3), [(0, 0), (1, 1), (0, 2), (2, 3), (3, 4), (2, 5)]),
    (How.MANY_TO_MANY, (2, 2, 3), [(0, 0), (0, 1), (1, 2), (1, 0), (2, 3), (2, 4), (3, 5), (3, 3)]),
    (How.HUB, (2, 1, 2), [(0, 0), (1, 1), (0, 2), (1, 3)]),
    (How.CHAIN, (3, 2, 2), [(0, 2), (1, 3), (2, 4), (3, 5)]),
    (How.RING, (3, 1, 1), [(0, 1), (1, 2), (2, 0)]),
    (How.RING, (1, 4, 4), []),
    (How.PAIRS, (5, 1, 1), [(0, 1), (2, 3), (4, 0)]),
    (How.PAIRS, (1, 1, 1), []),
    (How.MESH, (3, 1, 1), [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]),
    (How.MESH, (1, 4, 4), []),
    (How.MANY_TO_ONE, (2, 3, 0), []),
])
def test_pairs(how: How, sites: tuple[int, int, int], expected: list[tuple[int, int]]) -> None:
    """With as many nodes in every site."""
    assert tied(pair_rows(how, Grid(sites[0], sites[1]), Grid(sites[0], sites[2]))) == expected


@pytest.mark.parametrize(("how", "expected"), [
    (How.CHAIN, {(0, 1), (1, 2), (3, 4)}),
    (How.RING, {(0, 1), (1, 2), (2, 0), (3, 4), (4, 3)}),
    (How.PAIRS, {(0, 1), (2, 0), (3, 4)}),
    (How.MESH, {*permutations((0, 1, 2), 2), (3, 4), (4, 3)}),
])
def test_pairs_within_sites(how: How, expected: set[tuple[int, int]]) -> None:
    """Three nodes in the first site, two in the second, one in the third."""
    grid = Grid(3, (3, 2, 1))
    assert set(tied(pair_rows(how, grid, grid, within=True))) == expected


grids = st.lists(st.integers(0, 5), min_size=1, max_size=5)


@given(grids, st.data(), st.sampled_from(How), st.integers(0, 4), st.booleans(), st.booleans())
def test_pairs_stay_in_their_sites(
    starts: list[int], data: st.DataObject, how: How, each: int, within: bool, both: bool,
) -> None:
    """Whatever the sizes: no pair twice, no loop in a group, ends of one site or of the same position in two."""
    ends = starts if how.of_one_group else data.draw(st.lists(st.integers(0, 5), min_size=len(starts),
                                                              max_size=len(starts)))
    start, end = Grid(len(starts), tuple(starts)), Grid(len(ends), tuple(ends))
    within = within and how.of_one_group
    both = both and how is not How.MESH
    pairs = tied(pair_rows(how, start, end, within=within, both=both, each=each))
    seen = [*pairs, *((b, a) for a, b in pairs)] if both and how.of_one_group else pairs
    assert len(set(seen)) == len(seen)
    one, other = ([(site, index) for site, size in enumerate(sizes) for index in range(size)]
                  for sizes in (starts, ends))
    for a, b in pairs:
        (site, index), (next_site, next_index) = one[a], other[b]
        if how.of_one_group:
            assert a != b
            assert (site == next_site) if within else (index == next_index and site != next_site)
        elif how is not How.HUB:
            assert site == next_site
    degree_out, degree_in = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    if how is How.MANY_TO_ONE:
        assert degree_out == Counter(a for a, (site, _) in enumerate(one) if ends[site])
    if how is How.ONE_TO_MANY:
        assert degree_in == Counter(b for b, (site, _) in enumerate(other) if starts[site])
    if how is How.MANY_TO_MANY:
        assert degree_out == Counter({a: min(each, ends[site]) for a, (site, _) in enumerate(one)})
    uniform = Grid(3, starts[0])
    if how.of_one_group:
        plain = tied(pair_rows(how, uniform, uniform, within=within, both=both))
        assert plain == tied(pair_rows(how, Grid(3, (starts[0],) * 3), uniform, within=within, both=both))


@given(st.integers(1, 9), st.integers(0, 12))
def test_many_to_many_of_one_group_ties_nobody_to_itself(members: int, each: int) -> None:
    """Each member leads to as many others as asked, or to all of them."""
    grid = Grid(1, members)
    pairs = tied(pair_rows(How.MANY_TO_MANY, grid, grid, one_group=True, each=each))
    assert all(a != b for a, b in pairs)
    assert len(set(pairs)) == len(pairs) == members * min(each, members - 1)


def test_groups_of_different_sites_are_tied_in_turn() -> None:
    """One hub and three spokes with two networks each: all rows count as those of one site."""
    assert tied(pair_rows(How.MANY_TO_ONE, Grid(3, 2), Grid(1, 2), one_site=False)) == [
        (0, 0), (1, 1), (2, 0), (3, 1), (4, 0), (5, 1)]


def test_a_mesh_of_too_many_is_refused() -> None:
    """A mesh grows with the square."""
    with pytest.raises(UsageError, match="a mesh of 1,001"):
        pair_rows(How.MESH, Grid(1_001, 1), Grid(1_001, 1))
