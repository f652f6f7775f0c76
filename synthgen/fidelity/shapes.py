"""Measures of how a graph hangs together, from `synthgen.fidelity.structure`; pure."""

from __future__ import annotations

from functools import lru_cache

from synthgen.fidelity.distances import DISTANCE, kolmogorov_smirnov
from synthgen.fidelity.measures import Measure, Outcome, Pair, Part
from synthgen.fidelity.structure import Structure, structure_of

_of = lru_cache(maxsize=8)(structure_of)


def _both(pair: Pair) -> tuple[Structure, Structure]:
    return _of(pair.base, pair.seed), _of(pair.other, pair.seed)


def _difference(name: str, base: float | None, other: float | None, reach: float = 1.0) -> Outcome:
    if base is None and other is None:
        return Outcome(None)
    # Where all degrees are the same, or there is no wedge, there is no tendency either: 0.
    score = max(0.0, 1 - abs((base or 0.0) - (other or 0.0)) / reach)
    return Outcome(score, (Part(name, score, 1.0, _said(base), _said(other)),))


def _said(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def assortativity(pair: Pair) -> Outcome:
    """Compare the correlation r of degrees at both ends of relationships between own nodes: 1 - |r - r'| / 2.

    Source: Newman: "Assortative mixing in networks", Phys. Rev. Lett. 89, 2002.
    """
    base, other = _both(pair)
    return _difference("correlation of the ends' degrees", base.assortativity, other.assortativity, 2.0)


def reciprocity(pair: Pair) -> Outcome:
    """Compare the share of tied ordered pairs of own nodes that are tied back: 1 - |difference|.

    Source: Newman, Forrest, Balthrop: "Email networks", Phys. Rev. E 66, 2002.
    """
    base, other = _both(pair)
    return _difference("share tied back", base.reciprocity, other.reciprocity)


def loops_and_parallels(pair: Pair) -> Outcome:
    """Compare the shares of loops and of parallel relationships of one type: 1 - the greater |difference|.

    Source: difference of shares, as for nulls in SDMetrics' MissingValueSimilarity.
    """
    base, other = _both(pair)
    each = (_difference("share of loops", base.loops, other.loops),
            _difference("share of parallel relationships", base.parallel, other.parallel))
    return Outcome(min(one.score for one in each if one.score is not None),
                   tuple(part for one in each for part in one.parts))


def clustering(pair: Pair) -> Outcome:
    """Compare the share of closed wedges around own nodes: 1 - |difference|.

    Of a million sampled wedges, or of all; the standard error of a share c is √(c (1 - c) / 10⁶). Source: Seshadhri,
    Pinar, Kolda: "Triadic measures on graphs: the power of wedge sampling", SDM 2013.
    """
    base, other = _both(pair)
    return _difference("share of closed wedges", base.clustering, other.clustering)


def components(pair: Pair) -> Outcome:
    """Compare, node by node, the sizes of the components that nodes are in: 1 - sup |F - G|.

    Shared nodes are taken away, because they hold all copies together. Source: Kolmogorov-Smirnov.
    """
    base, other = _both(pair)
    distances = kolmogorov_smirnov(base.component_sizes, other.component_sizes, (), "size")
    if base.component_sizes.is_empty() and other.component_sizes.is_empty():
        return Outcome(None)
    score = 1 - float(distances[DISTANCE].item())
    largest = [max(frame["size"].to_list(), default=0.0) for frame in (base.component_sizes, other.component_sizes)]
    said = [f"largest {size:,.0f} nodes" for size in largest]
    return Outcome(score, (Part("size of a node's component", score, 1.0, *said),))


def isolates(pair: Pair) -> Outcome:
    """Compare the shares of own nodes without any relationship: 1 - |difference|.

    Source: difference of shares, as `loops_and_parallels`.
    """
    base, other = _both(pair)
    return _difference("share of isolated nodes", base.isolated, other.isolated)


SHAPES = (
    Measure("assortativity", "Assortativity", "Busy nodes prefer busy ones as much as in the base.",
            "1 − |r − r′| ÷ 2 of the ends' degrees", "Newman 2002", assortativity),
    Measure("reciprocity", "Reciprocity", "As many ties go both ways.", "1 − |share − share′|",
            "Newman, Forrest, Balthrop 2002", reciprocity),
    Measure("loops_and_parallels", "Loops and parallel ties", "As many ties are loops or repeat another.",
            "1 − max |share − share′|", "difference of shares", loops_and_parallels),
    Measure("clustering", "Clustering", "As many neighbours of a node are tied to each other.",
            "1 − |c − c′|, c the share of closed wedges, sampled", "wedge sampling (Seshadhri et al. 2013)",
            clustering),
    Measure("components", "Components", "Nodes are in components of the same size.",
            "1 − sup |F − G| of the size of each node's component", "Kolmogorov–Smirnov", components),
    Measure("isolates", "Isolated nodes", "As many nodes are tied to nothing.", "1 − |share − share′|",
            "difference of shares", isolates),
)
