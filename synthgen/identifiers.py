"""Finds which nodes of the base a text speaks of, by ids and by names; pure.

Ids are found whole, as the beginnings of paths, and as words of JSON and of longer texts. An id is what identifies a
node: the profile's id, and what a uniqueness constraint covers. A name speaks of a node only when no other node bears
it and it does not look like an ordinary word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.profile import Role
from synthgen.types import ARRAY_DELIMITER

ITEM_END = ARRAY_DELIMITER
"""Between the items of a list that is looked at as one text: so that the text is what CSV has of it."""
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[^\s\"'\\,;\[\]{}()<>|]+")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LEAF = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SHORTEST_ID, _SHORTEST_NAME = 4, 6
_GUID_LENGTH = 36


class By(Enum):
    """What a node is spoken of by."""

    ID = "its id, or the GUID at the end of it"
    NAME = "its name"
    GUID = "a GUID that no other node has"


@dataclass(frozen=True, slots=True)
class Mention:
    """A node, spoken of at `begin` … `end` of a text.

    `above` has the ends of those beginnings of an id that are ids themselves, counted from `begin`, with their nodes.
    """

    begin: int
    end: int
    node: int
    by: By = By.ID
    above: tuple[tuple[int, int], ...] = ()


class Identifiers:
    """What the nodes of the base are known by; case does not count, as in Azure's ids."""

    def __init__(self, base: Base, cloned: Mask) -> None:
        self._cloned = cloned
        self._ids: dict[str, int] = {}
        self._tails: dict[str, int] = {}
        for node, text in _identifying(base):
            self._ids.setdefault(text, node)
            tail = text.rpartition("/")[2]
            if len(tail) == _GUID_LENGTH and GUID.fullmatch(tail):
                self._tails.setdefault(tail, node)
        # Paths begin like this; whatever else stands before them belongs to something around.
        self._roots = tuple(sorted({text[: text.find("/", 1) + 1] for text in self._ids
                                    if text.startswith("/") and text.find("/", 1) > 0}))
        self._names = _specific_names(base)
        self.mentions = lru_cache(maxsize=100_000)(self._mentions)
        # Texts differ, and are made of the same few words.
        self._in_token = lru_cache(maxsize=100_000)(lambda token: tuple(self._token(token)))

    def prefixes(self, identifier: str) -> tuple[tuple[int, int], ...]:
        """Find the beginnings of a path that are ids of cloned nodes: where each ends, and the node; not the whole."""
        low = identifier.lower()
        found = []
        slash = low.find("/", 1)
        while slash > 0:
            node = self._ids.get(low[:slash])
            if node is not None and self._cloned[node]:
                found.append((slash, node))
            slash = low.find("/", slash + 1)
        return tuple(found)

    def _mentions(self, text: str) -> tuple[Mention, ...]:
        if ITEM_END in text:
            return tuple(self._in_items(text))
        low = text.lower()
        if len(low) != len(text):  # a letter whose lower case is longer: places would not agree
            return ()
        whole = self._ids.get(low, self._tails.get(low, -1))
        if whole >= 0:
            return (Mention(0, len(low), whole, above=self.prefixes(low)),) if self._counts(low, whole) else ()
        found = {mention.begin: mention for mention in self._leaves(low)} if " " in low else {}
        leaves = list(found.values())
        # Most texts speak of nobody, in words that were met before.
        if not any(map(self._in_token, _TOKEN.findall(low))):
            return tuple(leaves)
        for token in _TOKEN.finditer(low):
            for mention in self._in_token(token.group()):
                if not any(leaf.begin <= token.start() < leaf.end for leaf in leaves):
                    begin = token.start() + mention.begin
                    found[begin] = replace(mention, begin=begin, end=token.start() + mention.end)
        return tuple(mention for _, mention in sorted(found.items()))

    def _in_items(self, joined: str) -> Iterator[Mention]:
        begin = 0
        for item in joined.split(ITEM_END):
            for found in self.mentions(item):
                yield replace(found, begin=begin + found.begin, end=begin + found.end)
            begin += len(item) + 1

    def _counts(self, text: str, node: int) -> bool:
        return bool(self._cloned[node]) and not text.isdigit()

    def _leaves(self, low: str) -> Iterator[Mention]:
        """Find ids and names with spaces in them: only as a whole text of JSON."""
        for leaf in _LEAF.finditer(low):
            text = leaf.group(1)
            if " " not in text:
                continue
            node = self._ids.get(text, -1)
            by = By.ID if node >= 0 else By.NAME
            node = node if node >= 0 else self._names.get(text, -1)
            if node >= 0 and self._counts(text, node):
                yield Mention(leaf.start(1), leaf.end(1), node, by)

    def _token(self, token: str) -> Iterator[Mention]:
        """Find what is spoken of in a piece of text without a blank or a quote; places count from its begin."""
        root = min((at for at in map(token.find, self._roots) if at >= 0), default=-1)
        if root >= 0:
            path = token[root:]
            mention = self._path(path.rstrip("/."), root)
            if mention is not None:
                yield mention
            token = token[:root]
        elif token in self._ids and len(token) >= _SHORTEST_ID:
            node = self._ids[token]
            if self._counts(token, node):
                yield Mention(0, len(token), node, above=self.prefixes(token))
            return
        for word in _WORD.finditer(token):
            yield from self._word(word.group(), word.start())

    def _path(self, path: str, offset: int) -> Mention | None:
        """Find the longest beginning of a path that is an id; what an uncopied node holds stays as it is."""
        end, deepest = -1, -1
        slash = path.find("/", 1)
        while True:
            stop = slash if slash > 0 else len(path)
            node = self._ids.get(path[:stop], -1)
            if node >= 0:
                end, deepest = stop, node
            if slash < 0:
                break
            slash = path.find("/", slash + 1)
        if deepest < 0 or not self._cloned[deepest]:
            return None
        return Mention(offset, offset + end, deepest, above=self.prefixes(path[:end]))

    def _word(self, word: str, offset: int) -> Iterator[Mention]:
        if len(word) < _SHORTEST_ID or word.isalpha() or word.isdigit():
            return
        node = self._ids.get(word, self._tails.get(word, -1))
        by = By.ID if node >= 0 else By.NAME
        node = node if node >= 0 else self._names.get(word, -1)
        if node >= 0 and self._cloned[node]:
            yield Mention(offset, offset + len(word), node, by)


