"""Columns of made-up values, each from (seed, names, row number) and all rows at once; knows nothing of Azure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from synthgen.seeding import I64, U64, derive_seed, mix, pick

Mask = npt.NDArray[np.bool_]

_DASHES = (8, 13, 18, 23)
_GUID_WIDTH = 36
_DIGITS = np.array([i for i in range(_GUID_WIDTH) if i not in _DASHES])
_HEX = np.frombuffer(bytes(range(256)).hex().encode(), np.uint8).reshape(256, 2)
_PLACEHOLDER = re.compile(r"\$([a-z]+(?:_[a-z]+)*)")
_PERCENT = np.uint64(100)
_FRACTION_BITS = 20
_BIGGEST_SHARE = 128
_EPOCH_2021_S = 1_609_459_200
_FIVE_YEARS_S = 150_000_000


def guids(rows: I64, seed: int) -> pl.Series:
    """Give each row a GUID of version 4's form."""
    halves = np.stack([mix(rows, derive_seed(seed, "high")), mix(rows, derive_seed(seed, "low"))], axis=1)
    raw = halves.astype(">u8").view(np.uint8)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    text = np.full((len(rows), _GUID_WIDTH), ord("-"), np.uint8)
    text[:, _DIGITS] = _HEX[raw].reshape(len(rows), -1)
    ends = np.arange(len(rows) + 1, dtype=np.int64) * _GUID_WIDTH
    # Polars makes no text from bytes without a Python object per row; Arrow takes the buffers as they are.
    return pl.Series("", pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(ends), pa.py_buffer(text)))


def chosen(rows: I64, seed: int, values: Sequence[str] | pl.Series) -> pl.Series:
    """Choose one of the values for each row."""
    pool = values if isinstance(values, pl.Series) else pl.Series("", values, pl.String)
    return pool.gather(pick(rows, seed, len(pool)))


def numbered(rows: I64) -> pl.Series:
    """Give each row its number from 1 as text of at least three digits."""
    return pl.Series("", rows + 1).cast(pl.String).str.zfill(3)


def some(rows: I64, seed: int, percent: int) -> Mask:
    """Choose about this many of 100 rows."""
    return mix(rows, seed) % _PERCENT < np.uint64(percent)


def kept(values: pl.Series, mask: Mask) -> pl.Series:
    """Keep the values where the mask is true; the others become null."""
    return pl.select(pl.when(pl.Series(mask)).then(values)).to_series()


def skewed_ends(size: int, seed: int) -> U64:
    """Give `size` things shares of which a few are big and most are small, as their running sum.

    A share is 1 / u for uniform u: a Pareto tail, cut where it is about 25 times the mean. Whole numbers all along,
    because floating point differs from machine to machine in its last place.
    """
    least = (1 << _FRACTION_BITS) // _BIGGEST_SHARE
    uniform = mix(np.arange(size, dtype=np.int64), seed) >> np.uint64(64 - _FRACTION_BITS)
    return np.cumsum(np.uint64(1 << 2 * _FRACTION_BITS) // (uniform + np.uint64(least)), dtype=np.uint64)


def weighted(rows: I64, seed: int, ends: U64) -> I64:
    """Pick an index for each row by share; `ends` is the running sum of the shares."""
    index: I64 = np.searchsorted(ends, mix(rows, seed) % ends[-1], side="right").astype(np.int64)
    return index


def moments(rows: I64, seed: int) -> pl.Series:
    """Give each row a second of the years 2021 to 2025, as Neo4j writes a ZONED DATETIME."""
    seconds = pl.Series("", _EPOCH_2021_S + pick(rows, seed, _FIVE_YEARS_S))
    return pl.from_epoch(seconds, time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def amounts(rows: I64, seed: int, most: int) -> pl.Series:
    """Give each row an amount with two decimals below `most`, small ones more often."""
    uniform = (mix(rows, seed) >> np.uint64(32)).astype(np.float64) / 2.0**32
    return pl.Series("", np.floor(uniform * uniform * most * 100.0) / 100.0)


def filled(template: str, value_of: Callable[[str], pl.Series]) -> pl.Series:
    """Fill a template's `$placeholders` for all rows; `value_of` gives the column that a name stands for."""
    parts = _PLACEHOLDER.split(template)
    names = sorted(set(parts[1::2]))
    frame = pl.DataFrame([value_of(name).alias(name) for name in names])
    pieces = [pl.col(part) if place % 2 else pl.lit(part) for place, part in enumerate(parts) if part]
    return frame.select(pl.concat_str(pieces)).to_series()
