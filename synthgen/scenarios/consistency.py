"""Whether the parts of a scenario fit together, before any number is known; knows neither files nor the base graph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from synthgen.errors import UsageError
from synthgen.scenarios.topology import PLACEHOLDER, SHARED, Amount, End, Group, How, Relation, Site, Topology

_NUMBERS = r"\$(?:site|index|row|network|host)"
_AMBIGUOUS = re.compile(f"{_NUMBERS}{_NUMBERS}")
_WITH_SHARED = (How.MANY_TO_ONE, How.ONE_TO_MANY)


def check_consistency(topology: Topology) -> None:
    """Check everything that can be told without parameters.

    Raises:
        UsageError: Something is named that is not there, named twice, or contradicts something else.
    """
    for parameter in topology.parameters.values():
        if parameter.names_for is not None and parameter.names_for not in topology.parameters:
            raise UsageError(f"{parameter.where}: there is no parameter {parameter.names_for!r} to give names for",
                             hint="correct names_for")
        if parameter.names_for is not None and topology.region is None:
            raise UsageError(f"{parameter.where}: names are those of regions, and the scenario has none",
                             hint='set region to the label of regions, such as region = "Region"')
    names = [site.name for site in topology.sites]
    for site in topology.sites:
        if names.count(site.name) > 1:
            raise UsageError(f"{site.where}: two sites have one name", hint="rename one")
        _check_site(topology, site)
    _check_clashes(topology)
    shared = [item.name for item in topology.shared]
    for item in topology.shared:
        if shared.count(item.name) > 1:
            raise UsageError(f"{item.where}: two kinds of shared nodes have one name", hint="rename one")
    for relation in topology.relations:
        _check_relation(topology, relation)


def _check_clashes(topology: Topology) -> None:
    """Check that no two groups can make the same id, whatever the numbers."""
    ids: list[tuple[object, str, str]] = []
    for site in topology.sites:
        if topology.container is not None and site.contained:
            ids.append((None if topology.subscription is None else "container", site.container_name, site.where))
        for group in site.groups:
            if group.id_pattern is not None:
                ids.append((None, group.id_pattern, group.where))
            else:
                ids.append(((site.name, group.parent, str(group.type).lower()), group.pattern, group.where))
    for (kind, pattern, where), (other_kind, other, other_where) in combinations(ids, 2):
        if kind == other_kind and (_can_look_like(pattern, other) or _can_look_like(other, pattern)):
            raise UsageError(f"{where} and {other_where}: ids would not be unique: {pattern!r} can look like {other!r}",
                             hint="change one of the two patterns")


def _can_look_like(pattern: str, other: str) -> bool:
    parts = PLACEHOLDER.split(pattern)
    samples = {"token": "t", "region": "eastus", "environment": "dev"}
    text = "".join(samples.get(part, "0000") if at % 2 else part for at, part in enumerate(parts))
    spelled = {"token": "t", "region": "[a-z0-9]+", "environment": "[a-z0-9_]+"}
    parts = PLACEHOLDER.split(other)
    shape = "".join(spelled.get(part, "[0-9]+") if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.fullmatch(shape, text, re.IGNORECASE) is not None


def _check_site(topology: Topology, site: Site) -> None:
    if site.region_each and topology.region is None:
        raise UsageError(f"{site.where}: regions need to be known by a label",
                         hint='set region = "Region" at the top of the file')
    _check_amount(site, site.size, site.where)
    _check_placeholders(topology, site, site.container_name, site.where)
    if topology.container is not None and "token" not in PLACEHOLDER.findall(site.container_name):
        raise UsageError(f"{site.where}: the containers of two operations would have the same name",
                         hint="put $token into container_name")
    above: set[str] = set()
    for group in site.groups:
        if group.name in above:
            raise UsageError(f"{group.where}: two groups are named {group.name!r}", hint="rename one")
        if group.parent is not None and group.parent not in above:
            raise UsageError(f"{group.where}: no group above is named {group.parent!r}",
                             hint="a parent stands above its children, in the same site")
        _check_group(topology, site, group)
        above.add(group.name)


def _check_group(topology: Topology, site: Site, group: Group) -> None:
    _check_amount(site, group.count, group.where)
    for pattern in (group.pattern, group.id or "", group.properties, *_texts(group.values)):
        _check_placeholders(topology, site, pattern, group.where)
    if group.id is not None and "token" not in PLACEHOLDER.findall(group.id):
        raise UsageError(f"{group.where}: the ids of two operations would be the same", hint="put $token into id")
    has_path = site.contained and None not in {topology.container, topology.subscription}
    if group.id_pattern is None and not has_path and group.parent is None:
        raise UsageError(f"{group.where}: the id of a resource of a type begins with its subscription and container",
                         hint="set container and subscription at the top of the file, or give the group labels or id")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for below in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _texts(below)


def _check_amount(site: Site, amount: Amount | None, where: str) -> None:
    if isinstance(amount, Mapping) and (not amount or set(amount) != set(site.environments)):
        raise UsageError(f"{where}: amounts are given for {', '.join(amount) or 'nothing'}, but the environments are "
                         + (", ".join(site.environments) or "none"), hint="give one for each environment of the site")


def _check_placeholders(topology: Topology, site: Site, pattern: str, where: str) -> None:
    found = PLACEHOLDER.findall(pattern)
    if _AMBIGUOUS.search(pattern):
        raise UsageError(f"{where}: {pattern!r} writes two numbers without anything between them",
                         hint="1 and 23 would look like 12 and 3; put a - between them")
    if "environment" in found and not site.environments:
        raise UsageError(f"{where}: $environment is used, but the site has none", hint="set environments")
    if "region" in found and topology.region is None:
        raise UsageError(f"{where}: $region is used, but the scenario knows no regions",
                         hint='set region = "Region" at the top of the file')


def _check_relation(topology: Topology, relation: Relation) -> None:
    ends = [(site.name, group.name) for site in topology.sites for group in site.groups]
    ends += [(SHARED, item.name) for item in topology.shared]
    for end in (relation.start, relation.end):
        if end not in ends:
            raise UsageError(f"{relation.where}: there is no {'.'.join(end)}",
                             hint="there are " + ", ".join(sorted(map(".".join, ends))))
    if SHARED in {relation.start[0], relation.end[0]}:
        _check_with_shared(relation)
        return
    how = relation.how
    is_loop = relation.start == relation.end
    if how.of_one_group != is_loop and not (is_loop and how is How.MANY_TO_MANY):
        raise UsageError(f"{relation.where}: chain, ring, pairs and mesh tie a group to itself, many-to-many may,"
                         " the others do not", hint="choose another how, or another end")
    if relation.within and not how.of_one_group:
        raise UsageError(f"{relation.where}: within belongs to chain, ring, pairs and mesh", hint="leave it out")
    if how.of_one_group and not relation.within and _stands_alone(topology, relation.start):
        raise UsageError(f"{relation.where}: {how.value} ties different sites, but there is only one",
                         hint="set within = true to tie the nodes of a site to each other")
    if relation.both and (how is How.MESH or (is_loop and how is How.MANY_TO_MANY)):
        raise UsageError(f"{relation.where}: {how.value} leads both ways already", hint="leave both out")


def _check_with_shared(relation: Relation) -> None:
    if relation.start[0] == relation.end[0]:
        raise UsageError(f"{relation.where}: nodes of the base are not tied to each other",
                         hint="let one end be a group")
    if relation.both:
        raise UsageError(f"{relation.where}: a base node and a synthetic one are tied in one direction",
                         hint="leave both out, or give a second relationship")
    wanted = _WITH_SHARED[0] if relation.end[0] == SHARED else _WITH_SHARED[1]
    if relation.how is not wanted:
        raise UsageError(f"{relation.where}: a group is tied to shared nodes many-to-one, and shared nodes to a group "
                         "one-to-many", hint=f'set how = "{wanted.value}"')


def _stands_alone(topology: Topology, end: End) -> bool:
    return next(site for site in topology.sites if site.name == end[0]).count == "1"
