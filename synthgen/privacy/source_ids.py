"""`template_source_id` as it is, as a keyed hash, or not at all; pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import polars as pl

from synthgen.growth import Growth, NodeBlock
from synthgen.metadata import SOURCE_ID
from synthgen.privacy.request import NONE, RAW

_HASH_BYTES = 16


def with_source_ids(growth: Growth, how: str, *, seed: int, operation_id: str) -> Growth:
    """Give a growth whose nodes say as much of their originals as is wanted.

    `hashed` is BLAKE2b (16 bytes, hex) keyed by seed and operation id: copies of one original go on having the same
    source id within the operation and no other has it. Who knows seed and operation id, which the manifest records, can
    compute it for an id that he knows.
    """
    if how == RAW:
        return growth
    key = hashlib.blake2b(f"{seed}:{operation_id}:source".encode(), digest_size=hashlib.blake2b.MAX_KEY_SIZE).digest()
    change = _without if how == NONE else lambda block: _hashed(block, key)
    return replace(growth, nodes=[change(block) if SOURCE_ID in block.types else block for block in growth.nodes])


def _without(block: NodeBlock) -> NodeBlock:
    types = {name: kind for name, kind in block.types.items() if name != SOURCE_ID}
    return replace(block, types=types, make=lambda start, stop: block.make(start, stop).drop(SOURCE_ID))


def _hashed(block: NodeBlock, key: bytes) -> NodeBlock:
    def make(start: int, stop: int) -> pl.DataFrame:
        frame = block.make(start, stop)
        distinct = frame.select(pl.col(SOURCE_ID).unique(maintain_order=True)).to_series()
        hashes = [hashlib.blake2b(text.encode(), key=key, digest_size=_HASH_BYTES).hexdigest() for text in distinct]
        return frame.with_columns(pl.col(SOURCE_ID).replace_strict(distinct, hashes, return_dtype=pl.String))

    return replace(block, make=make)
