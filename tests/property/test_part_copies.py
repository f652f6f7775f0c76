"""A part-copy of any graph: about the relationships that are due, the degrees of the originals, nothing made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthgen.generate import grow
from synthgen.graph import END, START, Graph
from synthgen.growth import Growth
from synthgen.parameters import TemplateParameters
from synthgen.strategies.selection import chosen_resources
from tests.graphs import base_graphs
from tests.growths import OPERATION, grown_base
from tests.kinds.films import film_database
from tests.kinds.parts import bill_of_materials
from tests.property.test_kinds import Tied, based, ties_of, ties_of_base

Pattern = tuple[tuple[str, ...], str, tuple[str, ...]]


def ks_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Give the greatest difference of two distribution functions."""
    grid = np.union1d(one, other)
    return float(np.abs(np.searchsorted(np.sort(one), grid, "right") / len(one)
                        - np.searchsorted(np.sort(other), grid, "right") / len(other)).max())


def out_degrees(ties: list[Tied], pattern: Pattern, first: int, rows: int) -> np.ndarray:
    """Count the relationships of a pattern that begin at each node of a table, zeros included."""
    starts = np.concatenate([tie.start for tie in ties if tie.pattern == pattern])
    return np.bincount(starts[starts >= first] - first, minlength=rows)[:rows]


@pytest.mark.parametrize("factor", [1.3, 1.5])
@pytest.mark.parametrize(("kind", "pattern"), [
    (film_database, (("Person",), "ACTED_IN", ("Film",))),
    (bill_of_materials, (("Assembly",), "CONTAINS_PART", ("Part",))),
    (bill_of_materials, (("Part",), "SUPPLIED_BY", ("Supplier",))),
])
def test_copies_have_the_degrees_of_the_base(
    kind: Callable[..., Graph], pattern: Pattern, factor: float
) -> None:
    """Though most neighbours of a copied node are not copied themselves."""
    base = based(kind)
    growth = grow(base, TemplateParameters(scale_factor=factor), operation_id=OPERATION, seed=1)
    table = next(table for table in base.nodes if table.labels == pattern[0])
    due = out_degrees(ties_of_base(base), pattern, table.first, table.frame.height)
    firsts = np.cumsum([0, *(block.rows for block in growth.nodes)])
    position = next(i for i, block in enumerate(growth.nodes) if block.labels == pattern[0])
    made = out_degrees(ties_of(growth), pattern, int(firsts[position]), growth.nodes[position].rows)
    assert ks_distance(made, due) < 0.05
    assert made.mean() == pytest.approx(due.mean(), rel=0.06)


@settings(max_examples=80)
@given(graph=base_graphs(), factor=st.sampled_from((1.3, 1.5, 2.5)))
def test_nothing_is_made_up(graph: Graph, factor: float) -> None:
    """No pattern, loop or second relationship of a pair that the base has not; what is tied and what is left add up."""
    with grown_base(graph) as (base, view, _):
        # Three tenths of one resource are none, and that is refused.
        assume(factor > 1.5 or chosen_resources(base).sum() > 1)
        growth = grow(base, TemplateParameters(scale_factor=factor), operation_id=OPERATION, seed=2)
        types = [row for block in growth.nodes for row in types_of(block.make(0, block.rows), block.labels, block.rows)]
        of_base = base.resource_types.to_list()
    known = Counter((of_base[start], type_, of_base[end]) for start, type_, end in view.relationships)
    most = max(Counter(view.relationships).values(), default=0)
    loops = {(of_base[start], type_) for start, type_, end in view.relationships if start == end}
    found = Counter(ends(growth))
    for (start_space, start, type_, end_space, end), count in found.items():
        kinds = [(types if space == "operation" else of_base)[number]
                 for space, number in ((start_space, start), (end_space, end))]
        assert (kinds[0], type_, kinds[1]) in known
        assert count <= most
        if (start_space, start) == (end_space, end):
            assert (kinds[0], type_) in loops


def types_of(frame: pl.DataFrame, labels: tuple[str, ...], rows: int) -> list[str]:
    found = frame["type"].to_list() if "type" in frame.columns else [None] * rows
    return [type_ if type_ is not None else ":".join(labels) for type_ in found]


def ends(growth: Growth) -> list[tuple[str, int, str, str, int]]:
    return [(block.start_space, row[START], block.type, block.end_space, row[END])
            for block in growth.relationships for row in block.make(0, block.rows).iter_rows(named=True)]
