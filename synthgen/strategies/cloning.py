"""What template and random have in common: quotas per type become clone groups, and those become blocks; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.clones import Clones, Tie, group_by_table, lift_relationships, make_groups
from synthgen.containment import Containment
from synthgen.cutting import Cutting, identifiers_of
from synthgen.errors import RefusedError, UsageError
from synthgen.growth import Growth
from synthgen.numbering import Numbering
from synthgen.profile import Role
from synthgen.quoting import Quoting
from synthgen.renaming import Renaming
from synthgen.rewiring import Rewiring
from synthgen.seeding import I64, apportion, derive_seed
from synthgen.strategies.absent import absent_passes, check_labels
from synthgen.strategies.passes import Pass, members_of
from synthgen.strategies.selection import ATTEMPTS, counts_by_type, part_copy
from synthgen.stubs import Stubs
from synthgen.templates.overrides import override_clones
from synthgen.templates.regions import NO_PLACE, Relocated, relocate
from synthgen.templates.rules import rule_blocks
from synthgen.templates.shares import Shares
from synthgen.templates.template import Rule
from synthgen.tenancy import into_tenant, own_tenant

MOST_RESOURCES = 1_000_000_000
"""Of one operation; the ids are made for as many."""


_MANY_COPIES = 16
"""Beside so many whole copies it matters little which part of the base a part-copy takes."""


def quotas_for(base: Base, chosen: Mask, total: int) -> dict[str, int]:
    """Share `total` resources among the chosen ones' types, as the base has them (largest remainder)."""
    counts = counts_by_type(base, chosen)
    return dict(zip(counts, apportion(total, list(counts.values())), strict=True))


@dataclass(frozen=True, slots=True)
class NewTypes:
    """Resources to make of types that the base has none of (`synthgen.strategies.absent`).

    Attributes:
        labels: The label set of each type.
        around: The resources of the base that show where such belong.
    """

    labels: Mapping[str, tuple[str, ...]]
    around: Mask


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
    labels: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    rules: Sequence[Rule] = (),
    new: NewTypes | None = None,
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
        shares: What a template file says of the resources; needed for new types.
        labels: Type → labels that its resources get besides those of the base's.
        rules: Relationships that a template file asks for besides those that clones have.
        new: Types that the base has none of; their numbers are those of `shares`.

    Raises:
        UsageError: A share is not in 0…1, the tenant is not in the base, more relationships are asked for than there
            are, or a type has no resource to be cloned.
        RefusedError: More is asked for than ids are made for.
    """
    for name, share in (("variation", variation), ("rewire", rewire)):
        if not 0 <= share <= 1:
            raise UsageError(f"--{name} {share:g} is outside 0…1", hint="0 changes nothing, 1 everything that it may")
    if new is not None and tenant is not None:
        raise UsageError(f"--into-tenant and types that the base has none of do not go together: {min(new.labels)!r}",
                         hint="leave the option out, or make the new types in an operation of their own")
    quotas = {type_: quota for type_, quota in quotas.items() if quota}
    _check_total(sum(quotas.values()) if shares is None else sum(shares.totals.values()))
    passes: list[Pass] = []
    left_out: dict[str, int] = {}
    if quotas or new is None:
        cloned, left_out = _clone(
            base, chosen, quotas, operation_id=operation_id, seed=seed, containment_tie=containment_tie,
            other_tie=other_tie, with_source=with_source, variation=variation, rewire=rewire, shares=shares,
            labels=labels, tenant=tenant)
        passes.append(cloned)
    if new is not None and shares is not None:
        passes += absent_passes(
            base, new.around, shares, new.labels, operation_id=operation_id, seed=seed, with_source=with_source,
            first=sum(one.rows for one in passes), counted=passes[0].counted if passes else {})
    nowhere = sum(one.nowhere for one in passes)
    made = [(one, lift) for one in passes for lift in one.lifts]
    full = [lift.rows for _, lift in made]
    wanted = relationships if isinstance(relationships, int) else round(relationships * sum(full))
    if wanted > sum(full):
        raise UsageError(f"{wanted:,} relationships are more than the {sum(full):,} that a base of this size has",
                         hint="ask for fewer, or make more resources", available=sum(full))
    rows = full if wanted == sum(full) else apportion(wanted, full)
    tied = [one.tied(base, lift, count, seed=seed)
            for (one, lift), count in zip(made, rows, strict=True) if count]
    return Growth(
        nodes=[block for one in passes for block in one.nodes],
        relationships=[*tied, *(block for one in passes for block in one.blocks),
                       *rule_blocks(rules, {} if shares is None else members_of(base, passes, shares))],
        parameters=parameters,
        left_out={**left_out, NO_PLACE: nowhere} if nowhere else left_out,
        resource_label_sets=sorted({own for one in passes for own in one.labels.values()
                                    if base.profile.role(own) is not Role.RESOURCE}),
    )


def _clone(
    base: Base, chosen: Mask, quotas: Mapping[str, int], *, operation_id: str, seed: int, containment_tie: Tie,
    other_tie: Tie, with_source: bool, variation: float, rewire: float, shares: Shares | None,
    labels: Mapping[str, tuple[str, ...]], tenant: str | None,
) -> tuple[Pass, dict[str, int]]:
    """Clone resources of the base's own types; gives what was left out, too."""
    containment = Containment(base)
    chosen = chosen & base.resource_types.is_in(list(quotas)).to_numpy()
    _check_quotas(counts_by_type(base, chosen), quotas)
    whole, rest = _whole_and_rest(counts_by_type(base, chosen), quotas)
    extra = part_copy(base, containment, chosen, rest, derive_seed(seed, "part"),
                      attempts=1 if min(whole.values()) >= _MANY_COPIES else ATTEMPTS)
    groups = _resource_groups(base, chosen, extra, whole, labels)
    groups += _container_groups(base, containment, chosen, extra, whole, total=sum(quotas.values()))
    tenancy = own_tenant(base) if tenant is None else into_tenant(base, chosen, tenant)
    if tenancy.made.any():
        containment = Containment(base, around=tenancy.made)
        groups += group_by_table(base, tenancy.made, np.zeros(base.size, np.bool_), 1)
        containment_tie = Tie.WRAPPED  # there is one tenant for all copies
    clones = Clones(base, make_groups(groups), containment)
    labelled = _label_sets(base, clones, labels)
    identifiers = identifiers_of(base, clones)
    cut_short = other_tie is Tie.SAME and bool(extra.any())
    quoting = Quoting(base, clones, identifiers) if rewire or cut_short else None
    rewiring = Rewiring(base, quoting, share=rewire, seed=derive_seed(seed, "rewire")) if rewire and quoting else None
    stubs = Stubs(base, clones, quoting, seed=derive_seed(seed, "stubs")) if cut_short and quoting else None
    lifts, left_out = lift_relationships(base, clones, seed=seed, containment=containment_tie, others=other_tie,
                                         swapped=rewiring.swapped if rewiring else None,
                                         matched=stubs.matched if stubs else None,
                                         tables=tenancy.placed(base.relationships))
    overrides = None if shares is None else override_clones(base, clones, shares, labelled)
    moved = Relocated(lifts, (), 0) if overrides is None else relocate(base, lifts, overrides)
    names = None if overrides is None else overrides.names
    if tenancy.instead:
        identifiers = identifiers_of(base, clones, tenancy.instead)
    cutting = Cutting(base, clones, containment, Numbering(base, clones, others=other_tie, seed=seed),
                      identifiers=identifiers, given=names, instead=tenancy.instead)
    renaming = Renaming(base, clones, cutting, operation_id=operation_id, seed=seed)
    blocks = [renaming.block(group, with_source=with_source, variation=variation) for group in clones.groups]
    if overrides is not None:
        blocks = [overrides.block(block, group) for block, group in zip(blocks, clones.groups, strict=True)]
    blocks = [replace(block, labels=labelled.get(group.first, block.labels))
              for block, group in zip(blocks, clones.groups, strict=True)]
    return Pass(blocks, moved.lifts, moved.blocks, moved.left_out, clones.groups, renaming, labelled,
                counting=None if overrides is None else overrides.counting), left_out


