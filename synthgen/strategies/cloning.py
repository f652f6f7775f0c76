"""What template and random have in common: quotas per type become clone groups, and those become blocks; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.clones import Clones, Tie, lift_relationships, make_groups, relationship_block
from synthgen.containment import Containment
from synthgen.cutting import Cutting
from synthgen.errors import RefusedError, UsageError
from synthgen.growth import Growth
from synthgen.numbering import Numbering
from synthgen.quoting import Quoting
from synthgen.renaming import Renaming
from synthgen.rewiring import Rewiring
from synthgen.seeding import I64, apportion, derive_seed
from synthgen.strategies.selection import counts_by_type, part_copy
from synthgen.templates.overrides import override_clones
from synthgen.templates.regions import NO_PLACE, Relocated, relocate
from synthgen.templates.shares import Shares
from synthgen.tenancy import into_tenant, own_tenant

MOST_RESOURCES = 1_000_000_000
"""Of one operation; the ids are made for as many."""


def quotas_for(base: Base, chosen: Mask, total: int) -> dict[str, int]:
    """Share `total` resources among the chosen ones' types, as the base has them (largest remainder)."""
    counts = counts_by_type(base, chosen)
    return dict(zip(counts, apportion(total, list(counts.values())), strict=True))


def grow_by_cloning(
    base: Base,
    chosen: Mask,
    quotas: Mapping[str, int],
    *,
    operation_id: str,
    seed: int,
    containment_tie: Tie,
    other_tie: Tie,
    with_source: bool,
    parameters: Mapping[str, Any],
    relationships: float = 1.0,
    variation: float = 0.0,
    rewire: float = 0.0,
    tenant: str | None = None,
    shares: Shares | None = None,
) -> Growth:
    """Clone the chosen resources so that there are exactly `quotas[type]` of each type, with containers and ties.

    Args:
        base: The base.
        chosen: Which of its resources are cloned.
        quotas: Type → how many.
        operation_id: Whose ids these are.
        seed: Of everything drawn.
        containment_tie: See `synthgen.clones.lift_relationships`.
        other_tie: Likewise.
        with_source: Whether clones record what they are of.
        parameters: What was asked, for the manifest.
        relationships: A share of those that a base of that size would have (float) or their exact number (int).
        variation: Share of clones and properties that are taken over from another resource of the type, 0…1.
        rewire: Share of relationships whose ends are swapped within their pattern, 0…1.
        tenant: Under which tenant of the base they are put, or `synthgen.tenancy.NEW`; their originals' when None.
        shares: What a template file says of the clones.

    Raises:
        UsageError: A share is not in 0…1, the tenant is not in the base, more relationships are asked for than there
            are, or a type has no resource to be cloned.
        RefusedError: More is asked for than ids are made for.
    """
    for name, share in (("variation", variation), ("rewire", rewire)):
        if not 0 <= share <= 1:
            raise UsageError(f"--{name} {share:g} is outside 0…1", hint="0 changes nothing, 1 everything that it may")
    containment = Containment(base)
    quotas = {type_: quota for type_, quota in quotas.items() if quota}
    chosen = chosen & base.resource_types.is_in(list(quotas)).to_numpy()
    _check_quotas(counts_by_type(base, chosen), quotas)
    whole, rest = _whole_and_rest(counts_by_type(base, chosen), quotas)
    extra = part_copy(base, containment, chosen, rest, derive_seed(seed, "part"))
    groups = _resource_groups(base, chosen, extra, whole)
    groups += _container_groups(base, containment, chosen, extra, whole, total=sum(quotas.values()))
    tenancy = own_tenant(base) if tenant is None else into_tenant(base, chosen, tenant)
    if tenancy.made.any():
        containment = Containment(base, around=tenancy.made)
        groups += [(position, table.first + np.flatnonzero(tenancy.made[table.numbers]), 1, 0)
                   for position, table in enumerate(base.nodes) if tenancy.made[table.numbers].any()]
        containment_tie = Tie.WRAPPED  # there is one tenant for all copies
    clones = Clones(base, make_groups(groups), containment)
    rewiring = Rewiring(base, Quoting(base, clones), share=rewire, seed=derive_seed(seed, "rewire")) if rewire else None
    lifts, left_out = lift_relationships(base, clones, seed=seed, containment=containment_tie, others=other_tie,
                                         swapped=rewiring.swapped if rewiring else None,
                                         tables=tenancy.placed(base.relationships))
    overrides = None if shares is None else override_clones(base, clones, shares)
    moved = Relocated(lifts, (), 0) if overrides is None else relocate(base, lifts, overrides)
    if moved.left_out:
        left_out = {**left_out, NO_PLACE: moved.left_out}
    lifts = moved.lifts
    full = [lift.rows for lift in lifts]
    wanted = relationships if isinstance(relationships, int) else round(relationships * sum(full))
    if wanted > sum(full):
        raise UsageError(f"{wanted:,} relationships are more than the {sum(full):,} that a base of this size has",
                         hint="ask for fewer, or make more resources", available=sum(full))
    rows = full if wanted == sum(full) else apportion(wanted, full)
    names = None if overrides is None else overrides.names
    cutting = Cutting(base, clones, containment, Numbering(base, clones, others=other_tie, seed=seed), given=names,
                      instead=tenancy.instead)
    renaming = Renaming(base, clones, cutting, operation_id=operation_id, seed=seed)
    blocks = [renaming.block(group, with_source=with_source, variation=variation) for group in clones.groups]
    if overrides is not None:
        blocks = [overrides.block(block, group) for block, group in zip(blocks, clones.groups, strict=True)]
    return Growth(
        nodes=blocks,
        relationships=[*(relationship_block(base, lift, count, seed=seed, rewritten=renaming.rewritten(lift))
                         for lift, count in zip(lifts, rows, strict=True) if count), *moved.blocks],
        parameters=parameters,
        left_out=left_out,
    )


