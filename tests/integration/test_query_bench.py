"""`importer query-bench` on the real server: what it measures, refuses, bears and keeps."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from importer.queries.bench import bench
from importer.queries.record import QueryRecord, Record, Settings, find_record
from importer.queries.statements import Query
from synthgen.errors import UsageError
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

OPERATION = "scale-20260131T120000-0123abcd"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FEW = Settings(repetitions=3, warm_up_s=1e-6)
LONG = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b) AS sum"


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> Workshop:
    """A small tenant, planted and exported."""
    return filled(workshop)


@pytest.fixture
def measure(base: Workshop) -> Callable[..., Record]:
    """Measure queries that are given as name=Cypher or name=(Cypher, its parameters)."""
    def run(settings: Settings = FEW, **queries: str | tuple[str, str]) -> Record:
        made = [Query(name, *([text] if isinstance(text, str) else text)) for name, text in queries.items()]
        return bench(base.address, made, name="test", at=NOW, settings=settings)

    return run


def filled(shop: Workshop) -> Workshop:
    """Plant and export a small tenant."""
    plant_sample(shop, 400)
    return shop


def only(found: Record) -> QueryRecord:
    """Give what was found of the one query."""
    [query] = found.queries
    return query


def hits_of(shop: Workshop, cypher: str) -> int:
    """Ask PROFILE for the database hits of a query."""
    with shop.driver.session(database=shop.address.database) as session:
        due, hits = [session.run(f"PROFILE {cypher}").consume().profile], 0
    while due:
        plan = due.pop()
        hits += plan.get("dbHits", 0)
        due += plan.get("children", [])
    return hits


def test_before_and_after_a_load(base, tmp_path):
    """The shipped set runs; after a load twice the nodes are scanned, a lookup needs no more, and ratios say so."""
    before_digest = base.digest()
    before = base.do("importer query-bench --name before --repetitions 4 --warm-up 1s")
    assert base.digest() == before_digest
    assert {one["name"]: one["outcome"] for one in before["queries"] if one["outcome"] != "measured"} == {
        "resources of an operation": "skipped"}
    assert (before["nodes"], before["operations"]) == (base.one("MATCH (n) RETURN count(n)"), [])
    base.do("synthgen generate --strategy template --scale-factor 2", "--operation-id", OPERATION)
    base.do(f"importer load {OPERATION} --mode online")
    plot = tmp_path / "plot.svg"
    after = base.do("importer query-bench --name after --repetitions 4 --warm-up 1s --compare before --plot",
                    str(plot))
    assert all(one["outcome"] == "measured" for one in after["queries"])
    nodes = base.one("MATCH (n) WHERE n.scale_operation_id IS NOT NULL RETURN count(n)")
    assert after["operations"] == [{"operation_id": OPERATION, "nodes": nodes, "under_way": False}]
    [comparison] = after["compared"]
    found = {one["name"]: one for one in comparison["queries"]}
    assert all(one["note"] is None for one in found.values())
    # Of what is scanned the resources are twice as many, and the protected nodes as many as before.
    assert 1.5 < found["resources by type"]["db_hits_ratio"] <= 2
    scan = next(one for one in after["queries"] if one["name"] == "resources by type")
    assert scan["db_hits"] == hits_of(base, scan["cypher"])
    assert found["lookup by id"]["db_hits_ratio"] == pytest.approx(1, abs=0.01)
    assert found["lookup by id"]["p50_ratio"] == pytest.approx(
        found["lookup by id"]["p50_after_ms"] / found["lookup by id"]["p50_before_ms"], abs=1e-3)
    rows = {one["name"]: one["rows"] for one in after["queries"]}
    assert rows["lookup by id"] == rows["round trip"] == 1
    assert "after" in plot.read_text(encoding="utf-8")
    kept = json.loads(Path(after["record"]).read_text(encoding="utf-8"))
    assert kept == {name: value for name, value in after.items() if name not in {"record", "plot", "compared"}}
    shown = base.run("importer query-bench --show after --compare before", NEO4J_URI="bolt://127.0.0.1:1")
    assert shown.code == 0
    assert "ratio" in shown.stdout
    again = base.run("importer query-bench --name after")
    assert (again.code, "already" in again.stderr) == (2, True)


def test_the_shipped_set_is_understood_by_the_newer_line(newer_workshop):
    """Each query runs, as on the older one."""
    found = filled(newer_workshop).do("importer query-bench --repetitions 1 --warm-up 0")
    assert {one["name"]: one["reason"] for one in found["queries"] if one["outcome"] != "measured"} == {
        "resources of an operation": "the query for its parameters gives no row"}


def test_the_shipped_set_can_be_changed(base, tmp_path):
    """It is written into a file that runs as it is, and finds what the shipped one does."""
    path = tmp_path / "mine.cypher"
    base.do("importer query-bench --write-queries", str(path))
    done = base.do("importer query-bench --name mine --repetitions 1 --warm-up 0 --queries", str(path))
    assert done["queries_file"] == str(path)
    assert {one["outcome"] for one in done["queries"]} <= {"measured", "skipped"}
    assert all(one["warm_up_runs"] == 0 for one in done["queries"])
    assert base.run("importer query-bench --write-queries", str(path)).code == 2


@pytest.mark.parametrize("cypher", [
    "CREATE (n:X) RETURN n", "MATCH (n:Resource) SET n.x = 1", "MATCH (n:Resource) DETACH DELETE n", "MERGE (n:X)",
    "CREATE INDEX x FOR (n:X) ON (n.x)", "DROP CONSTRAINT x IF EXISTS", "CALL db.createLabel('X')",
    "MATCH (n:Resource) CALL (n) { SET n.x = 1 } IN TRANSACTIONS", "PROFILE CREATE (n:X)", "EXPLAIN CREATE (n:X)",
    "CYPHER 5 CREATE (n:X)", "/* RETURN */ CREATE (n:X)",
])
@pytest.mark.parametrize("place", ["query", "parameters"])
def test_what_writes_is_refused_and_nothing_is_run(base, measure, cypher, place):
    """Named, with exit code 2; also as the query for parameters."""
    before = base.digest(), base.schema()
    with pytest.raises(UsageError, match=r"^query 'bad': (its parameters: )?it (does not only read|says \w+ itself)"):
        measure(good="RETURN 1 AS x", bad=cypher if place == "query" else ("RETURN $x", cypher))
    assert (base.digest(), base.schema()) == before


def test_what_is_no_cypher_is_refused_before_anything_is_run(base, tmp_path):
    """With the line in the user's file and the server's words; no record is left."""
    path = tmp_path / "mine.cypher"
    for query, place in (("MATCH (n RETURN n", "(line 4, column 10)"), ("MATCH (n)\nRETURN m", "(line 5, column 8)")):
        path.write_text(f"RETURN 1;\n\n// name: wrong\n{query};\n", encoding="utf-8")
        answer = base.run("importer query-bench --name wrong --json --queries", str(path))
        assert (answer.code, answer.error["query"]) == (2, "wrong")
        assert place in answer.error["message"]
        assert "EXPLAIN" not in answer.error["message"]
        assert not (base.out / "query-bench" / "wrong.json").exists()


def test_a_query_that_fails_or_lasts_too_long_is_told_and_the_others_go_on(base, tmp_path):
    """In table, record and exit code."""
    path = tmp_path / "mine.cypher"
    path.write_text(
        f"// name: long\n{LONG};\n// name: zero\nUNWIND [1, 0] AS x RETURN 1 / x;\n// name: open\nRETURN $x;\n"
        "// name: nothing\n// parameters: MATCH (n:None) RETURN n.x AS x\nRETURN $x;\n"
        "// name: node\n// parameters: MATCH (n) RETURN [n] AS x LIMIT 1\nRETURN $x;\n"
        "// name: absent\nCALL no.such() YIELD x RETURN x;\n// name: good\nRETURN 1;\n", encoding="utf-8")
    began = time.monotonic()
    answer = base.run("importer query-bench --name failing --timeout 1s --repetitions 3 --warm-up 1s --queries",
                      str(path))
    assert time.monotonic() - began < 60
    assert answer.code == 1
    kept = {query.name: query for query in find_record(base.out, "failing").queries}
    assert {name: query.outcome for name, query in kept.items()} == {
        "long": "failed", "zero": "failed", "open": "failed", "nothing": "skipped", "node": "failed",
        "absent": "failed", "good": "measured"}
    assert kept["good"].runs == 3
    for name, words in (("long", "timed out after 1s"), ("zero", "by zero"), ("open", "// parameters:"),
                        ("nothing", "no row"), ("node", "cannot be parameters"), ("absent", "no.such")):
        assert words in kept[name].reason
        assert kept[name].milliseconds is None
        assert kept[name].reason in answer.stdout
    assert "5 of 7 queries failed: long, zero, open, node, absent" in answer.stderr.replace("\n", " ")


def test_hits_and_rows_are_those_of_profile(base, measure):
    """Without an index each node of the label is looked at; the plan says where."""
    nodes = base.one("MATCH (n:Resource) RETURN count(n)")
    found = only(measure(scan="MATCH (n:Resource) WHERE n.location = 'nowhere' RETURN n"))
    [scan] = [one for one in found.operators if one.operator == "NodeByLabelScan"]
    assert scan.rows == nodes
    assert found.db_hits == sum(one.db_hits for one in found.operators) > nodes
    assert (found.rows, found.profiled_runs) == (0, 1)
    indexed = only(measure(seek=("MATCH (n:Resource {id: $id}) RETURN n.name",
                                 "MATCH (n:Resource) RETURN n.id AS id ORDER BY id LIMIT 20")))
    assert indexed.db_hits < 10
    assert indexed.parameter_sets == indexed.profiled_runs == 3


def test_parameters_are_used_in_turn_and_kept_as_a_digest_alone(base, measure):
    """Runs with 1, 2 and 3 rows give 2 on average; the warm-up takes each set; the digest tells other sets apart."""
    rows = "UNWIND range(1, $x) AS y RETURN y"
    first = only(measure(a=(rows, "UNWIND [1, 2, 3] AS x RETURN x")))
    assert (first.rows, first.runs, first.warm_up_runs, first.parameter_sets) == (2, 3, 3, 3)
    same, other = (only(measure(a=(rows, f"UNWIND {xs} AS x RETURN x"))) for xs in ("[1, 2, 3, 9]", "[1, 2, 4]"))
    assert same.parameters_digest == first.parameters_digest != other.parameters_digest


def test_times_are_of_the_whole_result(measure):
    """All rows are read: 60,000 take much longer than one, and no less than the server says."""
    found = measure(one="RETURN 1", many="UNWIND range(1, 60000) AS x RETURN x, toString(x) AS y")
    one, many = found.queries
    assert many.rows == 60_000
    assert many.milliseconds.p50 > 5 * one.milliseconds.p50
    # Of three runs one has at least the medians of both parts, so the longest is no shorter than their sum.
    assert many.milliseconds.max > many.server_available_ms + many.server_consumed_ms - 2
    assert one.milliseconds.min <= one.milliseconds.p50 <= one.milliseconds.p95 <= one.milliseconds.max


def test_the_warm_up_is_shared_by_time(measure):
    """A fast query is run far more often than a slow one, and that once for each of its parameter sets at least."""
    began = time.monotonic()
    found = measure(Settings(repetitions=1, warm_up_s=2), fast="RETURN 1",
                    slow=("UNWIND range(1, $x) AS x RETURN count(x)", "RETURN 3000000 AS x"))
    assert time.monotonic() - began >= 2
    fast, slow = found.queries
    assert fast.warm_up_runs > 3 * slow.warm_up_runs > 0
    assert (fast.runs, slow.runs) == (1, 1)
    assert all(one.warm_up_runs == 0 for one in measure(Settings(repetitions=1, warm_up_s=0), a="RETURN 1").queries)


def test_ctrl_c_ends_it_and_leaves_no_record(base, tmp_path):
    """Exit code 130, and the server's transaction is ended."""
    path = tmp_path / "mine.cypher"
    path.write_text(LONG, encoding="utf-8")
    running = "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery STARTS WITH 'UNWIND range(1, 100000)' RETURN 1"
    with base.running("importer query-bench --name interrupted --timeout 0 --queries", str(path)) as child:
        while not base.query(running):
            assert child.poll() is None
        child.send_signal(signal.SIGINT)
        time.sleep(4)  # a second one is heard after three seconds
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    assert "Traceback" not in said
    assert not (base.out / "query-bench" / "interrupted.json").exists()
    deadline = time.monotonic() + 60
    while base.query(running):
        assert time.monotonic() < deadline
