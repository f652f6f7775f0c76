"""What counts into a month's quota: each load that was begun and not undone, once, in the place and month it was in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.quotas import Loaded, loads_by_runs, loads_in, place_of, sum_up
from synthgen.bundle.manifest import Manifest
from tests.bundles import OPERATION, OTHER_OPERATION, NodeRows, write_bundle
from tests.property.test_runs import RUN

HERE, ELSEWHERE = "bolt://db.example:7687", "bolt://other.example:7687"
PLACE = place_of(HERE, "neo4j")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BEGUN = {"event": "load_started", "mode": "online", "uri": HERE, "database": "neo4j"}
ENDED = {**BEGUN, "event": "loaded"}
FAILED = {**BEGUN, "event": "load_failed", "undone": True}
LEFT = {**FAILED, "undone": False}
ROLLED_BACK = {"event": "rolled_back", "uri": HERE, "database": "neo4j"}
SCRIPT = {**ENDED, "by": "script"}
VALIDATED = {"event": "validated", "uri": HERE, "database": "neo4j"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Of an operation of seven nodes."""
    seven = NodeRows(["A"], {"i": "INTEGER"}, [(i,) for i in range(7)])
    return write_bundle(tmp_path_factory.mktemp("out"), [seven]).manifest


def with_history(manifest: Manifest, *entries: dict, month: str = "2026-11") -> Manifest:
    generated = {"event": "generated", "at": "2026-01-31T12:00:00+00:00"}
    dated = [{**entry, "at": f"{month}-{day:02}T10:00:00+00:00"} for day, entry in enumerate(entries, start=1)]
    return replace(manifest, history=(generated, *dated))


def used(*known: Loaded, present=(), count=lambda _: (0, 0)):
    return sum_up(known, present, count, place=PLACE, now=NOW)


@pytest.mark.parametrize(("history", "loads"), [
    ((), 0),
    ((BEGUN, ENDED), 1),
    ((BEGUN, ENDED, VALIDATED), 1),
    ((BEGUN,), 1),                                   # killed, or under way
    ((BEGUN, BEGUN, BEGUN, ENDED), 1),               # killed twice, then gone on with
    ((BEGUN, FAILED), 0),                            # undone
    ((BEGUN, BEGUN, FAILED), 0),
    ((BEGUN, FAILED, BEGUN, ENDED), 1),
    ((BEGUN, LEFT), 1),                              # something of it is left
    ((BEGUN, ROLLED_BACK), 1),                       # killed half-way, then taken out
    ((BEGUN, ENDED, ROLLED_BACK), 1),
    ((BEGUN, ENDED, ROLLED_BACK, BEGUN, ENDED), 2),
    ((SCRIPT,), 1),
    ((SCRIPT, ROLLED_BACK), 1),
])
def test_what_was_begun_and_not_undone_counts(manifest, history, loads):
    """Also what was killed, or taken out again: it was loaded for all that."""
    found = loads_in(with_history(manifest, *history))
    assert len(found) == loads
    assert used(*found).nodes == 7 * loads
    assert {load.place for load in found} <= {PLACE}


def test_other_months_and_other_databases_do_not_count(manifest):
    """A month is a calendar month in UTC, whatever zone a time was written in."""
    assert used(*loads_in(with_history(manifest, BEGUN, ENDED, month="2026-10"))).nodes == 0
    assert used(*loads_in(with_history(manifest, {**BEGUN, "uri": ELSEWHERE}))).nodes == 0
    assert used(*loads_in(with_history(manifest, {**BEGUN, "database": "second"}))).nodes == 0
    load = Loaded(OPERATION, PLACE, "2026-12-01T01:30:00+02:00", 5, 6)
    assert (used(load).month, used(load).nodes, used(load).relationships) == ("2026-11", 5, 6)
    assert used(replace(load, at="2026-12-01T02:30:00+02:00")).nodes == 0
    assert used(replace(load, at="some day")).nodes == 0


@pytest.mark.parametrize(("one", "other", "same"), [
    ("bolt://localhost", "neo4j://127.0.0.1:7687", True),
    ("bolt://[::1]:7687", "bolt+s://LOCALHOST:7687", True),
    ("neo4j+s://db.example", "bolt://DB.example:7687", True),
    ("bolt://db.example:7688", "bolt://db.example:7687", False),
    ("bolt://a.example", "bolt://b.example", False),
])
def test_a_database_is_known_again(one, other, same):
    """However its address is written."""
    assert (place_of(one, "neo4j") == place_of(other, "Neo4j")) == same


def test_an_operation_without_a_bundle_counts_by_the_record_of_runs():
    """And one with a bundle by its history alone."""
    run = replace(RUN, uri=HERE, operation_id=OPERATION, at="2026-11-03T00:00:00+00:00", nodes=11, relationships=12)
    runs = [run, replace(run, work="validate"), replace(run, uri=None), replace(run, operation_id=OTHER_OPERATION)]
    found = used(*loads_by_runs(runs, {OTHER_OPERATION}))
    assert (found.nodes, found.relationships) == (11, 12)


def test_what_only_the_database_knows_counts_in_the_month_of_its_id():
    """It was loaded from another machine, at the earliest when it was made."""
    now, before = "scale-20261103T000000-00000001", "scale-20261030T000000-00000001"
    mine = Loaded("scale-20261104T000000-00000001", PLACE, "2026-11-04T00:00:00+00:00", 1, 2)
    found = used(mine, present=[now, before, mine.operation_id], count=lambda _: (100, 300))
    assert (found.nodes, found.relationships) == (101, 302)


@given(st.lists(st.tuples(st.sampled_from([HERE, ELSEWHERE]), st.integers(1, 12), st.integers(0, 99),
                          st.integers(0, 99))))
def test_the_sum_is_that_of_the_loads_here_and_now(loads):
    """Nothing is counted twice, nothing is left out."""
    known = [Loaded(OPERATION, place_of(uri, "neo4j"), f"2026-{month:02}-15T00:00:00+00:00", nodes, relationships)
             for uri, month, nodes, relationships in loads]
    counted = [(nodes, relationships) for uri, month, nodes, relationships in loads if (uri, month) == (HERE, 11)]
    found = used(*known)
    assert (found.nodes, found.relationships) == (sum(n for n, _ in counted), sum(r for _, r in counted))
