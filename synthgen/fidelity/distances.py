"""Distances between two histograms, group by group; pure.

A histogram is a frame of key columns and `n`, how often that key occurs (Int64). Each function groups by some of the
keys and compares the distributions over the others; each result has the columns of `by`, `distance`, and `base` and
`other`, the totals of each group. A group that only one of the two has is as far away as can be.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

COUNT = "n"
DISTANCE = "distance"
BASE, OTHER = "base", "other"
_P, _Q = pl.col("p"), pl.col("q")
_ROUNDING = 1e-12
"""Shares that are the same as fractions may differ by so much as floats; such a distance is 0."""


def added(pieces: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add up histograms of the same columns."""
    together = pl.concat(pieces)
    return together.group_by([name for name in together.columns if name != COUNT]).agg(pl.col(COUNT).sum())


def total_variation(base: pl.DataFrame, other: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Half the sum of |p - q| over all values, in 0…1 (Levin, Peres: "Markov chains and mixing times", § 4.1)."""
    both = _aligned(base, other, by)
    return _summed(both, by, 0.5 * (_P / pl.col(BASE) - _Q / pl.col(OTHER)).abs().sum())


def kolmogorov_smirnov(base: pl.DataFrame, other: pl.DataFrame, by: Sequence[str], value: str) -> pl.DataFrame:
    """The greatest |F - G| over all values of the numeric column `value`, in 0…1 (Smirnov 1948)."""
    both = _cumulated(base, other, by, value)
    return _summed(both, by, (pl.col("f") - pl.col("g")).abs().max())


def wasserstein(base: pl.DataFrame, other: pl.DataFrame, by: Sequence[str], value: str) -> pl.DataFrame:
    """The area between F and G over the sum of both means of |value|: 0…1 (Vallender 1974, of the distance W1)."""
    both = _cumulated(base, other, by, value)
    if by:
        both = both.with_columns(pl.col(value).shift(-1).over(list(by)).alias("next"))
    else:
        both = both.with_columns(pl.col(value).shift(-1).alias("next"))
    area = ((pl.col("f") - pl.col("g")).abs() * (pl.col("next") - pl.col(value))).sum()
    reach = (pl.col(value).abs() * (_P / pl.col(BASE) + _Q / pl.col(OTHER))).sum()
    return _summed(both, by, pl.when(reach > 0).then(area / reach).otherwise(0.0).clip(0.0, 1.0))


def _aligned(base: pl.DataFrame, other: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    keys = [name for name in base.columns if name != COUNT]
    both = base.rename({COUNT: "p"}).join(other.rename({COUNT: "q"}), on=keys, how="full", coalesce=True,
                                          nulls_equal=True)
    both = both.with_columns(pl.col("p", "q").fill_null(0).cast(pl.Int64))
    totals = [_P.sum(), _Q.sum()]
    if by:
        totals = [total.over(list(by)) for total in totals]
    return both.with_columns(totals[0].alias(BASE), totals[1].alias(OTHER))


def _cumulated(base: pl.DataFrame, other: pl.DataFrame, by: Sequence[str], value: str) -> pl.DataFrame:
    both = _aligned(base, other, by).sort(*by, value)
    sums = [_P.cum_sum(), _Q.cum_sum()]
    if by:
        sums = [each.over(list(by)) for each in sums]
    return both.with_columns((sums[0] / pl.col(BASE)).alias("f"), (sums[1] / pl.col(OTHER)).alias("g"))


def _summed(both: pl.DataFrame, by: Sequence[str], distance: pl.Expr) -> pl.DataFrame:
    either = pl.when((pl.col(BASE).first() > 0) & (pl.col(OTHER).first() > 0)).then(distance).otherwise(1.0)
    exact = pl.when(either < _ROUNDING).then(0.0).otherwise(either.clip(0.0, 1.0))
    columns = [exact.alias(DISTANCE), pl.col(BASE).first(), pl.col(OTHER).first()]
    if by:
        return both.group_by(list(by)).agg(columns).sort(list(by))
    return both.select(columns)
