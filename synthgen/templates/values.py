"""Values of template files: plain ones, texts with expressions, and nested ones, which become JSON; knows no graph."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.errors import UsageError
from synthgen.sources import Place, Source
from synthgen.templates.texts import Kind, Text, parse_text
from synthgen.types import ARRAY_DELIMITER

MOST_PARTS = 10_000
"""Of one nested value: an alias in YAML may stand for many."""

Leaf = bool | int | float | Text | None


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an entry: a leaf, or a list or table of such.

    Attributes:
        content: `Leaf`, `list` or `dict` of contents.
        where: File and line, for errors.
    """

    content: Any
    where: str

    @property
    def names(self) -> frozenset[str]:
        """The names that its expressions use."""
        return frozenset().union(*(leaf.names for leaf in leaves(self.content) if isinstance(leaf, Text)))

    @property
    def fixed(self) -> bool:
        """Whether it holds no expression."""
        return all(leaf.plain is not None for leaf in leaves(self.content) if isinstance(leaf, Text))

    @property
    def kind(self) -> str:
        """The property type that it has where the base has none of its name."""
        match self.content:
            case bool():
                return "BOOLEAN"
            case int():
                return "INTEGER"
            case float():
                return "FLOAT"
            case Text(only=only) if only is not None and only.kind is Kind.NUMBER:
                return "INTEGER"
            case list() as items if items and all(isinstance(item, Text) for item in items):
                return "LIST<STRING>"
            case _:
                return "STRING"

    @property
    def said(self) -> str:
        """What it is called in errors."""
        match self.content:
            case None:
                return "nothing"
            case bool():
                return str(self.content).lower()
            case int() | float():
                return str(self.content)
            case Text():
                return f"the text {self.content.plain!r}" if self.content.plain is not None else "a text"
            case _:
                return "a list" if isinstance(self.content, list) else "a table"

    def fits(self, kind: str) -> bool:
        """Say whether it can be a property of this type; what is nested is a STRING of JSON."""
        match kind:
            case "FLOAT":
                return self.content is None or self.kind in {"FLOAT", "INTEGER"}
            case "STRING":
                return self.content is None or isinstance(self.content, Text | list | dict)
            case "LIST<STRING>":
                return self.content is None or self.content == [] or self.kind == kind
            case _:
                return self.content is None or self.kind == kind


def leaves(content: Any) -> Iterator[Leaf]:
    """Give all leaves of a content."""
    match content:
        case dict():
            for item in content.values():
                yield from leaves(item)
        case list():
            for item in content:
                yield from leaves(item)
        case _:
            yield content


def read_value(source: Source, place: Place, given: Any, names: frozenset[str]) -> Value:
    """Read a value from a file.

    Raises:
        UsageError: A text is not understood, or a value is of a kind that JSON or Neo4j does not have.
    """
    reading = _Reading(source, names)
    return Value(reading.read(place, given), source.at(*place))


class _Reading:
    def __init__(self, source: Source, names: frozenset[str]) -> None:
        self._source = source
        self._names = names
        self._parts = 0

    def read(self, place: Place, given: Any) -> Any:
        self._parts += 1
        where = self._source.at(*place)
        if self._parts > MOST_PARTS:
            raise UsageError(f"{where}: the value has more than {MOST_PARTS:,} parts", hint="shorten it")
        match given:
            case dict():
                for key in given:
                    _check_key(key, self._source.at(*place, str(key)))
                return {key: self.read((*place, key), item) for key, item in given.items()}
            case list():
                return [self.read((*place, position), item) for position, item in enumerate(given)]
            case str():
                check_text(given, where)
                return parse_text(given, where, self._names)
            case bool() | None:
                return given
            case int() if -(2**63) <= given < 2**63:
                return given
            case float() if abs(given) < float("inf"):
                return given
            case _:
                raise UsageError(f"{where}: {given!r:.60} is no text, number, true, false, list or table",
                                 hint="put a date between quotes; a number is finite and has at most 63 bits")


def _check_key(key: Any, where: str) -> None:
    if not isinstance(key, str):
        raise UsageError(f"{where}: the name {key!r} is no text", hint="put it between quotes")
    check_text(key, where)
    if "{{" in key:
        raise UsageError(f"{where}: an expression in the name {key!r}", hint="only values have expressions")


def check_text(text: str, where: str) -> None:
    """Check that a text can be written.

    Raises:
        UsageError: It holds half a character, or the character that stands between the elements of a list.
    """
    if ARRAY_DELIMITER in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"{where}: {text!r:.60} holds a character that cannot be written",
                         hint="remove U+001F and lone surrogates")


def json_leaf(leaf: bool | float | str | None) -> str:
    """Write what is no list and no table as JSON."""
    return json.dumps(leaf, ensure_ascii=False, allow_nan=False)


def json_text(content: Mapping[str, Any] | list[Any]) -> str:
    """Write JSON as the base does: compact, in the given order, not escaped beyond need."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
