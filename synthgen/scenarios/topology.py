"""What a scenario is, as data; knows neither its file nor the base graph nor rows.

A scenario is made of **sites** (a container such as a resource group and what stands in it, repeated `count` times),
each with **groups** of alike nodes, of **shared** nodes of the base, and of **relationships** between groups.
docs/scenarios.md describes the file; `synthgen.scenarios.parsing` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

PLACEHOLDER = re.compile(r"\$([a-z]+)")
PLACEHOLDERS = frozenset({"token", "site", "index", "row", "region", "environment", "network", "host"})
SHARED = "shared"
"""Stands for a site in the ends of relationships that lead to shared nodes."""

Amount = str | Mapping[str, str]
"""An expression for every site, or one for each environment."""
End = tuple[str, str]
"""A site and a group of it, or `SHARED` and shared nodes."""


class How(Enum):
    """Which rows of two groups a relationship ties; the last four tie a group to itself."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"
    HUB = "hub"
    CHAIN = "chain"
    RING = "ring"
    PAIRS = "pairs"
    MESH = "mesh"

    @property
    def of_one_group(self) -> bool:
        """Whether both ends are in one group: of different sites, or of one site when `within` is set."""
        return self in {How.CHAIN, How.RING, How.PAIRS, How.MESH}


class Pick(Enum):
    """Who shares one of several shared nodes: all, those of a site, or nobody: each row has one picked for it."""

    ALL = "all"
    SITE = "site"
    ROW = "row"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A whole number that is asked for; with `names_for`, names with commas between them that count another one."""

    name: str
    about: str
    default: int
    minimum: int
    maximum: int
    names_for: str | None
    where: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Alike nodes of a site: `count` in each, children of those of `parent` in turn, if it has one.

    Attributes:
        site: Name of its site.
        name: Unique in its site.
        type: The resource type; None for nodes that have but labels.
        labels: Empty for resources as the profile has them.
        pattern: Of the name.
        id: Pattern of the id, if the file gives one; see `id_pattern`.
        count: In each site.
        parent: Group of the same site that contains them, instead of the site's container.
        role: Metadata.
        properties: Pattern of the JSON text in the property `properties`, where the base's resources have it.
        everywhere: Whether they are in no region, as DNS zones and policies are.
        values: Property → value that each of them has; texts in it are patterns.
        where: File and line.
    """

    site: str
    name: str
    type: str | None
    labels: tuple[str, ...]
    pattern: str
    id: str | None
    count: Amount
    parent: str | None
    role: str | None
    properties: str
    everywhere: bool
    values: Mapping[str, Any]
    where: str = field(compare=False)

    @property
    def id_pattern(self) -> str | None:
        """The pattern of the id; None where the id is a path below the container's or the parent's."""
        if self.id is not None or not self.labels:
            return self.id
        return f"{self.site}-{self.name}-$token-$row"


@dataclass(frozen=True, slots=True)
class Site:
    """A container and its groups, `count` times.

    Attributes:
        name: Unique.
        contained: Whether there is a container, given that the scenario has any.
        container_name: Pattern.
        count: Expression.
        size: Nodes in each, which `rest` is what is left of; None without.
        role: Metadata of those whose group has none.
        number_as: Names the metadata that holds a site's number.
        environments: One for each site; empty without.
        region_each: Whether each site is in a region of its own, not all in the first.
        groups: In the order in which they are counted.
        where: File and line.
    """

    name: str
    contained: bool
    container_name: str
    count: str
    size: Amount | None
    role: str | None
    number_as: str | None
    environments: tuple[str, ...]
    region_each: bool
    groups: tuple[Group, ...]
    where: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Shared:
    """Nodes of the base that groups are tied to: of a label or a resource type, with `having` among their texts."""

    name: str
    label: str | None
    type: str | None
    having: Mapping[str, str]
    pick: Pick
    required: bool
    where: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Relation:
    """Relationships between two groups.

    Attributes:
        type: Relationship type.
        start, end: The groups.
        how: Which rows are tied.
        each: With `many-to-many`, how many ends each start has.
        both: Whether each pair is tied in both directions.
        within: Whether chain, ring, pairs and mesh tie the nodes of a site to each other, not those of different sites.
        adopt: Whether the type that the base has between such nodes is taken instead; None for: between types, but
            not where a group has labels of its own.
        where: File and line.
    """

    type: str
    start: End
    end: End
    how: How
    each: str
    both: bool
    within: bool
    adopt: bool | None
    where: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Topology:
    """One scenario.

    Attributes:
        name: By which it is called; for a file, its name without suffix.
        about: One line.
        total: Expression of the parameters: how many nodes all groups make.
        container, region, subscription: Labels of the nodes around it; None where it has none such.
        containment: Relationship type from a container to what it contains; None for the profile's.
        parameters: By name.
        sites, shared, relations: In the order of the file.
        digest: Of the file's text; see `synthgen.sources.Source`.
        where: The file.
    """

    name: str
    about: str
    total: str
    container: str | None
    region: str | None
    subscription: str | None
    containment: str | None
    parameters: Mapping[str, Parameter]
    sites: tuple[Site, ...]
    shared: tuple[Shared, ...]
    relations: tuple[Relation, ...]
    digest: str
    where: str = field(compare=False)

    def group(self, end: End) -> Group:
        """Find the group that an end names; it is there, and not shared."""
        return next(group for site in self.sites if site.name == end[0] for group in site.groups
                    if group.name == end[1])
