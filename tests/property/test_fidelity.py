"""What holds of every measure, for whatever two graphs are compared."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.fidelity.comparison import MEASURES, compare
from synthgen.fidelity.copies import COPIES
from synthgen.fidelity.plots import all_plots
from synthgen.graph import Graph
from synthgen.inference import infer_profile
from synthgen.profile import AZURE, Profile
from tests.graphs import any_graphs, base_graphs, stored
from tests.measured import pair, reordered

TOLERANCE = 1e-9


@st.composite
def profiled(draw: st.DrawFn) -> tuple[Graph, Profile]:
    """An Azure-like graph, or any other with the profile that is inferred."""
    if draw(st.booleans()):
        return draw(base_graphs()), AZURE
    graph = draw(any_graphs())
    with stored(graph, profile="auto") as snapshot:
        return graph, infer_profile(snapshot)


@settings(max_examples=10)
@given(profiled(), st.integers(0, 99))
def test_a_graph_is_as_close_to_itself_as_can_be(profiled, seed):
    """1 in every measure, whatever the order of its rows and tables; but all of it is copied, and that is said."""
    graph, profile = profiled
    for found in compare(pair(graph, reordered(graph, seed), profile)):
        if found.measure not in COPIES:
            assert found.outcome.score is None or found.outcome.score == pytest.approx(1, abs=TOLERANCE), found
            assert all(part.score == pytest.approx(1, abs=TOLERANCE) for part in found.outcome.parts), found
        elif found.measure.key == "identical_rows" and found.outcome.score is not None:
            assert found.outcome.score == pytest.approx(0)


@settings(max_examples=10)
@given(base_graphs(), base_graphs())
def test_a_score_is_between_0_and_1(one, other):
    """So is that of each part, and their weights add up; parts are there wherever something is lost."""
    for found in compare(pair(one, other, AZURE)):
        score, parts = found.outcome.score, found.outcome.parts
        assert score is None or 0 <= score <= 1, found
        assert all(0 <= part.score <= 1 and 0 <= part.weight <= 1 + TOLERANCE for part in parts), found
        assert score is None or score > 1 - TOLERANCE or any(part.score < 1 for part in parts), found


@settings(max_examples=6)
@given(base_graphs(), base_graphs())
def test_a_distance_is_the_same_both_ways(one, other):
    """Mixes, degrees and structure do not depend on which of two graphs is called the base."""
    both = {"type_mix", "pattern_mix", "density", "degree", "degree_wasserstein", "joint_degree", "shared_ends",
            "assortativity", "reciprocity", "clustering", "components", "isolates", "loops_and_parallels"}
    there, back = ({found.measure.key: found.outcome.score for found in compare(pair(*graphs, AZURE))
                    if found.measure.key in both} for graphs in ((one, other), (other, one)))
    assert there == pytest.approx(back)


@settings(max_examples=3)
@given(profiled(), st.integers(0, 99))
def test_any_graph_can_be_drawn(profiled, seed):
    """Whatever names and values it holds, each plot is one piece of XML."""
    graph, profile = profiled
    odd = [replace(table, type=table.type + "$<&\x01$") for table in graph.relationships]
    graph = replace(graph, relationships=odd)
    for name, svg in all_plots(pair(graph, reordered(graph, seed), profile)).items():
        assert not svg or ET.fromstring(svg).tag.endswith("svg"), name  # noqa: S314 - our own text


def test_measures_are_told_apart():
    """Each has a key of its own, and says what it means, how it is computed and where from."""
    assert len({measure.key for measure in MEASURES}) == len(MEASURES)
    for measure in MEASURES:
        assert all((measure.title, measure.meaning, measure.formula, measure.source)), measure.key
        assert "ource: " in (measure.compute.__doc__ or ""), measure.key
