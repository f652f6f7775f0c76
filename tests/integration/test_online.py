"""Loads on the real server: exactly the manifest's content, whatever happens on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import neo4j
import polars as pl
import pytest
from neo4j.exceptions import IncompleteCommit

from importer import cypher, ledger, lock
from importer.batches import Source
from importer.ledger import create_constraint, list_ledgers
from importer.lock import Lock, hold_lock
from importer.online import OnlineOptions, load_online
from importer.parts import Done, Nodes, due_nodes, open_first
from importer.resilience import DEFAULTS
from importer.rollback import count_operation, delete_operation
from importer.scaling.settings import Scaling
from importer.writing import write_batch
from synthgen.database import connect
from synthgen.errors import BundleError, LoadFailedError, LockedError, RefusedError, StoppedHalfwayError
from synthgen.events import Batch, Retry, Stream
from synthgen.owners import this_host
from synthgen.snapshot.values import point_text
from synthgen.types import TYPES
from tests.bundles import OPERATION, OTHER_OPERATION, NodeRows, RelationshipRows, write_bundle
from tests.integration.killable import query, run_killable
from tests.listening import on_phases

pytestmark = pytest.mark.neo4j

SMALL = OnlineOptions(Scaling.within((100, 100), (3, 3)))


def make_base(database, count=3):
    """Create base nodes and give the anchors that find them."""
    ids = query(database, "UNWIND range(0, $last) AS i CREATE (n:Region {i: i}) RETURN id(n) AS id", last=count - 1)
    return pl.DataFrame({"node": [10 * i for i in range(count)], "id": [row["id"] for row in ids]})


def mixed_bundle(out, nodes=3000, **options):
    """Two node groups; a self-type with parallel relationships and loops, ends in both spaces, properties."""
    ties = [(i, (i * 7 + 1) % nodes, k) for k, i in enumerate([*range(nodes), *range(0, nodes, 3), *range(50)])]
    ties += [(i, i, len(ties) + i) for i in range(20)]
    return write_bundle(
        out,
        [NodeRows(["Resource", "Odd `label\\u0060"], {"x": "INTEGER", "na`me": "STRING"},
                  [(i, f'n {i}, "quoted"\n') for i in range(nodes)]),
         NodeRows(["Group"], {}, [()] * 40)],
        [RelationshipRows("TIED TO", ties, {"k": "INTEGER"}),
         RelationshipRows("IN", [(i, 10 * (i % 3), 7.5) for i in range(nodes)], {"w": "FLOAT"}, end_space="base"),
         RelationshipRows("HOLDS", [(10, nodes + i) for i in range(40)], start_space="base")],
        anchors=(0, 10, 20), **options)


def content(database):
    """All that `mixed_bundle` should have become, as plain data."""
    return {
        "nodes": query(database, "MATCH (n:Resource) RETURN n.x AS x, n.`na``me` AS name, count(*) AS c ORDER BY x"),
        "groups": query(database, "MATCH (n:Group) RETURN count(*) AS c, count(DISTINCT n.scale_operation_id) AS o"),
        "ties": query(database, "MATCH (a)-[r:`TIED TO`]->(b) RETURN r.k AS k, a.x AS a, b.x AS b ORDER BY k"),
        "in": query(database, "MATCH (a)-[r:IN]->(b:Region) RETURN a.x AS a, b.i AS b, r.w AS w ORDER BY a"),
        "holds": query(database, "MATCH (:Region {i: 1})-[r:HOLDS]->(:Group) RETURN count(*) AS c"),
        "all": query(database, "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(DISTINCT n) AS n, count(r) AS r"),
    }


def expected_content(nodes=3000):
    """What `content` gives after a complete load."""
    ties = [(i, (i * 7 + 1) % nodes, k) for k, i in enumerate([*range(nodes), *range(0, nodes, 3), *range(50)])]
    ties += [(i, i, len(ties) + i) for i in range(20)]
    return {
        "nodes": [{"x": i, "name": f'n {i}, "quoted"\n', "c": 1} for i in range(nodes)],
        "groups": [{"c": 40, "o": 1}],
        "ties": [{"k": k, "a": a, "b": b} for a, b, k in ties],
        "in": [{"a": i, "b": i % 3, "w": 7.5} for i in range(nodes)],
        "holds": [{"c": 40}],
        "all": [{"n": nodes + 43, "r": len(ties) + nodes + 40}],
    }


@pytest.mark.parametrize("options", [OnlineOptions(), SMALL], ids=["adaptive", "small"])
def test_a_load_writes_exactly_the_bundle(database, tmp_path, options):
    """Every node and relationship is there once with its properties; neither ledger nor schema is left."""
    driver, address = database
    anchors = make_base(database)
    reports = []
    result = load_online(mixed_bundle(tmp_path), driver, address.database, anchors, options=options,
                         events=on_phases(lambda *report: reports.append(report)))
    assert content(database) == expected_content()
    assert (result.nodes, result.relationships, result.resumed) == (3040, 7110, False)
    assert query(database, "SHOW CONSTRAINTS YIELD name") == []
    for phase, due in (("nodes", 3040), ("relationships", 7110)):
        done = [report[1] for report in reports if report[0] == phase]
        assert (done[0], done[-1], sorted(done)) == (0, due, done)


def test_batches_of_every_size_share_a_plan(database, tmp_path, monkeypatch):
    """The server plans a text anew for each order of length of a list that is a parameter: 20 ms and more."""
    sent = {}
    run = neo4j.Transaction.run

    def recorded(transaction, text, parameters=None, **named):
        if "UNWIND" in text:
            sent.setdefault(text, []).append({**(parameters or {}), **named})
        return run(transaction, text, parameters, **named)

    driver, address = database
    anchors = make_base(database)
    monkeypatch.setattr(neo4j.Transaction, "run", recorded)
    load_online(mixed_bundle(tmp_path), driver, address.database, anchors,
                options=OnlineOptions(Scaling.within((700, 700), (1, 1))))
    sizes = {len(parameters["batch"]["lists"]) for of_text in sent.values() for parameters in of_text}
    assert 700 in sizes
    assert min(sizes) < 100
    assert not [value for of_text in sent.values() for parameters in of_text for value in parameters.values()
                if isinstance(value, list)]


def test_a_load_that_was_complete_is_not_repeated(database, tmp_path):
    """Loading what is there already, with the ledger gone, writes nothing."""
    driver, address = database
    anchors, bundle = make_base(database), mixed_bundle(tmp_path)
    load_online(bundle, driver, address.database, anchors)
    result = load_online(bundle, driver, address.database, anchors)
    assert (result.nodes, result.relationships, result.resumed) == (0, 0, True)
    assert content(database) == expected_content()


def test_nodes_that_no_ledger_explains_are_refused(database, tmp_path):
    """Some nodes of the operation without a ledger: nobody can say what is missing."""
    driver, address = database
    anchors = make_base(database)
    query(database, "CREATE (:Resource {scale_operation_id: $operation})", operation=OPERATION)
    with pytest.raises(RefusedError) as refused:
        load_online(mixed_bundle(tmp_path), driver, address.database, anchors)
    assert refused.value.facts["nodes"] == 1
    assert query(database, "SHOW CONSTRAINTS YIELD name") == []


@pytest.mark.parametrize("until", [("nodes", 500), ("relationships", 1), ("relationships", 4000)], ids=str)
def test_a_killed_load_goes_on(database, tmp_path, until):
    """SIGKILL in the middle, then again with another batch size: nothing twice, nothing missing."""
    driver, address = database
    anchors, bundle = make_base(database), mixed_bundle(tmp_path)
    assert run_killable(database, bundle, anchors, "load", until)
    assert OPERATION in list_ledgers(driver, address.database)
    result = load_online(bundle, driver, address.database, anchors, options=OnlineOptions(Scaling.within((100, 777))))
    assert result.resumed
    assert 0 < result.nodes + result.relationships < 10_150 - until[1]
    assert content(database) == expected_content()
    assert list_ledgers(driver, address.database) == {}


def test_an_interrupted_load_says_so_and_goes_on(database, tmp_path):
    """Ctrl-C: running batches end, exit code 4, the same call finishes the work."""
    driver, address = database
    anchors, bundle = make_base(database), mixed_bundle(tmp_path)

    def interrupt(phase, done, due):
        if phase == "relationships" and done > 1000:
            raise KeyboardInterrupt

    with pytest.raises(StoppedHalfwayError) as stopped:
        load_online(bundle, driver, address.database, anchors, options=SMALL, events=on_phases(interrupt))
    assert stopped.value.exit_code == 4
    assert stopped.value.facts["nodes_written"] == 3040
    assert load_online(bundle, driver, address.database, anchors).resumed
    assert content(database) == expected_content()


def test_a_load_that_stops_while_its_ledger_goes_leaves_nothing(database, tmp_path, monkeypatch):
    """Stopped when the records are gone but not their constraint: the same call removes that, too."""
    driver, address = database
    anchors, bundle = make_base(database), mixed_bundle(tmp_path, 300)

    def interrupt(lock):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "drop_constraint", interrupt)
        with pytest.raises(StoppedHalfwayError):
            load_online(bundle, driver, address.database, anchors)
    assert [one.records for one in list_ledgers(driver, address.database).values()] == [1]
    assert load_online(bundle, driver, address.database, anchors).nodes == 0
    assert query(database, "SHOW CONSTRAINTS YIELD name") == []
    assert list_ledgers(driver, address.database) == {}


def test_the_lock_of_a_run_that_ended_without_its_server_is_free(database, monkeypatch):
    """It could not be given back, as the server was gone: the next run of the same process takes it at once."""
    driver, address = database

    def be_gone(self, *further, **settings):
        raise neo4j.exceptions.ServiceUnavailable("gone")

    with monkeypatch.context() as patched, hold_lock(driver, address.database, OTHER_OPERATION):
        patched.setattr(Lock, "write", be_gone)
    assert query(database, f"MATCH (n:{cypher.LOAD_LABEL}) RETURN count(*) AS c") == [{"c": 1}]
    with hold_lock(driver, address.database, OPERATION) as held:
        held.check()
    assert query(database, f"MATCH (n:{cypher.LOAD_LABEL}) RETURN n") == []


def test_a_lost_answer_to_a_commit_writes_nothing_twice(database, tmp_path, monkeypatch):
    """Every third commit happens without our learning it; the retry finds the record and goes on."""
    driver, address = database
    anchors = make_base(database)
    commit, calls, guard = neo4j.Transaction.commit, [0], threading.Lock()

    def forgetful(self):
        commit(self)
        with guard:
            calls[0] += 1
            lost = calls[0] % 3 == 0
        if lost:
            raise IncompleteCommit("the connection broke")

    monkeypatch.setattr(neo4j.Transaction, "commit", forgetful)
    result = load_online(mixed_bundle(tmp_path), driver, address.database, anchors, options=SMALL)
    monkeypatch.undo()
    assert result.retries > 10
    assert content(database) == expected_content()


def first_batch(bundle, anchors, rows):
    """Give the first batch of nodes of a bundle."""
    source = Source(due_nodes(bundle, Done(), lambda: open_first(bundle)))
    assert Nodes.before_load(bundle, anchors).ids.size == bundle.manifest.counts.nodes
    return source.take(rows, busy=0, writers=1)


def test_a_committed_batch_is_not_written_again(database, tmp_path):
    """Writing a batch a second time changes nothing and gives the same internal ids."""
    driver, address = database
    batch = first_batch(mixed_bundle(tmp_path), make_base(database), 150)
    with hold_lock(driver, address.database, OPERATION) as held:
        create_constraint(held)
        first = write_batch(batch, held, held.transactions(DEFAULTS))
        second = write_batch(batch, held, held.transactions(DEFAULTS))
    assert second.ids == first.ids
    assert query(database, "MATCH (n:Resource) RETURN count(*) AS c") == [{"c": 150}]
    assert query(database, "UNWIND $ids AS i MATCH (n) WHERE id(n) = i RETURN n.x AS x", ids=first.ids) == [
        {"x": i} for i in range(150)]


def test_of_several_lockers_one_wins(database):
    """Threads that claim the lock at the same moment: never two, never none, and the losers are told so."""
    driver, address = database
    for _ in range(12):
        barrier, inside, most, outcomes = threading.Barrier(4), [], [], []

        def claim(barrier=barrier, inside=inside, most=most, outcomes=outcomes):
            barrier.wait()
            try:
                with hold_lock(driver, address.database, OPERATION):
                    inside.append(1)
                    most.append(len(inside))
                    barrier.wait()
                    inside.pop()
                    outcomes.append("held")
            except LockedError as error:
                outcomes.append(error.exit_code)
                barrier.wait()

        threads = [threading.Thread(target=claim) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [1]
        assert sorted(outcomes, key=str) == [11, 11, 11, "held"]
    assert query(database, "MATCH (n) RETURN n") == []


def plant_lock(database, owner, age_s=0):
    """Leave the lock of another run in the database."""
    query(database, f"CREATE (:{cypher.LOAD_LABEL} {{name: 'lock', operation_id: $operation, owner: $owner,"
          " since: datetime(), heartbeat: timestamp() - $age * 1000})", operation=OTHER_OPERATION, owner=owner,
          age=age_s)


def dead_process():
    """Give the number of a process that ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


