"""Which indexes the product needs in a database, under names of its own, and which of these are missing; pure.

By them an operation's nodes are found without a scan, by a user and by us: resource id, type, and the marks. Each
resource has at least one label that has them all: as few labels as do for all resources of a profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from importer.cypher import DIALECT
from synthgen.database import quote
from synthgen.graph import SchemaItem
from synthgen.metadata import OPERATION_ID, SOURCE_ID, STRATEGY, SYNTHETIC
from synthgen.profile import Profile
from synthgen.snapshot.schema import OWN_PREFIX

RANGE = "RANGE"
_CONSTRAINED = frozenset(("NODE_PROPERTY_UNIQUENESS", "NODE_KEY"))
_MARKS = (SYNTHETIC, OPERATION_ID, STRATEGY, SOURCE_ID)


@dataclass(frozen=True, slots=True)
class Index:
    """A range index on one property of the nodes with one label."""

    label: str
    property_name: str

    @property
    def name(self) -> str:
        """Its name, ours by how it begins; no two labels and properties have the same one."""
        both = f"{len(self.label)} {self.label} {self.property_name}".encode()
        return f"{OWN_PREFIX}{self.label}_{self.property_name}_{blake2b(both, digest_size=4).hexdigest()}"

    @property
    def statement(self) -> str:
        """The statement that creates it unless there is one."""
        return (f"{DIALECT}CREATE RANGE INDEX {quote(self.name)} IF NOT EXISTS FOR (n:{quote(self.label)})"
                f" ON (n.{quote(self.property_name)})")


def needed_indexes(profiles: Iterable[Profile]) -> tuple[Index, ...]:
    """Give the indexes that graphs under these profiles need, sorted by label."""
    wanted = {Index(label, name): None for profile in profiles for label in cover(profile)
              for name in (profile.id, profile.type, *_MARKS) if name is not None}
    return tuple(sorted(wanted, key=lambda index: index.label))


def cover(profile: Profile) -> tuple[str, ...]:
    """Choose few labels of which each resource of a profile has one, as far as resources have labels."""
    left = [set(labels) for labels in (profile.resource_labels, *profile.resource_label_sets) if labels]
    chosen: list[str] = []
    while left:
        labels = sorted({label for one in left for label in one})
        chosen.append(max(labels, key=lambda label: sum(label in one for one in left)))
        left = [one for one in left if chosen[-1] not in one]
    return tuple(sorted(chosen))


def serving(needed: Iterable[Index], schema: Sequence[SchemaItem]) -> dict[Index, str]:
    """Say which of the needed indexes the user's schema makes needless, with the name of what serves instead.

    A range index on exactly this label and property does, and so does a uniqueness or key constraint.
    """
    found = {(item.labels, item.properties): item.name for item in schema
             if item.entity == "NODE" and (item.type in _CONSTRAINED or item.type == RANGE)}
    return {index: found[(index.label,), (index.property_name,)] for index in needed
            if ((index.label,), (index.property_name,)) in found}
