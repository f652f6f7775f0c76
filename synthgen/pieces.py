"""Texts cut into pieces, with a mark behind each that is written anew for every clone; pure.

The marks are what makes a clone's ids its own: the operation's token with the number of the clone meant, or a GUID that
belongs to that number. The pieces of all rows stand one after the other in flat arrays, so that a text with a hundred
references costs no more than a hundred texts with one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from synthgen.seeding import I64, U64, derive_seed, mix

_INTEGER_OPERATION_BITS = 31
GUID_BYTES = 36
OWN = 0
"""As a period: the number of the clone itself."""


class Mark(IntEnum):
    """What stands behind a piece."""

    NONE = 0
    TOKEN = 1
    GUID = 2


class Names(Protocol):
    """Names that clones are given; where they are, they stand instead of the base's name and its mark.

    Attributes:
        named: Per node number, whether its clones are given names.
        in_ids: Per node number, whether these take the place of the name at the end of its id, too.
    """

    named: npt.NDArray[np.bool_]
    in_ids: npt.NDArray[np.bool_]

    def texts(self, nodes: I64, copies: I64) -> pl.Series:
        """Give the names of clones; null where the base's name is kept, with a mark."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text and the mark behind it.

    Attributes:
        text: Written as it stands.
        mark: What is written behind it.
        follows: The number is that of the next piece, wrapped: a container's behind its child's.
        shift, period: Else it is the clone's own number plus `shift`, modulo `period` unless that is `OWN`.
        modulus: What wraps the number in the end; 0 for nothing.
        salt: Which GUID is written: the same salt and number give the same one.
        node: Whose clone is meant, when that may be given a name; else -1.
        stem: The text without the name, which a given name stands behind.
    """

    text: str
    mark: Mark = Mark.NONE
    follows: bool = False
    shift: int = 0
    period: int = OWN
    modulus: int = 0
    salt: int = 0
    node: int = -1
    stem: str | None = None


@dataclass(frozen=True, slots=True)
class Flat:
    """The pieces of many rows: pieces `begins[i]` … `begins[i + 1] - 1` are those of row i; see `Piece`.

    Attributes:
        longest: The most pieces of a row that may follow each other.
    """

    begins: I64
    texts: pl.Series
    marks: npt.NDArray[np.int8]
    follows: npt.NDArray[np.bool_]
    shifts: I64
    periods: I64
    moduli: I64
    salts: U64
    nodes: I64
    stems: pl.Series
    longest: int

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.begins) - 1

    @property
    def lengths(self) -> I64:
        """The number of pieces of each row."""
        return np.diff(self.begins)


class Cuts:
    """A column of texts, cut; rows without pieces are null.

    Attributes:
        flat: The pieces. The text of one with a token's mark ends with the token, and only the number is missing.
        seed: Of the GUIDs.
        names: Names that clones are given, if any are.
    """

    def __init__(self, flat: Flat, *, seed: int, names: Names | None = None) -> None:
        self.flat = flat
        self.seed = seed
        self.names = names

    @classmethod
    def of(cls, rows: Sequence[Sequence[Piece]], *, token: str, seed: int, names: Names | None = None) -> Cuts:
        """Cut rows into these pieces, with the operation's token in their marks."""
        pieces = [piece for row in rows for piece in row]
        return cls(seed=seed, names=names, flat=Flat(
            begins=np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64),
            texts=pl.Series("text", [f"{piece.text}-{token}-" if piece.mark == Mark.TOKEN else piece.text
                                     for piece in pieces], pl.String),
            marks=np.array([piece.mark for piece in pieces], np.int8),
            follows=np.array([piece.follows for piece in pieces], np.bool_),
            shifts=np.array([piece.shift for piece in pieces], np.int64),
            periods=np.array([piece.period for piece in pieces], np.int64),
            moduli=np.array([piece.modulus for piece in pieces], np.int64),
            salts=np.array([piece.salt for piece in pieces], np.uint64),
            nodes=np.array([piece.node for piece in pieces], np.int64),
            stems=pl.Series("stem", [piece.stem for piece in pieces], pl.String),
            longest=max((len(row) for row in rows), default=0),
        ))

    def written(self, rows: I64, copy: I64) -> pl.Series:
        """Write the texts of these rows, each for the clone with this number."""
        at, offsets = self.places(rows)
        number = self.numbers(at, np.repeat(copy, np.diff(offsets)))
        texts = self.marked(at, number)
        nodes = self.flat.nodes[at]
        named = np.flatnonzero(nodes >= 0)
        if len(named) and self.names is not None:
            given = self.flat.stems[at][named] + self.names.texts(nodes[named], number[named])
            texts[named] = given.zip_with(given.is_not_null(), texts[named])
        joined = pl.Series("text", pl.from_arrow(joined_texts(texts, offsets)), pl.String)
        return joined.set(pl.Series(offsets[1:] == offsets[:-1]), None)

    def places(self, rows: I64) -> tuple[I64 | slice, I64]:
        """Give the places of all pieces of these rows, and where in that those of each row begin, and all end."""
        begins = self.flat.begins
        if len(rows) and (rows == np.arange(rows[0], rows[0] + len(rows))).all():
            ends = begins[rows[0]:rows[0] + len(rows) + 1]
            return slice(int(ends[0]), int(ends[-1])), ends - ends[0]
        lengths = begins[rows + 1] - begins[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return np.arange(offsets[-1]) + np.repeat(begins[rows] - offsets[:-1], lengths), offsets

    def marked(self, at: I64 | slice, number: I64) -> pl.Series:
        """Write these pieces, each with its mark."""
        marks = self.flat.marks[at]
        ends = pl.Series("end", number).cast(pl.String)
        if (guids := np.flatnonzero(marks == Mark.GUID)).size:
            places = np.arange(len(number))
            places[guids] = len(number) + np.arange(len(guids))
            ends = pl.concat([ends, _texts_of(self.guids(self.flat.salts[at][guids], number[guids]))])[places]
        ends = ends.set(pl.Series(marks == Mark.NONE), None)
        return pl.select(pl.concat_str(self.flat.texts[at], ends, ignore_nulls=True).alias("text")).to_series()

    def numbers(self, at: I64 | slice, copy: I64) -> I64:
        """Give the number in the mark of each of these pieces, which are written for clones with these numbers."""
        cut = self.flat
        period, modulus, follows = cut.periods[at], cut.moduli[at], cut.follows[at]
        number = copy + cut.shifts[at]
        number = np.where(period > 0, number % np.maximum(period, 1), number)
        number = np.where(modulus > 0, number % np.maximum(modulus, 1), number)
        known = ~follows
        for _ in range(cut.longest):
            ready = np.flatnonzero(~known[:-1] & known[1:])
            if not len(ready):
                break
            wrapped = number[ready + 1] % np.maximum(modulus[ready], 1)
            number[ready] = np.where(modulus[ready] > 0, wrapped, number[ready + 1])
            known[ready] = True
        return number

    def guids(self, salts: U64, numbers: I64) -> npt.NDArray[np.uint8]:
        """Write the GUIDs of these marks, shape (n, `GUID_BYTES`)."""
        high, low = (mix(mix(numbers, derive_seed(self.seed, half)) ^ salts, derive_seed(self.seed, half, "salted"))
                     for half in ("high", "low"))
        return _guid_octets(high, low)


def joined_texts(texts: pl.Series, offsets: I64) -> pa.LargeStringArray:
    """Join texts offsets[i] … offsets[i + 1] - 1 into one: they stand one after the other in memory already."""
    flat = texts.to_arrow().cast(pa.large_string())
    _, begins, octets = flat.buffers()
    ends = np.frombuffer(begins, np.int64, len(flat) + 1, flat.offset * 8)
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(ends[offsets]), octets)


