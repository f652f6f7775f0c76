"""Measures of properties: values one by one, what is absent, and the length and form of ids, names and texts; pure.

Compared are kinds of nodes, and patterns, that both graphs have: that others are missing is the mixes' to say.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from synthgen.fidelity.columns import Comparison, Property
from synthgen.fidelity.counted import Values
from synthgen.fidelity.distances import BASE, OTHER, kolmogorov_smirnov, total_variation, wasserstein
from synthgen.fidelity.measures import Compared, Measure, Outcome, Pair, weighted_by_rows

_TEXTS = frozenset((Comparison.TEXT,))
_DISTRIBUTIONS = frozenset(Comparison) - _TEXTS


def property_values(pair: Pair) -> Outcome:
    """Compare the values of each property by kind: mean of 1 - sup |F - G| or 1 - ½ Σ |p - q|.

    Numbers and times by Kolmogorov-Smirnov, all others by total variation. The mean is by values. Source: SDMetrics'
    KSComplement and TVComplement.
    """
    return _over_properties(pair, _DISTRIBUTIONS, "value")


def text_lengths(pair: Pair) -> Outcome:
    """Compare the lengths of ids, names and texts: mean of 1 - W1(F, G) / (mean of F + mean of G).

    Source: as `synthgen.fidelity.distances.wasserstein`.
    """
    return _over_properties(pair, _TEXTS, "length")


def text_forms(pair: Pair) -> Outcome:
    """Compare the forms of ids, names and texts: mean of 1 - ½ Σ |p - q| over their marks.

    Every word counts as the same, so `/groups/rg-web-01` has the form `/w/w`. Source: total variation.
    """
    return _over_properties(pair, _TEXTS, "form")


def null_rates(pair: Pair) -> Outcome:
    """Compare how many nodes of a kind lack a property: mean of 1 - |share - share'|.

    Properties count that some node of the kind has, in either graph. Source: SDMetrics' MissingValueSimilarity.
    """
    found: list[Compared] = []
    for base, other, comparisons in _sides(pair):
        keys = list(base.keys)
        for key in comparisons:
            one, two = base.presence(key), other.presence(key)
            having = pl.concat([one, two]).filter(pl.col("present")).select(keys).unique()
            kinds = having.join(one, on=keys, how="semi").join(two, on=keys, how="semi")
            one, two = (frame.join(kinds, on=keys, how="semi") for frame in (one, two))
            found += _found(pair, total_variation(one, two, keys), key[0], "rows")
    return weighted_by_rows(found)


def _over_properties(pair: Pair, meant: frozenset[Comparison], what: str) -> Outcome:
    found: list[Compared] = []
    for base, other, comparisons in _sides(pair):
        for key, comparison in comparisons.items():
            both = _histograms(base, other, key, what) if comparison in meant else None
            if both is None:
                continue
            if what == "length":
                table = wasserstein(*both, base.keys, "value")
            elif comparison in {Comparison.NUMBER, Comparison.TIME}:
                table = kolmogorov_smirnov(*both, base.keys, "value")
            else:
                table = total_variation(*both, base.keys)
            found += _found(pair, table, key[0], "values")
    return weighted_by_rows(found)


def _sides(pair: Pair) -> Iterator[tuple[Values, Values, dict[Property, Comparison]]]:
    """Give the values of nodes, then those of relationships, of both graphs."""
    reading = pair.base.reading
    yield pair.base.rows.values, pair.other.rows.values, reading.nodes.comparisons
    yield pair.base.relationship_values, pair.other.relationship_values, reading.relationships.comparisons


def _histograms(base: Values, other: Values, key: Property, what: str) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    found = base.histogram(key, what), other.histogram(key, what)
    some = next((frame for frame in found if frame is not None), None)
    if some is None:
        return None
    keys = list(base.keys)
    one, two = (some.clear() if frame is None else frame for frame in found)
    return (one.join(other.presence(key), on=keys, how="semi"),
            two.join(base.presence(key), on=keys, how="semi"))


def _found(pair: Pair, table: pl.DataFrame, name: str, unit: str) -> list[Compared]:
    return [Compared(f"{pair.owner(row)}: {name}", row["distance"], row[BASE], row[OTHER],
                     f"{row[BASE]:,} {unit}", f"{row[OTHER]:,} {unit}") for row in table.iter_rows(named=True)]


PROPERTIES = (
    Measure("properties", "Properties", "Values are as common, and as great, as in the base.",
            "mean of 1 − sup |F − G| (numbers, times) or 1 − ½ Σ |p − q| (others), by property and type",
            "SDMetrics KSComplement, TVComplement", property_values),
    Measure("null_rates", "Absent properties", "As many nodes of each type lack a property.",
            "mean of 1 − |share − share′|, by property and type", "SDMetrics MissingValueSimilarity", null_rates),
    Measure("text_lengths", "Ids, names, texts: length", "Identifying texts are as long.",
            "mean of 1 − W₁(F, G) ÷ (mean F + mean G), by property and type", "Vallender 1974", text_lengths),
    Measure("text_forms", "Ids, names, texts: form", "Identifying texts are built the same way.",
            "mean of 1 − ½ Σ |p − q| over forms (marks, with each word the same)", "total variation distance",
            text_forms),
)