@pytest.mark.parametrize(("owner", "age_s"), [
    (f"{this_host()}:{dead_process()}:00000000", 0),
    ("elsewhere.example:1:00000000", lock.STALE_SECONDS + 1),
], ids=["dead process of this host", "no sign of life"])
def test_a_dead_owners_lock_is_taken_over(database, owner, age_s):
    """The lock of a run that is gone holds nobody up."""
    driver, address = database
    plant_lock(database, owner, age_s)
    with hold_lock(driver, address.database, OPERATION) as held:
        held.check()
    assert query(database, f"MATCH (n:{cypher.LOAD_LABEL}) RETURN n") == []


@pytest.mark.parametrize("owner", [f"{this_host()}:{os.getpid()}:00000000", "elsewhere.example:1:00000000"],
                         ids=["live process of this host", "signs of life elsewhere"])
def test_a_live_owners_lock_is_respected(database, owner):
    """Exit code 11, and the message names who holds the lock for which operation."""
    driver, address = database
    plant_lock(database, owner)
    with pytest.raises(LockedError) as locked, hold_lock(driver, address.database, OPERATION):
        pass
    assert locked.value.facts["operation_id"] == OTHER_OPERATION
    assert query(database, f"MATCH (n:{cypher.LOAD_LABEL}) RETURN n.owner AS owner") == [{"owner": owner}]