def salt_of(text: str) -> int:
    """Give the 64 bits that stand for a GUID which clones have one of their own for."""
    return int.from_bytes(hashlib.blake2b(text.lower().encode(), digest_size=8).digest(), "little")


def guid_texts(high: U64, low: U64) -> pl.Series:
    """Write pairs of 64-bit values as GUIDs of version 8 (RFC 9562): 122 bits of them count."""
    return _texts_of(_guid_octets(high, low))


def _guid_octets(high: U64, low: U64) -> npt.NDArray[np.uint8]:
    octets = np.stack([high.astype(">u8"), low.astype(">u8")], axis=1).view(np.uint8).reshape(-1, 16).copy()
    octets[:, 6] = (octets[:, 6] & 0x0F) | 0x80
    octets[:, 8] = (octets[:, 8] & 0x3F) | 0x80
    nibbles = np.stack([octets >> 4, octets & 0x0F], axis=2).reshape(-1, 32)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[nibbles]
    text = np.full((len(digits), GUID_BYTES), ord("-"), np.uint8)
    text[:, [i for i in range(GUID_BYTES) if i not in {8, 13, 18, 23}]] = digits
    return text


def _texts_of(octets: npt.NDArray[np.uint8]) -> pl.Series:
    """Give the rows of a table of ASCII characters as texts."""
    rows, width = octets.shape
    offsets = np.arange(0, width * (rows + 1), width, dtype=np.int64)
    array = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(octets))
    return pl.Series("guid", pl.from_arrow(array), pl.String)


def integer_keys(seed: int, numbers: I64) -> pl.Series:
    """Make integer keys of the numbers of an operation's nodes, below 2^31; `seed` has 64 bits of the operation."""
    operation = seed >> (64 - _INTEGER_OPERATION_BITS)
    return pl.Series((1 << 62) | (operation << _INTEGER_OPERATION_BITS) | numbers)
