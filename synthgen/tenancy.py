"""Under which tenant clones are put: their originals' own, another one of the base, or one that is made; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synthgen.base import Base, BaseRelationships, Mask
from synthgen.errors import UsageError
from synthgen.profile import Role

NEW = "new"
"""What `--into-tenant` calls a tenant that is made."""


@dataclass(frozen=True, slots=True)
class Tenancy:
    """What becomes of the tenant and of what stands between it and the resources' containers, such as subscriptions.

    Attributes:
        made: Base nodes that are cloned once along with the resources.
        instead: Base node → base node that takes its place around the clones.
    """

    made: Mask
    instead: Mapping[int, int] = field(default_factory=dict)

    def placed(self, tables: Sequence[BaseRelationships]) -> list[BaseRelationships]:
        """Give the relationships with the ends that have another in their place replaced."""
        if not self.instead:
            return list(tables)
        place = np.arange(len(self.made), dtype=np.int64)
        place[list(self.instead)] = list(self.instead.values())
        return [replace(table, start=place[table.start], end=place[table.end]) for table in tables]


def own_tenant(base: Base) -> Tenancy:
    """Leave clones under their originals' tenant."""
    return Tenancy(np.zeros(base.size, np.bool_))


def into_tenant(base: Base, chosen: Mask, tenant: str) -> Tenancy:
    """Put the clones of the chosen resources under another tenant of the base, or under a `NEW` one.

    A new one has clones of everything around the resources up to their tenant. In one of the base the nodes with the
    same labels under it take their places in turn.

    Raises:
        UsageError: The tenant is not in the base or has no place for them, or it is not clear which is to be cloned.
    """
    around = _around(base, chosen)
    tenants = around & base.labelled(base.profile.tenant_labels)
    if not tenants.any():
        raise UsageError("no tenant of the base contains the resources chosen, so there is none to put copies under",
                         hint="set tenant_labels and containment_types in a profile, or leave out --into-tenant")
    if tenant == NEW:
        if int(tenants.sum()) > 1:
            raise UsageError(f"the resources chosen are those of {int(tenants.sum())} tenants; a new one is like one of"
                             " them", hint="name it with --tenant-id")
        return Tenancy(around)
    within = base.contained_in(base.tenant_nodes(tenant)) & base.having(Role.SHARED) & ~base.synthetic
    instead: dict[int, int] = {}
    for position, table in enumerate(base.nodes):
        sources = np.flatnonzero(around & (base.table_of == position))
        alike = [number for number, other in enumerate(base.nodes) if other.labels == table.labels]
        targets = np.flatnonzero(within & np.isin(base.table_of, alike))
        if len(sources) and not len(targets):
            raise UsageError(f"tenant {tenant!r} has no {':'.join(table.labels)} to put copies under",
                             hint="--into-tenant new makes one", tenant=tenant)
        instead.update((source, int(targets[turn % len(targets)])) for turn, source in enumerate(sources.tolist())
                       if not within[source])
    return Tenancy(np.zeros(base.size, np.bool_), instead)


def _around(base: Base, chosen: Mask) -> Mask:
    reached = chosen.copy()
    before = -1
    while before != int(reached.sum()):
        before = int(reached.sum())
        for table in base.relationships:
            if table.type in base.profile.containment_types:
                reached[table.start[reached[table.end]]] = True
    result: Mask = reached & base.having(Role.SHARED)
    return result
