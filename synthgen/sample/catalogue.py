"""Reads the package's own data: resource types, words, counts; knows neither rows nor randomness."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from synthgen.seeding import apportion

BASE_RESOURCES = 4092
"""Resources of the tenant in the report; every count in the data is of a tenant of this size."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a placeholder looks for the id that it quotes; `resource_types.toml` says what each field means."""

    to: str
    by: str
    text: str = '"@"'
    absent: str = "null"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a resource of one type looks like; `resource_types.toml` says what each field means."""

    type: str
    count: int
    name: str
    properties: str
    parent: str = ""
    parent_by: str = "any"
    beside: str = ""
    sku: str = ""
    size: str = ""
    cost: int = 0
    zones: bool = False
    is_global: bool = False
    links: Mapping[str, Sequence[Link]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All resource types, in the order in which their resources stand, and the values that templates choose from."""

    kinds: Mapping[str, Kind]
    choices: Mapping[str, Sequence[str]]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("synthgen.sample").joinpath(name).read_text(encoding="utf-8"))


def _kind(name: str, row: dict[str, Any], families: Mapping[str, str]) -> Kind:
    row = dict(row)
    links = {key: tuple(Link(**link) for link in found) for key, found in row.pop("links", {}).items()}
    template = row.pop("properties", None) or families[row.pop("family")]
    return Kind(
        type=name,
        properties=template.replace("\n", ""),
        links=links,
        is_global=row.pop("global", False),
        **row,
    )


@cache
def catalogue() -> Catalogue:
    """Read the resource types."""
    data = _read("resource_types.toml")
    kinds = {name: _kind(name, row, data["families"]) for name, row in data["types"].items()}
    return Catalogue(kinds, data["choices"])


@cache
def directory() -> Mapping[str, Any]:
    """Read the words, places and counts of everything else, as `directory.toml` has them."""
    return _read("directory.toml")


def scaled(count: int, resources: int) -> int:
    """Scale a count of the reported tenant to one of `resources`, rounding half up."""
    return (2 * count * resources + BASE_RESOURCES) // (2 * BASE_RESOURCES)


def counts_by_type(resources: int) -> dict[str, int]:
    """Share `resources` among the types as the report has them; every type is present if there are enough.

    A type whose parent's type got none gives its share to that: a child cannot stand alone.
    """
    kinds = catalogue().kinds.values()
    least = 1 if resources >= len(kinds) else 0
    shares = apportion(resources - least * len(kinds), [kind.count - least for kind in kinds])
    counts = {kind.type: share + least for kind, share in zip(kinds, shares, strict=True)}
    for kind in kinds:
        if kind.parent and counts[kind.type] and not counts[kind.parent]:
            counts[kind.parent] += counts[kind.type]
            counts[kind.type] = 0
    return counts
