"""The scenario strategy: a topology, made beside the base and tied to its subscriptions and regions; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synthgen.base import Base, Mask
from synthgen.errors import UsageError
from synthgen.growth import Growth, NodeBlock
from synthgen.profile import Profile, Role
from synthgen.scenarios.around import Anchor, Around
from synthgen.scenarios.layout import check_limits, count_nodes, tied_rows
from synthgen.scenarios.looks import container_look, group_look, region_block
from synthgen.scenarios.nodes import Operation, SiteNodes
from synthgen.scenarios.pairs import Grid
from synthgen.scenarios.parameters import Asked, check_parameters
from synthgen.scenarios.runs import held, picked, shifted, spread
from synthgen.scenarios.shipped import find_scenario, known_regions, region_pairs, scenario_formula, scenario_names
from synthgen.scenarios.ties import Side, Ties
from synthgen.scenarios.topology import SHARED, End, Group, Pick, Relation, Site, Topology
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
    """Make a scenario, a shipped one or a user's own.

    Args:
        base: What it is tied to, and whose properties its nodes take over.
        scenario: One of `scenario_names()`, or the path of a file; see `find_scenario`.
        parameters: As text or whole numbers; those left out have their defaults. `regions` may be a list.
        operation_id: Part of every id and name.
        seed: Decides subscriptions and which base node each resource takes its properties from.
        tenant: Whose subscriptions it is put under; any when None.

    Raises:
        UsageError: There is no such scenario, parameter or tenant, a value is out of bounds, or the graph's profile
            has no part for what the scenario makes.
    """
    return grow_topology(base, find_scenario(scenario), parameters=parameters, operation_id=operation_id, seed=seed,
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
    groups = [group for site in topology.sites for group in site.groups]
    for group in groups:
        if profile.role(group.labels) is Role.PROTECTED:
            raise UsageError(f"{group.where}: a label of {':'.join(group.labels)} is never created",
                             hint="protected: " + ", ".join(profile.protected_labels), profile=profile.name)
    for relation in topology.relations:
        if relation.type in profile.protected_types:
            raise UsageError(f"{relation.where}: {relation.type} is never created",
                             hint="protected: " + ", ".join(profile.protected_types), profile=profile.name)
    if all(group.labels for group in groups):
        return
    if not profile.resource_labels or profile.id is None or profile.type is None:
        missing = "resource_labels, id and type"
    elif topology.container is not None and topology.container not in profile.container_labels:
        missing = f"{topology.container} among its container_labels"
    else:
        return
    raise UsageError(f"the scenario {topology.name} needs a profile with {missing}; {profile.name!r} has not",
                     hint="use a profile such as azure, or a scenario whose groups have labels: docs/scenarios.md",
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
        self._seed = derive_seed(operation.seed, operation.operation_id)
        self._around = Around(base, seed=self._seed)
        self._counts = count_nodes(topology, asked.numbers)
        check_limits(topology, self._counts)
        self._subscriptions = _subscriptions_of(self._around.subscriptions(topology.subscription), tenant)
        self._base_regions = self._around.regions(topology.region)
        self._regions = self._choose_regions()
        self._made_regions = [name for name in self._regions if name not in self._base_regions]
        self._contains = topology.containment or (*base.profile.containment_types, _CONTAINS)[0]
        self._nodes: list[NodeBlock] = []
        self._made = 0
        self._ties = Ties()
        self._first: dict[End, int] = {}
        self._sides: dict[End, Side] = {}

    def growth(self) -> Growth:
        """Put everything together."""
        if self._topology.region is not None and self._made_regions:
            self._add(region_block(self._around, self._profile, self._topology.region, self._made_regions,
                                   self._operation))
        for site in self._topology.sites:
            self._make_site(site)
        for relation in self._topology.relations:
            if SHARED in {relation.start[0], relation.end[0]}:
                self._tie_to_shared(relation)
            else:
                self._tie_groups(relation)
        parameters: dict[str, Any] = {
            "scenario": self._topology.name, "scenario_digest": self._topology.digest, "tenant_id": self._tenant,
            **self._asked.numbers, **self._asked.names}
        for parameter in self._topology.parameters.values():
            if parameter.names_for is not None:
                parameters[parameter.name] = self._regions
        return Growth(tuple(self._nodes), tuple(self._ties.blocks()), parameters)

    def _choose_regions(self) -> list[str]:
        if self._topology.region is None:
            return []
        needed = max([1, *(self._counts.sites[site.name] for site in self._topology.sites if site.region_each)])
        named = [name for names in self._asked.names.values() for name in names]
        regions = named or _paired(list(dict.fromkeys([*self._base_regions, *known_regions()]))[:needed])
        if len(regions) < needed:
            raise UsageError(f"{self._topology.name}: {needed} regions are needed, but there are {len(regions)}",
                             hint="ask for fewer, or name them with a parameter that has names_for")
        return regions

    def _add(self, block: NodeBlock) -> None:
        if block.rows:
            self._nodes.append(block)
            self._made += block.rows

    def _make_site(self, site: Site) -> None:
        topology, around = self._topology, self._around
        looks = {group.name: group_look(around, self._profile, topology, group) for group in site.groups}
        nodes = SiteNodes(site, self._counts, self._operation, self._profile, topology, regions=self._regions,
                          subscriptions=self._subscriptions, looks=looks)
        containers = self._made
        holders: Side | None = None
        if topology.container is not None and site.contained:
            look = container_look(around, self._profile, topology.container)
            holders = Side(look.labels, "operation")
            self._add(nodes.container_block(look, containers))
            self._tie_to_subscriptions(nodes, containers, holders)
            kind = around.labelled(topology.container)
            if topology.region is not None and around.are_tied(kind, around.labelled(topology.region)):
                self._tie_to_regions(nodes, containers, Grid(self._counts.sites[site.name], 1), holders, kind)
        for group in site.groups:
            end = (site.name, group.name)
            grid, first, side = self._counts.grids[end], self._made, Side(looks[group.name].labels, "operation")
            self._first[end], self._sides[end] = first, side
            self._add(nodes.group_block(group, first))
            if topology.region is not None and not group.everywhere:
                kind = around.of_group(group) if group.labels else around.resources
                self._tie_to_regions(nodes, first, grid, side, kind)
            if group.parent is not None:
                above = (site.name, group.parent)
                run = held(grid, first, self._first[above], self._counts.grids[above])
                self._ties.add(self._contains, self._sides[above], side, run)
            elif holders is not None:
                run = held(grid, first, containers, Grid(grid.sites, 1))
                self._ties.add(self._contains, holders, side, run)

    def _tie_to_subscriptions(self, nodes: SiteNodes, containers: int, holders: Side) -> None:
        for labels in sorted({anchor.labels for anchor in self._subscriptions}):
            numbers = np.array([anchor.node if anchor.labels == labels else -1 for anchor in self._subscriptions])
            target = numbers[nodes.subscription_of]
            run = spread(target, containers, Grid(len(target), 1))
            self._ties.add(self._contains, holders, Side(labels, "base"), run, turned=True)

    def _tie_to_regions(self, nodes: SiteNodes, first: int, grid: Grid, side: Side, kind: Mask) -> None:
        regions = self._around.labelled(self._topology.region or "")
        type_, turned = self._around.relationship(kind, regions, _LOCATED_IN)
        targets: dict[Side, I64] = {}
        for position, name in enumerate(self._regions):
            anchor = self._base_regions.get(name)
            at = Side(anchor.labels, "base") if anchor is not None else Side(self._nodes[0].labels, "operation")
            node = anchor.node if anchor is not None else self._made_regions.index(name)
            targets.setdefault(at, np.full(len(self._regions), -1, np.int64))[position] = node
        for at, numbers in targets.items():
            self._ties.add(type_, side, at, spread(numbers[nodes.region_of], first, grid), turned=turned)

    def _tie_groups(self, relation: Relation) -> None:
        start, end = relation.start, relation.end
        type_, turned = relation.type, False
        groups = [self._topology.group(start), self._topology.group(end)]
        if _adopts(relation, groups):
            starts, ends = map(self._around.of_group, groups)
            type_, turned = self._around.relationship(starts, ends, relation.type)
        pairs = tied_rows(relation, self._counts, self._asked.numbers)
        run = shifted(pairs, self._first[start], self._first[end])
        for way in (turned, not turned) if relation.both else (turned,):
            self._ties.add(type_, self._sides[start], self._sides[end], run, turned=way)

    def _tie_to_shared(self, relation: Relation) -> None:
        end, name = ((relation.start, relation.end[1]) if relation.end[0] == SHARED
                     else (relation.end, relation.start[1]))
        shared = next(item for item in self._topology.shared if item.name == name)
        marked = self._around.of_shared(shared)
        labels, numbers = self._around.alike(marked)
        if not len(numbers):
            if shared.required:
                raise UsageError(f"{shared.where}: the base has no such node", shared=name,
                                 hint="leave required out, and these relationships are left out")
            return
        type_, turned = relation.type, relation.start[0] == SHARED
        group = self._topology.group(end)
        if _adopts(relation, [group]):
            starts, ends = (self._around.of_group(group), marked)[::-1 if turned else 1]
            type_, other_way = self._around.relationship(starts, ends, relation.type)
            turned = turned != other_way
        run = picked(self._counts.grids[end], self._first[end], numbers, shared.pick,
                      derive_seed(self._seed, SHARED, name, *(end if shared.pick is Pick.ROW else end[:1])))
        self._ties.add(type_, self._sides[end], Side(labels, "base"), run, turned=turned)


def _adopts(relation: Relation, groups: list[Group]) -> bool:
    return relation.adopt if relation.adopt is not None else not any(group.labels for group in groups)


def _paired(regions: list[str]) -> list[str]:
    """Move each region's partner, where it is among them, to the place after it; the rest keep their order."""
    ordered: list[str] = []
    left = list(regions)
    while left:
        ordered.append(left.pop(0))
        partner = region_pairs().get(ordered[-1])
        if partner in left:
            left.remove(partner)
            ordered.append(partner)
    return ordered