def _check_quotas(counts: Mapping[str, int], quotas: Mapping[str, int]) -> None:
    missing = sorted(set(quotas) - set(counts))
    if missing:
        raise UsageError(f"none of the resources chosen is of type {missing[0]!r}",
                         hint="choose another tenant, or --include-synthetic if all of that type are synthetic",
                         type=missing[0])
    if sum(quotas.values()) > MOST_RESOURCES:
        raise RefusedError(f"{sum(quotas.values()):,} resources are more than one operation makes",
                           hint=f"ask for at most {MOST_RESOURCES:,}, or generate several operations")


def _whole_and_rest(counts: Mapping[str, int], quotas: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Split quotas into whole copies per type and what is left for a part-copy.

    One number of whole copies for all types where that is possible, even when rounding gave a small type one copy more.
    """
    same = sum(quotas.values()) // sum(counts.values())
    if all(same * count <= quotas[type_] <= (same + 1) * count for type_, count in counts.items()):
        return dict.fromkeys(counts, same), {type_: quotas[type_] - same * count for type_, count in counts.items()}
    return ({type_: quotas[type_] // count for type_, count in counts.items()},
            {type_: quotas[type_] % count for type_, count in counts.items()})


def _resource_groups(
    base: Base, chosen: Mask, extra: Mask, whole: Mapping[str, int]
) -> list[tuple[int, I64, int, int]]:
    """Group resources by table and number of whole copies: types with the same number share a group."""
    copies = base.resource_types.replace_strict(whole, default=0, return_dtype=pl.Int64).to_numpy()
    groups = []
    for position, table in enumerate(base.nodes):
        members = table.first + np.flatnonzero(chosen[table.numbers])
        for count in np.unique(copies[members]).tolist():
            alike = members[copies[members] == count]
            first = extra[alike]
            groups.append((position, np.concatenate([alike[first], alike[~first]]), int(count), int(first.sum())))
    return groups


def _container_groups(
    base: Base, containment: Containment, chosen: Mask, extra: Mask, whole: Mapping[str, int], *, total: int
) -> list[tuple[int, I64, int, int]]:
    """Group the containers of chosen resources.

    Where all types have the same number of whole copies, a container has as many, and one more when a part-copy needs
    it. Where they differ it has their mean, so that containers hold about what the base's hold, and copies share them.
    """
    containers = containment.containers_of(chosen)
    if len(set(whole.values())) == 1:
        needed, copies = containment.containers_of(extra), next(iter(whole.values()))
    else:
        needed, copies = np.zeros(base.size, np.bool_), max(1, round(total / int(chosen.sum())))
    groups = []
    for position, table in enumerate(base.nodes):
        members = table.first + np.flatnonzero(containers[table.numbers])
        if len(members):
            first = needed[members]
            groups.append((position, np.concatenate([members[first], members[~first]]), copies, int(first.sum())))
    return groups
