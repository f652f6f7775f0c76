"""Measures of how many relationships nodes have, and how that goes together at both ends; pure."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from synthgen.fidelity.counted import Counted
from synthgen.fidelity.distances import (
    BASE,
    COUNT,
    DISTANCE,
    OTHER,
    kolmogorov_smirnov,
    total_variation,
    wasserstein,
)
from synthgen.fidelity.measures import Compared, Measure, Outcome, Pair, weighted_by_rows

_GROUP = ("kind", "type", "direction")
_PATTERN = ("start", "type", "end")


def degree_histograms(pair: Pair) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give both graphs' own nodes by kind, type, direction and degree, with zeros.

    Nodes without such a relationship count as zeros where some node of their kind has one, in either graph.
    """
    groups = pl.concat([one.degrees.select(_GROUP) for one in (pair.base, pair.other)]).unique()
    base, other = (_with_zeros(one, groups) for one in (pair.base, pair.other))
    return base, other


def _with_zeros(one: Counted, groups: pl.DataFrame) -> pl.DataFrame:
    some = one.degrees.group_by(_GROUP).agg(pl.col(COUNT).sum().alias("some"))
    zeros = groups.join(one.kinds, on="kind").join(some, on=_GROUP, how="left").select(
        *_GROUP, pl.lit(0, dtype=pl.Int64).alias("degree"),
        (pl.col(COUNT) - pl.col("some").fill_null(0)).alias(COUNT))
    return pl.concat([one.degrees, zeros.filter(pl.col(COUNT) > 0)])


def _by_group(pair: Pair, distance: Callable[..., pl.DataFrame]) -> Outcome:
    base, other = degree_histograms(pair)
    means = [_means(frame).rename({"mean": name}) for frame, name in ((base, "mean_base"), (other, "mean_other"))]
    table = distance(base, other, _GROUP, "degree")
    for mean in means:
        table = table.join(mean, on=_GROUP, how="left")
    return weighted_by_rows([
        Compared(f"{pair.kind(row['kind'])}, {pair.type(row['type'])} {row['direction']}", row[DISTANCE], row[BASE],
                 row[OTHER], _said(row[BASE], row["mean_base"]), _said(row[OTHER], row["mean_other"]))
        for row in table.iter_rows(named=True)])


def _means(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by(_GROUP).agg(((pl.col("degree") * pl.col(COUNT)).sum() / pl.col(COUNT).sum()).alias("mean"))


def _said(nodes: int, mean: float | None) -> str:
    return f"mean {mean:.3f} of {nodes:,}" if mean is not None else "none"


def degree_ks(pair: Pair) -> Outcome:
    """Compare degree distributions by kind, relationship type and direction, zeros included: mean of 1 - sup |F - G|.

    The mean is by nodes. Source: Kolmogorov-Smirnov; SDMetrics calls it CardinalityShapeSimilarity.
    """
    return _by_group(pair, kolmogorov_smirnov)


def degree_wasserstein(pair: Pair) -> Outcome:
    """Compare the same distributions by the area between them: mean of 1 - W1(F, G) / (mean of F + mean of G).

    W1 feels a long tail, which the greatest difference does not. It is at most the sum of both means, so the score is
    in 0…1. Source: Vallender: "Calculation of the Wasserstein distance", Theory Probab. Appl. 18, 1974.
    """
    return _by_group(pair, wasserstein)


def joint_degree(pair: Pair) -> Outcome:
    """Compare, pattern by pattern, the degrees at both ends in log2 bins: mean of 1 - ½ Σ |p - q|.

    Degrees are of all relationships in both directions; an end that is shared has no bin, its degree grows. The mean is
    by relationships. Source: dK-series with d = 2, Mahadevan et al.: "Systematic topology analysis", SIGCOMM 2006.
    """
    table = total_variation(pair.base.joint_degrees, pair.other.joint_degrees, _PATTERN)
    return weighted_by_rows([Compared(pair.pattern(row), row[DISTANCE], row[BASE], row[OTHER], f"{row[BASE]:,} ties",
                                      f"{row[OTHER]:,} ties") for row in table.iter_rows(named=True)])


DEGREES = (
    Measure("degree", "Degrees", "Nodes have as many relationships of each type as their like in the base.",
            "mean of 1 − sup |F − G| by type, relationship type and direction, zeros included",
            "Kolmogorov–Smirnov; SDMetrics CardinalityShapeSimilarity", degree_ks),
    Measure("degree_wasserstein", "Degrees, tails", "The nodes with most relationships have as many, too.",
            "mean of 1 − W₁(F, G) ÷ (mean F + mean G), by the same groups", "Vallender 1974", degree_wasserstein),
    Measure("joint_degree", "Joint degrees", "Busy nodes are tied to busy ones as they are in the base.",
            "mean of 1 − ½ Σ |p − q| over log₂ × log₂ bins of the ends' degrees, by pattern",
            "dK-2 series (Mahadevan et al. 2006)", joint_degree),
)
