"""Which part of a snapshot's schema is created, and what tells two schemas apart; pure, asks no server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.errors import UsageError
from synthgen.graph import SchemaItem

LOOKUP = "LOOKUP"
ENTITIES = ("NODE", "RELATIONSHIP")
QUANTIZED = "vector.quantization.enabled"
QUANTIZATION = "vector.quantization.type"
EXPANSION = "vector.default_search_expansion_factor"
UNQUANTIZED = "NONE"
_GENERATED = re.compile(r"index_[0-9a-f]{1,8}")


@dataclass(frozen=True, slots=True)
class SchemaChoice:
    """The indexes and constraints that a load creates.

    Attributes:
        items: What is created.
        left_out: Names of those of the snapshot that are not, because the user said so.
    """

    items: tuple[SchemaItem, ...]
    left_out: tuple[str, ...] = ()

    def find_differences(self, found: Sequence[SchemaItem]) -> list[str]:
        """Say in words how a database's schema differs from this one; what is left out does not count."""
        present = {_key(item) for item in found}
        return [*(f"{describe(item)} is missing" for item in self.items if _key(item) not in present),
                *self._changes(found)]

    def find_losses(self, found: Sequence[SchemaItem]) -> list[str]:
        """Say in words what of a database's schema this one does not bring back; lookup indexes are in every store."""
        return list(self._changes([item for item in found if item.type != LOOKUP or not has_generated_name(item)]))

    def lookups_anew(self) -> dict[str, SchemaItem | None]:
        """Say whose lookup index of a new store is not as it should be: for each such entity what is, None for nothing.

        A new store has one for nodes and one for relationships, under names that the server makes up.
        """
        wanted: dict[str, SchemaItem] = {item.entity: item for item in self.items if item.type == LOOKUP}
        found = {entity: wanted.get(entity) for entity in ENTITIES}
        return {entity: item for entity, item in found.items() if item is None or not has_generated_name(item)}

    def _changes(self, found: Sequence[SchemaItem]) -> Iterator[str]:
        mine = {_key(item): item for item in self.items}
        for item in found:
            if item.name in self.left_out:
                continue
            if _key(item) not in mine:
                yield f"{describe(item)} is not in the snapshot"
            else:
                yield from (f"{describe(item)} has {what}" for what in _differing(mine[_key(item)], item))


def choose_schema(schema: Sequence[SchemaItem], leave_out: Sequence[str] = ()) -> SchemaChoice:
    """Take a schema without the items of some names.

    Raises:
        UsageError: Nothing in it has such a name.
    """
    names = [item.name for item in schema]
    for name in leave_out:
        if name not in names:
            raise UsageError(f"the snapshot has no index or constraint named {name!r}",
                             hint=f"its names are {', '.join(sorted(names))}" if names else "it has none", name=name)
    return SchemaChoice(tuple(item for item in schema if item.name not in leave_out),
                        tuple(name for name in names if name in leave_out))


def describe(item: SchemaItem) -> str:
    """Name an item with what it is, for messages."""
    return f"{item.kind} `{item.name}` ({item.type.lower().replace('_', ' ')})"


def has_generated_name(lookup: SchemaItem) -> bool:
    """Say whether a lookup index is named by the server, which does so differently in each store."""
    return _GENERATED.fullmatch(lookup.name) is not None


def _key(item: SchemaItem) -> str:
    # A store has at most one lookup index for nodes and one for relationships.
    return f"{LOOKUP} {item.entity}" if item.type == LOOKUP else f"named {item.name}"


def _differing(mine: SchemaItem, other: SchemaItem) -> Iterator[str]:
    if mine.name != other.name and not (has_generated_name(mine) and has_generated_name(other)):
        yield f"this name instead of {mine.name!r}"
    # Servers give labels in the order in which the store came to know them.
    for what, one, two in (
        ("the type", mine.type, other.type), ("to do with", mine.entity, other.entity),
        ("the labels or types", sorted(mine.labels), sorted(other.labels)),
        ("the properties", mine.properties, other.properties),
        ("the property type", mine.property_type, other.property_type),
    ):
        if one != two:
            yield f"{what} {two!r} instead of {one!r}"
    for name, value in mine.options.items():
        if not _is_same_option(name, value, other.options):
            yield f"`{name}` {other.options.get(name)!r} instead of {value!r}"


def _is_same_option(name: str, value: Any, others: Mapping[str, Any]) -> bool:
    if name in others:
        return bool(others[name] == value)
    # 5.26 only says whether vectors are quantized; later servers say how, and by which factor they make up for it.
    if name == QUANTIZED:
        return bool(value == (others.get(QUANTIZATION) != UNQUANTIZED)) and QUANTIZATION in others
    if name == QUANTIZATION:
        return value == UNQUANTIZED and others.get(QUANTIZED) is False
    return name == EXPANSION and QUANTIZED in others
