"""Graphs to be compared in tests: a whole graph as the thing measured, its pairs with others, and graphs spoilt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from synthgen.fidelity.comparison import pair_of
from synthgen.fidelity.measured import Measured, Vocabulary, measure_part
from synthgen.fidelity.measures import Pair
from synthgen.graph import END, START, Graph, NodeTable
from synthgen.profile import Profile, Role
from synthgen.seeding import shuffled
from tests.graphs import base_of


def measured(graph: Graph, profile: Profile, kinds: Vocabulary, types: Vocabulary) -> Measured:
    """Measure the resources and containers of a graph, with all their relationships."""
    base = base_of(graph, profile)
    own = base.having(Role.RESOURCE, Role.CONTAINER)
    return measure_part(base, own, base.having(Role.SHARED), kinds, types)


def pair(one: Graph, other: Graph, profile: Profile) -> Pair:
    """Make two graphs ready to be compared, the first being the base."""
    kinds, types = Vocabulary(), Vocabulary()
    return pair_of(measured(one, profile, kinds, types), measured(other, profile, kinds, types), profile)


def reordered(graph: Graph, seed: int) -> Graph:
    """Give the same graph with the rows of all its tables in another order, and its tables, too."""
    orders = [shuffled(table.frame.height, seed + place) for place, table in enumerate(graph.nodes)]
    firsts = np.cumsum([0, *(len(order) for order in orders)])
    tables = list(range(len(orders)))[::-1]
    new_first = dict(zip(tables, np.cumsum([0, *(len(orders[place]) for place in tables)]).tolist(), strict=False))
    numbers = np.zeros(int(firsts[-1]), np.int64)
    for place, order in enumerate(orders):
        numbers[firsts[place] + order] = new_first[place] + np.arange(len(order))
    nodes = [replace(graph.nodes[place], frame=_taken(graph.nodes[place], orders[place])) for place in tables]
    ties = []
    for table in graph.relationships[::-1]:
        frame = table.frame.with_columns(pl.Series(START, numbers[table.frame[START].to_numpy()]),
                                         pl.Series(END, numbers[table.frame[END].to_numpy()]))
        ties.append(replace(table, frame=frame[shuffled(frame.height, seed)]))
    return Graph(nodes, ties, graph.schema)


def _taken(table: NodeTable, order: np.ndarray) -> pl.DataFrame:
    return table.frame[order] if table.frame.width else table.frame
