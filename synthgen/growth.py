"""What a strategy makes, as blocks whose rows can be made in any order; knows neither files nor servers.

A strategy returns a `Growth`: how many rows each block has, and a pure function that makes any range of them. So a part
file can be made alone, anywhere, and memory does not grow with the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from synthgen.bundle.manifest import Space

Make = Callable[[int, int], pl.DataFrame]
"""Makes rows start … stop - 1 of a block. The same range gives the same rows, whatever was made before."""


@dataclass(frozen=True, slots=True)
class NodeBlock:
    """Some nodes of an operation.

    Attributes:
        labels: Sorted; never a protected one.
        types: Property name → Neo4j type name, without the synthetic metadata (`synthgen.metadata` adds it).
        rows: How many; import ids count through the blocks of a growth in order.
        resource_types: What counts as resources of which type among them; empty for containers and the like.
        make: Gives one column per property of `types`, with its dtype.
        metadata: Properties of the metadata that are the same for the whole block, such as `scenario_name`;
            row-wise ones (`template_source_id`, `spoke_index`, …) are columns of `types`.
    """

    labels: tuple[str, ...]
    types: Mapping[str, str]
    rows: int
    resource_types: Mapping[str, int]
    make: Make
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelationshipBlock:
    """Some relationships of an operation, all of one pattern.

    Attributes:
        type: Relationship type; never a protected one.
        start_labels, end_labels: Label sets of the ends.
        start_space, end_space: `operation` for import ids, `base` for node numbers of the snapshot; not both `base`.
        types: Property name → Neo4j type name.
        rows: How many.
        make: Gives `:start` and `:end` (Int64), then one column per property of `types`.
    """

    type: str
    start_labels: tuple[str, ...]
    end_labels: tuple[str, ...]
    start_space: Space
    end_space: Space
    types: Mapping[str, str]
    rows: int
    make: Make


@dataclass(frozen=True, slots=True)
class Growth:
    """Everything that one operation adds to the base.

    Attributes:
        left_out: Reason → number of base relationships that had no counterpart to be tied to.
        parameters: What was asked, as the manifest records it.
        resource_label_sets: Label sets of resources that the profile does not know yet.
    """

    nodes: Sequence[NodeBlock]
    relationships: Sequence[RelationshipBlock]
    parameters: Mapping[str, Any]
    left_out: Mapping[str, int] = field(default_factory=dict)
    resource_label_sets: Sequence[tuple[str, ...]] = ()
