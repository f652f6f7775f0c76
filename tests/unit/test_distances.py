"""Distances between histograms: by hand, and against SciPy on arbitrary samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthgen.fidelity.distances import added, kolmogorov_smirnov, total_variation, wasserstein

samples = st.lists(st.integers(0, 12), min_size=1, max_size=30)


def histogram(values: Sequence[float], group: str = "a") -> pl.DataFrame:
    counted = sorted(Counter(values).items())
    return pl.DataFrame({"group": [group] * len(counted), "value": [float(value) for value, _ in counted],
                         "n": [count for _, count in counted]},
                        schema={"group": pl.String, "value": pl.Float64, "n": pl.Int64})


def test_distances_known_by_hand():
    """Half of the nodes have one relationship and half have three; of the others a quarter has one, others two."""
    one, other = histogram([1, 1, 3, 3]), histogram([1, 2, 2, 2])
    assert total_variation(one, other, ())["distance"].item() == 0.75
    assert kolmogorov_smirnov(one, other, (), "value")["distance"].item() == 0.5
    # |F - G| is ¼ between 1 and 2 and ½ between 2 and 3; the means are 2 and 1¾.
    assert wasserstein(one, other, (), "value")["distance"].item() == pytest.approx(0.75 / 3.75)


@settings(max_examples=25)
@given(samples, samples)
def test_distances_are_scipys(one, other):
    """Kolmogorov-Smirnov and Wasserstein are the library's; total variation is half the L1 distance."""
    base, synthetic = histogram(one), histogram(other)
    steps = [stats.ecdf(values).cdf.evaluate(range(13)) for values in (one, other)]
    assert kolmogorov_smirnov(base, synthetic, (), "value")["distance"].item() == pytest.approx(
        abs(steps[0] - steps[1]).max())
    reach = sum(one) / len(one) + sum(other) / len(other)
    assert wasserstein(base, synthetic, (), "value")["distance"].item() * reach == pytest.approx(
        stats.wasserstein_distance(one, other), abs=1e-9)
    shares = [[values.count(value) / len(values) for value in range(13)] for values in (one, other)]
    assert total_variation(base, synthetic, ())["distance"].item() == pytest.approx(
        sum(abs(p - q) for p, q in zip(*shares, strict=True)) / 2)


@settings(max_examples=20)
@given(samples, samples, samples)
def test_groups_do_not_mix(one, two, other):
    """What is computed group by group is what each group gives alone; one that is not in both is at distance 1."""
    base = pl.concat([histogram(one, "a"), histogram(two, "b")])
    synthetic = pl.concat([histogram(other, "a"), histogram(two, "c")])
    for distance in (total_variation, kolmogorov_smirnov, wasserstein):
        more = () if distance is total_variation else ("value",)
        found = dict(distance(base, synthetic, ("group",), *more).select("group", "distance").iter_rows())
        alone = distance(histogram(one), histogram(other), (), *more)["distance"].item()
        assert found == {"a": pytest.approx(alone), "b": 1.0, "c": 1.0}


@given(samples, samples)
@settings(max_examples=10)
def test_histograms_in_pieces_are_those_of_the_whole(one, two):
    """Adding up gives what counting at once would have."""
    assert added([histogram(one), histogram(two)]).sort("value").equals(histogram([*one, *two]))
