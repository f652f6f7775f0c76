"""What an export reads: row by row what the driver sees, of one state of the database or not at all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import neo4j
import polars as pl
import pytest

from synthgen.database import connect
from synthgen.errors import ChangedMeanwhileError
from synthgen.snapshot import content, export, survey
from synthgen.snapshot.export import digest_database, export_snapshot
from synthgen.snapshot.read import Snapshot, digest_of, open_snapshot
from synthgen.snapshot.state import DatabaseState
from tests.conftest import empty
from tests.listening import on_phases
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j
CLOCK = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def graph(workshop: Workshop) -> Workshop:
    """The workshop, its database empty."""
    empty(workshop.driver, workshop.address.database)
    return workshop


def plant(graph: Workshop) -> None:
    """Make nodes and relationships of every mixture, and delete some so that their internal ids are holes."""
    graph.query("""
        UNWIND range(0, 299) AS i CREATE (n {k: i})
        SET n.mixed = CASE i % 6 WHEN 0 THEN i WHEN 1 THEN 'i' + i WHEN 2 THEN [i, i] WHEN 3 THEN i / 2.0
                      WHEN 4 THEN ['a', '', 'i' + i] END
        SET n.text = CASE i % 3 WHEN 1 THEN 'text ' + i END
        FOREACH (x IN CASE WHEN i % 4 < 2 THEN [1] ELSE [] END | SET n:A)
        FOREACH (x IN CASE WHEN i % 4 IN [1, 2] THEN [1] ELSE [] END | SET n:`B B`)""")
    graph.query("MATCH (n) WHERE n.k % 10 = 5 SET n.mixed = $raw", raw=b"\x00\xff")
    graph.query("MATCH (n) WHERE n.k IN [7, 8, 201] SET n.text = reduce(s = 'x', i IN range(1, 20) | s + s) + n.k")
    graph.query("""
        MATCH (a) MATCH (b) WHERE b.k IN [a.k, (a.k * 7) % 300] OR b.k = 11 AND a.k < 150
        CREATE (a)-[:T {k: a.k, mixed: a.mixed}]->(b), (a)-[:T]->(b), (a)-[:T]->(b), (a)-[:`U U` {text: b.k}]->(b)""")
    graph.query("MATCH (n) WHERE n.k % 3 = 0 OR 100 < n.k < 180 DETACH DELETE n")
    graph.query("MATCH ()-[r:`U U`]->() WHERE r.text % 2 = 0 DELETE r")


def seen_by_the_driver(graph: Workshop) -> tuple[Counter[str], Counter[str]]:
    """Give every node and every relationship as text, as the driver has them."""
    nodes = graph.query("MATCH (n) RETURN labels(n), properties(n)")
    ties = graph.query("MATCH (a)-[r]->(b) RETURN properties(a), type(r), properties(r), properties(b)")
    return (Counter(repr((sorted(labels), told(own))) for labels, own in nodes),
            Counter(repr((told(start), type_, told(own), told(end))) for start, type_, own, end in ties))


def held_by(snapshot: Snapshot) -> tuple[Counter[str], Counter[str]]:
    """Give the same of a snapshot, read from its files by Polars alone."""
    nodes, rows = Counter(), []
    for table in snapshot.node_tables:
        for row in pl.read_parquet(snapshot.path / table.file).to_dicts():
            rows.append(told(row))
            nodes[repr((sorted(table.labels), told(row)))] += 1
    ties: Counter[str] = Counter()
    for table in snapshot.relationship_tables:
        for row in pl.read_parquet(snapshot.path / table.file).to_dicts():
            start, end = rows[row.pop(":start")], rows[row.pop(":end")]
            ties[repr((start, table.type, told(row), end))] += 1
    return nodes, ties


def told(properties: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in properties.items() if value is not None)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense ids", "sparse ids"])
def test_an_export_holds_what_the_driver_sees_row_by_row(graph, monkeypatch, tmp_path, sparse):
    """Mixed types, holes among the ids, parallel relationships, big values, many pages; by either way to the ids."""
    plant(graph)
    for module, name, value in ((survey, "IDS_AT_ONCE", 50), (survey, "IDS_OF_A_SCAN", 300), (content, "_MOST_ROWS", 7),
                                (content, "ROWS_AT_ONCE", 20), (content, "WEIGHT_AT_ONCE", 1_000_000)):
        monkeypatch.setattr(module, name, value)
    if sparse:
        monkeypatch.setattr(survey, "SPARSE", 0)
    address = graph.address
    routed = replace(address, uri=address.uri.replace("bolt://", "neo4j://"))
    snapshot = export_snapshot(routed, tmp_path / "base", now=CLOCK)
    nodes, ties = seen_by_the_driver(graph)
    assert held_by(snapshot) == (nodes, ties)
    assert sum(ties.values()) > 10 * survey.IDS_AT_ONCE
    assert digest_of(snapshot).hexdigest() == snapshot.digest == digest_database(graph.driver, address).digest


def test_records_grow_no_faster_than_what_was_seen(graph, monkeypatch):
    """Light rows may be followed by heavy ones: a record never has more than three times as many as those before it."""
    graph.query("UNWIND range(1, 2500) AS i CREATE (:N {i: i})")
    given = []
    asked = DatabaseState.rows

    def recorded(state: DatabaseState, query: str, **parameters: Any) -> Iterator[list[Any]]:
        if "rows" in parameters:
            given.append((len(parameters["ids"]), parameters["rows"]))
        return asked(state, query, **parameters)

    monkeypatch.setattr(DatabaseState, "rows", recorded)
    assert digest_database(graph.driver, graph.address).nodes == 2500
    assert given == [(200, 20), (2000, 60), (300, 180)]


COMMITS: dict[str, Callable[[Workshop], object]] = {
    "a node": lambda graph: graph.query("CREATE (:N)"),
    "a property": lambda graph: graph.query(
        "MATCH (n:N) WHERE n.i IS NOT NULL WITH n LIMIT 1 SET n.i = n.i + 100"),
    "a relationship less": lambda graph: graph.query("MATCH ()-[r]->() WITH r LIMIT 1 DELETE r"),
    "a label's name": lambda graph: graph.query("CALL db.createLabel($name)", name=f"New {uuid4()}"),
    "an index": lambda graph: graph.query("CREATE INDEX new FOR (n:N) ON (n.i)"),
    "an index less": lambda graph: graph.query("DROP INDEX new"),
}


class Meddler:
    """Does something once, when an export has got to a phase; is a `synthgen.progress.Progress`."""

    def __init__(self, phase: str, deed: Callable[[], object]) -> None:
        self.phase, self.deed, self.phases = phase, deed, []

    def __call__(self, phase: str, done: int, due: int) -> None:
        if phase == self.phase and phase not in self.phases:
            self.deed()
        self.phases.append(phase)


@pytest.fixture
def little_graph(graph: Workshop) -> Workshop:
    """Few nodes and relationships."""
    graph.query("UNWIND range(1, 10) AS i CREATE (:N {i: i})-[:T]->(:M)")
    return graph


def test_every_kind_of_commit_is_noticed(little_graph, tmp_path):
    """Data or schema, from the first look to the last row: the export fails and leaves nothing."""
    for phase in ("finding nodes", "reading relationships"):
        for what, deed in COMMITS.items():
            with pytest.raises(ChangedMeanwhileError):
                export_snapshot(little_graph.address, tmp_path / "base", now=CLOCK,
                                events=on_phases(Meddler(phase, lambda deed=deed: deed(little_graph))))
            assert list(tmp_path.iterdir()) == [], what


def test_a_transaction_that_was_open_before_is_noticed(little_graph, tmp_path):
    """One that began before the export and commits while it reads; one that stays open is none of its business."""
    with little_graph.driver.session() as session, session.begin_transaction() as transaction:
        transaction.run("CREATE (:N)").consume()
        export_snapshot(little_graph.address, tmp_path / "base", now=CLOCK)
        with pytest.raises(ChangedMeanwhileError):
            export_snapshot(little_graph.address, tmp_path / "other", now=CLOCK,
                            events=on_phases(Meddler("reading nodes", transaction.commit)))


def test_a_schema_that_changes_last_is_noticed(little_graph, tmp_path, monkeypatch):
    """An index that is made after the schema was read: it would be missing in the snapshot."""
    def read_then_change(*arguments: Any) -> Any:
        schema = read_schema(*arguments)
        little_graph.query("CREATE INDEX late FOR (n:N) ON (n.i)")
        return schema

    read_schema = export.read_schema
    monkeypatch.setattr(export, "read_schema", read_then_change)
    with pytest.raises(ChangedMeanwhileError):
        export_snapshot(little_graph.address, tmp_path / "base", now=CLOCK)


def test_a_commit_under_way_is_waited_for(graph):
    """A commit has its bookmark before it can be seen: what begins to read in between sees it whole or fails."""
    graph.query("UNWIND range(1, 10) AS i CREATE (:N {i: i})")
    before = marks(graph.driver)
    written = threading.Event()

    def write() -> None:
        with connect(graph.address) as driver:
            driver.execute_query("UNWIND range(1, 30000) AS i CREATE (:N {i: i})-[:T]->(:M)")
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while marks(graph.driver) == before and not written.is_set():
            continue
        found = digest_database(graph.driver, graph.address)
    finally:
        writer.join()
    assert (found.nodes, found.relationships) == (60_010, 30_000)
    assert found.digest == digest_database(graph.driver, graph.address).digest


def marks(driver: neo4j.Driver) -> frozenset[str]:
    with driver.session() as session:
        session.run("RETURN 1").consume()
        return session.last_bookmarks().raw_values


def test_an_export_begins_again_when_asked(little_graph, tmp_path):
    """With retries, an export that was disturbed once is of the state after that; without, it says how to have them."""
    def meddler() -> Meddler:
        return Meddler("reading nodes", lambda: little_graph.query("CREATE (:N)"))

    with pytest.raises(ChangedMeanwhileError) as failed:
        export_snapshot(little_graph.address, tmp_path / "base", now=CLOCK, events=on_phases(meddler()))
    assert "--retries" in failed.value.hint
    once = meddler()
    snapshot = export_snapshot(little_graph.address, tmp_path / "base", now=CLOCK, retries=2, events=on_phases(once))
    assert (snapshot.digest, snapshot.counts["nodes"]) == (little_graph.digest(), 22)
    assert {"reading nodes", "reading nodes (try 2)"} <= set(once.phases)
    assert not any("try 3" in phase for phase in once.phases)
    assert little_graph.do("synthgen export --retries 1 --out", str(tmp_path / "cli"))["digest"] == snapshot.digest
    assert open_snapshot(tmp_path / "cli").digest == snapshot.digest