def test_a_run_whose_lock_was_taken_over_writes_nothing(database, tmp_path):
    """A run that slept past its lock: its open transaction is ended, its next batch refused."""
    driver, address = database
    batch = first_batch(mixed_bundle(tmp_path), make_base(database), 150)
    with connect(address) as second:
        sleeper = Lock(second, address.database, OPERATION, "elsewhere.example:1:00000000", threading.Event())
        plant_lock(database, sleeper.owner, lock.STALE_SECONDS + 1)
        with second.session(database=address.database) as session:
            transaction = session.begin_transaction(metadata=sleeper.metadata)
            transaction.run("CREATE (:Resource)").consume()
            with hold_lock(driver, address.database, OPERATION):
                with pytest.raises(LockedError):
                    write_batch(batch, sleeper, sleeper.transactions(DEFAULTS))
                with pytest.raises(neo4j.exceptions.Neo4jError):
                    transaction.commit()
    assert query(database, "MATCH (n:Resource) RETURN count(*) AS c") == [{"c": 0}]


def test_a_base_node_that_vanished_ends_the_load(database, tmp_path):
    """The batch that misses an end is undone; the load says what is missing and can be rolled back."""
    driver, address = database
    anchors, bundle = make_base(database), mixed_bundle(tmp_path)
    query(database, "MATCH (n:Region {i: 2}) DELETE n")
    with pytest.raises(LoadFailedError) as failed:
        load_online(bundle, driver, address.database, anchors, options=OnlineOptions(Scaling.within(writers=(1, 1))))
    assert failed.value.facts["internal_ids"] == [anchors["id"][2]]
    recorded = query(database, f"MATCH (b:{cypher.BATCH_LABEL} {{kind: 'relationships'}}) RETURN sum(b.rows) AS c")
    assert query(database, "MATCH ()-[r]->() RETURN count(r) AS c") == recorded
    deleted = delete_operation(driver, address.database, OPERATION)
    assert deleted.nodes == 3040
    assert query(database, "MATCH (n) RETURN labels(n) AS labels, count(*) AS c") == [{"labels": ["Region"], "c": 2}]


