"""Which resources are cloned, and which a part-copy takes: exact numbers per type, whole containers where it can; pure.

A part-copy that took the first nodes in storage order would lose most types; one that took nodes at random would lose
most relationships.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.containment import Containment
from synthgen.errors import UsageError
from synthgen.seeding import derive_seed, shuffled

Amount = TypeVar("Amount", int, float)


def check_types(base: Base, wanted: Sequence[str]) -> None:
    """Check that the base has resources of every type wanted.

    Raises:
        UsageError: Names the first type that it has not, and those that look like it.
    """
    known = base.resource_types.filter(pl.Series(base.resources)).unique().sort().to_list()
    for type_ in wanted:
        if type_ not in known:
            alike = difflib.get_close_matches(type_, known, n=3, cutoff=0.4) or known[:5]
            raise UsageError(f"the base has no resource of type {type_!r}",
                             hint="did you mean " + ", ".join(alike) + "?", type=type_)


def only_types(asked: Mapping[str, Amount], types: Sequence[str], where: str) -> dict[str, Amount]:
    """Leave of the amounts per type those above 0 of some types; of all types when none are named.

    Raises:
        UsageError: Nothing is asked of these types.
    """
    left = {type_: amount for type_, amount in asked.items() if amount and (not types or type_ in types)}
    if not left:
        raise UsageError(f"{where} asks for nothing of type {', '.join(map(repr, types))}",
                         hint="leave out --resource-type, or name a type that it has")
    return left


def chosen_resources(
    base: Base, *, resource_types: Sequence[str] = (), tenant: str | None = None, include_synthetic: bool = False
) -> Mask:
    """Mark the resources to be multiplied.

    Raises:
        UsageError: A type or the tenant is not in the base, or nothing is left.
    """
    check_types(base, resource_types)
    chosen = base.resources_of(tenant=tenant, include_synthetic=include_synthetic)
    if resource_types:
        chosen = chosen & base.resource_types.is_in(list(resource_types)).to_numpy()
    if not chosen.any():
        raise UsageError("the base has no resources to multiply",
                         hint="check the profile (--profile), or --include-synthetic if all of them are synthetic")
    return chosen


def counts_by_type(base: Base, chosen: Mask) -> dict[str, int]:
    """Count the chosen nodes by type, sorted by type."""
    counted = base.resource_types.filter(pl.Series(chosen)).value_counts()
    return dict(sorted(counted.iter_rows()))


def part_copy(base: Base, containment: Containment, chosen: Mask, quotas: Mapping[str, int], seed: int) -> Mask:
    """Mark exactly `quotas[type]` of the chosen resources of each type.

    Whole containers are taken first, in a seeded order, then whole resources with what they contain, then single
    resources, parents before children and children of those taken before others.
    """
    remaining = Counter(quotas)
    taken = np.zeros(base.size, np.bool_)
    resources = np.flatnonzero(chosen)
    types = base.resource_types
    for level, unit in enumerate((containment.outermost, containment.outermost_resource)):
        free = resources[~taken[resources]]
        units = pl.DataFrame({"unit": unit[free], "node": free, "type": types[free]}).group_by(
            "unit", maintain_order=True).agg("node", "type")
        members, needs = units["node"].to_list(), units["type"].to_list()
        for position in shuffled(units.height, derive_seed(seed, "units", level)).tolist():
            need = Counter(needs[position])
            if all(remaining[type_] >= count for type_, count in need.items()):
                remaining.subtract(need)
                taken[members[position]] = True
    free = resources[~taken[resources]]
    free = free[shuffled(len(free), derive_seed(seed, "single"))]
    for depth in np.unique(containment.depth[free]).tolist():
        level = free[containment.depth[free] == depth]
        level = level[np.argsort(~taken[containment.parent[level]], kind="stable")]
        for node, type_ in zip(level.tolist(), types[level].to_list(), strict=True):
            if remaining[type_] > 0:
                remaining[type_] -= 1
                taken[node] = True
    return taken
