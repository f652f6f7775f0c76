"""What a scenario file says, checked and as data; knows neither the base graph nor rows.

A scenario is made of **sites** (a container such as a resource group and what stands in it, repeated `count` times),
each with **groups** of alike nodes, and of **relationships** between groups:

    about = "…"; total = "15 + spokes * size_of_spoke"      # the resources it makes; checked when it is used
    container = "ResourceGroup"; region = "Region"; subscription = "Subscription"   # labels of the nodes around
    [parameters.spokes]   # about, default, minimum (1), maximum; or about, names_for: names that count another one
    [[sites]]             # name, container_name; optional: count ("1"), size, role, number_as, environments, regions
    [[sites.groups]]      # name, type, pattern; optional: count ("1"), parent, role, properties
    [[relationships]]     # type, from, to ("site.group"), how (`How`); optional: both, adopt

Counts are expressions (`expressions`) of the parameters, of the groups above in the same site, and, when the site has
a size, of `size` and of `rest`: what the groups above leave of it. Patterns of names and properties have placeholders:
`$token` (the operation's), `$site`, `$index` (in its site), `$row` (in all sites), `$region`, `$environment`,
`$network` and `$host` (site and index, as parts of an address).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from synthgen.errors import UsageError

PLACEHOLDER = re.compile(r"\$([a-z]+)")
PLACEHOLDERS = frozenset({"token", "site", "index", "row", "region", "environment", "network", "host"})
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({"size", "rest", "min", "max"})

_Kind = TypeVar("_Kind")


class How(Enum):
    """Which rows of two groups a relationship ties; the first three stay in one site."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    HUB = "hub"
    CHAIN = "chain"
    RING = "ring"
    MESH = "mesh"

    @property
    def within_a_site(self) -> bool:
        """Whether both ends are in the same site."""
        return self in {How.ONE_TO_ONE, How.MANY_TO_ONE, How.ONE_TO_MANY}

    @property
    def between_sites_of_one_group(self) -> bool:
        """Whether both ends are rows of one group, in different sites."""
        return self in {How.CHAIN, How.RING, How.MESH}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A whole number that is asked for; with `names_for`, names with commas between them that count another one."""

    name: str
    about: str
    default: int
    minimum: int
    maximum: int
    names_for: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Alike resources of a site: `count` in each, children of those of `parent` in turn, if it has one."""

    name: str
    type: str
    pattern: str
    count: str
    parent: str | None
    role: str | None
    properties: str


@dataclass(frozen=True, slots=True)
class Site:
    """A container and its groups, `count` times; `number_as` names the metadata that holds a site's number."""

    name: str
    container_name: str
    count: str
    size: str | None
    role: str | None
    number_as: str | None
    environments: tuple[str, ...]
    region_each: bool
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """Relationships between two groups (`(site, group)`); `adopt`: take the type the base has between their types."""

    type: str
    start: tuple[str, str]
    end: tuple[str, str]
    how: How
    both: bool
    adopt: bool


@dataclass(frozen=True, slots=True)
class Topology:
    """One scenario; `total` is an expression of its parameters, the rest are labels of the nodes around it."""

    name: str
    about: str
    total: str
    container: str
    region: str
    subscription: str
    parameters: Mapping[str, Parameter]
    sites: tuple[Site, ...]
    relations: tuple[Relation, ...]


class _Table:
    """A table of the file, whose keys are taken one by one, so that unknown ones show."""

    def __init__(self, document: Any, where: str) -> None:
        if not isinstance(document, dict):
            raise UsageError(f"{where} is a table, not {document!r}", hint="see synthgen/scenarios/topology.py")
        self._left = dict(document)
        self.where = where

    def take(self, key: str, kind: type[_Kind], default: _Kind | None = None) -> _Kind:
        value = self._left.pop(key, default)
        if value is None:
            raise UsageError(f"{self.where}: {key} is missing", hint=f"add {key} = …")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise UsageError(f"{self.where}: {key} is a {kind.__name__}, not {value!r}", hint=f"correct {key}")
        return value

    def find(self, key: str, kind: type[_Kind]) -> _Kind | None:
        return self.take(key, kind) if key in self._left else None

    def name(self, key: str = "name") -> str:
        value = self.take(key, str)
        if not _NAME.fullmatch(value) or value in _RESERVED:
            raise UsageError(f"{self.where}: {value!r} cannot be a name here",
                             hint="names are a-z, 0-9 and _; size, rest, min and max have a meaning of their own")
        return value

    def pattern(self, key: str, default: str | None = None) -> str:
        value = self.take(key, str, default)
        for found in PLACEHOLDER.findall(value):
            if found not in PLACEHOLDERS:
                raise UsageError(f"{self.where}: {key} has the unknown placeholder ${found}",
                                 hint="known: " + ", ".join(f"${name}" for name in sorted(PLACEHOLDERS)))
        return value

    def done(self) -> None:
        if self._left:
            raise UsageError(f"{self.where}: unknown key {min(self._left)!r}", hint="remove or correct it")


