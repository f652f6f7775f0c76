"""Rollback on the real server: exactly the marked nodes go, in bounded transactions, without the bundle."""

from __future__ import annotations

import polars as pl
import pytest

from importer import cypher
from importer.ledger import list_ledgers, record_mark
from importer.lock import hold_lock
from importer.online import OnlineOptions, load_online
from importer.rollback import Deleted, count_operation, delete_operation, list_operations_in_database
from importer.scaling.settings import Scaling
from synthgen.errors import LockedError, RefusedError, StoppedHalfwayError, UsageError
from tests.bundles import OPERATION, OTHER_OPERATION, NodeRows, RelationshipRows, write_bundle
from tests.integration.killable import query, run_killable
from tests.listening import on_phases

pytestmark = pytest.mark.neo4j

SNAPSHOT = ("MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties,"
            " COLLECT { MATCH (n)-[r]->(m) RETURN [type(r), properties(r), properties(m)] AS x"
            " ORDER BY toString(x[2].i) } AS r"
            " ORDER BY toString(properties.scale_operation_id), toString(properties.i)")


@pytest.fixture
def base(database):
    """A base graph with a node of another operation; gives the anchors of the base nodes."""
    rows = query(database, "UNWIND range(0, 9) AS i CREATE (n:Base {i: i}) RETURN id(n) AS id")
    query(database, "MATCH (a:Base {i: 0}) MATCH (b:Base) WHERE b.i > 0 CREATE (a)-[:T {w: b.i}]->(b)")
    query(database, "MATCH (a:Base {i: 3}) CREATE (a)<-[:T]-(:Base {i: 100, scale_operation_id: $other})",
          other=OTHER_OPERATION)
    return pl.DataFrame({"node": list(range(10)), "id": [row["id"] for row in rows]})


def make_bundle(out, nodes=2000):
    """Nodes tied to each other and to the base, with loops."""
    return write_bundle(
        out, [NodeRows(["Base"], {"i": "INTEGER"}, [(1000 + i,) for i in range(nodes)])],
        [RelationshipRows("T", [(i, (i * 3) % nodes) for i in range(nodes)]),
         RelationshipRows("UP", [(i, i % 10) for i in range(nodes)], end_space="base")], anchors=range(10))


def test_rollback_removes_exactly_what_the_load_added(database, base, tmp_path):
    """Base, other operations and the schema are as before; a second rollback finds nothing."""
    driver, address = database
    before = query(database, SNAPSHOT)
    load_online(make_bundle(tmp_path), driver, address.database, base)
    assert count_operation(driver, address.database, OPERATION) == Deleted(2000, 4000)
    assert list_operations_in_database(driver, address.database) == {OPERATION: 2000, OTHER_OPERATION: 1}
    reports = []
    deleted = delete_operation(driver, address.database, OPERATION, batch_rows=500,
                               events=on_phases(lambda *report: reports.append(report)))
    assert deleted == Deleted(2000, 4000)
    assert query(database, SNAPSHOT) == before
    assert query(database, "SHOW CONSTRAINTS YIELD name") == []
    assert delete_operation(driver, address.database, OPERATION) == Deleted(0, 0)
    done = [report[1] for report in reports]
    assert (done[0], done[-1], sorted(done), len(done) > 10) == (0, 2000, done, True)


def test_a_killed_load_can_be_rolled_back_without_its_files(database, base, tmp_path):
    """From a half-way state: nodes, relationships and ledger go."""
    driver, address = database
    before = query(database, SNAPSHOT)
    assert run_killable(database, make_bundle(tmp_path), base, "load", ("relationships", 500))
    deleted = delete_operation(driver, address.database, OPERATION)
    assert deleted.nodes == 2000
    assert 500 <= deleted.relationships < 4000
    assert query(database, SNAPSHOT) == before
    assert list_ledgers(driver, address.database) == {}


def test_a_killed_rollback_is_repeated_and_meanwhile_no_load_goes_on(database, base, tmp_path):
    """Half of the nodes are gone: loading is refused, rolling back again ends with the base."""
    driver, address = database
    before = query(database, SNAPSHOT)
    bundle = make_bundle(tmp_path)
    load_online(bundle, driver, address.database, base)
    assert run_killable(database, bundle, base, "rollback", ("deleting", 500))
    left = count_operation(driver, address.database, OPERATION).nodes
    assert 0 < left < 2000
    with pytest.raises(RefusedError):
        load_online(bundle, driver, address.database, base)
    assert delete_operation(driver, address.database, OPERATION).nodes == left
    assert query(database, SNAPSHOT) == before
    assert load_online(bundle, driver, address.database, base).nodes == 2000


