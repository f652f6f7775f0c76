"""The only place where synthetic metadata is written onto rows; pure."""

from __future__ import annotations

import polars as pl

from synthgen.graph import column
from synthgen.growth import NodeBlock
from synthgen.metadata import OPERATION_ID, STRATEGY, SYNTHETIC, TIMESTAMP, Stamp
from synthgen.types import TYPES


def stamped_types(block: NodeBlock) -> dict[str, str]:
    """Give a block's property types with the metadata's, sorted by name."""
    metadata = {SYNTHETIC: "BOOLEAN", **dict.fromkeys((OPERATION_ID, STRATEGY, TIMESTAMP, *block.metadata), "STRING")}
    return dict(sorted({**block.types, **metadata}.items()))


def stamped(frame: pl.DataFrame, block: NodeBlock, stamp: Stamp) -> pl.DataFrame:
    """Add the metadata to made rows; columns are then those of `stamped_types`, in its order."""
    values = {SYNTHETIC: True, OPERATION_ID: stamp.operation_id, STRATEGY: stamp.strategy, TIMESTAMP: stamp.created_at,
              **block.metadata}
    types = stamped_types(block)
    return frame.with_columns(
        pl.lit(value, dtype=TYPES[types[name]].dtype).alias(name) for name, value in values.items()
    ).select(map(column, types))