def parse_topology(text: str, name: str) -> Topology:
    """Read a scenario from the text of its TOML file.

    Args:
        text: The file.
        name: The scenario's name; said in errors.

    Raises:
        UsageError: It is not TOML, or not a scenario; says where.
    """
    try:
        table = _Table(tomllib.loads(text), name)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"scenario {name} is not TOML: {error}", hint="correct the line it names") from error
    parameters = {key: _parameter(key, value, name) for key, value in table.take("parameters", dict, {}).items()}
    sites = tuple(_site(_Table(site, f"{name}: sites")) for site in table.take("sites", list))
    relations = tuple(_relation(_Table(relation, f"{name}: relationships"))
                      for relation in table.take("relationships", list, []))
    topology = Topology(name, table.take("about", str), table.take("total", str), table.take("container", str),
                        table.take("region", str), table.take("subscription", str), parameters, sites, relations)
    table.done()
    _check(topology)
    return topology


def _parameter(key: str, document: Any, where: str) -> Parameter:
    table = _Table(document, f"{where}: parameter {key}")
    names_for = table.find("names_for", str)
    minimum = table.take("minimum", int, 1)
    default = table.take("default", int, minimum) if names_for is None else 0
    maximum = table.take("maximum", int) if names_for is None else 0
    parameter = Parameter(key, table.take("about", str), default, minimum, maximum, names_for)
    table.done()
    return parameter


def _site(table: _Table) -> Site:
    name = table.name()
    table.where = f"{table.where}: {name}"
    environments = tuple(str(item) for item in table.take("environments", list, []))
    if not all(_NAME.fullmatch(item) for item in environments) or len(set(environments)) < len(environments):
        raise UsageError(f"{table.where}: environments are names, each once, not {environments!r}",
                         hint="a-z, 0-9 and _ are allowed")
    regions = table.take("regions", str, "first")
    if regions not in {"first", "each"}:
        raise UsageError(f"{table.where}: there is no regions = {regions!r}", hint='known: "first" and "each"')
    groups = tuple(_group(_Table(group, f"{table.where}: groups")) for group in table.take("groups", list))
    site = Site(
        name=name, container_name=table.pattern("container_name"), groups=groups, environments=environments,
        count=table.take("count", str, str(max(1, len(environments)))), size=table.find("size", str),
        role=table.find("role", str), number_as=table.find("number_as", str), region_each=regions == "each",
    )
    table.done()
    return site


def _group(table: _Table) -> Group:
    name = table.name()
    table.where = f"{table.where}: {name}"
    group = Group(
        name=name, type=table.take("type", str), pattern=table.pattern("pattern"), count=table.take("count", str, "1"),
        parent=table.find("parent", str), role=table.find("role", str),
        properties=table.pattern("properties", ""),
    )
    table.done()
    return group


def _relation(table: _Table) -> Relation:
    ends = []
    for key in ("from", "to"):
        site, dot, group = table.take(key, str).partition(".")
        if not dot:
            raise UsageError(f"{table.where}: {key} names a site and a group, not {site!r}", hint='such as "hub.vnet"')
        ends.append((site, group))
    how = table.take("how", str)
    if how not in {item.value for item in How}:
        raise UsageError(f"{table.where}: there is no how = {how!r}",
                         hint="known: " + ", ".join(item.value for item in How))
    relation = Relation(table.take("type", str), ends[0], ends[1], How(how), both=table.take("both", bool, False),
                        adopt=table.take("adopt", bool, True))
    table.done()
    return relation


def _check(topology: Topology) -> None:
    for parameter in topology.parameters.values():
        if parameter.names_for is not None and parameter.names_for not in topology.parameters:
            raise UsageError(f"{topology.name}: {parameter.name} names no parameter: {parameter.names_for!r}",
                             hint="correct names_for")
    if len({site.name for site in topology.sites}) < len(topology.sites):
        raise UsageError(f"{topology.name}: two sites have one name", hint="rename one")
    for site in topology.sites:
        _check_site(site, f"{topology.name}: {site.name}")
    ends = {(site.name, group.name) for site in topology.sites for group in site.groups}
    for relation in topology.relations:
        where = f"{topology.name}: {relation.type} from {'.'.join(relation.start)} to {'.'.join(relation.end)}"
        missing = {relation.start, relation.end} - ends
        if missing:
            raise UsageError(f"{where}: there is no {'.'.join(min(missing))}",
                             hint="groups: " + ", ".join(sorted(".".join(end) for end in ends)))
        if relation.how.within_a_site and relation.start[0] != relation.end[0]:
            raise UsageError(f"{where}: {relation.how.value} stays in one site", hint='between sites use how = "hub"')
        if relation.how.between_sites_of_one_group != (relation.start == relation.end):
            raise UsageError(f"{where}: chain, ring and mesh tie a group to itself, the others do not",
                             hint="choose another how, or another end")


def _check_site(site: Site, where: str) -> None:
    above: set[str] = set()
    names: set[tuple[str, str | None, str]] = set()
    for group in site.groups:
        if group.name in above:
            raise UsageError(f"{where}: two groups are named {group.name!r}", hint="rename one")
        if group.parent is not None and group.parent not in above:
            raise UsageError(f"{where}: {group.name}: no group above is named {group.parent!r}",
                             hint="a parent stands above its children, in the same site")
        name = (group.type.lower(), group.parent, group.pattern)
        if name in names:
            raise UsageError(f"{where}: {group.name}: another group of this type has the same pattern",
                             hint="ids would not be unique; change one of the patterns")
        above.add(group.name)
        names.add(name)
