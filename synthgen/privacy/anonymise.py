"""Anonymises a base: names, ids, contacts and tags are replaced, rare values generalised; Base in, Base out; pure.

Node numbers, labels, types and relationships stay, so every strategy runs on the result unchanged. docs/privacy.md says
what is done to which value, and what is not promised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from synthgen.base import Base
from synthgen.privacy.census import Census, Column, node_columns, relationship_columns
from synthgen.privacy.rare import OTHER, generalised
from synthgen.privacy.request import FEWEST_OWNERS
from synthgen.privacy.search import Search, texts_of
from synthgen.privacy.substitution import Substitution
from synthgen.privacy.words import (
    Part,
    coarse_words,
    fine_words,
    form_of,
    read_json,
    walk_json,
    write_json_like,
)
from synthgen.seeding import derive_seed
from synthgen.types import TYPES


@dataclass(frozen=True, slots=True)
class Anonymised:
    """A base without what names its people and things.

    Attributes:
        base: The same graph with other words.
        census: What the original said; `census.protected` is what must not be found again.
        text: Replaces the words of any text as those of the base were.
    """

    base: Base
    census: Census
    text: Callable[[str], str]


def anonymise(base: Base, *, seed: int, fewest_owners: int = FEWEST_OWNERS) -> Anonymised:
    """Replace what names people and things in a base, and generalise what few own.

    Args:
        base: Stays as it is.
        seed: Another seed, other words.
        fewest_owners: A value of a property stays as it is when at least so many nodes or relationships have it.
    """
    census = Census(base, fewest_owners)
    rewriting = _Rewriting(census, derive_seed(seed, "anonymise"))
    search = Search(census.protected)
    replaced: set[str] = set()
    while True:
        result = rewriting.base()
        # A word is replaced wholly once; if that were not enough, the gate would say so.
        left = rewriting.words_left(result, search) - replaced
        if not left:
            return Anonymised(result, census, rewriting.substitution.text)
        for word in sorted(left):
            rewriting.substitution.replace_wholly(word)
        replaced |= left


class _Rewriting:
    def __init__(self, census: Census, seed: int) -> None:
        self._census = census
        self._base = census.base
        self._few = census.fewest_owners
        self.substitution = Substitution(census.sensitive, census.words, seed, given=census.given,
                                         integers=census.integers)
        self._rare: dict[tuple[str, str], dict[Any, Any]] = {}

    def base(self) -> Base:
        """Make the base anew with the words that stand for others by now."""
        nodes = [self._frame(table.frame, node_columns(self._base, table)) for table in self._base.nodes]
        relationships = [self._frame(table.frame, relationship_columns(self._base, table))
                         for table in self._base.relationships]
        return self._base.with_frames(nodes, relationships)

    def words_left(self, made: Base, search: Search) -> set[str]:
        """Find the coarse words by which something that must not be found is still there."""
        left: set[str] = set()
        for before, after in zip(texts_of(self._base), texts_of(made), strict=True):
            for position, found in search.find(after.values):
                parts = set(fine_words(found))
                for text in (before.values[position], after.values[position]):
                    left.update(word for word in coarse_words(text) if parts & set(fine_words(word)))
        return left - self._census.vocabulary

    def _frame(self, frame: pl.DataFrame, columns: Iterator[Column]) -> pl.DataFrame:
        changed = [new for column in columns if (new := self._column(column)) is not None]
        return frame.with_columns(changed) if changed else frame

    def _column(self, column: Column) -> pl.Series | None:
        if column.part is Part.ID and column.kind == "INTEGER":
            return _replaced(column, lambda _, value: self.substitution.integer(value))
        if column.is_text:
            return _replaced(column, lambda type_, text: self._text(column, type_, text))
        rare = self._rare_of(column.field, column.kind.removeprefix("LIST<").removesuffix(">"))
        return _replaced(column, lambda _, value: rare.get(value, value)) if rare else None

    def _rare_of(self, field: str, kind: str) -> dict[Any, Any]:
        if (field, kind) not in self._rare:
            dtype: type | tuple[type, ...] = {"INTEGER": int, "FLOAT": float, "BOOLEAN": bool, "BYTES": bytes}.get(
                kind, str)
            owners = {value: count for value, count in self._census.owners[field].items()
                      if type(value) is dtype}
            self._rare[field, kind] = generalised(owners, kind, self._few)
        return self._rare[field, kind]

    def _text(self, column: Column, type_: str, text: str) -> str:
        document = read_json(text)
        if document is None:
            return self._value(column.field, column.part, type_, text)

        def leaf(at: tuple[str, ...], value: Any) -> Any:
            field, part = self._census.leaves.place(column.field, column.part, at)
            if isinstance(value, str):
                return self._value(field, Part.PLAIN if part in {Part.NAME, Part.ID} else part, type_, value)
            kind = {int: "INTEGER", float: "FLOAT"}.get(type(value))
            return value if kind is None else self._rare_of(field, kind).get(value, value)

        return write_json_like(walk_json(document, leaf, key=self.substitution.text), text)

    def _value(self, field: str, part: Part, type_: str, text: str) -> str:
        if part is Part.KEPT and field == self._base.profile.type:
            return text
        if part is Part.ADDRESS and " " in text:
            return self.substitution.address(text)
        if part in {Part.PLAIN, Part.KEPT, Part.ADDRESS} and not self._refers(text) \
                and self._census.owners[field][text] < self._few:
            text = self._coarser(field, type_, text)
        return self.substitution.text(text)

    def _refers(self, text: str) -> bool:
        """Say whether a text is a reference: the name of something, a form, or a path with names in it."""
        return text.lower() in self._census.whole or form_of(text) is not None or (
            ("/" in text or "@" in text) and " " not in text and self.substitution.text(text) != text)

    def _coarser(self, field: str, type_: str, text: str) -> str:
        found = self._rare_of(field, "STRING").get(text, text)
        usual = self._usual.get((type_, field))
        # A form of its own, such as the month of a time, says more than what is usual for the type.
        if usual is None or found not in self._usual_anywhere.get(field, ()):
            return str(found)
        return usual

    @cached_property
    def _usual(self) -> dict[tuple[str, str], str]:
        """Per type and field, the text that most own, if enough do."""
        found = {}
        for key, counts in self._census.by_type.items():
            enough = Counter({text: count for text, count in counts.items()
                              if self._census.owners[key[1]][text] >= self._few})
            if enough:
                found[key] = max(enough, key=lambda text: (enough[text], text))
        return found

    @cached_property
    def _usual_anywhere(self) -> dict[str, set[str]]:
        """Per field, what a rare text becomes when nothing else is known of it."""
        fields = {field for _, field in self._census.by_type}
        return {field: {OTHER, *(text for text, count in self._census.owners[field].items()
                                 if isinstance(text, str) and count >= self._few)} for field in fields}


def _replaced(column: Column, replace: Callable[[str, Any], Any]) -> pl.Series:
    """Replace each distinct (type, value) of a column, or each element of its lists."""
    element = TYPES[column.kind].element.dtype if TYPES[column.kind].is_list else TYPES[column.kind].dtype
    rows = pl.DataFrame({"row": pl.int_range(len(column.values), eager=True), "type": column.types,
                         "value": column.values})
    if TYPES[column.kind].is_list:
        # Empty lists and missing ones have no elements: they are taken over as they are.
        rows = rows.filter(pl.col("value").list.len() > 0).explode("value")
    distinct = rows.select("type", "value").unique(maintain_order=True)
    made = [None if value is None else replace(type_, value) for type_, value in distinct.iter_rows()]
    distinct = distinct.with_columns(pl.Series("made", made, dtype=element))
    joined = rows.join(distinct, on=["type", "value"], how="left", nulls_equal=True, maintain_order="left")
    if not TYPES[column.kind].is_list:
        return joined["made"].alias(column.name)
    lists = joined.group_by("row", maintain_order=True).agg("made")
    whole = pl.DataFrame({"row": pl.int_range(len(column.values), eager=True), "old": column.values}).join(
        lists, on="row", how="left", maintain_order="left")
    return whole.select(pl.coalesce("made", "old")).to_series().alias(column.name)
