"""Small bundles for tests, written by hand as FORMAT.md says; knows the format, not the writer of the product."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from synthgen.bundle.manifest import (
    ANCHORS,
    Counts,
    Manifest,
    NodeGroup,
    Part,
    Pattern,
    RelationshipGroup,
    Space,
    write_manifest,
)
from synthgen.bundle.read import Bundle, open_bundle
from synthgen.files import file_digest

OPERATION = "scale-20260131T120000-0123abcd"
OTHER_OPERATION = "scale-20260131T120001-4567cdef"
CREATED_AT = "2026-01-31T12:00:00+00:00"
EMPTY_ARRAYS = "__synthgen_empty"
REST = "__synthgen_rest"
MARKS = {"synthetic": "BOOLEAN", "scale_operation_id": "STRING", "generation_strategy": "STRING",
         "generation_timestamp": "STRING"}
HEADERS = {"STRING": "string", "INTEGER": "long", "FLOAT": "double", "BOOLEAN": "boolean", "BYTES": "byte[]",
           "DATE": "date", "LOCAL TIME": "localtime", "ZONED TIME": "time", "LOCAL DATETIME": "localdatetime",
           "ZONED DATETIME": "datetime", "DURATION": "duration", "POINT": "point"}


@dataclass
class NodeRows:
    """A node group to be: `rows` are its properties without the marks, as FORMAT.md's frames hold them."""

    labels: Sequence[str]
    types: Mapping[str, str]
    rows: Sequence[Sequence[Any]]


@dataclass
class RelationshipRows:
    """A relationship group to be: `rows` are start, end, then properties."""

    type: str
    rows: Sequence[Sequence[Any]]
    types: Mapping[str, str] = field(default_factory=dict)
    start_space: Space = "operation"
    end_space: Space = "operation"