def test_an_interrupted_rollback_says_what_is_left(database, base, tmp_path):
    """Ctrl-C: exit code 4 with the counts; the same call ends the work."""
    driver, address = database
    load_online(make_bundle(tmp_path), driver, address.database, base)

    def interrupt(phase, done, due):
        if done >= 300:
            raise KeyboardInterrupt

    with pytest.raises(StoppedHalfwayError) as stopped:
        delete_operation(driver, address.database, OPERATION, batch_rows=200, events=on_phases(interrupt))
    facts = stopped.value.facts
    assert facts["nodes_left"] == count_operation(driver, address.database, OPERATION).nodes
    assert delete_operation(driver, address.database, OPERATION).nodes == facts["nodes_left"]


def test_a_synthetic_hub_is_deleted_in_bounded_transactions(database, base, tmp_path):
    """A node with many more relationships than a transaction may delete, and one that ties it to itself."""
    driver, address = database
    before = query(database, SNAPSHOT)
    count = 5_000
    bundle = write_bundle(tmp_path, [NodeRows(["Hub"], {}, [()]), NodeRows(["Leaf"], {}, [()] * count)],
                          [RelationshipRows("T", [*((i + 1, 0) for i in range(count)), (0, 0)]),
                           RelationshipRows("B", [(0, i % 10) for i in range(count)], end_space="base")],
                          anchors=range(10))
    load_online(bundle, driver, address.database, base)
    assert delete_operation(driver, address.database, OPERATION, batch_rows=300) == Deleted(count + 1, 2 * count + 1)
    assert query(database, SNAPSHOT) == before


def test_a_node_that_took_over_an_internal_id_is_left_alone(database, base, tmp_path, monkeypatch):
    """Between finding and deleting, marked nodes lose their mark: they are not ours any more and stay."""
    driver, address = database
    load_online(make_bundle(tmp_path, 300), driver, address.database, base)

    def unmark(phase, done, due):
        if done == 0:
            query(database, "MATCH (n {scale_operation_id: $o}) WHERE n.i >= 1200 REMOVE n.scale_operation_id",
                  o=OPERATION)

    assert delete_operation(driver, address.database, OPERATION, events=on_phases(unmark)).nodes == 200
    assert query(database, "MATCH (n:Base) WHERE n.i >= 1000 RETURN count(*) AS c, min(n.i) AS least") == [
        {"c": 100, "least": 1200}]


def test_rollback_waits_for_nobody(database, base):
    """While another run holds the lock, rollback is refused with exit code 11; bounds below 1 are a usage error."""
    driver, address = database
    with hold_lock(driver, address.database, OTHER_OPERATION), pytest.raises(LockedError):
        delete_operation(driver, address.database, OPERATION)
    with pytest.raises(UsageError):
        delete_operation(driver, address.database, OPERATION, batch_rows=0)


def test_a_load_whose_end_was_not_recorded_is_complete(database, base, tmp_path):
    """Killed between the last batch and the removal of the ledger: the next run only removes the ledger."""
    driver, address = database
    bundle = make_bundle(tmp_path, 500)
    load_online(bundle, driver, address.database, base)
    with hold_lock(driver, address.database, OPERATION) as lock:
        record_mark(lock, "complete")
        record_mark(lock, "complete")
    result = load_online(bundle, driver, address.database, base)
    assert (result.nodes, result.relationships, result.resumed) == (0, 0, True)
    assert query(database, f"MATCH (n) WHERE n:{cypher.BATCH_LABEL} OR n:{cypher.LOAD_LABEL} RETURN n") == []


def test_a_hub_is_deleted_with_little_memory(little_database, tmp_path):
    """Transactions that the server has no memory for are cut until they fit."""
    count = 6_000
    bundle = write_bundle(tmp_path, [NodeRows(["Hub"], {}, [()]), NodeRows(["Leaf"], {}, [()] * count)],
                          [RelationshipRows("T", [(i + 1, 0) for i in range(count)])], part_rows=count)
    driver, address = little_database
    load_online(bundle, driver, address.database, pl.DataFrame({"node": [], "id": []}),
                options=OnlineOptions(Scaling.within((100, 1000))))
    assert delete_operation(driver, address.database, OPERATION, batch_rows=20_000) == Deleted(count + 1, count)
    assert query(little_database, "MATCH (n) RETURN count(*) AS c") == [{"c": 0}]
