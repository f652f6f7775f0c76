"""Randomness that repeats: values from (seed, names, row number), never from an order; pure.

The mixer is splitmix64's finalizer (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA
2014), our own because no library's hash is stable from version to version. Permutations are Feistel networks with
cycle walking (Black, Rogaway: "Ciphers with arbitrary finite domains", CT-RSA 2002), so that row i of a shuffle is
known without the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_FEISTEL_ROUNDS = 4


def derive_seed(seed: int, *names: str | int) -> int:
    """Give the 64-bit seed of a named thing: blake2b over the seed and the names, each with its length."""
    text = "".join(f"{len(part)}:{part}" for part in (str(seed), *(str(name) for name in names)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def mix(values: I64 | U64, seed: int | np.uint64 | U64) -> U64:
    """Mix each value with the seed, or its own, into 64 uniform bits; the same for the same pair, on every machine."""
    x = values.astype(np.uint64) * _GAMMA + (np.uint64(seed) if isinstance(seed, int) else seed)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def pick(values: I64 | U64, seed: int, choices: int) -> I64:
    """Pick an index in 0 … choices - 1 for each value; bias is below choices / 2^64."""
    return (mix(values, seed) % np.uint64(choices)).astype(np.int64)


def permute(values: I64, seed: int, size: int) -> I64:
    """Map each value in 0 … size - 1 to its place in a shuffle of that range: a bijection."""
    if size <= 1:
        return values.copy()
    return _walked(values, [np.uint64(one) for one in _round_seeds(seed)], np.uint64(_half_bits(size)), np.uint64(size))


def shuffled(size: int, seed: int) -> I64:
    """Give 0 … size - 1 in a seeded order."""
    return permute(np.arange(size, dtype=np.int64), seed, size)


def shuffled_each(sizes: Sequence[int], seeds: Sequence[int]) -> list[I64]:
    """Give `shuffled` of each size and seed, all at once."""
    if not len(sizes):
        return []
    each = np.array(sizes, np.int64)
    ends = np.cumsum(each)
    values = np.arange(ends[-1]) - np.repeat(ends - each, each)
    rounds = np.array([_round_seeds(seed) for seed in seeds], np.uint64).T
    half = np.array([_half_bits(size) for size in sizes], np.uint64)
    some = np.repeat(each > 1, each)

    def of_values(of_each: U64) -> U64:
        return np.repeat(of_each, each)[some]

    values[some] = _walked(values[some], [of_values(one) for one in rounds], of_values(half),
                           of_values(each.astype(np.uint64)))
    return np.split(values, ends[:-1])


def _half_bits(size: int) -> int:
    return max(1, ((size - 1).bit_length() + 1) // 2)


def _round_seeds(seed: int) -> list[int]:
    return [derive_seed(seed, round_) for round_ in range(_FEISTEL_ROUNDS)]


def _walked(values: I64, rounds: Sequence[U64 | np.uint64], half: U64 | np.uint64, size: U64 | np.uint64) -> I64:
    """Permute values; what is the same for all of them is one number, else there is one for each."""
    result = values.astype(np.uint64)
    todo = np.arange(len(result))
    while len(todo):
        x = result[todo]
        shift = _of(half, todo)
        mask = (np.uint64(1) << shift) - np.uint64(1)
        left, right = x >> shift, x & mask
        for of_round in rounds:
            left, right = right, left ^ (mix(right, _of(of_round, todo)) & mask)
        x = (left << shift) | right
        result[todo] = x
        todo = todo[x >= _of(size, todo)]
    return result.astype(np.int64)


def _of(numbers: U64 | np.uint64, places: npt.NDArray[np.intp]) -> U64 | np.uint64:
    return numbers[places] if isinstance(numbers, np.ndarray) else numbers


def token(seed: int, *names: str | int, length: int = 8) -> str:
    """Give a short name part: `length` characters of Crockford's base 32 (5 bits each), beginning with a letter."""
    value = int.from_bytes(hashlib.blake2b(f"{derive_seed(seed, *names)}".encode(), digest_size=16).digest(), "little")
    first = _ALPHABET[10 + value % 22]
    value //= 22
    rest = []
    for _ in range(length - 1):
        rest.append(_ALPHABET[value % 32])
        value //= 32
    return first + "".join(rest)


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Share `total` whole units by weight, exactly, with the largest-remainder method (Hamilton); ties go to the first.

    Args:
        total: Units to share; at least 0.
        weights: At least 0 each; their sum above 0 unless `total` is 0.

    Returns:
        Whole shares in the order of the weights; their sum is `total`.
    """
    if total == 0:
        return [0] * len(weights)
    # Fractions: the sum must be exact for any size, and a tie must be seen as one.
    fractions = [Fraction(weight) for weight in weights]
    whole = sum(fractions)
    exact = [weight * total / whole for weight in fractions]
    shares = [int(share) for share in exact]
    order = sorted(range(len(weights)), key=lambda index: (shares[index] - exact[index], index))
    for index in order[: total - sum(shares)]:
        shares[index] += 1
    return shares
