"""The template strategy: copies of the base's resources, each copy tied together as its originals are; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from synthgen.base import Base
from synthgen.clones import Tie
from synthgen.errors import UsageError
from synthgen.growth import Growth
from synthgen.strategies.absent import labels_of_new_types
from synthgen.strategies.cloning import NewTypes, grow_by_cloning, quotas_for
from synthgen.strategies.selection import check_types, chosen_resources, only_types, sort_types
from synthgen.templates.rules import check_rules
from synthgen.templates.shares import Shares
from synthgen.templates.template import Template, template_of_counts


def grow_template(
    base: Base,
    *,
    operation_id: str,
    seed: int,
    scale_factor: float | None = None,
    target_count: int | None = None,
    template: Template | Mapping[str, int] | None = None,
    resource_types: Sequence[str] = (),
    tenant: str | None = None,
    into_tenant: str | None = None,
    include_synthetic: bool = False,
    variation: float = 0.0,
    rewire: float = 0.0,
) -> Growth:
    """Copy resources: (`scale_factor` - 1) times the base's, or `target_count`, or what a template says.

    Copy i of a resource is tied to copy i of its neighbours and of its container, and to the shared nodes that its
    original is tied to. With a template, whose types have different numbers of copies, copies share what has fewer.
    `into_tenant` puts copies under another tenant of the base, or under a `new` one (`synthgen.tenancy`).
    `variation` and `rewire`, both in 0…1, loosen the likeness: see `synthgen.strategies.cloning.grow_by_cloning`.

    Raises:
        UsageError: Not exactly one size is given (a factor may multiply a template), a size makes nothing, or a type or
            the tenant is not in the base.
    """
    if template is not None and not isinstance(template, Template):
        template = template_of_counts(template)
    check_size(scale_factor=scale_factor, target_count=target_count, template=template)
    new: list[str] = []
    if template is not None:
        spelling, new = sort_types(base, {entry.type: entry.where or "the template" for entry in template.entries},
                                   {entry.type for entry in template.entries if entry.new})
        template = template.spelled(spelling)
        check_types(base, [type_ for type_ in resource_types if type_ not in new])
    counts = None if template is None else only_types(template.counts, resource_types, "the template")
    new = [type_ for type_ in new if type_ in (counts or {})]
    chosen = chosen_resources(base, resource_types=[type_ for type_ in counts or resource_types if type_ not in new],
                              tenant=tenant, include_synthetic=include_synthetic)
    if counts is not None:
        quotas = {type_: _round(Fraction(str(scale_factor or 1)) * count) for type_, count in counts.items()}
    elif scale_factor is not None:
        quotas = quotas_for(base, chosen, _round((Fraction(str(scale_factor)) - 1) * int(chosen.sum())))
    else:
        quotas = quotas_for(base, chosen, target_count or 0)
    if not sum(quotas.values()):
        raise UsageError(f"a scale factor of {scale_factor} makes no resource from {int(chosen.sum())}",
                         hint="use a greater factor, or --target-count")
    parameters: dict[str, Any] = {
        "scale_factor": scale_factor, "target_count": target_count, "template": template.counts if template else None,
        "resource_types": list(resource_types), "tenant_id": tenant, "into_tenant": into_tenant,
        "include_synthetic": include_synthetic, "variation": variation, "rewire": rewire,
    }
    shares = None
    around = chosen_resources(base, tenant=tenant, include_synthetic=include_synthetic)
    if template is not None and (new or not template.plain):
        check_rules(base, template.rules)
        parameters["template_file"] = template.document
        shares = Shares(base, template, quotas, around, operation_id=operation_id, seed=seed)
        parameters["not_used"] = list(template.unused)
    if new:
        parameters["new_types"] = new
    labels = {} if template is None else template.labels
    tie = Tie.SAME if template is None else Tie.WRAPPED
    of_base = {type_: quota for type_, quota in quotas.items() if type_ not in new}
    return grow_by_cloning(base, chosen, of_base, operation_id=operation_id, seed=seed, containment_tie=tie,
                           other_tie=tie, with_source=True, parameters=parameters,
                           variation=variation, rewire=rewire, tenant=into_tenant, shares=shares,
                           labels=labels, rules=() if template is None else template.rules,
                           new=NewTypes(labels_of_new_types(base, new, labels), around) if new else None)


def check_size(*, scale_factor: float | None, target_count: int | None, template: object) -> None:
    """Check that exactly one size is given and that it makes something.

    Raises:
        UsageError: Says what is wrong with which value.
    """
    if target_count is not None and (scale_factor is not None or template is not None):
        raise UsageError("--target-count stands alone", hint="leave out --scale-factor and --template-file")
    if target_count is None and scale_factor is None and template is None:
        raise UsageError("the template strategy needs a size",
                         hint="give --scale-factor 10, --target-count 100000 or --template-file FILE")
    if target_count is not None and target_count < 1:
        raise UsageError(f"--target-count {target_count} makes nothing", hint="give the number of resources to make")
    least = 1 if template is None else 0
    if scale_factor is not None and not least < scale_factor < float("inf"):
        raise UsageError(
            f"--scale-factor {scale_factor:g} makes nothing",
            hint="afterwards the graph holds FACTOR times the base's resources, so it must be above 1: 10 adds nine"
                 " copies, 1.5 adds half a copy" if template is None else "it multiplies the template's counts",
        )


def _round(value: Fraction) -> int:
    """Round half up, so that the number made does not depend on its parity."""
    return int(value + Fraction(1, 2))
