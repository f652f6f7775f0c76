"""What a scenario comes to with given parameters: counts of sites, groups and relationships; knows no base graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.scenarios.layout import Counts, check_limits, count_nodes, tied_rows
from synthgen.scenarios.parameters import Asked, check_parameters
from synthgen.scenarios.topology import SHARED, Parameter, Relation, Topology


@dataclass(frozen=True, slots=True)
class Outline:
    """A topology with its numbers.

    Attributes:
        topology: The scenario.
        asked: Its parameters' values.
        counts: Of sites and groups.
        ties: Relationships of each of the topology's relations, in their order; those with shared nodes are made when
            the base has such nodes.
    """

    topology: Topology
    asked: Asked
    counts: Counts
    ties: tuple[int, ...]

    @property
    def containers(self) -> int:
        """How many containers are made."""
        if self.topology.container is None:
            return 0
        return sum(self.counts.sites[site.name] for site in self.topology.sites if site.contained)

    def as_document(self) -> dict[str, Any]:
        """Give everything as a table for JSON."""
        topology = self.topology
        return {
            "name": topology.name, "about": topology.about, "digest": topology.digest, "formula": topology.total,
            "total": self.counts.total, "containers": self.containers,
            "parameters": [{**_described(item), "value": self._value(item)} for item in topology.parameters.values()],
            "sites": [{
                "name": site.name, "count": self.counts.sites[site.name],
                "container": topology.container if site.contained else None,
                "role": site.role, "environments": list(site.environments), "groups": [{
                    "name": group.name, "type": group.type, "labels": list(group.labels), "parent": group.parent,
                    "role": group.role, "per_site": self.counts.grids[site.name, group.name].per_site,
                    "count": self.counts.grids[site.name, group.name].rows,
                } for group in site.groups],
            } for site in topology.sites],
            "shared": [{"name": item.name, "label": item.label, "type": item.type, "having": dict(item.having),
                        "pick": item.pick.value} for item in topology.shared],
            "relationships": [{
                "type": relation.type, "from": ".".join(relation.start), "to": ".".join(relation.end),
                "how": relation.how.value, "both": relation.both, "within": relation.within, "count": count,
            } for relation, count in zip(topology.relations, self.ties, strict=True)],
        }

    def _value(self, parameter: Parameter) -> int | list[str]:
        if parameter.names_for is not None:
            return list(self.asked.names.get(parameter.name, ()))
        return self.asked.numbers[parameter.name]


def outline_of(topology: Topology, given: Mapping[str, Any]) -> Outline:
    """Compute what a scenario comes to.

    Args:
        topology: The scenario.
        given: Parameters as in `check_parameters`; those left out have their defaults.

    Raises:
        UsageError: A parameter is wrong, or the scenario contradicts itself with these.
    """
    asked = check_parameters(topology, given)
    counts = count_nodes(topology, asked.numbers)
    check_limits(topology, counts)
    ties = tuple(_count_ties(relation, counts, asked.numbers) for relation in topology.relations)
    return Outline(topology, asked, counts, ties)


def summary(topology: Topology) -> dict[str, Any]:
    """Say what a scenario is, as a table for JSON: name, formula, and parameters with their defaults."""
    outline = outline_of(topology, {})
    return {"name": topology.name, "about": topology.about, "formula": topology.total, "total": outline.counts.total,
            "parameters": [_described(parameter) for parameter in topology.parameters.values()]}


def _described(parameter: Parameter) -> dict[str, Any]:
    if parameter.names_for is not None:
        return {"name": parameter.name, "about": parameter.about, "names_for": parameter.names_for}
    return {"name": parameter.name, "about": parameter.about, "default": parameter.default,
            "minimum": parameter.minimum, "maximum": parameter.maximum}


def _count_ties(relation: Relation, counts: Counts, numbers: Mapping[str, int]) -> int:
    if relation.end[0] == SHARED:
        return counts.grids[relation.start].rows
    if relation.start[0] == SHARED:
        return counts.grids[relation.end].rows
    return tied_rows(relation, counts, numbers).rows * (2 if relation.both else 1)
