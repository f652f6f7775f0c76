"""The product's own indexes on the real server: there when they are needed, never in the way, gone without a trace.

The tests of this file follow each other on one database: each begins and ends with the base alone.
"""

from __future__ import annotations

import signal
from unittest.mock import Mock

import pytest

from importer import cypher
from importer.index_upkeep import create_indexes, drop_indexes, list_indexes
from importer.indexes import Index
from importer.operations import load as load_here
from importer.rollback import count_operation, delete_operation, list_operations_in_database
from synthgen.bundle.read import find_bundle
from synthgen.errors import LoadFailedError, StoppedHalfwayError
from synthgen.events import Event, Phase, Stream
from synthgen.snapshot.read import open_snapshot
from tests.faults.dying import load_until
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

MARKS = {"synthetic", "scale_operation_id", "generation_strategy", "template_source_id"}
NEEDED = {("Resource", name) for name in MARKS}
"""The sample's own schema has indexes on id and type of resources."""


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> dict:
    """A small tenant, planted and exported, and all that its schema is."""
    return {"digest": plant_sample(workshop), "everything": everything(workshop)}


@pytest.fixture(autouse=True)
def _begins_and_ends_with_the_base(workshop: Workshop, base: dict):
    """Before and after each test: content, and every index and constraint of whatever name."""
    assert workshop.digest() == base["digest"]
    yield
    assert workshop.digest() == base["digest"]
    assert everything(workshop) == base["everything"]


def everything(workshop: Workshop) -> list:
    """Give all indexes and constraints; names that the server makes up differ from store to store."""
    return workshop.query(
        "SHOW INDEXES YIELD name, type, labelsOrTypes, properties WHERE type <> 'LOOKUP'"
        " RETURN name, type, labelsOrTypes, properties ORDER BY name") + workshop.query(
        "SHOW CONSTRAINTS YIELD name, type RETURN name, type ORDER BY name")


def load(workshop: Workshop, mode: str, *options: str) -> tuple[str, dict]:
    """Generate an operation and load it."""
    operation_id = workshop.do("synthgen generate --strategy template --scale-factor 2")["operation_id"]
    return operation_id, workshop.do(f"importer load {operation_id} --mode {mode}", *options)


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_they_come_with_the_first_load_and_go_with_the_last_rollback(workshop, base, mode):
    """Where the user has one that serves ours is not made; exports do not see ours; the schema ends as it was."""
    schema = workshop.schema()
    operation_id, loaded = load(workshop, mode)
    assert workshop.own_indexes() == NEEDED
    assert workshop.schema() == schema
    assert len(loaded["indexes"]["created"]) == len(NEEDED)
    assert len(loaded["indexes"]["served"]) == 2
    assert loaded["indexes"]["failed"] == {}
    listed = workshop.do("importer list --indexes")["indexes"]
    assert {(one["label"], one["property_name"], one["state"]) for one in listed} == {
        (*pair, "ONLINE") for pair in NEEDED}
    assert all(one["bytes"] > 0 for one in listed)
    assert workshop.do(f"importer validate {operation_id}")["passed"]
    workshop.do("synthgen export", "--out", str(workshop.out / f"with-{mode}"))
    kept = {item.name for item in open_snapshot(workshop.out / f"with-{mode}").schema if item.type != "LOOKUP"}
    assert kept == {item.name for item in open_snapshot(workshop.out / "base").schema if item.type != "LOOKUP"}

    other, _ = load(workshop, "offline")
    assert workshop.own_indexes() == NEEDED
    done = workshop.do(f"importer rollback {operation_id}")
    assert done["dropped_indexes"] == []
    assert workshop.own_indexes() == NEEDED
    cleaned = workshop.do("importer cleanup")
    assert (cleaned["dropped"], cleaned["operations"]) == ([], [other])
    assert len(workshop.do(f"importer rollback {other}")["dropped_indexes"]) == len(NEEDED)


def test_none_are_made_where_nobody_wants_them_and_cleanup_drops_them(workshop, base):
    """--no-indexes makes none; cleanup drops them early only when it is told so, and the next load makes them again."""
    first, loaded = load(workshop, "online", "--no-indexes")
    assert "indexes" not in loaded
    assert workshop.own_indexes() == set()
    second, _ = load(workshop, "online")
    assert workshop.own_indexes() == NEEDED
    assert len(workshop.do("importer cleanup --anyway --dry-run")["dropped"]) == len(NEEDED)
    assert workshop.own_indexes() == NEEDED
    workshop.do("importer cleanup --anyway")
    assert workshop.own_indexes() == set()
    # One of ours on the same label and property would be in the way of it.
    workshop.query("CREATE INDEX mine FOR (n:Resource) ON (n.template_source_id)")
    workshop.query("DROP INDEX mine")
    for operation_id in (second, first):
        workshop.do(f"importer rollback {operation_id}")
    create_indexes(workshop.driver, workshop.address, [Index("Resource", "synthetic")])
    assert len(workshop.do("importer cleanup")["dropped"]) == 1


