"""Whether the tables of a snapshot are what its `snapshot.json` and FORMAT.md say; knows no server.

Digests of files are checked by `synthgen.snapshot.read`; this is for snapshots that someone made or edited.
Some rows are read at a time, and memory holds no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.errors import SnapshotError, shown
from synthgen.files import inside
from synthgen.forms import is_name, is_wrong_in_frame
from synthgen.graph import END, START, column
from synthgen.progress import Progress, silent
from synthgen.snapshot.read import SNAPSHOT, Snapshot, StoredNodes, StoredRelationships
from synthgen.types import polars_schema


def check_tables(snapshot: Snapshot, progress: Progress = silent) -> None:
    """Check every row of a snapshot: columns, their types, ends and the form of values.

    Raises:
        SnapshotError: Names the table, the row (from 1), the column and the value of what is wrong first.
    """
    _check_counts(snapshot)
    nodes = int(snapshot.counts["nodes"])
    done, due = 0, nodes + int(snapshot.counts["relationships"])
    for table in snapshot.tables:
        ends = {} if isinstance(table, StoredNodes) else {START: pl.Int64(), END: pl.Int64()}
        if ends or table.types:
            _check_columns(snapshot, table, {**ends, **polars_schema(table.types)})
        row = 0
        for frame in snapshot.batches(table):
            wrong = {name: ~column(name).is_between(0, nodes - 1).fill_null(value=False) for name in ends}
            checks = {name: is_wrong_in_frame(column(name), kind) for name, kind in table.types.items()}
            wrong |= {name: check for name, check in checks.items() if check is not None}
            _check_values(frame, wrong, table, row, nodes)
            row += frame.height
            progress("checking rows", done + row, due)
        done += table.rows


def _check_counts(snapshot: Snapshot) -> None:
    """Check that counts by label and by type are those of the tables, and that names can be names."""
    labels: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for table in snapshot.tables:
        names = table.labels if isinstance(table, StoredNodes) else (table.type,)
        for name in (*names, *table.types):
            if not is_name(name):
                raise _error(SNAPSHOT, f"{table.file} has the name {name!r}, which nothing in Neo4j can have")
        (labels if isinstance(table, StoredNodes) else types).update(dict.fromkeys(names, table.rows))
    for key, count in {"labels": +labels, "types": +types}.items():
        if +Counter(snapshot.counts[key]) != count:
            raise _error(SNAPSHOT, f"its counts say of {key} {snapshot.counts[key]!r}, and its tables {dict(count)!r}")


def _check_columns(
    snapshot: Snapshot, table: StoredNodes | StoredRelationships, due: Mapping[str, pl.DataType]
) -> None:
    path = inside(snapshot.path, table.file)
    try:
        found = dict(pl.read_parquet_schema(path))
        rows = pq.read_metadata(path).num_rows
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise _error(table.file, f"it cannot be read as Parquet: {error}") from error
    for name in [*due, *(found.keys() - due.keys())]:
        if found.get(name) != due.get(name):
            raise _error(table.file, f"the column {name!r} is {found.get(name, 'not there')}, and {SNAPSHOT} wants"
                         f" {due.get(name, 'none')}", column=name)
    if rows != table.rows:
        raise _error(table.file, f"it has {rows:,} rows, and {SNAPSHOT} says {table.rows:,}")


def _check_values(
    frame: pl.DataFrame, wrong: Mapping[str, pl.Expr], table: StoredNodes | StoredRelationships, first: int, nodes: int
) -> None:
    found = frame.select(check.any().alias(f"{number}") for number, check in enumerate(wrong.values()))
    for (name, check), is_wrong in zip(wrong.items(), found.row(0) if wrong else (), strict=True):
        if is_wrong:
            row = int(frame.select(check.fill_null(value=False).arg_true().first()).item())
            value = frame.select(column(name)).row(row)[0]
            why = f"no {table.types[name]}" if name in table.types else f"none of the {nodes:,} nodes, from 0"
            raise _error(f"{table.file}, row {first + row + 1:,}", f"{name!r} is {shown(value)}, {why}",
                         file=table.file, row=first + row + 1, column=name, value=value)


def _error(where: str, what: str, **facts: Any) -> SnapshotError:
    return SnapshotError(f"{where}: {what}", hint=f"export again, or correct the table and what {SNAPSHOT} says of it",
                         **{"file": where, **facts})