def test_an_anchor_that_is_not_given_is_a_bundle_error(database, tmp_path):
    """A relationship to a base node that the caller did not find."""
    driver, address = database
    anchors = make_base(database)
    with pytest.raises(BundleError) as failed:
        load_online(mixed_bundle(tmp_path), driver, address.database, anchors.head(2))
    assert failed.value.facts["node"] == 20


def test_a_constraint_of_the_users_ends_the_load(database, tmp_path):
    """A value that the user's schema forbids is told, not taken for a batch that was written before."""
    driver, address = database
    anchors = make_base(database)
    query(database, "CREATE CONSTRAINT mine FOR (n:Resource) REQUIRE n.x IS UNIQUE")
    query(database, "CREATE (:Resource {x: 1500})")
    with pytest.raises(LoadFailedError, match="1500"):
        load_online(mixed_bundle(tmp_path), driver, address.database, anchors)


def test_a_hub_is_loaded_without_trouble(database, tmp_path):
    """20,000 relationships on one base node beside others: all there, no retry."""
    driver, address = database
    count = 20_000
    anchors = make_base(database, 1)
    bundle = write_bundle(
        tmp_path, [NodeRows(["A"], {"x": "INTEGER"}, [(i,) for i in range(count)])],
        [RelationshipRows("IN", [(i, 0) for i in range(count)], end_space="base"),
         RelationshipRows("NEXT", [(i, (i + 1) % count) for i in range(count)])],
        anchors=(0,), part_rows=count)
    options = OnlineOptions(Scaling.within(writers=(4, 4)))
    result = load_online(bundle, driver, address.database, anchors, options=options)
    assert query(database, "MATCH (n:Region) RETURN COUNT { (n)<--() } AS c") == [{"c": count}]
    assert query(database, "MATCH (a)-[:NEXT]->(b) WHERE b.x = (a.x + 1) % $n RETURN count(*) AS c", n=count) == [
        {"c": count}]
    assert result.retries == 0


