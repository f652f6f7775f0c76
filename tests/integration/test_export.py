"""An export is of one state of the database, whole or not there at all."""

from __future__ import annotations

import threading
from collections import Counter

import neo4j
import pytest

from synthgen.snapshot.read import open_snapshot
from tests.conftest import empty
from tests.torture import there_and_back
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


@pytest.fixture
def graph(workshop: Workshop) -> Workshop:
    """The workshop, its database empty."""
    empty(workshop.driver, workshop.address.database)
    return workshop


def test_bytes_and_lists_of_integers_under_one_name_come_back(graph):
    """Cypher cannot tell the one from the other; each comes back as what it was, in any combination."""
    either = [b"\x01\x02", [1, 2], b"", [], None]
    graph.query("UNWIND $either AS a UNWIND $either AS b UNWIND [1, 'x'] AS c CREATE (n:N {a: a, b: b, c: c})"
                "-[:T {a: a, b: b, c: c}]->(n)", either=either)
    graph.query("CREATE (:M {a: $raw}), (:O {a: [1, 2]})", raw=b"\x01\x02")
    there_and_back(graph)
    tables = open_snapshot(graph.out / "base").node_tables
    assert {(*table.labels, table.types["a"]) for table in tables if table.labels != ("N",)} == {
        ("M", "BYTES"), ("O", "LIST<INTEGER>")}
    kinds = Counter((table.types["a"], table.types["b"]) for table in tables if table.labels == ("N",))
    assert set(kinds.values()) == {2}, "one table for each type of c"


def test_an_export_while_somebody_writes(graph):
    """A snapshot is of one moment or not there at all: the export fails with 1 and leaves nothing."""
    graph.query("UNWIND range(1, 20000) AS i CREATE (:N {i: i})-[:T]->(:M)")
    done = threading.Event()

    def write() -> None:
        with neo4j.GraphDatabase.driver(graph.address.uri, auth=(graph.address.user, graph.address.password)) as driver:
            while not done.is_set():
                driver.execute_query("CREATE (:Late)")

    writer = threading.Thread(target=write)
    writer.start()
    before = graph.files()
    try:
        answer = graph.run("synthgen export --json --out", str(graph.out / "late"))
    finally:
        done.set()
        writer.join()
    assert (answer.code, answer.error["kind"]) == (1, "ChangedMeanwhileError")
    assert "was written to while it was read" in answer.stderr
    assert graph.files() == before


def test_a_snapshot_is_replaced_on_purpose_only(graph):
    """Without --replace the old one stays, with it the new one takes its place; another folder is never removed."""
    out = str(graph.out / "twice")
    graph.query("CREATE (:N)")
    first = graph.do("synthgen export --out", out)["digest"]
    graph.query("CREATE (:N)")
    refused = graph.run("synthgen export --json --out", out)
    assert (refused.code, "exists already" in refused.stderr) == (1, True)
    assert open_snapshot(graph.out / "twice").digest == first
    second = graph.do("synthgen export --replace --out", out)["digest"]
    assert open_snapshot(graph.out / "twice").digest == second != first
    mine = graph.out / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert graph.run("synthgen export --replace --json --out", str(mine)).code == 1
    assert (mine / "thesis.txt").read_text(encoding="utf-8") == "years of work"
    assert [path.name for path in graph.out.iterdir() if path.name.startswith(".")] == []


def test_a_load_under_way_is_not_exported(graph):
    """While there is a ledger the database is neither the one nor the other: exit code 5, and nothing is written."""
    graph.query("CREATE (:N), (:__SynthgenBatch {operation_id: 'x'})")
    answer = graph.run("synthgen export --json --out", str(graph.out / "half"))
    assert (answer.code, answer.error["kind"]) == (5, "RefusedError")
    assert not (graph.out / "half").exists()


def test_an_empty_database_is_a_base_too(graph):
    """Nothing but a schema: exported, restored, the schema is there."""
    graph.query("CREATE CONSTRAINT FOR (n:A) REQUIRE n.id IS UNIQUE")
    there_and_back(graph)
    assert len(graph.schema()) == 2