def _check_total(total: int) -> None:
    if total > MOST_RESOURCES:
        raise RefusedError(f"{total:,} resources are more than one operation makes",
                           hint=f"ask for at most {MOST_RESOURCES:,}, or generate several operations")


def _check_quotas(counts: Mapping[str, int], quotas: Mapping[str, int]) -> None:
    missing = sorted(set(quotas) - set(counts))
    if missing:
        raise UsageError(f"none of the resources chosen is of type {missing[0]!r}",
                         hint="choose another tenant, or --include-synthetic if all of that type are synthetic",
                         type=missing[0])


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
    base: Base, chosen: Mask, extra: Mask, whole: Mapping[str, int], labels: Mapping[str, tuple[str, ...]]
) -> list[tuple[int, I64, int, int]]:
    """Group resources by table, number of whole copies and labels to add: types that agree in all share a group."""
    copies = base.resource_types.replace_strict(whole, default=0, return_dtype=pl.Int64).to_numpy()
    label_sets = sorted(set(labels.values()))
    added = base.resource_types.replace_strict(
        {type_: label_sets.index(own) for type_, own in labels.items()}, default=-1, return_dtype=pl.Int64).to_numpy()
    groups = []
    for count, own in sorted(set(zip(copies[chosen].tolist(), added[chosen].tolist(), strict=True))):
        groups += group_by_table(base, chosen & (copies == count) & (added == own), extra, count)
    return sorted(groups, key=lambda group: group[0])


def _label_sets(base: Base, clones: Clones, labels: Mapping[str, tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
    """Give the label sets of the groups whose resources get labels, by the groups' first import ids."""
    found: dict[int, tuple[str, ...]] = {}
    told = base.texts(base.profile.type)
    for group in clones.groups:
        type_ = base.resource_types[int(group.members[0])]
        if type_ in labels and base.nodes[group.table].role is Role.RESOURCE:
            own = tuple(sorted({*base.nodes[group.table].labels, *labels[type_]}))
            untold = told[group.members].null_count() > 0
            check_labels(base, type_, own, told_by=base.nodes[group.table].labels if untold else None)
            found[group.first] = own
    return found


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
    return group_by_table(base, containers, needed, copies)
