"""Writes snapshots, streaming, whole or not at all; knows no server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from synthgen.files import file_digest, whole_folder, write_json
from synthgen.graph import END, START, Graph, SchemaItem, column
from synthgen.metadata import OPERATION_ID
from synthgen.snapshot.digest import ContentDigest
from synthgen.snapshot.read import (
    FORMAT,
    FORMAT_VERSION,
    SNAPSHOT,
    Snapshot,
    StoredNodes,
    StoredRelationships,
    open_snapshot,
)
from synthgen.types import polars_schema


class SnapshotWriter:
    """Takes tables in pieces, nodes before relationships, and keeps counts and digest on the way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digest = ContentDigest()
        self._nodes: list[StoredNodes] = []
        self._relationships: list[StoredRelationships] = []
        self._operations: Counter[str] = Counter()
        self.node_count = 0
        self.relationship_count = 0

    def add_nodes(self, labels: tuple[str, ...], types: Mapping[str, str], frames: Iterator[pl.DataFrame]) -> None:
        """Write one node table from pieces whose columns are those of `types`."""
        file = f"nodes-{len(self._nodes):04}.parquet"
        first = self.node_count

        def watched() -> Iterator[pl.DataFrame]:
            for frame in frames:
                self._digest.add_nodes(labels, types, frame)
                self._count_operations(frame)
                yield frame

        rows = self._write(file, polars_schema(dict(types)), watched())
        self.node_count += rows
        self._nodes.append(StoredNodes(labels, dict(types), rows, first, file, *self._file_facts(file)))

    def add_relationships(self, type_: str, types: Mapping[str, str], frames: Iterator[pl.DataFrame]) -> None:
        """Write one relationship table from pieces whose columns are `:start`, `:end` and those of `types`."""
        file = f"relationships-{len(self._relationships):04}.parquet"

        def watched() -> Iterator[pl.DataFrame]:
            for frame in frames:
                self._digest.add_relationships(type_, types, frame)
                yield frame

        rows = self._write(file, {START: pl.Int64(), END: pl.Int64(), **polars_schema(dict(types))}, watched())
        self.relationship_count += rows
        self._relationships.append(StoredRelationships(type_, dict(types), rows, file, *self._file_facts(file)))

    def finish(self, *, created_at: str, source: Mapping[str, Any], schema: Sequence[SchemaItem], profile: Any) -> None:
        """Write `snapshot.json`."""
        labels: Counter[str] = Counter()
        for nodes in self._nodes:
            labels.update(dict.fromkeys(nodes.labels, nodes.rows))
        types: Counter[str] = Counter()
        for relationships in self._relationships:
            types[relationships.type] += relationships.rows
        write_json(self._folder / SNAPSHOT, {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "created_at": created_at,
            "source": dict(source),
            "digest": self._digest.hexdigest(),
            "counts": {"nodes": self.node_count, "relationships": self.relationship_count,
                       "labels": dict(sorted(labels.items())), "types": dict(sorted(types.items()))},
            "operations": dict(sorted(self._operations.items())),
            "schema": [asdict(item) for item in schema],
            "node_tables": [asdict(table) for table in self._nodes],
            "relationship_tables": [asdict(table) for table in self._relationships],
            "profile": profile,
        })

    def _write(self, file: str, schema: Mapping[str, pl.DataType], frames: Iterator[pl.DataFrame]) -> int:
        arrow = pl.DataFrame(schema=schema).to_arrow().schema
        rows = 0
        with pq.ParquetWriter(self._folder / file, arrow, compression="zstd") as writer:
            for frame in frames:
                if schema:
                    writer.write_table(frame.select(map(column, schema)).to_arrow().cast(arrow))
                rows += frame.height
        return rows

    def _file_facts(self, file: str) -> tuple[int, str]:
        path = self._folder / file
        return path.stat().st_size, file_digest(path)

    def _count_operations(self, frame: pl.DataFrame) -> None:
        if OPERATION_ID in frame.columns and frame.schema[OPERATION_ID] == pl.String():
            counted = frame[OPERATION_ID].drop_nulls().value_counts()
            self._operations.update(dict(counted.iter_rows()))


@contextmanager
def new_snapshot(path: Path, *, replace: bool = False) -> Iterator[SnapshotWriter]:
    """Open a writer whose snapshot appears under `path` when the block ends well, in place of one that is replaced.

    Raises:
        SynthError: `path` exists already, or cannot be written.
        SnapshotError: `path` is to be replaced and is not a snapshot.
    """
    if replace and path.exists():
        open_snapshot(path)
    with whole_folder(path, replace=replace) as folder:
        yield SnapshotWriter(folder)


def write_snapshot(graph: Graph, path: Path, *, created_at: str, source: Mapping[str, Any], profile: Any) -> Snapshot:
    """Write a graph held in memory as a snapshot."""
    with new_snapshot(path) as writer:
        for nodes in graph.nodes:
            writer.add_nodes(nodes.labels, nodes.types, iter([nodes.frame]))
        for relationships in graph.relationships:
            writer.add_relationships(relationships.type, relationships.types, iter([relationships.frame]))
        writer.finish(created_at=created_at, source=source, schema=graph.schema, profile=profile)
    return open_snapshot(path)
