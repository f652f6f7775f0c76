"""Pools of made-up words from Faker, one per kind, from which words are picked by the seeded mixer; knows no graph."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING

from synthgen.seeding import derive_seed

if TYPE_CHECKING:
    from faker import Faker

_POOL_SIZE = 1_000
_FEWEST = 100
_FAKER_SEED_BITS = 32


class Pools:
    """Words that stand in no base.

    Args:
        seed: Another seed, other words.
        taken: Fine words in lowercase that none of the words may be or hold.
    """

    def __init__(self, seed: int, taken: Collection[str]) -> None:
        self._seed = seed
        self._taken = taken

    @cached_property
    def words(self) -> list[str]:
        """Common words."""
        return self._free("word")

    @cached_property
    def given(self) -> list[str]:
        """Given names in lowercase."""
        return self._free("given")

    @cached_property
    def family(self) -> list[str]:
        """Family names in lowercase."""
        return self._free("family")

    @cached_property
    def addresses(self) -> list[str]:
        """Street addresses."""
        return list(_drawn("address", self._seed))

    @cached_property
    def phones(self) -> list[str]:
        """Phone numbers of the block that is kept for fiction."""
        return list(_drawn("phone", self._seed))

    def _free(self, kind: str) -> list[str]:
        words = dict.fromkeys(text.lower() for text in _drawn(kind, self._seed))
        free = [word for word in words if word.isalpha() and word not in self._taken]
        # A base that holds every word of Faker's still gets words.
        return free or list(itertools.islice((made for made in _letters() if made not in self._taken), _FEWEST))

    def number(self, *names: str | int) -> int:
        """Give 63 uniform bits for a named thing."""
        return derive_seed(self._seed, *names) >> 1

    def picked(self, pool: list[str], *names: str | int) -> str:
        """Pick the word of a pool for a named thing."""
        return pool[self.number(*names) % len(pool)]

    def guid(self, text: str) -> str:
        """Give the GUID of version 8 (RFC 9562) for a GUID."""
        key = self._seed.to_bytes(8, "little")
        octets = bytearray(hashlib.blake2b(text.lower().encode(), key=key, digest_size=16).digest())
        octets[6] = octets[6] & 0x0F | 0x80
        octets[8] = octets[8] & 0x3F | 0x80
        digits = octets.hex()
        return "-".join(digits[begin:end] for begin, end in itertools.pairwise((0, 8, 12, 16, 20, 32)))


_DRAWS: dict[str, Callable[[Faker], str]] = {
    "word": lambda fake: str(fake.word()),
    "given": lambda fake: str(fake.first_name()),
    "family": lambda fake: str(fake.last_name()),
    "address": lambda fake: str(fake.street_address()),
    "phone": lambda fake: str(fake.numerify("+1 ###-555-01##")),
}


@cache
def _drawn(kind: str, seed: int) -> tuple[str, ...]:
    from faker import Faker  # noqa: PLC0415 - it takes long to load, and most commands make up no words

    fake = Faker("en_US", use_weighting=False)
    fake.seed_instance(derive_seed(seed, "pool", kind) >> _FAKER_SEED_BITS)
    return tuple(dict.fromkeys(_DRAWS[kind](fake) for _ in range(_POOL_SIZE)))


def _letters() -> Iterator[str]:
    for length in itertools.count(4):
        yield from map("".join, itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=length))
