"""`importer digest SNAPSHOT`: the digest of a snapshot's own tables, which must be the one that it names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from synthgen.files import file_digest
from synthgen.snapshot.read import Snapshot
from synthgen.snapshot.write import write_snapshot
from tests.graphs import CREATED_AT
from tests.tiny import tiny_graph


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """The tiny tenant on disk."""
    return write_snapshot(tiny_graph(), tmp_path / "base", created_at=CREATED_AT, source={}, profile="azure")


def run(snapshot: Snapshot, *options: str) -> tuple[int, dict]:
    """Run the command and give its exit code and document."""
    done = subprocess.run([sys.executable, "-m", "importer.cli", "digest", str(snapshot.path), "--json", *options],
                          capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_digest_of_a_snapshot_is_the_one_it_names(snapshot):
    """No database is asked: the tables themselves are read."""
    code, document = run(snapshot)
    assert (code, document["digest"], document["nodes"]) == (0, snapshot.digest, snapshot.counts["nodes"])


def test_a_snapshot_with_another_content_is_noticed(snapshot):
    """A table that was edited, with its file's digest put right: both digests are named."""
    [table, *_] = [one for one in snapshot.node_tables if "name" in one.types]
    file = snapshot.path / table.file
    pl.read_parquet(file).with_columns(pl.lit("another").alias("name")).write_parquet(file)
    document = json.loads((snapshot.path / "snapshot.json").read_text(encoding="utf-8"))
    [stored] = [one for one in document["node_tables"] if one["file"] == table.file]
    stored |= {"bytes": file.stat().st_size, "digest": file_digest(file)}
    (snapshot.path / "snapshot.json").write_text(json.dumps(document), encoding="utf-8")
    code, answer = run(snapshot)
    assert (code, answer["error"]["kind"], answer["error"]["expected"]) == (1, "SnapshotError", snapshot.digest)
    assert answer["error"]["found"] != snapshot.digest


def test_a_snapshot_has_no_base_part_of_its_own(snapshot):
    """`--base-only` beside a snapshot is a usage error."""
    code, answer = run(snapshot, "--base-only")
    assert (code, answer["error"]["kind"]) == (2, "UsageError")