def key_properties(base: Base, labels: tuple[str, ...], types: Mapping[str, str]) -> list[str]:
    """Find the properties whose values must stay unique: the id, and what a uniqueness constraint covers."""
    keys = [base.profile.id] if base.profile.id is not None and base.profile.id in types else []
    for item in base.snapshot.schema:
        if item.makes_unique(labels) and not set(keys) & set(item.properties):
            keys.extend(name for name in item.properties if name in types)
    return list(dict.fromkeys(keys))


def guids_of_one_node(base: Base) -> set[str]:
    """Find the GUIDs that stand in the texts of one node only; protected nodes do not count, they repeat others."""
    found = [
        pl.DataFrame({"node": np.arange(table.first, table.first + table.frame.height),
                      "guid": table.frame[name].str.to_lowercase().str.extract_all(GUID.pattern)})
        for table in base.nodes if table.role is not Role.PROTECTED
        for name, kind in table.types.items() if kind == "STRING"
    ]
    if not found:
        return set()
    pairs = pl.concat(found).explode("guid").drop_nulls().unique()
    return set(pairs.filter(pl.col("guid").is_unique())["guid"])


def _identifying(base: Base) -> Iterator[tuple[int, str]]:
    for table in base.nodes:
        for name in key_properties(base, table.labels, table.types):
            if table.types[name] == "STRING":
                values = table.frame[name].str.to_lowercase()
                yield from ((table.first + row, text) for row, text in enumerate(values) if text)


def _specific_names(base: Base) -> dict[str, int]:
    names = pl.DataFrame({"node": np.arange(base.size),
                          "name": base.texts(base.profile.name_property).str.to_lowercase()})
    unique = names.filter(pl.col("name").is_not_null() & pl.col("name").is_unique()
                          & (pl.col("name").str.len_chars() >= _SHORTEST_NAME) & pl.col("name").str.contains("[0-9]"))
    return dict(zip(unique["name"], unique["node"], strict=True))
