"""A sample neighbourhood of a measured graph: a node, those tied to it, and those tied to these; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.fidelity.counted import Counted
from synthgen.seeding import I64

MOST_NODES = 48
"""A drawing with more cannot be read."""
BUSY = 10
"""The degree that the node in the middle should have."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Nodes and ties of a neighbourhood.

    Attributes:
        nodes: Places in the graph, the one in the middle first.
        ring: Steps from the middle: 0, 1 or 2; shape as `nodes`.
        above: Position in `nodes` of the node by which each was reached.
        ties: Positions in `nodes` of starts and ends; shape (ties, 2).
    """

    nodes: I64
    ring: I64
    above: I64
    ties: I64


def middle_kind(counted: Counted) -> int:
    """Choose the kind of the node in the middle: that whose nodes have most relationships in all, up to `BUSY` each."""
    graph = counted.graph
    own = np.flatnonzero(graph.own)
    weight = np.bincount(graph.kind[own], weights=np.minimum(counted.degree[own], BUSY).astype(np.float64) ** 2)
    return int(np.argmax(weight))


def neighbourhood(counted: Counted, kind: int) -> Neighbourhood | None:
    """Take the neighbourhood of the node of a kind whose degree is nearest to `BUSY`; shared nodes lead nowhere.

    None when the graph has no own node of that kind.
    """
    graph = counted.graph
    candidates = np.flatnonzero(graph.own & (graph.kind == kind))
    if not len(candidates):
        return None
    middle = candidates[np.argmin(np.abs(counted.degree[candidates] - BUSY))]
    position = {int(middle): 0}
    ring, above = [0], [0]
    for step in (1, 2):
        frontier = np.zeros(len(graph.kind), np.bool_)
        frontier[[node for node, at in position.items() if ring[at] == step - 1 and graph.own[node]]] = True
        for tie in np.flatnonzero(frontier[graph.start] | frontier[graph.end]).tolist():
            ends = int(graph.start[tie]), int(graph.end[tie])
            for near, far in (ends, ends[::-1]):
                if frontier[near] and far not in position and len(position) < MOST_NODES:
                    position[far] = len(position)
                    ring.append(step)
                    above.append(position[near])
    within = np.zeros(len(graph.kind), np.bool_)
    within[list(position)] = True
    ties = np.flatnonzero(within[graph.start] & within[graph.end])
    pairs = [(position[int(graph.start[tie])], position[int(graph.end[tie])]) for tie in ties]
    return Neighbourhood(np.array(list(position)), np.array(ring), np.array(above),
                         np.array(pairs, np.int64).reshape(-1, 2))
