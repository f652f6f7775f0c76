"""What a base says and how often: the words that must go, those that everyone uses, and who owns which value; pure.

Owners of a value are the nodes (or relationships) that have it. Inside a JSON text each key is a field of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from synthgen.base import Base
from synthgen.graph import END, START
from synthgen.metadata import EVERY_NAME, OF_SCENARIO
from synthgen.privacy.words import HOST, Part, coarse_words, fine_words, form_of, part_of, read_json, walk_json
from synthgen.profile import Profile
from synthgen.scenarios.shipped import known_regions

LEAST_LETTERS = 4
"""Ids and names with fewer letters and digits are too short to be looked for, …"""
LEAST_DIGITS = 6
"""… and those of digits alone when they have fewer than these: they stand everywhere."""
_STRUCTURE = (
    "subscriptions", "resourcegroups", "providers", "tenants", "managementgroups", "microsoft", "http", "https",
    "www", "com", "net", "org", "core", "windows", "azure", "blob", "file", "queue", "table", "dfs", "vault",
    "database", "azurewebsites", "cloudapp", "servicebus",
)
"""Words of ids' paths and of public hosts."""
MOST_COMMON_WORDS = 3
"""A value that many own is a category when it has at most so many words; a longer one is a sentence."""
MARKS = EVERY_NAME - OF_SCENARIO


@dataclass(frozen=True, slots=True)
class Column:
    """A property of one table, as the census sees it.

    Attributes:
        field: What its values are counted under: the property's name, with the relationship type before it.
        types: Resource type of each row, or the relationship type.
    """

    name: str
    kind: str
    field: str
    part: Part
    values: pl.Series
    types: pl.Series

    @property
    def is_text(self) -> bool:
        """Whether its values are texts or lists of texts."""
        return self.kind in {"STRING", "LIST<STRING>"}

    def counted(self) -> Iterator[tuple[str, Any, int]]:
        """Give each (type, value) with its owners; the elements of lists one by one."""
        frame = pl.DataFrame({"type": self.types, "value": self.values})
        if self.kind.startswith("LIST<"):
            frame = frame.with_columns(pl.col("value").list.unique(maintain_order=True)).explode("value")
        yield from frame.drop_nulls("value").group_by("type", "value", maintain_order=True).len().iter_rows()


def node_columns(base: Base, table: Any) -> Iterator[Column]:
    """Give the columns of a node table, synthetic metadata left out."""
    unique = {item.properties[0] for item in base.snapshot.schema
              if item.makes_unique(table.labels) and len(item.properties) == 1}
    types = base.resource_types[table.numbers]
    for name, kind in table.types.items():
        if name not in MARKS:
            part = part_of(name, base.profile, labels=table.labels, unique=name in unique)
            yield Column(name, kind, name, part, table.frame[name], types)


def relationship_columns(base: Base, table: Any) -> Iterator[Column]:
    """Give the columns of a relationship table."""
    types = pl.repeat(table.type, table.frame.height, dtype=pl.String, eager=True)
    for name, kind in table.types.items():
        if name not in {START, END}:
            yield Column(name, kind, f"{table.type}.{name}", part_of(name, base.profile), table.frame[name], types)


def columns_of(base: Base) -> Iterator[Column]:
    """Give every column of the base."""
    for nodes in base.nodes:
        yield from node_columns(base, nodes)
    for relationships in base.relationships:
        yield from relationship_columns(base, relationships)


