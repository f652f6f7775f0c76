"""What loads and rollbacks tell on the real server: as JSON lines, to a function, and to one that fails."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from importer import ScaleUpService
from importer.operations import load
from synthgen.bundle.read import find_bundle
from synthgen.displays import JsonLines
from synthgen.events import Batch, Event, Finished, ListenerError, Phase, Started, Stream, as_document
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> str:
    """A small tenant, planted and exported; gives its digest."""
    return plant_sample(workshop, 400)


@pytest.fixture
def operation(workshop: Workshop, base: str) -> str:
    """A new operation; the database must be the base again afterwards."""
    yield workshop.do("synthgen generate --strategy template --scale-factor 4")["operation_id"]
    assert (workshop.digest(), workshop.traces()) == (base, 0)


def lines_of(stderr: str) -> list[dict[str, Any]]:
    """Read JSON lines, told in order of time."""
    lines = [json.loads(line) for line in stderr.splitlines()]
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    assert times == sorted(times)
    assert all(time.tzinfo is not None for time in times)
    return lines


def rows_of(lines: list[dict[str, Any]]) -> Counter[str]:
    """Add up the rows of batches by kind."""
    return sum((Counter({line["kind"]: line["rows"]}) for line in lines if line["event"] == "batch"), Counter())


def counts(workshop: Workshop, operation: str) -> dict[str, int]:
    """Give the manifest's numbers of nodes and relationships."""
    found = workshop.manifest(operation)["counts"]
    return {kind: found[kind] for kind in ("nodes", "relationships")}


def load_here(workshop: Workshop, operation: str, *listeners: Callable[[Event], None], mode: str = "online") -> None:
    """Load in this process."""
    load(find_bundle(workshop.out, operation), workshop.address, mode=mode, base=workshop.out / "base",
         events=Stream(*listeners))


def test_json_lines_of_a_load_and_a_rollback(workshop, operation):
    """All of stderr is JSON: begun, phases that only rise, batches that add up to the manifest, ended."""
    answer = workshop.run(f"importer load {operation} --progress json --json")
    assert answer.code == 0, answer
    first, *between, last = lines_of(answer.stderr)
    assert first.items() >= {"event": "started", "work": "load", "operation_id": operation, "mode": "online"}.items()
    assert last.items() >= {"event": "finished", "work": "load", "operation_id": operation, "error": None}.items()
    assert {line["event"] for line in between} <= {"phase", "batch", "scaled", "retry", "waiting"}
    assert rows_of(between) == counts(workshop, operation)
    phases = [line for line in between if line["event"] == "phase"]
    for before, after in itertools.pairwise(phases):
        assert before["phase"] != after["phase"] or before["done"] <= after["done"]
    ended = {line["phase"]: line for line in phases}
    for kind, due in counts(workshop, operation).items():
        assert (ended[kind]["done"], ended[kind]["due"], ended[kind]["remaining_seconds"]) == (due, due, 0)
        assert ended[kind]["rows_per_second"] > 0

    answer = workshop.run(f"importer rollback {operation} --progress json")
    first, *between, last = lines_of(answer.stderr)
    assert (first["event"], first["work"], last["event"], last["outcome"]) == (
        "started", "rollback", "finished", "done")
    assert rows_of(between) == {"deleted": sum(counts(workshop, operation).values())}


def test_a_function_gets_what_json_says(workshop, operation):
    """One load, told to both: the same events in the same order."""
    told, screen = [], io.StringIO()
    load_here(workshop, operation, told.append,
              JsonLines(Console(file=screen), lambda: 0.0, lambda: datetime.now(UTC)))
    for event, line in zip(told, lines_of(screen.getvalue()), strict=True):
        document = json.loads(json.dumps(as_document(event)))
        assert {name: line[name] for name in document} == document
    assert [type(told[0]), type(told[-1])] == [Started, Finished]
    workshop.do(f"importer rollback {operation}")


def fail_at(moment: Callable[[Event], bool]) -> Callable[[Event], None]:
    """Make a listener that fails at a moment."""
    def listen(event: Event) -> None:
        if moment(event):
            raise ValueError("the listener is wrong")

    return listen