@pytest.mark.parametrize("moment", ["after WriteOnline", "before AwaitIndexes", "after AwaitIndexes"])
def test_a_load_that_dies_at_its_indexes_goes_on(workshop, base, moment):
    """All rows are written: the same command creates what is missing; and a rollback instead leaves nothing either."""
    operation_id = workshop.do("synthgen generate --strategy random --count 40")["operation_id"]
    assert load_until(workshop, operation_id, moment, "online") == -signal.SIGKILL
    workshop.do(f"importer load {operation_id} --mode online")
    assert workshop.own_indexes() == NEEDED
    workshop.do(f"importer rollback {operation_id}")
    operation_id = workshop.do("synthgen generate --strategy random --count 40")["operation_id"]
    assert load_until(workshop, operation_id, moment, "online") == -signal.SIGKILL
    workshop.do(f"importer rollback {operation_id}")


@pytest.mark.parametrize("ledger", ["gone", "complete"])
def test_indexes_that_went_while_a_load_was_half_way_come_again(workshop, base, ledger, monkeypatch):
    """All was written and the load ended; somebody drops our indexes: the same command makes them."""
    operation_id = workshop.do("synthgen generate --strategy random --count 40")["operation_id"]
    if ledger == "gone":
        assert load_until(workshop, operation_id, "after WriteOnline", "online") == -signal.SIGKILL
    else:
        with monkeypatch.context() as patched:
            patched.setattr("importer.online.remove_batches", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(StoppedHalfwayError):
                load_here(find_bundle(workshop.out, operation_id), workshop.address, mode="online",
                          base=workshop.out / "base")
    assert workshop.one("MATCH (n:__SynthgenBatch {kind: 'complete'}) RETURN count(n)") == (ledger == "complete")
    assert len(drop_indexes(workshop.driver, workshop.address)) == len(NEEDED)
    loaded = workshop.do(f"importer load {operation_id} --mode online")
    assert workshop.own_indexes() == NEEDED
    assert (len(loaded["indexes"]["created"]), loaded["indexes"]["failed"]) == (len(NEEDED), {})
    workshop.do(f"importer rollback {operation_id}")


def test_a_load_that_fails_behind_its_indexes_takes_them_along(workshop, base):
    """A node vanishes before its relationships are written: all is undone, and our indexes, which were there, go."""
    operation_id = workshop.do("synthgen generate --strategy random --count 40")["operation_id"]
    there: list[set] = []

    def spoil(event: Event) -> None:
        if isinstance(event, Phase) and event.phase == "relationships" and not there:
            workshop.query("CALL db.awaitIndexes(60)")
            there.append(workshop.own_indexes() - {("__SynthgenBatch", "operation_id")})
            workshop.query("MATCH (n:Resource {scale_operation_id: $o}) DETACH DELETE n", o=operation_id)

    with pytest.raises(LoadFailedError) as failed:
        load_here(find_bundle(workshop.out, operation_id), workshop.address, mode="online", base=workshop.out / "base",
                  events=Stream(spoil))
    assert there == [NEEDED]
    assert failed.value.facts["undone"] is True
    assert workshop.events(operation_id) == ["generated", "load_started", "load_failed"]


def test_no_marked_node_is_missed_whatever_its_labels(workshop, base):
    """An index finds those with its label; those with others, with several and with none are found, too, each once."""
    driver, address = workshop.driver, workshop.address
    create_indexes(driver, address, [Index(label, "scale_operation_id") for label in ("Resource", "Extra")])
    workshop.query("UNWIND range(1, 20) AS i CREATE (:Resource {scale_operation_id: 'o'})"
                   " CREATE (:Resource:Extra {scale_operation_id: 'o'}) CREATE (:Extra {scale_operation_id: 'o'})"
                   " CREATE (:Other {scale_operation_id: 'o'}) CREATE ({scale_operation_id: 'o'})"
                   " CREATE (:Resource {scale_operation_id: 'p'})-[:T]->(:Other)")
    assert list_operations_in_database(driver, address.database) == {"o": 100, "p": 20}
    assert count_operation(driver, address.database, "o").nodes == 100
    assert (count_operation(driver, address.database, "p").nodes,
            count_operation(driver, address.database, "p").relationships) == (20, 20)
    for text in (cypher.find_marked(["Extra", "Resource"]), cypher.count_operations(["Extra", "Resource"])):
        with driver.session(database=address.database) as session:
            plan = str(session.run(f"EXPLAIN {text}", operation_id="o").consume().plan)
        assert "NodeIndexSeek" in plan or "NodeIndexScan" in plan
    assert delete_operation(driver, address.database, "o").nodes == 100
    assert delete_operation(driver, address.database, "p").nodes == 20
    workshop.query("MATCH (n:Other) DELETE n")
    drop_indexes(driver, address)


def test_an_index_that_cannot_be_filled_is_left_out(workshop, base):
    """A value that is too long for an index is no trouble of the load's: the index goes again, and that is told."""
    driver, address = workshop.driver, workshop.address
    workshop.query("CREATE (:Resource:Long {template_source_id: reduce(s = '', i IN range(0, 5000) | s + 'long')})")
    try:
        done = create_indexes(driver, address, [Index("Resource", name) for name in sorted(MARKS)])
        [(name, reason)] = done.failed.items()
        assert name == Index("Resource", "template_source_id").name
        assert "too large" in reason
        assert {one.property_name for one in list_indexes(driver, address)} == MARKS - {"template_source_id"}
        again = create_indexes(driver, address, [Index("Resource", name) for name in sorted(MARKS)])
        assert (again.created, list(again.failed)) == ((), [name])
    finally:
        drop_indexes(driver, address)
        workshop.query("MATCH (n:Long) DELETE n")
