"""Loads ask first, on the real server: what a plan foretells comes true, and what is refused changes nothing."""

from __future__ import annotations

import asyncio
import signal

import pytest

from importer import ScaleUpService
from synthgen.errors import RefusedError
from synthgen.limits import Limits
from synthgen.runs import read_runs
from tests.planting import plant
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> str:
    """A small tenant in the database and as a snapshot; gives its digest."""
    workshop.do("synthgen sample --resources 300", "--out", str(workshop.out / "base"))
    return plant(workshop, workshop.out / "base")


@pytest.fixture
def made(workshop: Workshop, base: str):
    """An operation that waits to be loaded; afterwards the database is the base again."""
    made = workshop.do("synthgen generate --strategy template --scale-factor 2")
    yield made
    for one in workshop.do("importer list")["operations"]:
        if one["nodes_in_database"]:
            workshop.do("importer rollback", one["operation_id"])
    assert (workshop.digest(), workshop.traces()) == (base, 0)


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_the_plan_is_what_happens(workshop, made, mode):
    """Counts are equal, bytes are the files', and the run is recorded and learned from; a dry run says the same."""
    operation_id, counts = made["operation_id"], made["counts"]
    plan = workshop.do(f"importer plan --mode {mode}", operation_id)
    assert (plan["work"], plan["kind"], plan["operation_id"]) == ("load", mode, operation_id)
    assert (plan["nodes"], plan["relationships"]) == (counts["nodes"], counts["relationships"])
    parts = (workshop.out / "operations" / operation_id).glob("*.part-*.csv")
    assert plan["file_bytes"] == sum(path.stat().st_size for path in parts)
    assert plan["is_within_limits"]
    assert not plan["requires_approval"]
    assert plan["rejection_reasons"] == []
    assert plan["stages"]
    assert workshop.do(f"importer load --dry-run --mode {mode}", operation_id)["plan"]["nodes"] == plan["nodes"]
    assert workshop.traces() == 0

    workshop.do(f"importer load --mode {mode} --heap 512m", operation_id)
    assert workshop.one("MATCH (n {scale_operation_id: $o}) RETURN count(n)", o=operation_id) == plan["nodes"]
    assert workshop.one("MATCH (n {scale_operation_id: $o})-[r]-() RETURN count(DISTINCT r)",
                        o=operation_id) == plan["relationships"]
    workshop.do("importer validate", operation_id)
    workshop.do("importer rollback", operation_id)
    runs = {run.work: run for run in read_runs(workshop.out) if run.operation_id == operation_id}
    assert set(runs) == {"generate", "load", "validate", "rollback"}
    load = runs["load"]
    assert (load.kind, load.nodes, load.relationships, load.bytes) == (
        mode, plan["nodes"], plan["relationships"], plan["file_bytes"])
    assert (load.uri, load.database, load.resumed) == (workshop.address.uri, workshop.address.database, False)
    assert (runs["rollback"].nodes, runs["rollback"].relationships) == (plan["nodes"], plan["relationships"])
    assert min(run.seconds for run in runs.values()) > 0
    another = workshop.do("synthgen generate --strategy template --scale-factor 2")
    assert workshop.do(f"importer plan --mode {mode}", another["operation_id"])["learned_from_runs"] > 0


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_refused_load_changes_nothing(workshop, made, base, mode):
    """Above a limit and above the threshold, without a terminal: 5, and database, history and files are as before."""
    before = workshop.files(), workshop.events(made["operation_id"])
    for given, named in (({"SYNTHGEN_MAX_NODES": "10", "SYNTHGEN_MAX_BYTES": "10"}, ["max_nodes", "max_bytes"]),
                         ({"SYNTHGEN_AUTO_APPROVAL_NODES": "10"}, ["auto_approval_nodes"])):
        answer = workshop.run(f"importer load --mode {mode} --json", made["operation_id"], **given)
        assert answer.code == 5, answer.stderr
        assert [(one["limit"], one["allowed"]) for one in answer.error["exceeded"]] == [(name, 10) for name in named]
        assert all(one["by"] == one["value"] - 10 for one in answer.error["exceeded"])
    assert "--yes" in answer.error["hint"]
    assert (workshop.digest(), workshop.traces()) == (base, 0)
    assert (workshop.files(), workshop.events(made["operation_id"])) == before


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 5), (b"y\n", 0)])
def test_on_a_terminal_it_asks(workshop, made, answer, code):
    """A no changes nothing, a yes loads."""
    done = workshop.answered(f"importer load {made['operation_id']}", answer, SYNTHGEN_AUTO_APPROVAL_NODES="10")
    assert done.code == code, done.stderr
    assert "[y/N]" in done.stderr
    assert (workshop.traces() > 0) == (code == 0)