VALUES = {
    "BOOLEAN": [True, False], "INTEGER": [0, -(2**63), 2**63 - 1],
    "FLOAT": [0.0, -0.0, 1e308, 5e-324, float("inf"), float("-inf"), 0.1],
    "STRING": ["", " a ", "q\"'`\\u0060\n\r\n,;é😀", "true", "12"],
    "BYTES": [b"\x00\x7f\x80\xff", b""],
    "DATE": ["2024-02-29", "-0044-03-15", "+123456-01-01"],
    "LOCAL TIME": ["12:34:56.123456789", "00:00:00"],
    "ZONED TIME": ["12:34:56.123456789+02:00", "00:00:00Z"],
    "LOCAL DATETIME": ["2024-02-29T12:34:56.123456789"],
    "ZONED DATETIME": ["2024-02-29T12:34:56.123456789+01:00[Europe/Berlin]", "2024-02-29T12:34:56.5Z"],
    "DURATION": ["P1Y2M3DT4H5M6.789S", "PT0S", "P-1DT0.000000001S"],
    "POINT": ["{srid:4326,x:12.5,y:55.75}", "{srid:9157,x:1.0,y:-2.5,z:1e-05}"],
}


def as_held(value):
    """Give a value of the driver's as frames hold it: points as text."""
    if isinstance(value, list):
        return [as_held(element) for element in value]
    return point_text(value) if isinstance(value, neo4j.spatial.Point) else value


