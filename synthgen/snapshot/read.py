"""Reads snapshots: `snapshot.json`, its tables and its digest; knows no server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from synthgen.documents import build
from synthgen.errors import SnapshotError
from synthgen.files import file_digest, inside
from synthgen.graph import SchemaItem
from synthgen.progress import Progress, silent
from synthgen.snapshot.digest import ContentDigest
from synthgen.types import check_types

FORMAT = "synthgen-snapshot"
FORMAT_VERSION = 3
SNAPSHOT = "snapshot.json"
ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class StoredNodes:
    """One node table on disk; `first` is its first row's node number."""

    labels: tuple[str, ...]
    types: Mapping[str, str]
    rows: int
    first: int
    file: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class StoredRelationships:
    """One relationship table on disk."""

    type: str
    types: Mapping[str, str]
    rows: int
    file: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An opened snapshot; see FORMAT.md for each field. `fingerprint` identifies these very files."""

    path: Path
    fingerprint: str
    created_at: str
    source: Mapping[str, Any]
    digest: str
    counts: Mapping[str, Any]
    operations: Mapping[str, int]
    schema: tuple[SchemaItem, ...]
    node_tables: tuple[StoredNodes, ...]
    relationship_tables: tuple[StoredRelationships, ...]
    profile: Any

    @property
    def tables(self) -> list[StoredNodes | StoredRelationships]:
        """All tables, nodes first."""
        return [*self.node_tables, *self.relationship_tables]

    def read(self, table: StoredNodes | StoredRelationships) -> pl.DataFrame:
        """Read one table whole."""
        if isinstance(table, StoredNodes) and not table.types:
            # Parquet readers lose the rows of a table without columns.
            return pl.DataFrame(height=table.rows)
        return pl.read_parquet(inside(self.path, table.file), glob=False)

    def batches(self, table: StoredNodes | StoredRelationships, rows: int = ROWS_AT_ONCE) -> Iterator[pl.DataFrame]:
        """Read one table in pieces, in order, so that memory does not grow with it."""
        if isinstance(table, StoredNodes) and not table.types:
            yield pl.DataFrame(height=table.rows)
            return
        if table.rows <= rows:
            yield self.read(table)
            return
        # It loads a module for each kind of file system, which small snapshots need not wait for.
        import pyarrow.parquet as pq  # noqa: PLC0415

        with pq.ParquetFile(inside(self.path, table.file)) as stored:
            for batch in stored.iter_batches(batch_size=rows):
                frame = pl.from_arrow(batch)
                if isinstance(frame, pl.DataFrame):
                    yield frame


@dataclass(frozen=True, slots=True)
class _Counts:
    nodes: int
    relationships: int
    labels: Mapping[str, int]
    types: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Document:
    """`snapshot.json` without its format."""

    created_at: str
    source: Mapping[str, Any]
    digest: str
    counts: _Counts
    operations: Mapping[str, int]
    schema: tuple[SchemaItem, ...]
    node_tables: tuple[StoredNodes, ...]
    relationship_tables: tuple[StoredRelationships, ...]
    profile: Any


def _checked(document: _Document) -> dict[str, Any]:
    """Check that tables follow each other and add up, and give the fields of a `Snapshot`."""
    first = 0
    for nodes in document.node_tables:
        check_types(nodes.types)
        if nodes.first != first or nodes.rows < 0:
            raise TypeError(f"{nodes.file} begins at {nodes.first} instead of {first}")
        first += nodes.rows
    for relationships in document.relationship_tables:
        check_types(relationships.types)
    rows = sum(relationships.rows for relationships in document.relationship_tables)
    if (first, rows) != (document.counts.nodes, document.counts.relationships):
        raise TypeError("its counts are not those of its tables")
    values = {field.name: getattr(document, field.name) for field in fields(document)}
    return {**values, "counts": asdict(document.counts)}


def open_snapshot(path: Path) -> Snapshot:
    """Open a snapshot by its folder; its tables are not read yet.

    Raises:
        SnapshotError: There is none, or it is of another format version, incomplete, or names files outside its folder.
    """
    file = inside(path, SNAPSHOT)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        fingerprint = file_digest(file)
    except (FileNotFoundError, NotADirectoryError):
        raise SnapshotError(f"there is no snapshot in {path}",
                            hint="run `synthgen export`, or `synthgen sample --out DIR` for a made-up one",
                            path=str(path)) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SnapshotError(f"{file} cannot be read: {error}", hint="export again") from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise SnapshotError(f"{file} is not a snapshot", hint="name the folder that `synthgen export` wrote")
    version = document.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise SnapshotError(f"{file} has format version {version}; this program reads {FORMAT_VERSION}",
                            hint="use the version of this program that wrote it, or export again")
    try:
        snapshot = Snapshot(path, fingerprint, **_checked(build(_Document, document)))
    except TypeError as error:
        raise SnapshotError(f"{file} is incomplete or damaged: {error}", hint="export again") from error
    for table in snapshot.tables:
        inside(path, table.file)
    return snapshot


def check_snapshot(snapshot: Snapshot, progress: Progress = silent) -> None:
    """Check every table's file against `snapshot.json`: there, of its length, of its digest.

    Raises:
        SnapshotError: Names the first file that is not what it should be.
    """
    for done, table in enumerate(snapshot.tables, start=1):
        path = inside(snapshot.path, table.file)
        if not path.is_file():
            raise SnapshotError(f"{path} is missing", hint="export again", file=table.file)
        if path.stat().st_size != table.bytes or file_digest(path) != table.digest:
            raise SnapshotError(f"{path} is damaged: it is not what was written", hint="export again", file=table.file)
        progress("checking snapshot", done, len(snapshot.tables))


def digest_of(snapshot: Snapshot) -> ContentDigest:
    """Compute a snapshot's content digest anew from its tables."""
    digest = ContentDigest()
    for nodes in snapshot.node_tables:
        for frame in snapshot.batches(nodes):
            digest.add_nodes(nodes.labels, nodes.types, frame)
    for relationships in snapshot.relationship_tables:
        for frame in snapshot.batches(relationships):
            digest.add_relationships(relationships.type, relationships.types, frame)
    return digest


def verified_digest(snapshot: Snapshot) -> str:
    """Compute a snapshot's content digest anew and give it when it is the one that `snapshot.json` names.

    Raises:
        SnapshotError: It is another one: the snapshot was edited, or its digest is of another format.
    """
    found = digest_of(snapshot).hexdigest()
    if found != snapshot.digest:
        raise SnapshotError(f"the content of {snapshot.path} has the digest {found}, not {snapshot.digest} as its"
                            f" {SNAPSHOT} says", hint="export again", expected=snapshot.digest, found=found)
    return found
