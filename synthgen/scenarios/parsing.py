"""Reads a scenario from its file's tables; knows what may stand where, not whether the parts fit together."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from synthgen.errors import UsageError
from synthgen.metadata import EVERY_NAME
from synthgen.scenarios.consistency import check_consistency
from synthgen.scenarios.topology import (
    PLACEHOLDER,
    PLACEHOLDERS,
    SHARED,
    Amount,
    End,
    Group,
    How,
    Parameter,
    Pick,
    Relation,
    Shared,
    Site,
    Topology,
)
from synthgen.sources import Place, Source

REFERENCE = "docs/scenarios.md describes the format"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({"size", "rest", "min", "max", SHARED})
_SAID = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
_INTEGERS = 1 << 63
"""Below it are those that Neo4j has."""
_ALIASES = {"fan-out": How.ONE_TO_MANY.value}

_Kind = TypeVar("_Kind")
_Choice = TypeVar("_Choice", bound=Enum)


def parse_topology(source: Source, name: str) -> Topology:
    """Read a scenario.

    Args:
        source: Its file.
        name: What it is called.

    Raises:
        UsageError: It is not a scenario, or its parts do not fit together; says file and line.
    """
    table = _Table(source, (), source.document, "")
    topology = Topology(
        name=name,
        about=table.take("about", str),
        total=table.expression("total"),
        container=table.find("container", str),
        region=table.find("region", str),
        subscription=table.find("subscription", str),
        containment=table.find("containment", str),
        parameters={below.called: _parameter(below) for below in table.tables_by_name("parameters")},
        sites=tuple(_site(below) for below in table.tables("sites")),
        shared=tuple(_shared(below) for below in table.tables("shared", needed=False)),
        relations=tuple(_relation(below) for below in table.tables("relationships", needed=False)),
        digest=source.digest,
        where=source.said,
    )
    table.done()
    check_consistency(topology)
    return topology


class _Table:
    """A table of the file, whose keys are taken one by one, so that unknown ones show."""

    def __init__(self, source: Source, place: Place, document: Any, called: str) -> None:
        self._source = source
        self._place = place
        self.called = called
        if not isinstance(document, dict):
            raise UsageError(f"{self.where()} is a table, not {document!r}", hint=REFERENCE)
        self._left: dict[str, Any] = dict(document)

    def where(self, *key: str) -> str:
        """Say file, line and table."""
        return self._source.at(*self._place, *key) + (f": {self.called}" if self.called else "")

    def wrong(self, key: str, said: str, hint: str) -> UsageError:
        return UsageError(f"{self.where(key)}: {said}", hint=hint)

    def take(self, key: str, kind: type[_Kind], default: _Kind | None = None) -> _Kind:
        value = self._left.pop(key, default)
        if value is None:
            raise self.wrong(key, f"{key} is missing", f"add {key}; {REFERENCE}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, f"{key} is {_SAID[kind]}, not {value!r}", f"correct {key}")
        return value

    def find(self, key: str, kind: type[_Kind]) -> _Kind | None:
        return self.take(key, kind) if key in self._left else None

    def has(self, key: str) -> bool:
        return key in self._left

    def names(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, [])
        if not all(isinstance(value, str) and value for value in values) or len(set(values)) < len(values):
            raise self.wrong(key, f"{key} is a list of texts, each once, not {values!r}", f'such as {key} = ["one"]')
        return tuple(values)

    def choice(self, key: str, choices: type[_Choice], default: str | None = None) -> _Choice:
        value = self.take(key, str, default)
        value = _ALIASES.get(value, value)
        known = [str(item.value) for item in choices]
        if value not in known:
            raise self.wrong(key, f"there is no {key} = {value!r}", "known: " + ", ".join(known))
        return choices(value)

    def name(self) -> str:
        value = self.take("name", str)
        if not _NAME.fullmatch(value) or value in _RESERVED:
            raise self.wrong("name", f"{value!r} cannot be a name here",
                             "names are a-z, 0-9 and _; size, rest, min, max and shared have a meaning of their own")
        self.called += f": {value}"
        return value

    def expression(self, key: str, default: str | None = None) -> str:
        if isinstance(self._left.get(key), int):
            return str(self.take(key, int))
        return self.take(key, str, default)

    def amount(self, key: str, default: str | None = None) -> Amount:
        if not isinstance(self._left.get(key), dict):
            return self.expression(key, default)
        below = _Table(self._source, (*self._place, key), self._left.pop(key), f"{self.called}: {key}")
        return {name: below.expression(name) for name in list(below._left)}

    def pattern(self, key: str, default: str | None = None) -> str:
        return self.filled(key, self.take(key, str, default))

    def filled(self, key: str, text: str) -> str:
        for found in PLACEHOLDER.findall(text):
            if found not in PLACEHOLDERS:
                raise self.wrong(key, f"{key} has the unknown placeholder ${found}",
                                 "known: " + ", ".join(f"${name}" for name in sorted(PLACEHOLDERS)))
        return text

    def values(self, key: str) -> Mapping[str, Any]:
        values = self.take(key, dict, {})
        for name, value in values.items():
            if not isinstance(name, str) or name in EVERY_NAME:
                raise self.wrong(key, f"{name!r} is metadata of operations", "leave it out; role and environments"
                                 " of a site have keys of their own")
            if not _can_be_a_value(value):
                raise self.wrong(key, f"{name} cannot be {value!r}",
                                 "a text, a number, true or false, a list of texts, or a table, which becomes JSON")
            self._fill(key, value)
        return values

    def _fill(self, key: str, value: Any) -> None:
        if isinstance(value, str):
            self.filled(key, value)
        for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self._fill(key, below)

    def tables(self, key: str, *, needed: bool = True) -> list[_Table]:
        found = self.take(key, list, None if needed else [])
        if needed and not found:
            raise self.wrong(key, f"{key} is empty", f"give at least one; {REFERENCE}")
        return [_Table(self._source, (*self._place, key, number), item, f"{self.called}: {key}".removeprefix(": "))
                for number, item in enumerate(found)]

    def tables_by_name(self, key: str) -> list[_Table]:
        tables = []
        for name, item in self.take(key, dict, {}).items():
            table = _Table(self._source, (*self._place, key, name), item, str(name))
            if not _NAME.fullmatch(str(name)) or name in _RESERVED:
                raise table.wrong("", "this cannot be a parameter's name", "names are a-z, 0-9 and _")
            tables.append(table)
        return tables

    def done(self) -> None:
        if self._left:
            key = min(self._left, key=str)
            raise self.wrong(str(key), f"unknown key {key!r}", f"remove or correct it; {REFERENCE}")


def _can_be_a_value(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    if isinstance(value, int):
        return -_INTEGERS <= value < _INTEGERS
    return isinstance(value, str | float) or (isinstance(value, dict) and _can_be_json(value))


def _can_be_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and _can_be_json(item) for name, item in value.items())
    if isinstance(value, list):
        return all(map(_can_be_json, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _parameter(table: _Table) -> Parameter:
    names_for = table.find("names_for", str)
    minimum = table.take("minimum", int, 1)
    default = table.take("default", int, minimum) if names_for is None else 0
    maximum = table.take("maximum", int) if names_for is None else 0
    if names_for is None and not 0 <= minimum <= default <= maximum:
        raise table.wrong("default", f"the default {default} is not between minimum {minimum} and maximum {maximum}",
                          "0 ≤ minimum ≤ default ≤ maximum")
    parameter = Parameter(table.called, table.take("about", str), default, minimum, maximum, names_for, table.where())
    table.done()
    return parameter


def _site(table: _Table) -> Site:
    name = table.name()
    environments = table.names("environments")
    if not all(_NAME.fullmatch(item) for item in environments):
        raise table.wrong("environments", f"environments are names, not {environments!r}",
                          "a-z, 0-9 and _ are allowed")
    regions = table.take("regions", str, "first")
    if regions not in {"first", "each"}:
        raise table.wrong("regions", f"there is no regions = {regions!r}", 'known: "first" and "each"')
    site = Site(
        name=name, contained=table.take("contained", bool, True),
        container_name=table.pattern("container_name", f"{name}-$token-$site"),
        groups=tuple(_group(below, name) for below in table.tables("groups")), environments=environments,
        count=table.expression("count", str(max(1, len(environments)))),
        size=table.amount("size") if table.has("size") else None,
        role=table.find("role", str), number_as=table.find("number_as", str), region_each=regions == "each",
        where=table.where(),
    )
    table.done()
    return site


def _group(table: _Table, site: str) -> Group:
    name = table.name()
    type_, labels = table.find("type", str), table.names("labels")
    if type_ is None and not labels:
        raise table.wrong("name", "a group has a type or labels", 'such as labels = ["Film"]')
    group = Group(
        site=site, name=name, type=type_, labels=labels,
        pattern=table.pattern("pattern", None if type_ else f"{name}-$row"),
        id=table.pattern("id") if table.has("id") else None, count=table.amount("count", "1"),
        parent=table.find("parent", str), role=table.find("role", str), properties=table.pattern("properties", ""),
        everywhere=table.take("global", bool, False), values=table.values("values"), where=table.where(),
    )
    table.done()
    return group


def _shared(table: _Table) -> Shared:
    name = table.name()
    having = table.take("having", dict, {})
    if not all(isinstance(value, str) for value in having.values()):
        raise table.wrong("having", f"having is property = text, not {having!r}", 'such as having = { key = "team" }')
    shared = Shared(name, table.find("label", str), table.find("type", str), having,
                    table.choice("pick", Pick, Pick.ROW.value), table.take("required", bool, False), table.where())
    if (shared.label is None) == (shared.type is None):
        raise table.wrong("name", "shared nodes have either a label or a type", 'such as label = "Tag"')
    table.done()
    return shared


def _relation(table: _Table) -> Relation:
    type_ = table.take("type", str)
    start, end = (_end(table, key) for key in ("from", "to"))
    relation = Relation(
        type=type_, start=start, end=end, how=table.choice("how", How), each=table.expression("each", "2"),
        both=table.take("both", bool, False), within=table.take("within", bool, False),
        adopt=table.find("adopt", bool), where=f"{table.where()}: {type_} from {'.'.join(start)}"
        f" to {'.'.join(end)}",
    )
    table.done()
    return relation


def _end(table: _Table, key: str) -> End:
    text = table.take(key, str)
    site, dot, group = text.partition(".")
    if not dot:
        raise table.wrong(key, f"{key} names a site and a group, not {text!r}", 'such as "hub.vnet"')
    return site, group
