"""Figures of how a graph hangs together, against networkx on arbitrary graphs."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.fidelity.columns import Columns
from synthgen.fidelity.counted import Counted, Reading
from synthgen.fidelity.leaks import Searched
from synthgen.fidelity.measured import Measured, Vocabulary
from synthgen.fidelity.structure import Structure, structure_of

NODES = 9
ends = st.integers(0, NODES - 1)
ties = st.lists(st.tuples(ends, ends), max_size=30)
NOTHING = Reading(Columns({}, {}), Columns({}, {}), Searched(pl.Series(dtype=pl.String), pl.Series(dtype=pl.UInt64)))


def structure(ties: list[tuple[int, int]], shared: frozenset[int] = frozenset(), wedges: int = 10**6) -> Structure:
    """Measure a graph of one kind and type; ties between two shared nodes are none of it."""
    own = np.array([node not in shared for node in range(NODES)])
    meant = np.array([tie for tie in ties if own[tie[0]] or own[tie[1]]], np.int64).reshape(-1, 2)
    kinds, types = Vocabulary(), Vocabulary()
    kinds.code("a"), types.code("T")
    graph = Measured(kinds, types, np.zeros(NODES, np.int32), own, ~own, np.zeros(NODES, np.uint64), meant[:, 0],
                     meant[:, 1], np.zeros(len(meant), np.int32), lambda: iter(()), lambda: iter(()))
    return structure_of(Counted(graph, NOTHING), seed=0, wedges=wedges)


@settings(max_examples=40)
@given(ties)
def test_figures_are_those_of_networkx(ties):
    """Assortativity, reciprocity, clustering, components and isolates of a graph without shared nodes."""
    found = structure(ties)
    directed = nx.DiGraph(ties)
    directed.add_nodes_from(range(NODES))
    loops = list(nx.selfloop_edges(directed))
    directed.remove_edges_from(loops)
    plain = nx.Graph(directed)
    parallel = nx.MultiGraph([tie for tie in ties if tie[0] != tie[1]])
    degrees = Counter(node for tie in parallel.edges for node in tie[:2])
    if len({degrees[node] for tie in parallel.edges for node in tie[:2]}) > 1:
        pairs = [(degrees[start], degrees[end]) for one, other in parallel.edges() for start, end in
                 ((one, other), (other, one))]
        assert found.assortativity == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1])
    else:
        assert found.assortativity is None
    if directed.number_of_edges():
        assert found.reciprocity == pytest.approx(nx.overall_reciprocity(directed))
    if found.clustering is not None:
        assert found.clustering == pytest.approx(nx.transitivity(plain))
    assert found.loops == pytest.approx(sum(start == end for start, end in ties) / max(len(ties), 1))
    assert found.parallel == pytest.approx(1 - len(set(ties)) / len(ties) if ties else 0)
    sizes = Counter(len(component) for component in nx.connected_components(plain) for _ in component)
    assert dict(found.component_sizes.iter_rows()) == sizes
    assert found.isolated == pytest.approx(
        sum(all(node not in tie for tie in ties) for node in range(NODES)) / NODES)


@settings(max_examples=25)
@given(ties, st.sets(ends, max_size=3).map(frozenset))
def test_shared_nodes_are_no_centres_and_hold_nothing_together(ties, shared):
    """Wedges are counted one by one around own nodes; components are those of the graph without shared nodes."""
    found = structure(ties, shared)
    kept = [tie for tie in ties if not shared.issuperset(tie)]
    plain = nx.Graph([tie for tie in kept if tie[0] != tie[1]])
    wedges = [pair for node in plain if node not in shared for pair in combinations(plain[node], 2)]
    assert found.wedges == len(wedges)
    if wedges:
        assert found.clustering == pytest.approx(sum(plain.has_edge(*pair) for pair in wedges) / len(wedges))
    inner = nx.Graph([tie for tie in kept if not shared & set(tie)])
    inner.add_nodes_from(set(range(NODES)) - shared)
    assert dict(found.component_sizes.iter_rows()) == Counter(
        len(component) for component in nx.connected_components(inner) for _ in component)


def test_sampled_wedges_are_close_to_all():
    """Of a graph with more wedges than are looked at a sample is taken, and its share is near the true one."""
    ties = [(start, end) for start, end in combinations(range(NODES), 2) if (start + end) % 3]
    every, sampled = structure(ties), structure(ties, wedges=60)
    assert every.wedges > 60
    assert sampled.clustering == pytest.approx(every.clustering, abs=4 * (0.25 / 60) ** 0.5)
    assert sampled.clustering != every.clustering
