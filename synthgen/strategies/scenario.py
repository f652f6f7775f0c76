"""The scenario strategy: a topology, made beside the base and tied to its subscriptions and regions; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from synthgen.base import Base
from synthgen.bundle.manifest import Space
from synthgen.errors import UsageError
from synthgen.graph import END, START
from synthgen.growth import Growth, NodeBlock, RelationshipBlock
from synthgen.profile import Profile
from synthgen.scenarios.around import SUBSCRIPTION_ID, Anchor, Around
from synthgen.scenarios.layout import count_nodes
from synthgen.scenarios.nodes import PROPERTIES, SCENARIO_NAME, Look, Operation, SiteNodes
from synthgen.scenarios.pairs import Ends, both_ways, pair_rows
from synthgen.scenarios.parameters import Asked, check_parameters
from synthgen.scenarios.shipped import known_regions, scenario_formula, scenario_names, shipped_scenario
from synthgen.scenarios.topology import Group, Site, Topology
from synthgen.seeding import I64, derive_seed, token

__all__ = ["grow_scenario", "grow_topology", "scenario_formula", "scenario_names"]

_CONTAINS = "CONTAINS"
_LOCATED_IN = "LOCATED_IN"


def grow_scenario(
    base: Base, *, scenario: str, parameters: Mapping[str, Any], operation_id: str, seed: int
) -> Growth:
    """Make a shipped scenario.

    Args:
        base: What it is tied to, and whose properties its nodes take over.
        scenario: One of `scenario_names()`.
        parameters: As text or whole numbers; those left out have their defaults. `regions` may be a list.
        operation_id: Part of every id and name.
        seed: Decides subscriptions and which base node each resource takes its properties from.

    Raises:
        UsageError: There is no such scenario or parameter, a value is out of bounds, or the graph's profile has no
            part for what the scenario makes.
    """
    topology = shipped_scenario(scenario)
    return grow_topology(base, topology, parameters=parameters, operation_id=operation_id, seed=seed)


def grow_topology(
    base: Base, topology: Topology, *, parameters: Mapping[str, Any], operation_id: str, seed: int
) -> Growth:
    """Make a scenario from its topology; see `grow_scenario`."""
    asked = check_parameters(topology, parameters)
    _check_profile(base.profile, topology)
    return _Making(base, topology, asked, Operation(topology.name, operation_id, seed)).growth()


def _check_profile(profile: Profile, topology: Topology) -> None:
    if not profile.resource_labels or profile.id is None or profile.type is None:
        missing = "resource_labels, id and type"
    elif topology.container not in profile.container_labels:
        missing = f"container_labels with {topology.container}"
    else:
        return
    raise UsageError(f"the scenario {topology.name} needs a profile with {missing}; {profile.name!r} has none",
                     hint="scenarios are for graphs with a profile such as azure; try template or random",
                     profile=profile.name)


@dataclass(frozen=True, slots=True)
class _End:
    """One side of some relationships: which nodes they are, by import id or node number."""

    labels: tuple[str, ...]
    space: Space


_Segment = tuple[int, Callable[[I64], Ends]]


class _Making:
    """One scenario being put together: nodes first, because relationships need their import ids."""

    def __init__(self, base: Base, topology: Topology, asked: Asked, operation: Operation) -> None:
        self._profile = base.profile
        self._topology = topology
        self._asked = asked
        self._operation = operation
        self._around = Around(base, seed=derive_seed(operation.seed, operation.operation_id))
        self._counts = count_nodes(topology, asked.numbers)
        self._resource = _End(tuple(sorted(base.profile.resource_labels)), "operation")
        self._subscriptions = self._around.subscriptions(topology.subscription)
        self._base_regions = self._around.regions(topology.region)
        self._regions = self._choose_regions()
        self._made_regions = [name for name in self._regions if name not in self._base_regions]
        self._nodes: list[NodeBlock] = []
        self._made = 0
        self._segments: dict[tuple[str, _End, _End], list[_Segment]] = {}
        self._contains = (*base.profile.containment_types, _CONTAINS)[0]

    def growth(self) -> Growth:
        """Put everything together."""
        region_look = self._look(self._topology.region, {})
        self._first_region = self._add(self._region_block(region_look)) if self._made_regions else 0
        container_look = self._container_look()
        sites: dict[str, SiteNodes] = {}
        first: dict[tuple[str, str], int] = {}
        for site in self._topology.sites:
            looks = {group.name: self._resource_look(group) for group in site.groups}
            nodes = sites[site.name] = SiteNodes(
                site, self._counts, self._operation, self._profile, regions=self._regions,
                subscriptions=self._subscriptions, looks=looks)
            containers = self._add(nodes.container_block(container_look))
            for group in site.groups:
                first[site.name, group.name] = self._add(nodes.resource_block(group))
            self._tie_site(site, nodes, containers, first, _End(container_look.labels, "operation"))
        self._tie_groups(first)
        parameters = {"scenario": self._topology.name, **self._asked.numbers, **self._asked.names}
        if any(parameter.names_for for parameter in self._topology.parameters.values()):
            parameters["regions"] = self._regions
        relationships = [_block(key, segments) for key, segments in self._segments.items()]
        return Growth(tuple(self._nodes), tuple(relationships), parameters)
