"""The content digest: order-free, streaming, the same from a snapshot and from a database; pure.

The algorithm is FORMAT.md's, "Content digest": one round of Weisfeiler-Leman colour refinement (Weisfeiler, Leman 1968)
over hashed nodes, summed so that order does not count. Memory: 32 bytes a node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.graph import END, START, column
from synthgen.seeding import U64, mix
from synthgen.types import TYPES

LANES = 2
EMPTY_LIST = "LIST<NOTHING>"
_NAN_BITS = 0x7FF8000000000000


def _salt(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("ascii"), digest_size=8).digest(), "little")


_OUT, _IN, _START, _END, _NODE = (_salt(name) for name in ("out", "in", "start", "end", "node"))


class ContentDigest:
    """Accumulates a graph's digest: first all nodes, then all relationships, then the answer.

    Nodes are numbered in the order in which they are added; relationships name their ends by these numbers.
    """

    def __init__(self) -> None:
        self._hashes: list[U64] = []
        self._own: U64 = np.zeros((0, LANES), np.uint64)
        self._sums: U64 = np.zeros((0, LANES), np.uint64)

    def add_nodes(self, labels: tuple[str, ...], types: Mapping[str, str], frame: pl.DataFrame) -> None:
        """Add nodes that share a label set; columns as `types` says, others are ignored."""
        self._hashes.append(_row_hashes(node_prefix(labels), types, frame))

    def add_relationships(self, type_: str, types: Mapping[str, str], frame: pl.DataFrame) -> None:
        """Add relationships of one type: `:start`, `:end` and the properties of `types`."""
        self._settle_nodes()
        start, end = frame[START].to_numpy(), frame[END].to_numpy()
        own = _row_hashes(f"R{_sized(type_)}|", types, frame)
        np.add.at(self._sums, start, mix(own + mix(self._own[end], _END), _OUT))
        np.add.at(self._sums, end, mix(own + mix(self._own[start], _START), _IN))

    def node_digests(self) -> U64:
        """Give `n1` of every node in order of numbers, shape (nodes, 2)."""
        self._settle_nodes()
        return self._own + self._sums

    def hexdigest(self) -> str:
        """Give the digest of everything added: 32 hex digits."""
        lanes: U64 = mix(self.node_digests(), _NODE).sum(axis=0, dtype=np.uint64)
        return hex_digests(lanes.reshape(1, LANES))[0]

    def _settle_nodes(self) -> None:
        if self._hashes:
            self._own = np.concatenate([self._own, *self._hashes])
            self._hashes = []
            grown = np.zeros_like(self._own)
            grown[: len(self._sums)] = self._sums
            self._sums = grown


def hex_digests(digests: npt.NDArray[np.uint64]) -> list[str]:
    """Write node digests, shape (n, 2), as 32 hex digits each."""
    text = digests.astype("<u8").tobytes().hex()
    return [text[start : start + 32] for start in range(0, len(text), 32)]


def node_prefix(labels: tuple[str, ...]) -> str:
    """Give the text that a node's begins with."""
    return "N" + "".join(_sized(label) for label in sorted(labels)) + "|"


def _sized(text: str) -> str:
    return f"{len(text.encode())}:{text}"


def _row_hashes(prefix: str, types: Mapping[str, str], frame: pl.DataFrame) -> U64:
    if not types:
        one = np.frombuffer(hashlib.blake2b(prefix.encode(), digest_size=16).digest(), "<u8")
        return np.tile(one, (frame.height, 1)).astype(np.uint64)
    properties = [_property_text(name, types[name]) for name in sorted(types)]
    texts = frame.select(pl.concat_str([pl.lit(prefix), *properties]))
    digest = hashlib.blake2b
    hashed = b"".join([digest(text.encode(), digest_size=16).digest() for text in texts.to_series().to_list()])
    return np.frombuffer(hashed, "<u8").reshape(-1, LANES).astype(np.uint64)


def _property_text(name: str, kind: str) -> pl.Expr:
    property_type = TYPES[kind]
    prefix: pl.Expr = pl.lit(f"{_sized(name)}{kind}=")
    if property_type.is_list:
        element = _value_text(pl.element(), property_type.element.name)
        sized = pl.concat_str([element.str.len_bytes().cast(pl.String), pl.lit(":"), element])
        listed = column(name).list.eval(sized).list.join("")
        text = pl.concat_str([column(name).list.len().cast(pl.String), pl.lit("["), listed])
        # An empty list has no element type in Neo4j, so none may count here.
        prefix = pl.when(column(name).list.len() == 0).then(pl.lit(f"{_sized(name)}{EMPTY_LIST}=")).otherwise(prefix)
    else:
        text = _value_text(column(name), kind)
    whole = pl.concat_str([prefix, text.str.len_bytes().cast(pl.String), pl.lit(":"), text, pl.lit(";")])
    return whole.fill_null("")


def _value_text(value: pl.Expr, kind: str) -> pl.Expr:
    if kind == "FLOAT":
        bits = value.reinterpret(dtype=pl.UInt64)
        return pl.when(value.is_nan()).then(pl.lit(_NAN_BITS, dtype=pl.UInt64)).otherwise(bits).cast(pl.String)
    if kind == "BYTES":
        return value.bin.encode("hex")
    return value.cast(pl.String)
