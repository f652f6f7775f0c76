"""What seeding promises: values that are the same for ever, shuffles that lose nothing, shares that add up."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.seeding import apportion, derive_seed, mix, permute, pick, shuffled, shuffled_each, token
from tests.growths import largest_remainder

SPLITMIX64 = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
"""The first outputs of the published generator for seed 0; its state grows by the golden gamma before each."""
GAMMA = 0x9E3779B97F4A7C15


def test_the_mixer_is_splitmix64() -> None:
    """Mixing 1, 2, 3 with seed 0 gives the published sequence, whatever the integer type, and wraps without a word."""
    for dtype in (np.int64, np.uint64):
        assert tuple(mix(np.array([1, 2, 3], dtype), 0).tolist()) == SPLITMIX64
    assert mix(np.array([0], np.int64), GAMMA).tolist() == [SPLITMIX64[0]]
    assert mix(np.array([-1, 2**63 - 1], np.int64), 2**64 - 1).dtype == np.uint64
    assert len(set(mix(np.arange(100_000), 5).tolist())) == 100_000


def test_seeds_are_the_same_for_ever() -> None:
    """Derived seeds, tokens, picks and shuffles are what they were when they were first released."""
    assert derive_seed(0, "a", 1) == 0x8D00B1CA16823231
    assert derive_seed(-5, "ü") == derive_seed(-5, "ü")
    assert token(0, "scale-20260131T120000-0123abcd") == "bajhrkgg"
    assert shuffled(10, 1).tolist() == [8, 3, 0, 4, 9, 2, 1, 5, 7, 6]
    assert pick(np.arange(5), 9, 100).tolist() == [63, 28, 6, 38, 84]


def test_names_do_not_run_into_each_other() -> None:
    """Seeds of names that are alike when joined are apart, and so are a number and its digits beside other names."""
    seeds = [derive_seed(*names) for names in ((1, "ab", "c"), (1, "a", "bc"), (1, "abc"), (11, "bc"), (1, "", "abc"),
                                               (1, "abc", ""), (1,), (-1,), (2**80,))]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**64 for seed in seeds)


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_a_shuffle_loses_nothing(seed: int) -> None:
    """A permutation of any size from 1 to 300 holds each number once; each row is known without the others."""
    for size in range(1, 301):
        whole = permute(np.arange(size), seed, size)
        assert sorted(whole.tolist()) == list(range(size))
        assert permute(np.array([size // 2]), seed, size).tolist() == [whole[size // 2]]


def test_many_shuffles_at_once_are_the_same() -> None:
    """Sizes and seeds of all kinds beside each other, none and one among them."""
    sizes = [0, 1, 2, 3, 5, 64, 65, 1000, 1]
    seeds = [derive_seed(7, number) for number in range(len(sizes))]
    made = shuffled_each(sizes, seeds)
    assert [one.tolist() for one in made] == [shuffled(*pair).tolist() for pair in zip(sizes, seeds, strict=True)]
    assert shuffled_each([], []) == []


def test_shuffles_are_shuffled() -> None:
    """Each place of a small shuffle gets each number about equally often."""
    seen = Counter((place, number) for seed in range(2000) for place, number in enumerate(shuffled(5, seed).tolist()))
    assert len(seen) == 25
    assert max(abs(count - 400) for count in seen.values()) < 200


def test_tokens_are_plain_words() -> None:
    """A token begins with a letter and has only lower-case letters and digits that are not mistaken for others."""
    tokens = [token(seed, "x") for seed in range(500)]
    assert len(set(tokens)) == 500
    assert all(len(text) == 8 and text[0].isalpha() and not set(text) & set("ilou") and text == text.lower()
               for text in tokens)


@settings(max_examples=200)
@given(st.integers(0, 10**12), st.lists(st.one_of(st.integers(0, 10**9), st.floats(0, 1e300)), min_size=1, max_size=8))
def test_shares_add_up_by_largest_remainder(total: int, weights: list[float]) -> None:
    """Shares sum to the total exactly, each is the exact share rounded down or up, and Hamilton's method gives them."""
    if not sum(weights):
        weights = [*weights, 1]
    shares = apportion(total, weights)
    assert sum(shares) == total
    whole = sum(map(Fraction, weights))
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(weight) * total / whole
        assert share in {int(exact), int(exact) + (exact.denominator > 1)}
    assert shares == largest_remainder(total, weights)


def test_nothing_is_shared_among_no_weights() -> None:
    """A total of 0 is shared without a weight."""
    assert apportion(0, []) == []
    assert apportion(0, [0.0, 2]) == [0, 0]
    assert apportion(1, [1, 1, 1]) == [1, 0, 0], "of equals the first"
