"""The rows of clones: base rows with new ids and names that agree with each other; pure.

A base id is cut behind every prefix that is itself the id of a cloned node, so that a copied subnet's id begins with
its copied virtual network's. At each cut stands a token of the operation and the number of the clone meant. Uniqueness
needs no luck: base ids are unique, and no two clones of one node have the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from synthgen.base import Base
from synthgen.clones import CloneGroup, Clones
from synthgen.containment import Containment
from synthgen.errors import UsageError
from synthgen.growth import NodeBlock
from synthgen.metadata import EVERY_NAME, SOURCE_ID
from synthgen.profile import Role
from synthgen.seeding import I64, derive_seed, mix, token

GUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_INTEGER_OPERATION_BITS = 31
_NO_CUT = -1


@dataclass(frozen=True, slots=True)
class _Cuts:
    """A text column of a group's members, cut: `pieces[i]` is followed by the token of clone `c % moduli[i]`.

    A modulus of 0 means clone c itself, -1 no token. `guid` marks values that are GUIDs and are made anew whole.
    """

    pieces: Sequence[pl.Series]
    moduli: Sequence[I64]
    guid: pl.Series


class Renaming:
    """New ids and names for the clones of one operation."""

    def __init__(
        self, base: Base, clones: Clones, containment: Containment, *, wrapped: bool, operation_id: str, seed: int
    ) -> None:
        self._base = base
        self._clones = clones
        self._wrapped = wrapped
        self._container = containment.container
        self._seed = derive_seed(seed, operation_id)
        self._token = token(seed, operation_id)
        self._ids = base.texts(base.profile.id)
        self._names = base.texts(base.profile.name_property)
        self._cloned_by_id = self._index_ids()

    def block(self, group: CloneGroup, *, with_source: bool) -> NodeBlock:
        """Make a group of clones a block of nodes; `with_source` adds `template_source_id`."""
        base, table = self._base, self._base.nodes[group.table]
        kept = {name: kind for name, kind in table.types.items() if name not in EVERY_NAME}
        keys = self._keys(table.labels, kept)
        rows = group.members - table.first
        columns = table.frame.select(list(kept))[rows]
        cut = {name: self._cut(name, columns[name], group.members) for name, kind in kept.items()
               if kind == "STRING" and (name in keys or name == base.profile.name_property
                                        or name in base.profile.container_names)}
        integers = [name for name in keys if kept[name] == "INTEGER"]
        source = self._source(group.members)
        types = {**kept, SOURCE_ID: "STRING"} if with_source else kept

        def make(start: int, stop: int) -> pl.DataFrame:
            numbers = np.arange(start, stop, dtype=np.int64)
            copy, rank = np.divmod(numbers, len(group.members))
            frame = columns[rank]
            renamed = [self._renamed(name, cuts, group.members[rank], copy, rank) for name, cuts in cut.items()]
            renamed.extend(self._integers(name, group.first + numbers).set(frame[name].is_null(), None)
                           for name in integers)
            if with_source:
                renamed.append(source[rank].alias(SOURCE_ID))
            return frame.with_columns(renamed)

        return NodeBlock(table.labels, types, group.rows, self._resource_counts(group), make)

    def _resource_counts(self, group: CloneGroup) -> Mapping[str, int]:
        if self._base.nodes[group.table].role is not Role.RESOURCE:
            return {}
        counted = pl.DataFrame({"type": self._base.resource_types[group.members],
                                "clones": self._clones.count[group.members]}).group_by("type").sum()
        return {type_: count for type_, count in sorted(counted.iter_rows()) if count}

    def _keys(self, labels: tuple[str, ...], types: Mapping[str, str]) -> set[str]:
        """Find the properties whose values must stay unique: the id, and what a uniqueness constraint covers."""
        keys = {self._base.profile.id} if self._base.profile.id in types else set()
        for item in self._base.snapshot.schema:
            if item.kind == "uniqueness" and item.label in labels and not keys & set(item.properties):
                keys.update(name for name in item.properties if name in types)
        for name in keys:
            if name is not None and types[name] not in {"STRING", "INTEGER"}:
                raise UsageError(
                    f"nodes labelled {':'.join(labels)} cannot be copied: {name!r} is unique and a {types[name]}",
                    hint="only STRING and INTEGER values can be made unique; choose other resource labels in a profile",
                )
        return {name for name in keys if name is not None}

    def _index_ids(self) -> dict[str, int]:
        cloned = np.flatnonzero(self._clones.group_of >= 0)
        return {text.lower(): int(node) for node, text in zip(cloned, self._ids[cloned], strict=True) if text}

    def _modulus(self, node: int) -> int:
        return int(self._clones.count[node]) if self._wrapped else 0

    def _cut(self, name: str, values: pl.Series, members: I64) -> _Cuts:
        is_key = name not in {self._base.profile.name_property, *self._base.profile.container_names}
        guid = values.str.contains(GUID).fill_null(value=False) & is_key
        cuts: list[list[tuple[str, int]]] = []
        for node, value in zip(members, values, strict=True):
            if value is None:
                cuts.append([])
            elif name in self._base.profile.container_names:
                cuts.append(self._cut_container_name(int(node), value))
            elif name == self._base.profile.id:
                cuts.append(self._cut_id(value))
            else:
                cuts.append([(value, 0)])
        width = max((len(row) for row in cuts), default=0)
        pieces = [pl.Series([row[i][0] if i < len(row) else None for row in cuts], dtype=pl.String)
                  for i in range(width)]
        moduli = [np.array([row[i][1] if i < len(row) else _NO_CUT for row in cuts], np.int64) for i in range(width)]
        return _Cuts(pieces, moduli, guid)

    def _cut_container_name(self, node: int, value: str) -> list[tuple[str, int]]:
        container = int(self._container[node])
        cloned = container >= 0 and self._clones.group_of[container] >= 0
        named = self._names[container] if cloned else None
        if named is None or named.lower() != value.lower():
            return [(value, _NO_CUT)]
        return [(value, self._modulus(container))]

    def _cut_id(self, value: str) -> list[tuple[str, int]]:
        cuts: list[tuple[str, int]] = []
        begin = 0
        slash = value.find("/", 1)
        while slash > 0:
            ancestor = self._cloned_by_id.get(value[:slash].lower())
            if ancestor is not None:
                cuts.append((value[begin:slash], self._modulus(ancestor)))
                begin = slash
            slash = value.find("/", slash + 1)
        return [*cuts, (value[begin:], 0)]

    def _renamed(self, name: str, cuts: _Cuts, nodes: I64, copy: I64, rank: I64) -> pl.Series:
        frame: dict[str, pl.Series] = {}
        for position, (pieces, moduli) in enumerate(zip(cuts.pieces, cuts.moduli, strict=True)):
            modulus = moduli[rank]
            index = pl.Series(np.where(modulus > 0, copy % np.maximum(modulus, 1), copy)).cast(pl.String)
            frame[f"p{position}"] = pieces[rank]
            frame[f"t{position}"] = index.set(pl.Series(modulus == _NO_CUT), None)
        texts = pl.DataFrame(frame)
        parts = [part for position in range(len(cuts.pieces)) for part in (
            pl.col(f"p{position}"), pl.format(f"-{self._token}-{{}}", pl.col(f"t{position}")))]
        if not parts:
            return pl.repeat(None, len(rank), dtype=pl.String, eager=True).alias(name)
        joined = pl.concat_str(parts, ignore_nulls=True)
        text = texts.select(pl.when(pl.col("p0").is_not_null()).then(joined)).to_series()
        if cuts.guid.any():
            guids = self._guids(nodes, copy, name)
            text = guids.zip_with(cuts.guid[rank], text)
        return text.alias(name)

    def _guids(self, nodes: I64, copy: I64, name: str) -> pl.Series:
        key = (nodes.astype(np.uint64) << np.uint64(32)) | copy.astype(np.uint64)
        high, low = (mix(key, derive_seed(self._seed, name, half)) for half in ("high", "low"))
        return guid_texts(high, low).alias(name)

    def _integers(self, name: str, numbers: I64) -> pl.Series:
        operation = self._seed >> (64 - _INTEGER_OPERATION_BITS)
        return pl.Series(name, (1 << 62) | (operation << _INTEGER_OPERATION_BITS) | numbers)

    def _source(self, members: I64) -> pl.Series:
        numbers = pl.Series("number", members)
        return pl.select(pl.coalesce(self._ids[members], pl.format("node:{}", numbers))).to_series()


def guid_texts(high: np.ndarray, low: np.ndarray) -> pl.Series:
    """Write pairs of 64-bit values as GUIDs of version 8 (RFC 9562): 122 bits of them count."""
    octets = np.stack([high.astype(">u8"), low.astype(">u8")], axis=1).view(np.uint8).reshape(-1, 16).copy()
    octets[:, 6] = (octets[:, 6] & 0x0F) | 0x80
    octets[:, 8] = (octets[:, 8] & 0x3F) | 0x80
    nibbles = np.stack([octets >> 4, octets & 0x0F], axis=2).reshape(-1, 32)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[nibbles]
    text = np.full((len(digits), 36), ord("-"), np.uint8)
    text[:, [i for i in range(36) if i not in {8, 13, 18, 23}]] = digits
    offsets = np.arange(0, 36 * (len(digits) + 1), 36, dtype=np.int64)
    array = pa.LargeStringArray.from_buffers(len(digits), pa.py_buffer(offsets), pa.py_buffer(text))
    series = pl.from_arrow(array)
    return series if isinstance(series, pl.Series) else series.to_series()
