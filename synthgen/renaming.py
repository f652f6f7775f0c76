"""The rows of clones: base rows with new ids and names that agree with each other; pure.

A base id is cut behind every prefix that is itself the id of a cloned node, so that a copied subnet's id begins with
its copied virtual network's. At each cut stands a token of the operation and the number of the clone meant. Uniqueness
needs no luck: base ids are unique, or else followed by the node's number, and no two clones of one node have the same
number.
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
from synthgen.metadata import EVERY_NAME, OF_SCENARIO, SCENARIO, SOURCE_ID
from synthgen.profile import Role
from synthgen.seeding import I64, derive_seed, mix, token

GUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_INTEGER_OPERATION_BITS = 31
_NO_CUT = -1


@dataclass(frozen=True, slots=True)
class _Cuts:
    """A text column of a group's members, cut: `pieces[i]` is followed by the token of a clone.

    The last one's is clone c; from there on backwards each modulus that is not 0 wraps the number, as containers that
    contain each other do. A modulus of -1 means no token; without a piece the number is wrapped and not written.
    `guid` marks values that are GUIDs and are made anew whole.
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
        self._containment = containment
        self._seed = derive_seed(seed, operation_id)
        self._token = token(seed, operation_id)
        self._ids = base.texts(base.profile.id)
        self._names = base.texts(base.profile.name_property)
        self._cloned_by_id = self._index_ids()
        cloned = self._ids.filter(pl.Series(clones.group_of >= 0))
        self._repeated = set(cloned.filter(cloned.is_duplicated()))

    def block(self, group: CloneGroup, *, with_source: bool) -> NodeBlock:
        """Make a group of clones a block of nodes; `with_source` adds `template_source_id`."""
        base, table = self._base, self._base.nodes[group.table]
        kept = {name: kind for name, kind in table.types.items() if name not in EVERY_NAME - OF_SCENARIO}
        keys = self._keys(table.labels, kept)
        columns = _without_metadata(table.frame[group.members - table.first], kept)
        cut = {name: self._cut(name, columns[name], group.members) for name, kind in kept.items()
               if kind == "STRING" and (name in keys or name == base.profile.name_property
                                        or name in base.profile.container_names)}
        integers = [name for name in keys if kept[name] == "INTEGER"]
        source = self._source(group.members)
        types = {**kept, SOURCE_ID: "STRING"} if with_source else kept

        def make(start: int, stop: int) -> pl.DataFrame:
            numbers = np.arange(start, stop, dtype=np.int64)
            copy, rank = np.divmod(numbers, len(group.members))
            # Without properties there is nothing to take rows from.
            frame = columns[rank] if kept else pl.DataFrame(height=len(rank))
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
        cuts: list[list[tuple[str | None, int]]] = []
        for node, value in zip(members, values, strict=True):
            if value is None:
                cuts.append([])
            elif name in self._base.profile.container_names:
                cuts.append(self._cut_container_name(int(node), value))
            elif name == self._base.profile.id:
                cuts.append(self._cut_id(value))
                if value in self._repeated:
                    cuts[-1].append((f"-{node}", _NO_CUT))
            else:
                cuts.append([(value, 0)])
        width = max((len(row) for row in cuts), default=0)
        pieces = [pl.Series([row[i][0] if i < len(row) else None for row in cuts], dtype=pl.String)
                  for i in range(width)]
        moduli = [np.array([row[i][1] if i < len(row) else _NO_CUT for row in cuts], np.int64) for i in range(width)]
        return _Cuts(pieces, moduli, guid)

    def _cut_container_name(self, node: int, value: str) -> list[tuple[str | None, int]]:
        container = int(self._containment.container[node])
        cloned = container >= 0 and self._clones.group_of[container] >= 0
        named = self._names[container] if cloned else None
        if named is None or named.lower() != value.lower():
            return [(value, _NO_CUT)]
        between = int(self._containment.parent[node])
        hidden: list[tuple[str | None, int]] = []
        while between != container:
            hidden.insert(0, (None, self._modulus(between)))
            between = int(self._containment.parent[between])
        return [(value, self._modulus(container)), *hidden]

    def _cut_id(self, value: str) -> list[tuple[str | None, int]]:
        cuts: list[tuple[str | None, int]] = []
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
        number = copy
        for position in reversed(range(len(cuts.pieces))):
            piece, modulus = cuts.pieces[position][rank], cuts.moduli[position][rank]
            number = np.where(modulus > 0, number % np.maximum(modulus, 1), number)
            frame[f"p{position}"] = piece
            frame[f"t{position}"] = pl.Series(number).cast(pl.String).set(
                pl.Series(modulus == _NO_CUT) | piece.is_null(), None)
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
        return integer_keys(self._seed, numbers).alias(name)

    def _source(self, members: I64) -> pl.Series:
        numbers = pl.Series("number", members)
        return pl.select(pl.coalesce(self._ids[members], pl.format("node:{}", numbers))).to_series()


def _without_metadata(frame: pl.DataFrame, kept: Mapping[str, str]) -> pl.DataFrame:
    """Give the kept columns; names that scenarios use are a node's own unless a scenario made the node."""
    if SCENARIO not in frame.columns:
        return frame.select(list(kept))
    own = pl.col(SCENARIO).is_null()
    return frame.select(pl.when(own).then(pl.col(name)).alias(name) if name in OF_SCENARIO else pl.col(name)
                        for name in kept)


def integer_keys(seed: int, numbers: I64) -> pl.Series:
    """Make integer keys of the numbers of an operation's nodes, below 2^31; `seed` has 64 bits of the operation."""
    operation = seed >> (64 - _INTEGER_OPERATION_BITS)
    return pl.Series((1 << 62) | (operation << _INTEGER_OPERATION_BITS) | numbers)


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
