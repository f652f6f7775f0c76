"""`importer digest SNAPSHOT`: the digest of a snapshot's own tables, which must be the one that it names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from synthgen.files import file_digest
from synthgen.graph import END, START, Graph, NodeTable, RelationshipTable
from synthgen.snapshot.read import Snapshot
from synthgen.snapshot.write import write_snapshot
from tests.forked import ROOT, run_module
from tests.graphs import CREATED_AT
from tests.tiny import tiny_graph
from tests.workshop import LONGEST_SECONDS


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """The tiny tenant on disk."""
    return write_snapshot(tiny_graph(), tmp_path / "base", created_at=CREATED_AT, source={}, profile="azure")


def run(snapshot: Snapshot, *options: str) -> tuple[int, dict]:
    """Run the command and give its exit code and document."""
    code, document, said = run_module("importer.cli", ["digest", str(snapshot.path), "--json", *options],
                                      environment=os.environ, folder=ROOT, timeout_s=LONGEST_SECONDS)
    assert "Traceback" not in said
    return code, json.loads(document)


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


def digest_of(folder: Path, labels: list[str], ties: list[tuple[int, int]], **properties: list[int]) -> str:
    """Give the digest of nodes with these labels, one each, of which the first have the properties."""
    nodes = [NodeTable((label,), dict.fromkeys(properties, "INTEGER") if not place else {},
                       pl.DataFrame(properties) if properties and not place else pl.DataFrame(height=1))
             for place, label in enumerate(labels)]
    tied = RelationshipTable("T", {}, pl.DataFrame({START: [a for a, _ in ties], END: [b for _, b in ties]}))
    return write_snapshot(Graph(nodes, [tied]), folder, created_at=CREATED_AT, source={}, profile="auto").digest


def test_the_example_and_the_limit_are_what_the_format_says(tmp_path):
    """FORMAT.md's example has its digest; rings of equal nodes are told apart by their nodes only."""
    text = (Path(__file__).resolve().parents[2] / "FORMAT.md").read_text(encoding="utf-8")
    assert f"`{digest_of(tmp_path / 'example', ['A', 'B'], [(0, 1)], k=[1])}`" in text
    six, threes = [(i, (i + 1) % 6) for i in range(6)], [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    equal, different = ["N"] * 6, [f"N{number}" for number in range(6)]
    assert digest_of(tmp_path / "1", equal, six) == digest_of(tmp_path / "2", equal, threes)
    assert digest_of(tmp_path / "3", different, six) != digest_of(tmp_path / "4", different, threes)


def test_a_snapshot_has_no_base_part_of_its_own(snapshot):
    """`--base-only` beside a snapshot is a usage error."""
    code, answer = run(snapshot, "--base-only")
    assert (code, answer["error"]["kind"]) == (2, "UsageError")
