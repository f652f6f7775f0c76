"""The scenario strategy: a topology, made beside the base and tied to its subscriptions and regions; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synthgen.base import Base, Mask
from synthgen.errors import UsageError
from synthgen.growth import Growth, NodeBlock
from synthgen.profile import Profile
from synthgen.scenarios.around import Anchor, Around
from synthgen.scenarios.layout import count_nodes
from synthgen.scenarios.looks import container_look, region_block, resource_look
from synthgen.scenarios.nodes import Operation, SiteNodes
from synthgen.scenarios.pairs import Ends, Grid, Pairs, both_ways, pair_rows
from synthgen.scenarios.parameters import Asked, check_parameters
from synthgen.scenarios.shipped import known_regions, scenario_formula, scenario_names, shipped_scenario
from synthgen.scenarios.ties import Side, Ties
from synthgen.scenarios.topology import Relation, Site, Topology
from synthgen.seeding import I64, derive_seed

__all__ = ["grow_scenario", "grow_topology", "scenario_formula", "scenario_names"]

_CONTAINS = "CONTAINS"
_LOCATED_IN = "LOCATED_IN"


def grow_scenario(
    base: Base,
    *,
    scenario: str,
    parameters: Mapping[str, Any],
    operation_id: str,
    seed: int,
    tenant: str | None = None,
) -> Growth:
    """Make a shipped scenario.

    Args:
        base: What it is tied to, and whose properties its nodes take over.
        scenario: One of `scenario_names()`.
        parameters: As text or whole numbers; those left out have their defaults. `regions` may be a list.
        operation_id: Part of every id and name.
        seed: Decides subscriptions and which base node each resource takes its properties from.
        tenant: Whose subscriptions it is put under; any when None.

    Raises:
        UsageError: There is no such scenario, parameter or tenant, a value is out of bounds, or the graph's profile
            has no part for what the scenario makes.
    """
    return grow_topology(base, shipped_scenario(scenario), parameters=parameters, operation_id=operation_id, seed=seed,
                         tenant=tenant)


def grow_topology(
    base: Base,
    topology: Topology,
    *,
    parameters: Mapping[str, Any],
    operation_id: str,
    seed: int,
    tenant: str | None = None,
) -> Growth:
    """Make a scenario from its topology; see `grow_scenario`."""
    asked = check_parameters(topology, parameters)
    _check_profile(base.profile, topology)
    return _Scenario(base, topology, asked, Operation(topology.name, operation_id, seed), tenant).growth()


def _subscriptions_of(anchors: list[Anchor], tenant: str | None) -> list[Anchor]:
    if tenant is None:
        return anchors
    found = [anchor for anchor in anchors if anchor.tenant == tenant]
    if not found:
        known = sorted({anchor.tenant for anchor in anchors if anchor.tenant})
        raise UsageError(f"there is no tenant {tenant!r} with a subscription in the base",
                         hint="tenants in the base: " + (", ".join(known[:5]) or "none"), tenant=tenant)
    return found


def _check_profile(profile: Profile, topology: Topology) -> None:
    if not profile.resource_labels or profile.id is None or profile.type is None:
        missing = "resource_labels, id and type"
    elif topology.container not in profile.container_labels:
        missing = f"{topology.container} among its container_labels"
    else:
        return
    raise UsageError(f"the scenario {topology.name} needs a profile with {missing}; {profile.name!r} has not",
                     hint="scenarios are for graphs with a profile such as azure; use template or random for others",
                     profile=profile.name)


class _Scenario:
    """One scenario being put together: nodes first, because relationships need their import ids."""

    def __init__(
        self, base: Base, topology: Topology, asked: Asked, operation: Operation, tenant: str | None
    ) -> None:
        self._tenant = tenant
        self._profile = base.profile
        self._topology = topology
        self._asked = asked
        self._operation = operation
        self._around = Around(base, seed=derive_seed(operation.seed, operation.operation_id))
        self._counts = count_nodes(topology, asked.numbers)
        self._subscriptions = _subscriptions_of(self._around.subscriptions(topology.subscription), tenant)
        self._base_regions = self._around.regions(topology.region)
        self._regions = self._choose_regions()
        self._made_regions = [name for name in self._regions if name not in self._base_regions]
        self._resources = Side(tuple(sorted(base.profile.resource_labels)), "operation")
        self._contains = (*base.profile.containment_types, _CONTAINS)[0]
        self._nodes: list[NodeBlock] = []
        self._made = 0
        self._ties = Ties()
        self._first: dict[tuple[str, str], int] = {}

    def growth(self) -> Growth:
        """Put everything together."""
        if self._made_regions:
            self._add(region_block(self._around, self._profile, self._topology.region, self._made_regions,
                                   self._operation))
        for site in self._topology.sites:
            self._make_site(site)
        for relation in self._topology.relations:
            self._tie_groups(relation)
        parameters: dict[str, Any] = {"scenario": self._topology.name, "tenant_id": self._tenant,
                                      **self._asked.numbers, **self._asked.names}
        for parameter in self._topology.parameters.values():
            if parameter.names_for is not None:
                parameters[parameter.name] = self._regions
        return Growth(tuple(self._nodes), tuple(self._ties.blocks()), parameters)

    def _choose_regions(self) -> list[str]:
        named = [name for names in self._asked.names.values() for name in names]
        if named:
            return named
        needed = max([1, *(self._counts.sites[site.name] for site in self._topology.sites if site.region_each)])
        return list(dict.fromkeys([*self._base_regions, *known_regions()]))[:needed]

    def _add(self, block: NodeBlock) -> int:
        first = self._made
        if block.rows:
            self._nodes.append(block)
            self._made += block.rows
        return first

    def _make_site(self, site: Site) -> None:
        looks = {group.name: resource_look(self._around, self._profile, group.type) for group in site.groups}
        nodes = SiteNodes(site, self._counts, self._operation, self._profile, regions=self._regions,
                          subscriptions=self._subscriptions, looks=looks)
        look = container_look(self._around, self._profile, self._topology.container)
        containers, holders = self._add(nodes.container_block(look)), Side(look.labels, "operation")
        self._tie_to_subscriptions(nodes, containers, holders)
        kind = self._around.labelled(self._topology.container)
        if self._around.are_tied(kind, self._around.labelled(self._topology.region)):
            self._tie_to_regions(nodes, containers, 1, holders, kind)
        for group in site.groups:
            grid = self._counts.grid(site.name, group.name)
            first = self._first[site.name, group.name] = self._add(nodes.resource_block(group))
            self._tie_to_regions(nodes, first, grid.per_site, self._resources, self._around.resources)
            if group.parent is None:
                above, parents, side = containers, 1, holders
            else:
                above, parents = self._first[site.name, group.parent], self._counts.groups[site.name, group.parent]
                side = self._resources
            self._ties.add(self._contains, side, self._resources, _held(grid, first, above, parents))

    def _tie_to_subscriptions(self, nodes: SiteNodes, containers: int, holders: Side) -> None:
        for labels in sorted({anchor.labels for anchor in self._subscriptions}):
            numbers = np.array([anchor.node if anchor.labels == labels else -1 for anchor in self._subscriptions])
            target = numbers[nodes.subscription_of]
            self._ties.add(self._contains, holders, Side(labels, "base"), _spread(target, containers, 1), turned=True)

    def _tie_to_regions(self, nodes: SiteNodes, first: int, per_site: int, side: Side, kind: Mask) -> None:
        type_, turned = self._around.relationship(kind, self._around.labelled(self._topology.region), _LOCATED_IN)
        targets: dict[Side, I64] = {}
        for position, name in enumerate(self._regions):
            anchor = self._base_regions.get(name)
            at = Side(anchor.labels, "base") if anchor is not None else Side(self._nodes[0].labels, "operation")
            node = anchor.node if anchor is not None else self._made_regions.index(name)
            targets.setdefault(at, np.full(len(self._regions), -1, np.int64))[position] = node
        for at, numbers in targets.items():
            self._ties.add(type_, side, at, _spread(numbers[nodes.region_of], first, per_site), turned=turned)

    def _tie_groups(self, relation: Relation) -> None:
        types = {(site.name, group.name): group.type for site in self._topology.sites for group in site.groups}
        type_, turned = relation.type, False
        if relation.adopt:
            starts, ends = (self._around.of_type(types[end]) for end in (relation.start, relation.end))
            type_, turned = self._around.relationship(starts, ends, relation.type)
        pairs = pair_rows(relation.how, self._counts.grid(*relation.start), self._counts.grid(*relation.end))
        run = _shifted(pairs, self._first[relation.start], self._first[relation.end])
        self._ties.add(type_, self._resources, self._resources, both_ways(run) if relation.both else run, turned=turned)


def _shifted(pairs: Pairs, start: int, end: int) -> Pairs:
    """Turn rows of two groups into import ids."""

    def ends(rows: I64) -> Ends:
        starts, stops = pairs.ends(rows)
        return start + starts, end + stops

    return Pairs(pairs.rows, ends)


def _held(grid: Grid, first: int, above: int, parents: int) -> Pairs:
    """Tie each row of a group to what holds it: in its site, the row among `parents` whose turn it is."""

    def ends(rows: I64) -> Ends:
        site, index = np.divmod(rows, grid.per_site)
        return above + site * parents + index % parents, first + rows

    return Pairs(grid.rows, ends)


def _spread(targets: I64, first: int, per_site: int) -> Pairs:
    """Tie the rows of each site to the site's target; sites whose target is negative are left out."""
    sites = np.flatnonzero(targets >= 0)

    def ends(rows: I64) -> Ends:
        site = sites[rows // per_site]
        return first + site * per_site + rows % per_site, targets[site]

    return Pairs(len(sites) * per_site, ends)