@pytest.mark.parametrize("moment", [
    lambda event: isinstance(event, Started),
    lambda event: isinstance(event, Batch) and event.kind == "nodes",
    lambda event: isinstance(event, Batch) and event.kind == "relationships",
    lambda event: isinstance(event, Phase) and event.phase == "relationships" and event.done > 0,
    lambda event: isinstance(event, Finished),
], ids=["started", "a batch of nodes", "a batch of relationships", "a phase", "finished"])
def test_a_listener_that_fails_ends_a_load_that_goes_on(workshop, operation, moment):
    """It says so, whatever thread it was told in; the same call ends the work, and nothing is twice or missing."""
    told: list[Event] = []
    with pytest.raises(ListenerError, match="the listener is wrong") as failed:
        load_here(workshop, operation, told.append, fail_at(moment))
    assert isinstance(failed.value.__cause__, ValueError)
    if workshop.manifest(operation)["history"][-1]["event"] != "loaded":
        load_here(workshop, operation, told.append)
    assert rows_of([as_document(event) for event in told]) == counts(workshop, operation)
    assert workshop.do(f"importer validate {operation}")["passed"]
    workshop.do(f"importer rollback {operation}")


def test_a_listener_that_fails_has_an_offline_load_undone(workshop, operation):
    """As Ctrl-C does: the old store is in use again, and the history says why."""
    with pytest.raises(ListenerError):
        load_here(workshop, operation, fail_at(lambda event: isinstance(event, Phase) and "import" in event.phase),
                  mode="offline")
    entry = workshop.manifest(operation)["history"][-1]
    assert (entry["event"], entry["undone"], "the listener is wrong" in entry["error"]) == ("load_failed", True, True)


def test_a_listener_that_fails_ends_a_call_of_the_service(workshop, base, monkeypatch):
    """The call raises; what is half-way is gone on with by the command."""
    monkeypatch.setenv("SYNTHGEN_HOME", str(workshop.address.home))
    monkeypatch.setenv("SYNTHGEN_OUT", str(workshop.out))
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        if isinstance(event, Batch) and event.kind == "relationships":
            raise ValueError("the listener is wrong")

    with pytest.raises(ListenerError):
        asyncio.run(ScaleUpService(on_event=listen).scale_up_random(target_count=300))
    assert [event.work for event in told if isinstance(event, Started)] == ["generate", "load"]
    operation_id = workshop.do("importer resume")["operation_id"]
    assert workshop.do(f"importer validate {operation_id}")["passed"]
    workshop.do(f"importer rollback {operation_id}")
    assert workshop.digest() == base


def test_an_interrupted_load_ends_what_it_tells(workshop, operation):
    """Ctrl-C in the middle: the work has stopped, and how the command ended is a line, too."""
    with workshop.running(f"importer load {operation} --batch-rows 100-100 --progress json") as child:
        lines = []
        for text in child.stderr:
            lines.append(json.loads(text))
            if lines[-1]["event"] == "batch" and [line["event"] for line in lines].count("batch") == 1:
                child.send_signal(signal.SIGINT)
        child.stdout.read()
        assert child.wait() == 4
    finished, failed = [line for line in lines if line["event"] in {"finished", "error"}]
    assert (finished["work"], finished["outcome"]) == ("load", "stopped")
    assert (failed["kind"], failed["exit_code"]) == ("StoppedHalfwayError", 4)
    answer = workshop.run(f"importer resume {operation} --progress json")
    assert rows_of(lines) + rows_of(lines_of(answer.stderr)) == counts(workshop, operation)
    workshop.do(f"importer rollback {operation}")


def test_none_is_silent(workshop, operation):
    """Nothing on stderr while all goes well, by option or by setting; an error still speaks."""
    assert workshop.run(f"importer load {operation} --progress none").stderr == ""
    assert workshop.run(f"importer rollback {operation}", SYNTHGEN_PROGRESS="none").stderr == ""
    failed = workshop.run("importer load nothing --progress none")
    assert (failed.code, "error:" in failed.stderr) == (2, True)
