"""Infers a profile for a graph that no built-in profile fits; pure.

What it looks for: an id is a property that every node of a label set has and no two share; a shared label set is a
small one that many relationships end on; all others are resources.
"""

from __future__ import annotations

import numpy as np

from synthgen.base import Base
from synthgen.errors import UsageError
from synthgen.profile import AZURE, Profile
from synthgen.snapshot.read import Snapshot

SHARED_SHARE = 0.02
"""A label set with at most this share of all nodes …"""
SHARED_DEGREE = 10.0
"""… and at least this many relationships a node on average is shared: a category, a country, a tag."""
ID_NAMES = ("id", "uuid", "guid", "key", "code")
NAME_NAMES = ("name", "title", "display_name", "label")


def choose_profile(snapshot: Snapshot) -> Profile:
    """Give `azure` for a graph that has its resources, else an inferred profile."""
    if any(AZURE.role(table.labels).value == "resource" and table.rows for table in snapshot.node_tables):
        return AZURE
    return infer_profile(snapshot)


def infer_profile(snapshot: Snapshot) -> Profile:
    """Infer a profile from a snapshot's tables.

    Raises:
        UsageError: The snapshot is empty.
    """
    everything = Profile(name="everything", resource_label_sets=tuple(table.labels for table in snapshot.node_tables))
    base = Base(snapshot, everything)
    if not base.size:
        raise UsageError("the snapshot holds no nodes, so there is nothing to multiply", hint="export a graph first")
    degree = np.zeros(base.size, np.int64)
    for relationships in base.relationships:
        np.add.at(degree, relationships.start, 1)
        np.add.at(degree, relationships.end, 1)
    sizes: dict[tuple[str, ...], int] = {}
    degrees: dict[tuple[str, ...], int] = {}
    for table in base.nodes:
        sizes[table.labels] = sizes.get(table.labels, 0) + table.frame.height
        degrees[table.labels] = degrees.get(table.labels, 0) + int(degree[table.numbers].sum())
    resources = [labels for labels, size in sizes.items()
                 if size > SHARED_SHARE * base.size or degrees[labels] < SHARED_DEGREE * size] or list(sizes)
    return Profile(
        name="inferred", resource_label_sets=tuple(sorted(resources)),
        id=_find_id(base, set(resources)), name_property=_find_name(base, set(resources)),
    )


def _find_id(base: Base, resources: set[tuple[str, ...]]) -> str | None:
    """Find the property that is unique and present on most resources; of equals the one named like an id."""
    covered: dict[str, int] = {}
    for table in base.nodes:
        if table.labels not in resources:
            continue
        for name, kind in table.types.items():
            values = table.frame[name]
            if kind in {"STRING", "INTEGER"} and values.null_count() == 0 and values.n_unique() == len(values):
                covered[name] = covered.get(name, 0) + len(values)
    unique = [name for name in covered if any(mark in name.lower() for mark in ID_NAMES)]
    return max(unique, key=lambda name: (covered[name], name in ID_NAMES, name), default=None)


def _find_name(base: Base, resources: set[tuple[str, ...]]) -> str | None:
    present = {name for table in base.nodes if table.labels in resources
               for name, kind in table.types.items() if kind == "STRING"}
    return next((name for name in NAME_NAMES if name in present), None)
