"""Infers a profile for a graph that no built-in profile fits; pure.

What it looks for: an id is a property that every node of a label set has and no two share; a shared label set is a
small one that many relationships end on; all others are resources.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from synthgen.base import Base
from synthgen.errors import UsageError
from synthgen.profile import AZURE, Profile
from synthgen.snapshot.read import Snapshot

SHARED_SHARE = 0.05
"""A label set with at most this share of all nodes …"""
SHARED_DEGREE = 10.0
"""… on each of which at least this many relationships end on average is shared: a category, a country, a tag."""
ID_WORDS = frozenset(("id", "uuid", "guid", "key", "code", "number", "no", "nr", "num", "serial", "isbn", "ean", "sku",
                      "imdb", "uri", "iri", "urn"))
"""Words in names of properties that tell one node from another."""
NAME_NAMES = ("name", "title", "displayname", "fullname", "username", "label", "caption", "heading")
"""Names of properties that people call a node by, without case and underscores."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


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
    resources = _resources(base)
    return Profile(name="inferred", resource_label_sets=tuple(sorted(resources)), id=_find_id(base, resources),
                   name_property=_find_name(base, resources))


def _resources(base: Base) -> set[tuple[str, ...]]:
    """Find the label sets that are not shared; what has a label in common with one of them is none either."""
    ending = np.zeros(base.size, np.int64)
    for relationships in base.relationships:
        ending += np.bincount(relationships.end, minlength=base.size)
    sizes: Counter[tuple[str, ...]] = Counter()
    degrees: Counter[tuple[str, ...]] = Counter()
    for table in base.nodes:
        sizes[table.labels] += table.frame.height
        degrees[table.labels] += int(ending[table.numbers].sum())
    found = {labels for labels, size in sizes.items()
             if size > SHARED_SHARE * base.size or degrees[labels] < SHARED_DEGREE * size}
    common = {label for labels in found for label in labels}
    return found | {labels for labels in sizes if common & set(labels)} or set(sizes)


def _find_id(base: Base, resources: set[tuple[str, ...]]) -> str | None:
    """Find the property that tells resources from each other: of those named like an id the one that most have.

    What a uniqueness constraint covers alone is an id whatever its name. What is a list on some resource, say, is none.
    """
    covered: Counter[str] = Counter()
    unfit = {name for table in base.nodes if table.labels in resources for name, kind in table.types.items()
             if kind not in {"STRING", "INTEGER"}}
    for table in base.nodes:
        if table.labels not in resources:
            continue
        constrained = {item.properties[0] for item in base.snapshot.schema
                       if item.makes_unique(table.labels) and len(item.properties) == 1}
        for name in table.types.keys() - unfit:
            named = bool(ID_WORDS & words_of(name)) or name in constrained
            values = table.frame[name]
            if named and values.null_count() == 0 and values.n_unique() == len(values):
                covered[name] += len(values)
    return max(covered, key=lambda name: (covered[name], "id" in words_of(name), name), default=None)


def _find_name(base: Base, resources: set[tuple[str, ...]]) -> str | None:
    """Find the property that resources are called by: of those named like a name the one that most have."""
    covered: Counter[str] = Counter()
    for table in base.nodes:
        if table.labels in resources:
            for name, kind in table.types.items():
                if kind == "STRING" and _plain(name) in NAME_NAMES:
                    covered[name] += len(table.frame) - table.frame[name].null_count()
    return max(covered, key=lambda name: (covered[name], -NAME_NAMES.index(_plain(name)), name), default=None)


def words_of(name: str) -> set[str]:
    """Give the words of a property's name in lowercase: `part` and `no` of `part_no`, `partNo` or `PartNo`."""
    return {word.lower() for word in _WORD.findall(name)}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
