"""How many bytes the parts of a bundle would have, estimated from a few of their rows; writes nothing.

Each block is cut into stretches of equal length, and a few rows in each are made and measured as CSV.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl

from synthgen.bundle.layout import Layout, node_layout, relationship_layout
from synthgen.costs import Estimate
from synthgen.graph import END, START
from synthgen.growth import Growth, NodeBlock, RelationshipBlock
from synthgen.metadata import Stamp
from synthgen.stamping import stamped, stamped_types

ROWS = 256
"""So many neighbouring rows are measured together."""
EXACT_ROWS = 50_000
"""A block of up to so many rows is measured whole, which takes no longer."""
LEAST_STRETCHES, MOST_STRETCHES, STRETCHES_IN_ALL = 8, 64, 1024
LEAST_ERROR = 0.01
_GOLDEN = 0.6180339887498949

Weigh = Callable[[int, int], int]
"""Gives the bytes of rows start … stop - 1."""


def estimate_bytes(growth: Growth, stamp: Stamp) -> Estimate:
    """Estimate the bytes of all parts; exact, with an error of 0, where every row was looked at.

    The error is twice the standard error of the mean, and at least 1 %.
    """
    blocks = [*_node_blocks(growth, stamp), *_relationship_blocks(growth, stamp)]
    stretches = int(np.clip(STRETCHES_IN_ALL // max(len(blocks), 1), LEAST_STRETCHES, MOST_STRETCHES))
    total = variance = 0.0
    for rows, weigh in blocks:
        found, doubt = _measure(rows, weigh, stretches)
        total, variance = total + found, variance + doubt
    if not variance:
        return Estimate(total, 0.0)
    return Estimate(total, max(2 * float(np.sqrt(variance)) / total, LEAST_ERROR))


def _measure(rows: int, weigh: Weigh, stretches: int) -> tuple[float, float]:
    """Give the bytes of a block, and the variance of that."""
    if rows <= max(EXACT_ROWS, stretches * ROWS):
        return float(weigh(0, rows)) if rows else 0.0, 0.0
    bounds = [rows * number // stretches for number in range(stretches + 1)]
    found = []
    for number, (low, high) in enumerate(pairwise(bounds)):
        # Copies follow each other at equal distances: so do not these places.
        start = low + int((high - low - ROWS) * ((number + 1) * _GOLDEN % 1))
        found.append(weigh(start, start + ROWS) / ROWS)
    # Equal rows everywhere may still differ in the digits of their numbers.
    least = (0.01 * np.mean(found)) ** 2
    return rows * float(np.mean(found)), rows**2 * float(max(np.var(found, ddof=1), least)) / stretches


def _node_blocks(growth: Growth, stamp: Stamp) -> list[tuple[int, Weigh]]:
    blocks: list[tuple[int, Weigh]] = []
    first = 0
    for block in growth.nodes:
        layout = node_layout(stamp.operation_id, block.labels, stamped_types(block))
        blocks.append((block.rows, partial(_weigh_nodes, block, layout, stamp=stamp, first=first)))
        first += block.rows
    return blocks


def _relationship_blocks(growth: Growth, stamp: Stamp) -> list[tuple[int, Weigh]]:
    blocks: list[tuple[int, Weigh]] = []
    for block in growth.relationships:
        layout = relationship_layout("base", stamp.operation_id, block.type, block.types)
        blocks.append((block.rows, partial(_weigh_relationships, block, layout)))
    return blocks


def _weigh_nodes(block: NodeBlock, layout: Layout, start: int, stop: int, *, stamp: Stamp, first: int) -> int:
    frame = stamped(block.make(start, stop), block, stamp)
    return _bytes_of(layout, frame, [pl.Series(np.arange(first + start, first + stop))])


def _weigh_relationships(block: RelationshipBlock, layout: Layout, start: int, stop: int) -> int:
    frame = block.make(start, stop)
    return _bytes_of(layout, frame, [frame[START], frame[END]])


def _bytes_of(layout: Layout, frame: pl.DataFrame, ids: list[pl.Series]) -> int:
    written = io.BytesIO()
    layout.write(written, frame, ids)
    return len(written.getvalue())
