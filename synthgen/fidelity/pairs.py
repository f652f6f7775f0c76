"""Measures of what goes together: two properties of a node, one at both ends of a tie, one and a shared node; pure."""

from __future__ import annotations

import polars as pl

from synthgen.fidelity.distances import BASE, OTHER, total_variation
from synthgen.fidelity.measures import Compared, Measure, Outcome, Pair, weighted_by_rows

_PATTERN = ("start", "type", "end")


def node_pairs(pair: Pair) -> Outcome:
    """Compare which values of two properties stand on one node, by kind: mean of 1 - ½ ΣΣ |p - q|.

    Numbers and times are in bins of about equally many nodes of the reference, absence is a value; pairs count of
    which the kind has both. The mean is by nodes. Source: SDMetrics' ContingencySimilarity.
    """
    found: list[Compared] = []
    for (one, other, base), (_, _, synthetic) in zip(pair.base.node_pairs(), pair.other.node_pairs(), strict=True):
        found += _compared(pair, ("kind",), base, synthetic, f"{one[0]} with {other[0]}", both_coded=True)
    return weighted_by_rows(found)


def tie_pairs(pair: Pair) -> Outcome:
    """Compare which values stand at both ends of a relationship, by pattern: mean of 1 - ½ ΣΣ |p - q|.

    Between own nodes the same property of both, such as the regions of a machine and its disk; of a tie to a shared
    node a property of the own one and which shared node it is. The mean is by relationships. Source: as `node_pairs`.
    """
    found: list[Compared] = []
    for (one, other, base), (_, _, synthetic) in zip(pair.base.tie_pairs(), pair.other.tie_pairs(), strict=True):
        what = f"{one[0]} at both ends" if other is not None else f"{one[0]} with the shared node"
        found += _compared(pair, _PATTERN, base, synthetic, what, both_coded=other is not None)
    return weighted_by_rows(found)


def _compared(pair: Pair, keys: tuple[str, ...], base: pl.DataFrame, other: pl.DataFrame, what: str, *,
              both_coded: bool) -> list[Compared]:
    table = total_variation(base, other, keys)
    # A pair counts where both values occur at all, in either graph, and both graphs have the kind.
    sides = ["a", "b"] if both_coded else ["a"]
    occurs = pl.concat([base, other]).group_by(keys).agg((pl.col(side) > 0).any() for side in sides)
    occurs = occurs.filter(pl.all_horizontal(sides))
    table = table.join(occurs, on=keys, how="semi").filter((pl.col(BASE) > 0) & (pl.col(OTHER) > 0))
    return [Compared(f"{pair.owner(row)}: {what}", row["distance"], row[BASE], row[OTHER], f"{row[BASE]:,} rows",
                     f"{row[OTHER]:,} rows") for row in table.iter_rows(named=True)]


PAIRS = (
    Measure("pairs", "Pairs of properties", "Properties of a node that go together do so here.",
            "mean of 1 − ½ ΣΣ |p − q| over two properties' values, by type", "SDMetrics ContingencySimilarity",
            node_pairs),
    Measure("tie_pairs", "Pairs across a tie", "What is tied together agrees, such as in its region.",
            "mean of 1 − ½ ΣΣ |p − q| over a property at both ends, or with the shared node, by pattern",
            "SDMetrics ContingencySimilarity", tie_pairs),
)