def write_bundle(
    out: Path,
    nodes: Sequence[NodeRows],
    relationships: Sequence[RelationshipRows] = (),
    *,
    operation_id: str = OPERATION,
    part_rows: int = 1000,
    anchors: Sequence[int] = (),
) -> Bundle:
    """Write a bundle under `out/operations`; a list or bytes of no element is an empty one, None is absent."""
    folder = out / "operations" / operation_id
    folder.mkdir(parents=True)
    digests: dict[str, str] = {}

    def header(name: str, fields: Sequence[str]) -> str:
        (folder / name).write_text(",".join(fields) + "\n", encoding="utf-8")
        digests[name] = file_digest(folder / name)
        return name

    def parts(stem: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> tuple[Part, ...]:
        return tuple(
            _part(folder, f"{stem}.part-{number:05d}.csv", columns, rows[first:first + part_rows])
            for number, first in enumerate(range(0, len(rows), part_rows))
        )

    node_groups, first = [], 0
    for number, group in enumerate(nodes):
        types = {**MARKS, **group.types}
        marks = (True, operation_id, "random", CREATED_AT)
        stem = f"nodes-{number:03d}"
        rows = [(first + i, *marks, *row) for i, row in enumerate(group.rows)]
        node_groups.append(NodeGroup(
            tuple(group.labels), types, first, len(rows),
            header(f"{stem}.header.csv", [f":ID({operation_id})", *_header_fields(types)]),
            parts(stem, {":id": "INTEGER", **types}, rows)))
        first += len(rows)
    relationship_groups = []
    spaces = {"base": "base", "operation": operation_id}
    for number, tied in enumerate(relationships):
        stem = f"relationships-{number:03d}"
        ends = [f":START_ID({spaces[tied.start_space]})", f":END_ID({spaces[tied.end_space]})"]
        relationship_groups.append(RelationshipGroup(
            tied.type, tied.start_space, tied.end_space, dict(tied.types), len(tied.rows),
            header(f"{stem}.header.csv", [*ends, *_header_fields(tied.types)]),
            parts(stem, {":start": "INTEGER", ":end": "INTEGER", **tied.types}, tied.rows)))
    (folder / ANCHORS).write_text("node,digest\n" + "".join(f"{n},{n:032x}\n" for n in anchors), encoding="utf-8")
    digests[ANCHORS] = file_digest(folder / ANCHORS)
    write_manifest(folder, Manifest(
        operation_id=operation_id, strategy="random", parameters={}, seed=1, created_at=CREATED_AT,
        snapshot={"digest": "0" * 32, "fingerprint": "0" * 64, "nodes": max(anchors, default=-1) + 1,
                  "relationships": 0}, profile={},
        counts=_counts(nodes, relationships), left_out={}, node_groups=tuple(node_groups),
        relationship_groups=tuple(relationship_groups), header_digests=digests,
        history=({"event": "generated", "at": CREATED_AT},)))
    return open_bundle(folder)


def _header(kind: str) -> str:
    return HEADERS[kind[5:-1]] + "[]" if kind.startswith("LIST<") else HEADERS[kind]


def _part(folder: Path, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Part:
    lists = [(i, column) for i, (column, kind) in enumerate(columns.items()) if _is_list(kind)]
    has_rest = any(map(_may_be_odd, columns.values()))
    if lists:
        rows = [(*row, [column for i, column in lists for _ in range(_mentions(row[i]))]) for row in rows]
        columns = {**columns, EMPTY_ARRAYS: "LIST<STRING>"}
    if has_rest:
        empty = [(i, column) for i, (column, kind) in enumerate(columns.items()) if kind == "BYTES"]
        rows = [(*row, _rest([column for i, column in empty if row[i] == b""])) for row in rows]
        columns = {**columns, REST: "STRING"}
    texts = {
        column: [_text(row[i], kind) for row in rows] for i, (column, kind) in enumerate(columns.items())
    }
    # Numbers and booleans stand bare; everything else is quoted, absent values are nothing at all.
    bare = {"INTEGER": pl.Int64(), "BOOLEAN": pl.Boolean()}
    frame = pl.DataFrame(
        [pl.Series(column, [row[i] for row in rows] if kind in bare else texts[column],
                   dtype=bare.get(kind, pl.String())) for i, (column, kind) in enumerate(columns.items())])
    path = folder / name
    frame.write_csv(path, include_header=False, quote_style="non_numeric")
    return Part(name, len(rows), path.stat().st_size, 0, file_digest(path))


def _is_list(kind: str) -> bool:
    return kind.startswith("LIST<")


def _rest(empty: Sequence[str]) -> str | None:
    """Say which properties are no bytes."""
    return json.dumps({name: ["BYTES", ""] for name in empty}, separators=(",", ":")) if empty else None


def _mentions(value: Any) -> int:
    """Say how often a property is named among those that CSV has no form for."""
    if value is None:
        return 0
    return 1 if len(value) == 0 else 2 * (list(value) == [""])


def _header_fields(types: Mapping[str, str]) -> list[str]:
    fields = [f"{name}:{_header(kind)}" for name, kind in types.items()]
    return [*fields, *([f"{EMPTY_ARRAYS}:string[]"] if any(map(_is_list, types.values())) else []),
            *([f"{REST}:string"] if any(map(_may_be_odd, types.values())) else [])]


def _may_be_odd(kind: str) -> bool:
    """Say whether there may be values that import CSV has no form for; of these bundles' only no bytes are one."""
    return kind in {"BYTES", "LIST<STRING>"} or "ZONED" in kind


def _text(value: Any, kind: str) -> str | None:
    if value is None or value == b"" or (_is_list(kind) and _mentions(value)):
        return None
    if kind == "BYTES":
        return "\x1f".join(str(octet - 256 if octet > 127 else octet) for octet in value)
    if kind.startswith("LIST<"):
        return "\x1f".join(_text(element, kind[5:-1]) or "" for element in value)
    spelled: Mapping[str, Callable[[Any], str]] = {
        "BOOLEAN": lambda v: str(v).lower(),
        "FLOAT": lambda v: {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(v), repr(v)),
    }
    return spelled.get(kind, str)(value)


def _counts(nodes: Sequence[NodeRows], relationships: Sequence[RelationshipRows]) -> Counts:
    labels: dict[str, int] = {}
    for group in nodes:
        for label in group.labels:
            labels[label] = labels.get(label, 0) + len(group.rows)
    types: dict[str, int] = {}
    for tied in relationships:
        types[tied.type] = types.get(tied.type, 0) + len(tied.rows)
    total = sum(len(group.rows) for group in nodes)
    patterns = tuple(Pattern((), name, (), count) for name, count in types.items())
    return Counts(total, total, sum(types.values()), 0, labels, {}, types, patterns)