def test_every_property_type_arrives_exact(database, tmp_path):
    """What Cypher reads back, in the form frames hold, is what the bundle has: scalars, lists, absent, constant."""
    driver, address = database
    types, rows = {}, []
    for kind in VALUES:
        types |= {f"{kind} one": kind, f"{kind} constant": kind}
        if kind != "BYTES":
            types[f"{kind} list"] = f"LIST<{kind}>"
    for i in range(8):
        row = {}
        for kind, values in VALUES.items():
            row |= {f"{kind} one": values[i] if i < len(values) else None, f"{kind} constant": values[0]}
            if kind != "BYTES":
                # Neo4j has no list of points of several coordinate systems.
                row[f"{kind} list"] = (None, values[:1] * 2 if kind == "POINT" else values, [])[i % 3]
        rows.append(tuple(row[name] for name in types))
    relationships = [(i, i, *row) for i, row in enumerate(rows)]
    bundle = write_bundle(tmp_path, [NodeRows(["T"], {**types, "i": "INTEGER"}, [(*r, i) for i, r in enumerate(rows)])],
                          [RelationshipRows("R", relationships, types)])
    load_online(bundle, driver, address.database, make_base(database))
    for owner in ("n", "r"):
        read = ", ".join(TYPES[kind].read.replace("{p}", f"{owner}.`{name}`") + f" AS `{name}`"
                         for name, kind in types.items())
        found = query(database, f"MATCH (n:T)-[r:R]->(n) RETURN {read} ORDER BY n.i")
        for got, expected in zip(found, rows, strict=True):
            assert {name: repr(as_held(value)) for name, value in got.items()} == {
                name: repr(value) for name, value in zip(types, expected, strict=True)}


def test_a_server_with_little_memory_gets_smaller_batches(little_database, tmp_path):
    """Batches that do not fit its transaction memory are cut, later ones are smaller, and the load succeeds."""
    driver, address = little_database
    bundle = write_bundle(tmp_path, [NodeRows(["A"], {f"p{i}": "STRING" for i in range(6)},
                                              [tuple(f"{i:0100}" for _ in range(6)) for i in range(5_000)])],
                          [RelationshipRows("R", [(i, 4_999 - i) for i in range(5_000)])], part_rows=20_000)
    result = load_online(bundle, driver, address.database, pl.DataFrame({"node": [], "id": []}),
                         options=OnlineOptions(Scaling.within((100, 10_000), (1, 2))))
    counted = count_operation(driver, address.database, OPERATION)
    assert (counted.nodes, counted.relationships) == (5_000, 5_000)
    assert result.retries > 0
    assert any("too large" in decision.reason for decision in result.decisions)


def test_a_size_that_was_too_large_fails_once_for_a_batch(little_database, tmp_path):
    """The rest of the batch is cut to what is known by then, and its rows keep their order and their ids."""
    driver, address = little_database
    bundle = write_bundle(tmp_path, [NodeRows(["A"], {"x": "INTEGER", **{f"p{i}": "STRING" for i in range(6)}},
                                              [(i, *(f"{i:0100}" for _ in range(6))) for i in range(5_000)])],
                          [RelationshipRows("R", [(i, 4_999 - i) for i in range(5_000)])], part_rows=20_000)
    told = []
    load_online(bundle, driver, address.database, pl.DataFrame({"node": [], "id": []}), events=Stream(told.append),
                options=OnlineOptions(Scaling.within((5_000, 5_000), (1, 1))))
    nodes = told[:1 + max(i for i, one in enumerate(told) if isinstance(one, Batch) and one.kind == "nodes")]
    failed = [one.rows for one in nodes if isinstance(one, Retry) and one.rows > 0]
    assert failed[:2] == [5_000, 2_500]
    assert len(failed) == len(set(failed))
    assert sum(one.rows for one in nodes if isinstance(one, Batch)) == 5_000
    crossed = "MATCH (a:A)-[:R]->(b:A) WHERE a.x + b.x <> 4999 RETURN count(*) AS c"
    assert query(little_database, crossed) == [{"c": 0}]
