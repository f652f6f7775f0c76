"""How a measured graph hangs together: assortativity, reciprocity, loops, clustering, components; pure and linear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synthgen.distinct import distinct
from synthgen.fidelity.counted import Counted
from synthgen.fidelity.distances import COUNT
from synthgen.fidelity.measured import Measured
from synthgen.seeding import I64, derive_seed, mix

WEDGES = 1_000_000
"""Wedges looked at; graphs with fewer are measured exactly."""


@dataclass(frozen=True, slots=True)
class Structure:
    """Figures of a graph's own nodes and their relationships.

    Attributes:
        assortativity: Pearson correlation of the degrees at both ends of relationships between own nodes, -1…1; None
            where all are the same.
        reciprocity: Share of tied ordered pairs of own nodes that are tied the other way, too.
        loops: Share of relationships that begin and end on the same node.
        parallel: Share of relationships that another one of the same type and ends precedes.
        clustering: Share of wedges (two relationships of one own node to two others) whose ends are tied; None
            where there is no wedge.
        wedges: Wedges in all.
        isolated: Share of own nodes without any relationship.
        component_sizes: Own nodes by `size` of the component that they are in, shared nodes taken away.
    """

    assortativity: float | None
    reciprocity: float
    loops: float
    parallel: float
    clustering: float | None
    wedges: int
    isolated: float
    component_sizes: pl.DataFrame


def structure_of(counted: Counted, seed: int, wedges: int = WEDGES) -> Structure:
    """Measure a graph; `seed` draws the wedges where there are more than `wedges`."""
    graph = counted.graph
    nodes, ties = len(graph.kind), len(graph.start)
    within = graph.own[graph.start] & graph.own[graph.end]
    start, end = graph.start[within], graph.end[within]
    loops = graph.start == graph.end
    ordered = distinct(start[start != end] * nodes + end[start != end])
    typed = pl.DataFrame({"start": graph.start, "end": graph.end, "type": graph.type})
    clustering, total = _clustering(graph, seed, wedges)
    own = int(graph.own.sum())
    return Structure(
        assortativity=_assortativity(start, end, nodes),
        reciprocity=float(_among(ordered % nodes * nodes + ordered // nodes, ordered).mean()) if len(ordered) else 0.0,
        loops=float(loops.mean()) if ties else 0.0,
        parallel=1 - typed.unique().height / ties if ties else 0.0,
        clustering=clustering, wedges=total,
        isolated=float((counted.degree[graph.own] == 0).mean()) if own else 0.0,
        component_sizes=_component_sizes(graph, start, end),
    )


def _assortativity(start: I64, end: I64, nodes: int) -> float | None:
    """Newman: "Assortative mixing in networks", Phys. Rev. Lett. 89, 2002; each relationship counts both ways."""
    apart = start != end
    start, end = start[apart], end[apart]
    degree = (np.bincount(start, minlength=nodes) + np.bincount(end, minlength=nodes)).astype(np.float64)
    one, other = degree[start], degree[end]
    if not len(one):
        return None
    mean = (one.sum() + other.sum()) / (2 * len(one))
    variance = ((one - mean) ** 2 + (other - mean) ** 2).sum() / 2
    return float(((one - mean) * (other - mean)).sum() / variance) if variance > 0 else None


def _clustering(graph: Measured, seed: int, wedges: int) -> tuple[float | None, int]:
    """Sample wedges: Seshadhri, Pinar, Kolda: "Triadic measures on graphs: the power of wedge sampling", SDM 2013.

    Wedges are centred on own nodes; directions, types, loops and parallel relationships do not count. Only
    relationships that are measured close one, so two shared nodes never do.
    """
    nodes = len(graph.kind)
    low, high = np.minimum(graph.start, graph.end), np.maximum(graph.start, graph.end)
    edges = distinct(low[low != high] * nodes + high[low != high])
    low, high = edges // nodes, edges % nodes
    centre, neighbour = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.argsort(centre, kind="stable")
    neighbour = neighbour[order]
    degree = np.bincount(centre, minlength=nodes)
    first = np.cumsum(degree) - degree
    last = np.cumsum(np.where(graph.own, degree * (degree - 1) // 2, 0))
    total = int(last[-1]) if len(last) else 0
    if not total:
        return None, 0
    if total <= wedges:
        number = np.arange(total, dtype=np.int64)
    else:
        drawn = mix(np.arange(wedges, dtype=np.int64), derive_seed(seed, "wedges"))
        number = (drawn % np.uint64(total)).astype(np.int64)
    at = np.searchsorted(last, number, side="right")
    one, other = _unranked(number - (last[at] - degree[at] * (degree[at] - 1) // 2))
    left, right = neighbour[first[at] + one], neighbour[first[at] + other]
    closed = _among(np.minimum(left, right) * nodes + np.maximum(left, right), edges)
    return float(closed.mean()), total


def _unranked(rank: I64) -> tuple[I64, I64]:
    """Turn 0, 1, 2, … into the pairs (0, 1), (0, 2), (1, 2), (0, 3) and so on."""
    high = ((1 + np.sqrt(8.0 * rank + 1)) / 2).astype(np.int64)
    # The root of a great number may be one off.
    high -= high * (high - 1) // 2 > rank
    high += high * (high + 1) // 2 <= rank
    return rank - high * (high - 1) // 2, high


def _among(values: I64, known: I64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = known[places] == values
    return found


def _component_sizes(graph: Measured, start: I64, end: I64) -> pl.DataFrame:
    nodes = len(graph.kind)
    matrix = coo_array((np.ones(len(start), np.bool_), (start, end)), shape=(nodes, nodes))
    labels = connected_components(matrix, directed=False)[1] if nodes else np.zeros(0, np.int32)
    component = labels[graph.own]
    sizes = np.bincount(component)[component] if len(component) else np.zeros(0, np.int64)
    found, counts = np.unique(sizes, return_counts=True)
    return pl.DataFrame({"size": found.astype(np.float64), COUNT: counts.astype(np.int64)})
