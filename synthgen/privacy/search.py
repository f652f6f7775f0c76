"""Finds ids and names in texts, vectorised; knows no file and no graph but its tables' texts.

A text is compared word by word: a name stands in it when its runs of letters and digits follow each other there,
whatever is between them and however they are spelled. A GUID is one word, also with underscores in it. So `vm-web-01`
is found in `/vm-web-01-k3/` and in `VM_WEB_01`, and `data` is not found in `metadata`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.base import Base
from synthgen.graph import END, START
from synthgen.seeding import I64, U64

_WORD = r"[\p{L}\p{N}]+"
_GUID = r"([0-9a-f]{8})[-_]([0-9a-f]{4})[-_]([0-9a-f]{4})[-_]([0-9a-f]{4})[-_]([0-9a-f]{12})"
_FINAL_SIGMA, _SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one property, row by row; elements of lists one by one, and what is missing as no text."""

    where: str
    name: str
    values: pl.Series


def texts_of(base: Base) -> Iterator[Texts]:
    """Give the texts of each property of a base."""
    for nodes in base.nodes:
        yield from texts_in(nodes.frame, ":".join(nodes.labels), [*nodes.types])
    for relationships in base.relationships:
        yield from texts_in(relationships.frame, relationships.type, [*relationships.types])


def texts_in(frame: pl.DataFrame, where: str, names: Sequence[str]) -> Iterator[Texts]:
    """Give the texts of a frame's text columns and lists of texts, in order."""
    for name in names:
        if name in {START, END}:
            continue
        values = frame[name]
        if values.dtype == pl.List(pl.String):
            values = values.filter(values.list.len() > 0).explode()
        if values.dtype == pl.String:
            yield Texts(where, name, values.fill_null(""))


class Search:
    """Looks for many ids and names at once: every run of words of a text is looked up by its hash.

    The hash of a run is a polynomial over its words' hashes, modulo 2^64 (Karp, Rabin: "Efficient randomized
    pattern-matching algorithms", IBM J. Res. Dev. 31, 1987), so that the work is linear in the texts however many
    names there are.

    Args:
        wanted: What is looked for; a name without a letter or digit is left out.
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        names = pl.Series("name", wanted, dtype=pl.String)
        words = words_in(names)
        lengths = words.list.len().to_numpy()
        flat, begins = _hashes(words)
        self._by_length: list[tuple[int, U64, U64, list[str]]] = []
        for length in np.unique(lengths[lengths > 0]).tolist():
            rows = np.flatnonzero(lengths == length)
            runs, first = np.unique(_runs(flat, begins[rows], length), return_index=True)
            self._by_length.append((length, np.unique(flat[begins[rows]]), runs, names[rows][first].to_list()))

    def find(self, texts: pl.Series) -> list[tuple[int, str]]:
        """Give (position, name) of each name that stands in a text; a name twice in one text is one."""
        found: set[tuple[int, str]] = set()
        for begin in range(0, len(texts), _ROWS_AT_ONCE):
            found.update((begin + position, name) for position, name in self._find(texts.slice(begin, _ROWS_AT_ONCE)))
        return sorted(found)

    def _find(self, texts: pl.Series) -> Iterator[tuple[int, str]]:
        words = words_in(texts)
        lengths = words.list.len().to_numpy()
        flat, _ = _hashes(words)
        text_of = np.repeat(np.arange(len(texts)), lengths)
        left = np.cumsum(lengths)[text_of] - np.arange(len(flat))
        for length, first_words, runs, names in self._by_length:
            begins = np.flatnonzero((left >= length) & _among(flat, first_words))
            if len(begins):
                hashes = _runs(flat, begins, length)
                for hit in np.flatnonzero(_among(hashes, runs)).tolist():
                    yield int(text_of[begins[hit]]), names[int(np.searchsorted(runs, hashes[hit]))]


def _hashes(words: pl.Series) -> tuple[U64, I64]:
    """Give the hash of every word of all texts one after the other, and where each text begins."""
    lengths = words.list.len().to_numpy().astype(np.int64)
    # Only compared with each other within one run, so it does not matter that the hash changes with versions.
    return words.filter(words.list.len() > 0).explode().hash().to_numpy(), np.cumsum(lengths) - lengths


def _runs(flat: U64, begins: I64, length: int) -> U64:
    """Give the hash of the `length` words from each position on."""
    hashes = np.zeros(len(begins), np.uint64)
    for step in range(length):
        hashes = hashes * _BASE + flat[begins + step]
    return hashes


def _among(values: U64, ordered: U64) -> npt.NDArray[np.bool_]:
    """Say which values are among the ordered ones."""
    places = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: npt.NDArray[np.bool_] = ordered[places] == values
    return found


def words_in(texts: pl.Series) -> pl.Series:
    """Give each text's words in lowercase; of a text with escapes, such as JSON has, also those behind the escapes."""
    escaped = texts.str.contains("\\", literal=True).fill_null(value=False)
    if escaped.any():
        # Few texts have escapes, and only JSON knows them all.
        plain = texts.filter(escaped).map_elements(_with_unescaped, return_dtype=pl.String)
        texts = texts.scatter(escaped.arg_true(), plain)
    return texts.str.to_lowercase().str.replace_all(_FINAL_SIGMA, _SIGMA, literal=True).str.replace_all(
        _GUID, "${1}${2}${3}${4}${5}").str.extract_all(_WORD)


def _with_unescaped(text: str) -> str:
    return f"{text} {_ESCAPE.sub(_unescaped, text)}"


def _unescaped(found: re.Match[str]) -> str:
    try:
        return str(json.loads(f'"{found.group()}"'))
    except ValueError:
        return found.group()[1:]