def test_a_quota_counts_over_the_loads_of_a_month(workshop, made, base):
    """The first fits, the second would be more than is left: it is refused; also when the first was rolled back."""
    first = made["operation_id"]
    second = workshop.do("synthgen generate --strategy template --scale-factor 2 --seed 2")["operation_id"]
    before = workshop.do("importer plan --limit quota_nodes=1000000000", second)["quota_used"]
    nodes = made["counts"]["nodes"]
    quota = f"--limit quota_nodes={before['nodes'] + nodes + nodes // 2}"
    workshop.do(f"importer load {quota}", first)
    refused = workshop.run(f"importer load {quota} --json", second)
    assert refused.code == 5
    [exceeded] = refused.error["exceeded"]
    assert exceeded["limit"] == "quota_nodes"
    assert exceeded["value"] == before["nodes"] + 2 * nodes
    assert workshop.events(second) == ["generated"]
    workshop.do("importer rollback", first)
    assert workshop.run(f"importer load {quota}", second).code == 5
    plan = workshop.do(f"importer plan {quota}", second)
    assert plan["quota_used"]["nodes"] == before["nodes"] + nodes
    assert plan["exceeded"][0]["by"] == nodes - nodes // 2
    assert (workshop.digest(), workshop.traces()) == (base, 0)


def test_a_load_that_was_killed_counts_and_goes_on(workshop, made):
    """It counts into the quota from its begin, and the same command goes on without being asked again."""
    operation_id = made["operation_id"]
    before = workshop.do("importer plan --limit quota_nodes=1000000000", operation_id)["quota_used"]["nodes"]
    killed = workshop.end_when(f"importer load {operation_id} --batch-rows 100 --writers 1",
                               lambda: workshop.traces() > 200, signal.SIGKILL)
    assert killed is not None
    other = workshop.do("synthgen generate --strategy template --scale-factor 2 --seed 3")["operation_id"]
    used = workshop.do("importer plan --limit quota_nodes=1000000000", other)["quota_used"]["nodes"]
    assert used == before + made["counts"]["nodes"]
    plan = workshop.do("importer plan --limit max_nodes=1 --limit auto_approval_nodes=1", operation_id)
    assert plan["goes_on"]
    assert plan["is_within_limits"]
    workshop.do("importer load --limit max_nodes=1 --limit auto_approval_nodes=1", operation_id)
    [run] = [run for run in read_runs(workshop.out) if (run.work, run.operation_id) == ("load", operation_id)]
    assert run.resumed


def test_what_is_loaded_already_is_a_reason(workshop, made):
    """A plan says so, and is a plan for all that."""
    workshop.do("importer load", made["operation_id"])
    plan = workshop.do("importer plan", made["operation_id"])
    assert "is loaded already" in plan["rejection_reasons"][0]
    assert plan["stages"] == []


def test_the_service_asks_before_it_writes(workshop, made, base, monkeypatch):
    """Limits, quotas and approval hold from Python too, before a file is written; who approves is asked once."""
    monkeypatch.setenv("SYNTHGEN_HOME", str(workshop.address.home))
    monkeypatch.setenv("SYNTHGEN_OUT", str(workshop.out))
    before = workshop.files()

    def grow(limits: Limits, approve=None):
        service = ScaleUpService(limits=limits, approve=approve)
        return asyncio.run(service.scale_up_template(scale_factor=2.0))

    for limits in (Limits(max_nodes=10), Limits(quota_nodes=10), Limits(auto_approval_nodes=10)):
        with pytest.raises(RefusedError):
            grow(limits)
    asked = []
    with pytest.raises(RefusedError, match="not agreed"):
        grow(Limits(auto_approval_nodes=10), lambda question: bool(asked.append(question)))
    assert (workshop.files(), workshop.digest()) == (before, base)
    result = grow(Limits(auto_approval_nodes=10), lambda question: asked.append(question) is None)
    assert result.success
    assert len(asked) == 2
