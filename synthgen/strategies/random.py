"""The random strategy: any number of resources with a wanted mix of types, tied at random as the base's are; pure.

Types, properties and degrees are drawn from the base without replacement, round after round, so that they match it as
closely as their number allows. What a resource is tied to is drawn by a seeded shift among the copies of the base's
neighbour, so that the pattern and both degrees stay and the work is linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.base import Base
from synthgen.clones import Tie
from synthgen.errors import UsageError
from synthgen.growth import Growth
from synthgen.seeding import apportion
from synthgen.strategies.absent import labels_of_new_types
from synthgen.strategies.cloning import NewTypes, grow_by_cloning, quotas_for
from synthgen.strategies.selection import check_types, chosen_resources, only_types, sort_types
from synthgen.templates.shares import Shares
from synthgen.templates.template import template_of_counts


def grow_random(
    base: Base,
    *,
    operation_id: str,
    seed: int,
    count: int,
    distribution: Mapping[str, float] | None = None,
    density: float | None = None,
    relationships: int | None = None,
    resource_types: Sequence[str] = (),
    tenant: str | None = None,
    into_tenant: str | None = None,
    include_synthetic: bool = False,
    variation: float = 0.0,
) -> Growth:
    """Make `count` resources.

    Args:
        base: The base graph.
        operation_id: Whose ids these are.
        seed: Of everything drawn.
        count: Resources to make; at least 1.
        distribution: Type → weight, at least 0; the base's own mix when None. Counts follow it by largest remainder.
        density: In 0…1: the share of the relationships that a base of that size would have; 1 when None.
        relationships: Their exact number instead of `density`.
        resource_types: Only these types.
        tenant: Only this tenant's resources are drawn from.
        into_tenant: Under which tenant what is made is put: an id, or `new`; under those of its originals when None.
        include_synthetic: Whether to draw from resources that are synthetic already, too.
        variation: In 0…1: the share of properties taken over from another resource of the type.

    Raises:
        UsageError: A value is out of its range, or a type or the tenant is not in the base.
    """
    if count < 1:
        raise UsageError(f"--count {count} makes nothing", hint="give the number of resources to make, at least 1")
    if density is not None and not 0 <= density <= 1:
        raise UsageError(f"relationship_density is {density:g}, outside 0…1",
                         hint="1.0 is as dense as the base; for an exact number use --relationships")
    if density is not None and relationships is not None:
        raise UsageError("relationship_density and --relationships exclude each other", hint="give one of them")
    if relationships is not None and relationships < 0:
        raise UsageError(f"--relationships {relationships} is below 0", hint="give 0 or more")
    new: list[str] = []
    if distribution is not None:
        _check_distribution(distribution)
        spelling, new = sort_types(base, dict.fromkeys(distribution, "resource_type_distribution"))
        distribution = {spelling.get(type_, type_): weight for type_, weight in distribution.items()}
        check_types(base, [type_ for type_ in resource_types if type_ not in new])
    weights = None if distribution is None else only_types(distribution, resource_types, "resource_type_distribution")
    new = [type_ for type_ in new if type_ in (weights or {})]
    chosen = chosen_resources(base, resource_types=[type_ for type_ in weights or resource_types if type_ not in new],
                              tenant=tenant, include_synthetic=include_synthetic)
    if weights is None:
        quotas = quotas_for(base, chosen, count)
    else:
        quotas = dict(zip(weights, apportion(count, list(weights.values())), strict=True))
    parameters: dict[str, Any] = {
        "count": count, "resource_type_distribution": dict(distribution) if distribution else None,
        "relationship_density": density, "relationships": relationships, "resource_types": list(resource_types),
        "tenant_id": tenant, "into_tenant": into_tenant, "include_synthetic": include_synthetic, "variation": variation,
    }
    amount: float | int = relationships if relationships is not None else float(1 if density is None else density)
    shares = None
    around = chosen_resources(base, tenant=tenant, include_synthetic=include_synthetic)
    if new:
        parameters["new_types"] = new
        shares = Shares(base, template_of_counts(quotas), quotas, around, operation_id=operation_id, seed=seed)
    of_base = {type_: quota for type_, quota in quotas.items() if type_ not in new}
    return grow_by_cloning(base, chosen, of_base, operation_id=operation_id, seed=seed, containment_tie=Tie.WRAPPED,
                           other_tie=Tie.SHIFTED, with_source=False, parameters=parameters, relationships=amount,
                           variation=variation, tenant=into_tenant, shares=shares,
                           new=NewTypes(labels_of_new_types(base, new, {}), around) if new else None)


def _check_distribution(distribution: Mapping[str, float]) -> None:
    for type_, weight in distribution.items():
        if not isinstance(type_, str):
            raise UsageError(f"resource_type_distribution: {type_!r} is not a type",
                             hint="types are texts; quote what looks like a number")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise UsageError(f"resource_type_distribution: the weight of {type_!r} is {weight!r}",
                             hint="weights are numbers of at least 0")
    if not sum(distribution.values()):
        raise UsageError("resource_type_distribution: all weights are 0", hint="give at least one type a weight")
