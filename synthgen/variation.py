"""Varies the properties of clones within what the base shows; pure.

A clone that varies takes a property over from another node of its type, so that every value occurs in the base with
that type and keeps its frequency. Properties that depend on each other are taken over from the same node.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import polars as pl

from synthgen.seeding import I64, derive_seed, mix, pick

DEPENDENT = 0.1
"""From this share of the smaller entropy on, two properties that go together are kept together."""
_ROWS_LOOKED_AT = 20_000
_BINS = 8
_FEW = 16


class Variation:
    """Which node each clone of a group takes each property from."""

    def __init__(
        self, columns: pl.DataFrame, kinds: pl.Series, free: Sequence[str], *, share: float, seed: int
    ) -> None:
        """Learn from a group's nodes.

        Args:
            columns: Their properties, a row each.
            kinds: Their types; a clone takes properties over from nodes of its own.
            free: The properties that may vary.
            share: Of clones and properties that vary, 0…1.
            seed: Of everything drawn.
        """
        self._columns = columns
        codes = _codes(kinds)
        self._bundles = _bundles(columns, codes, free) if share > 0 and free else []
        self._seed = seed
        self._below = int(Fraction(str(share)) * (1 << 64))
        self._order: I64 = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes)
        self._begin, self._size = (np.cumsum(sizes) - sizes)[codes], sizes[codes]

    @property
    def changes(self) -> bool:
        """Whether any property may be taken over."""
        return bool(self._bundles)

    def varied(self, numbers: I64, rank: I64) -> list[pl.Series]:
        """Give the varied columns of the clones with these numbers, of nodes of these ranks."""
        series = []
        for bundle in self._bundles:
            seed = derive_seed(self._seed, *bundle)
            varies = mix(numbers, derive_seed(seed, "varies")) <= np.uint64(max(self._below - 1, 0))
            drawn = pick(numbers, derive_seed(seed, "from"), 1 << 62)
            other = self._order[self._begin[rank] + drawn % self._size[rank]]
            taken = self._columns.select(bundle)[np.where(varies, other, rank)]
            series.extend(taken.get_columns())
        return series


def _codes(values: pl.Series) -> I64:
    return values.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()


def _bundles(columns: pl.DataFrame, kinds: I64, free: Sequence[str]) -> list[list[str]]:
    """Join the properties that depend on each other, given the type."""
    step = max(1, -(-len(kinds) // _ROWS_LOOKED_AT))
    kinds = kinds[::step]
    coded = {name: _coded(columns[name][::step]) for name in free}
    bundle_of = {name: [name] for name in free}
    for one, other in itertools.combinations([name for name in free if coded[name] is not None], 2):
        if bundle_of[one] is not bundle_of[other] and _dependence(coded[one], coded[other], kinds) >= DEPENDENT:
            bundle_of[one].extend(bundle_of[other])
            for name in bundle_of[other]:
                bundle_of[name] = bundle_of[one]
    seen = {id(bundle): bundle for bundle in bundle_of.values()}
    return [sorted(bundle) for bundle in seen.values()]


def _coded(values: pl.Series) -> I64 | None:
    """Number the values, those of a wide range by bins; None where nearly every one occurs once and says nothing."""
    if values.dtype.is_nested():
        values = values.hash()
    codes = _codes(values)
    distinct = len(np.unique(codes))
    if distinct <= max(_FEW, len(codes) // 2) and not values.dtype.is_numeric():
        return codes
    if values.dtype.is_numeric():
        return codes if distinct <= _FEW else (codes - 1) * _BINS // max(distinct, 1)
    return None


def _dependence(one: I64 | None, other: I64 | None, kinds: I64) -> float:
    """Give I(one; other | kind) / min(H(one | kind), H(other | kind)), entropies corrected for their bias.

    The correction is Miller's: (occupied cells - 1) / 2n ("Note on the bias of information estimates", 1955).
    """
    if one is None or other is None:
        return 0.0
    of_kind = _entropy(kinds)
    first, second = _entropy(kinds, one), _entropy(kinds, other)
    least = min(first, second) - of_kind
    return (first + second - _entropy(kinds, one, other) - of_kind) / least if least > 0 else 0.0


def _entropy(*codes: I64) -> float:
    joint = codes[0]
    for code in codes[1:]:
        joint = np.unique(joint, return_inverse=True)[1] * (int(code.max()) + 1) + code
    counts = np.unique(joint, return_counts=True)[1]
    share = counts / len(joint)
    return float(-(share * np.log(share)).sum() + (len(counts) - 1) / (2 * len(joint)))