class Leaves:
    """Where values in JSON texts are counted, and the parts they play: each place is looked at once."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._known: dict[tuple[str, Part, tuple[str, ...]], tuple[str, Part]] = {}

    def place(self, field_: str, part: Part, at: tuple[str, ...]) -> tuple[str, Part]:
        """Give the field and the part of the value under these keys, in a column of that field and part.

        Keys are fields of their own. On a tag or a person, and below a key that says so, everything plays that part.
        """
        where = field_, part, at
        if where not in self._known:
            parts = [part, *(part_of(key, self._profile) for key in at)]
            below = next((one for one in parts[:-1] if one in {Part.TAG, Part.PERSON}), parts[-1])
            self._known[where] = (f"{field_}:{at[-1] if at else ''}", below)
        return self._known[where]


@dataclass
class Census:
    """What is known of a base's texts after one pass over it.

    Attributes:
        owners: Per field, value → owners; JSON leaves included.
        by_type: Per (type, field), value → owners, of texts.
        whole: Values that name someone or something, in lowercase → their part.
        keys: Keys of JSON texts → owners.
        words: Every fine word that stands anywhere.
        path_words: Provider namespaces and types in ids that are paths.
    """

    base: Base
    fewest_owners: int
    owners: defaultdict[str, Counter[Any]] = field(default_factory=lambda: defaultdict(Counter))
    by_type: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    whole: dict[str, Part] = field(default_factory=dict)
    keys: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    words: set[str] = field(default_factory=set)
    path_words: set[str] = field(default_factory=set)
    plain_fields: set[str] = field(default_factory=set)
    in_json: Counter[tuple[str, Part]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.leaves = Leaves(self.base.profile)
        for column in columns_of(self.base):
            for type_, value, count in column.counted():
                self.owners[column.field][value] += count
                if column.is_text:
                    self._count_text(column, type_, value, count)
        self._settle_json()

    def _count_text(self, column: Column, type_: str, text: str, count: int) -> None:
        document = read_json(text)
        self._read(text)
        for host in HOST.findall(text):
            for word in set(coarse_words(host)):
                self.hosts[word] += count
        if document is None:
            self._count(column.field, column.part, type_, text, count)
            return
        del self.owners[column.field][text]

        def key(name: str) -> str:
            self.keys[name.lower()] += count
            return name

        def leaf(at: tuple[str, ...], value: Any) -> None:
            where, part = self.leaves.place(column.field, column.part, at)
            self.owners[where][value] += count
            if not isinstance(value, str):
                return
            self._read(value)
            if part in {Part.NAME, Part.ID}:
                self.in_json[value.lower(), part] += count
                part = Part.PLAIN  # what JSON calls a name may be one of a kind: settled at the end
            self._count(where, part, type_, value, count)

        walk_json(document, leaf, key=key)

    def _read(self, text: str) -> None:
        self.words.update(fine_words(text))
        namespace, slash, rest = text.rpartition("/providers/")[2].partition("/")
        if slash and "/providers/" in text and text.startswith("/"):
            self.path_words.update((namespace, *rest.split("/")[::2]))

    def _count(self, field_: str, part: Part, type_: str, text: str, count: int) -> None:
        self.by_type[type_, field_][text] += count
        if part is Part.PLAIN:
            self.plain_fields.add(field_)
        elif part is not Part.KEPT:
            self.whole.setdefault(text.lower(), part)

    def _settle_json(self) -> None:
        for (text, part), count in self.in_json.items():
            if count < self.fewest_owners:
                self.whole.setdefault(text, part)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Coarse words that name nobody: of types, labels, properties, keys, places, and values that many own."""
        people = {word for text, part in self.whole.items() if part is Part.PERSON for word in coarse_words(text)}
        common = {word for text in self._common_values() for word in coarse_words(text)}
        return frozenset(word for text in self._structure() for word in coarse_words(text)) | (common - people)

    def _structure(self) -> Iterator[str]:
        base = self.base
        yield from (*_STRUCTURE, *known_regions(), *base.resource_types.drop_nulls().unique())
        for nodes in base.nodes:
            yield from (*nodes.labels, *nodes.types)
        for relationships in base.relationships:
            yield from (relationships.type, *relationships.types)
        yield from (key for key, count in self.keys.items() if count >= self.fewest_owners)
        yield from self.path_words

    def _common_values(self) -> Iterator[str]:
        for name in sorted(self.plain_fields | {self.base.profile.location or ""}):
            for value, count in self.owners[name].items():
                if count >= self.fewest_owners and isinstance(value, str) and form_of(value) is None \
                        and not value.startswith("/") and "://" not in value \
                        and len(coarse_words(value)) <= MOST_COMMON_WORDS \
                        and (name == self.base.profile.location or value.lower() not in self.whole):
                    yield value

    @cached_property
    def sensitive(self) -> dict[str, Part]:
        """Coarse words that are replaced wherever they stand → the part of what they come from, in a settled order."""
        found: dict[str, Part] = {}
        for text, part in sorted(self.whole.items()):
            words = [word for word in coarse_words(text) if word not in self.vocabulary]
            telling = [word for word in words if len(word) >= LEAST_LETTERS and not _is_short_number(word)]
            for word in telling or sorted(words, key=lambda word: (len(word), word))[-1:]:
                if part is Part.PERSON and "/" not in text:
                    found[word] = part
                else:
                    found.setdefault(word, part)
        for word, count in self.hosts.items():
            if count < self.fewest_owners and word not in self.vocabulary and not word.isdecimal():
                found.setdefault(word, Part.NAME)
        return dict(sorted(found.items()))

    @cached_property
    def given(self) -> frozenset[str]:
        """The words that people's names begin with."""
        names = (coarse_words(text) for text, part in self.whole.items() if part is Part.PERSON)
        return frozenset(words[0] for words in names if len(words) > 1)

    @cached_property
    def integers(self) -> list[int]:
        """Integer ids that are long enough to be looked for in texts."""
        return sorted({number for column in columns_of(self.base) if column.part is Part.ID
                       and column.kind == "INTEGER" for number in column.values.drop_nulls().to_list()
                       if not _is_short_number(str(abs(number)))})

    @cached_property
    def protected(self) -> list[str]:
        """The ids and names that the gate looks for: long enough, owned by few, not of words that name nobody."""
        return self.protected_beside("")

    def protected_beside(self, own: str) -> list[str]:
        """Give `protected` without what consists of words of a text, such as a scenario that brings its own names."""
        public = {fine for word in self.vocabulary for fine in fine_words(word)} | set(fine_words(own))
        owners: Counter[str] = Counter()
        for nodes in self.base.nodes:
            for column in node_columns(self.base, nodes):
                if column.part in {Part.ID, Part.NAME, Part.PERSON} and column.is_text \
                        and column.name not in self.base.profile.container_names:
                    for _, text, count in column.counted():
                        owners[text] += count
                elif column.part is Part.ID and column.kind == "INTEGER":
                    for _, number, count in column.counted():
                        owners[str(number)] += count
        return sorted(text for text, count in owners.items()
                      if count < self.fewest_owners and _can_be_found(fine_words(text), public))


def _is_short_number(word: str) -> bool:
    return word.isdecimal() and len(word) < LEAST_DIGITS


def _can_be_found(words: list[str], public: set[str]) -> bool:
    letters = sum(map(len, words))
    digits = all(word.isdecimal() for word in words)
    return letters >= (LEAST_DIGITS if digits else LEAST_LETTERS) and not public.issuperset(words)
