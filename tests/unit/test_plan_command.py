"""`synthgen plan` foretells what `synthgen generate` makes, and `generate` asks before it makes much.

The commands are run as a person runs them: as child processes, on a terminal of their own where they ask.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from synthgen.admission import _too_full
from synthgen.costs import Estimate
from synthgen.runs import RUNS, read_runs, record_run
from synthgen.sample import sample_tenant
from synthgen.snapshot.write import write_snapshot
from tests.forked import run_module
from tests.graphs import CREATED_AT
from tests.growths import OPERATION
from tests.property.test_runs import RUN
from tests.workshop import LONGEST_SECONDS, on_a_terminal

ROOT = Path(__file__).parents[2]
WAYS = {
    "template": ["--scale-factor", "3"], "random": ["--count", "500"],
    "scenario": ["--scenario", "hub-spoke", "--param", "spoke_count=5"],
}
DOUBLED = ["--strategy", "template", "--scale-factor", "2"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "base"
    write_snapshot(sample_tenant(resources=300, seed=1), folder, created_at=CREATED_AT, source={}, profile="azure")
    return folder


@pytest.fixture
def run(base: Path, tmp_path: Path):
    """Run a command with an out folder of its own; `answer` is typed on a terminal, of which there is none without."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SYNTHGEN_", "NEO4J_"))}
    environment = {**kept, "PYTHONPATH": str(ROOT), "SYNTHGEN_BASE": str(base), "COLUMNS": "200",
                   "SYNTHGEN_OUT": str(tmp_path / "out")}

    def run_command(*arguments: str, answer: str | None = None, **settings: str) -> tuple[int, str, str]:
        if answer is None:
            return run_module("synthgen.cli", arguments, environment={**environment, **settings}, folder=tmp_path,
                              timeout_s=LONGEST_SECONDS)
        command = [sys.executable, "-m", "synthgen.cli", *arguments]
        done = on_a_terminal(command, answer.encode(), {**environment, **settings}, tmp_path)
        return done.code, done.stdout, done.stderr

    run_command.out = tmp_path / "out"
    run_command.settings = tmp_path / "synthgen.toml"
    return run_command


def nothing_was_made(run) -> bool:
    return not run.out.exists() or not any(run.out.rglob("*"))


@pytest.mark.parametrize("strategy", WAYS)
def test_the_plan_is_what_is_made(run, strategy):
    """Nodes and relationships exactly, the bytes of the files within the error that is stated."""
    options = ["--strategy", strategy, *WAYS[strategy], "--operation-id", OPERATION, "--json"]
    code, planned, _ = run("plan", *options)
    assert code == 0
    assert nothing_was_made(run)
    plan = json.loads(planned)
    code, made, _ = run("generate", *options)
    assert code == 0
    counts = json.loads(made)["counts"]
    assert (plan["nodes"], plan["relationships"], plan["resources"]) == (
        counts["nodes"], counts["relationships"], counts["resources"])
    assert (plan["nodes_error"], plan["relationships_error"]) == (0, 0)
    [recorded] = read_runs(run.out)
    assert abs(recorded.bytes / plan["file_bytes"] - 1) <= plan["file_bytes_error"]
    assert plan["is_within_limits"]
    assert not plan["requires_approval"]
    assert plan["rejection_reasons"] == []
    assert min(plan[name] for name in ("seconds", "seconds_error", "memory_bytes", "database_bytes")) > 0


def test_a_run_is_recorded_and_learned_from(run):
    """Each generate adds one line with its size, time and machine, and the next plan says that it learned from it."""
    for _ in range(2):
        assert run("generate", *DOUBLED)[0] == 0
    runs = read_runs(run.out)
    assert len(runs) == len((run.out / RUNS).read_text().splitlines()) == 2
    assert {(one.work, one.kind, one.uri, one.resumed) for one in runs} == {("generate", "template", None, False)}
    assert all(one.nodes > 300 and one.relationships > 300 and one.base > 600 and one.seconds > 0
               and one.peak_bytes > 10**7 for one in runs)
    plan = json.loads(run("plan", *DOUBLED, "--json")[1])
    assert plan["learned_from_runs"] == 2


def test_the_plan_says_what_is_refused(run):
    """All limits that are exceeded, by how much, as text and as data; and it is a plan for all that, exit code 0."""
    code, said, _ = run("plan", *DOUBLED, "--limit", "max_nodes=100", "--limit", "auto_approval_nodes=50",
                        SYNTHGEN_MAX_BYTES="1000")
    assert code == 0
    assert "more than max_nodes, which is 100" in said
    assert "more than max_bytes, which is 1,000" in said
    assert "ask first" in said
    plan = json.loads(run("plan", *DOUBLED, "--limit", "max_nodes=100", "--json")[1])
    assert not plan["is_within_limits"]
    [reason] = plan["rejection_reasons"]
    [exceeded] = plan["exceeded"]
    assert exceeded == {"limit": "max_nodes", "allowed": 100, "value": plan["nodes"], "by": plan["nodes"] - 100}
    assert f"{plan['nodes']:,}" in reason
    assert plan["limits"]["max_nodes"] == 100


def test_more_than_a_limit_is_refused(run):
    """With 5; it says which limit, its value, by how much, and where it is changed. --yes changes nothing in that."""
    run.settings.write_text("[limits]\nmax_relationships = 10\n")
    code, out, said = run("generate", *DOUBLED, "--yes", "--json")
    assert code == 5
    assert "more than max_relationships, which is 10" in said
    assert "synthgen.toml" in said
    assert json.loads(out)["error"]["exceeded"][0]["allowed"] == 10
    assert nothing_was_made(run)
    assert run("generate", *DOUBLED, "--limit", "max_relationships=none")[0] == 0


def test_without_a_terminal_much_needs_yes(run):
    """With 5, and it says what to give; given that it is made."""
    code, _, said = run("generate", *DOUBLED, "--limit", "auto_approval_nodes=10")
    assert code == 5
    assert "--yes" in said
    assert nothing_was_made(run)
    assert run("generate", *DOUBLED, "--limit", "auto_approval_nodes=10", "--yes")[0] == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 5), ("\n", 5), ("\x04", 5)])
def test_on_a_terminal_it_asks(run, answer, code):
    """Only a yes is one: neither an empty line nor the end of the input is."""
    ended, out, said = run("generate", *DOUBLED, "--json", answer=answer, SYNTHGEN_AUTO_APPROVAL_RELATIONSHIPS="10")
    assert ended == code
    assert "more than auto_approval_relationships, which is 10. Go on? [y/N]" in said
    assert ("error" in json.loads(out)) == bool(code)
    assert nothing_was_made(run) == bool(code)


def test_a_record_that_cannot_be_read_is_said(run):
    """Nothing is made then, so that a quota never counts on a record that is not there."""
    (run.out / RUNS).mkdir(parents=True)
    code, _, said = run("generate", *DOUBLED)
    assert code == 1
    assert RUNS in said
    assert not (run.out / "operations").exists()


def test_what_was_made_is_made_also_when_its_cost_is_not_on_record(tmp_path):
    """A note says why; nothing is undone for a line of statistics."""
    (tmp_path / "out").write_text("a file")
    assert RUNS in str(record_run(tmp_path / "out", RUN))


def test_a_disk_that_is_too_small_is_foreseen(run):
    """The plan gives it as a reason."""
    assert _too_full(run.out, Estimate(1000, 0.1)) == []
    [reason] = _too_full(run.out, Estimate(1e18, 0.1))
    assert "are free" in reason
