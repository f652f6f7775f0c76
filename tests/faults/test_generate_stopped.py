"""A generate that is stopped, whenever and by whatever, goes on and ends with the bytes of one that was not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from importer.listing import list_operations
from synthgen.bundle.hold import hold_bundle
from synthgen.bundle.read import find_bundle
from synthgen.bundle.unfinished import unfinished_bundles
from synthgen.errors import UsageError
from synthgen.snapshot.write import write_snapshot
from tests.golden.test_golden import make_base
from tests.graphs import CREATED_AT
from tests.growths import OPERATION, files_of
from tests.workshop import ROOT

CHILD = """
import os, signal, sys, time
from synthgen.bundle import outline, part, unfinished
outline.PART_ROWS = outline.PartRows(50, 80)
unfinished.WORTH_KEEPING = int(os.environ.get("WORTH", "1"))
moment, kill = int(os.environ.get("MOMENT", "0")), os.environ.get("KILL", "SIGKILL")
def passed(name):
    global moment
    moment -= 1
    if moment == 0:
        if kill == "ENOSPC":
            raise OSError(28, "No space left on device")
        os.kill(os.getpid(), getattr(signal, kill))
        time.sleep(0.05)
def watched(home, name):
    inner = getattr(home, name)
    def outer(*arguments, **more):
        passed(name)
        given = inner(*arguments, **more)
        passed(name)
        return given
    setattr(home, name, outer)
watched(part, "_write")
for name in ("record", "parts"):
    watched(unfinished.Unfinished, name)
watched(unfinished, "write_json")
watched(unfinished, "_remove")
from synthgen.bundle import write
watched(write, "_write_manifest")
sys.argv = ["synthgen", *sys.argv[1:]]
from synthgen.cli import main
try:
    main()
finally:
    if "COUNT" in os.environ:
        print("moments", -moment, file=sys.stderr)
"""
GENERATE = ("generate", "--strategy", "random", "--count", "700", "--seed", "3", "--operation-id", OPERATION,
            "--now", "2026-01-31T12:00:00+00:00", "--json")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the operation when nothing stops it."""
    out = tmp_path_factory.mktemp("whole")
    done = start(out, base, *GENERATE)
    assert done.returncode == 0, done.stderr
    files = files_of(out / "operations" / OPERATION)
    assert len(files) > 30
    return files


def start(out: Path, base: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"SYNTHGEN_OUT": str(out), "SYNTHGEN_BASE": str(base), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", CHILD, *command], env={**os.environ, **own, **environment}, cwd=out,
                          capture_output=True, text=True, check=False)


def left(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "operations").iterdir()) if (out / "operations").exists() else []


def resumed(out: Path, base: Path, whole: dict[str, bytes], *command: str) -> None:
    """Go on, by `resume` or what is given, and expect the bytes of a run that was not stopped."""
    done = start(out, base, *(command or ("resume", "--json")))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["operation_id"] == OPERATION
    assert files_of(out / "operations" / OPERATION) == whole
    assert left(out) == [OPERATION]


@pytest.mark.slow
def test_killed_at_any_moment(base: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """SIGKILL before and after what touches the disk; then `resume`, or the same call when nothing was begun."""
    kept = 0
    (tmp_path / "whole").mkdir()
    moments = int(start(tmp_path / "whole", base, *GENERATE, COUNT="1").stderr.split("moments ")[1])
    for moment in np.random.default_rng(7).choice(np.arange(1, moments), 14, replace=False).tolist():
        out = tmp_path / f"{moment}"
        out.mkdir()
        killed = start(out, base, *GENERATE, MOMENT=str(moment))
        assert killed.returncode == -signal.SIGKILL
        there = left(out)
        assert there in ([f".{OPERATION}.unfinished"], [f".{OPERATION}.unfinished", OPERATION])
        kept += len(list((out / "operations" / there[0]).rglob("*.part-*.csv"))) > 0
        begun = (out / "operations" / there[0] / "request.json").exists()
        resumed(out, base, whole, *(() if begun else GENERATE))
    assert kept >= 8


@pytest.mark.slow
@pytest.mark.parametrize(("kill", "code"), [("SIGINT", 130), ("ENOSPC", 4)])
def test_stopped_with_enough_made(kill: str, code: int, base: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """Ctrl-C and a full disk: what is made stays, the words say so, and it goes on."""
    stopped = start(tmp_path, base, *GENERATE, MOMENT="60", KILL=kill)
    assert stopped.returncode == code, stopped.stderr
    assert f"synthgen resume {OPERATION}" in stopped.stderr
    assert "--discard" in stopped.stderr
    assert left(tmp_path) == [f".{OPERATION}.unfinished"]
    assert unfinished_bundles(tmp_path)[0].parts()
    resumed(tmp_path, base, whole)


@pytest.mark.slow
@pytest.mark.parametrize("kill", ["SIGINT", "ENOSPC"])
def test_stopped_with_little_made(kill: str, base: Path, tmp_path: Path) -> None:
    """What is made again within seconds is not kept."""
    stopped = start(tmp_path, base, *GENERATE, MOMENT="60", KILL=kill, WORTH="1000000")
    assert stopped.returncode in {130, 1}
    assert "resume" not in stopped.stderr
    assert left(tmp_path) == []


@pytest.fixture
def stopped(base: Path, tmp_path: Path) -> Path:
    """An out folder with an operation that was killed half-way."""
    assert start(tmp_path, base, *GENERATE, MOMENT="80").returncode == -signal.SIGKILL
    return tmp_path


def folder_of(out: Path) -> Path:
    return out / "operations" / f".{OPERATION}.unfinished"


def some_part(out: Path) -> Path:
    return min((folder_of(out) / "bundle").glob("*.part-*.csv"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [
    lambda out: flip(some_part(out)), lambda out: some_part(out).unlink(), lambda out: os.truncate(some_part(out), 10),
    lambda out: os.truncate(folder_of(out) / "parts.jsonl", 300), lambda out: (folder_of(out) / "parts.jsonl").unlink(),
    lambda out: (folder_of(out) / "bundle" / ".part.torn").write_text("half"),
], ids=["a bit", "a file", "half a file", "half a record", "the record", "a torn file"])
def test_what_a_crash_damaged_is_made_again(
    damage: Callable[[Path], Any], stopped: Path, base: Path, whole: dict[str, bytes]
) -> None:
    """A machine that goes off may lose any of what was written last."""
    damage(stopped)
    resumed(stopped, base, whole)


@pytest.mark.slow
def test_what_is_kept_is_not_made_again(stopped: Path, base: Path, whole: dict[str, bytes]) -> None:
    """Going on costs what is missing."""
    kept = {path.name: path.stat().st_mtime_ns for path in (folder_of(stopped) / "bundle").glob("*.part-*.csv")}
    recorded = unfinished_bundles(stopped)[0].parts()
    assert len(recorded) > 5
    resumed(stopped, base, whole)
    made = {path.name: path.stat().st_mtime_ns for path in (stopped / "operations" / OPERATION).glob("*.part-*.csv")}
    assert all(made[name] == kept[name] for name in recorded)
    assert len(made) > len(recorded)


@pytest.mark.slow
def test_the_same_call_goes_on_and_another_does_not(stopped: Path, base: Path, whole: dict[str, bytes]) -> None:
    """An operation id stands for one operation, also before it is there."""
    other = start(stopped, base, *(word if word != "700" else "701" for word in GENERATE))
    assert other.returncode == 2
    assert "something else was asked for" in other.stderr
    assert "--discard" in other.stderr
    resumed(stopped, base, whole, *GENERATE)


@pytest.mark.slow
def test_it_is_listed_as_what_it_is(stopped: Path) -> None:
    """It is no operation yet, nor is it hidden: whoever names it is told the way on."""
    (listed,) = list_operations(stopped, None)
    assert (listed.operation_id, listed.state, listed.nodes) == (OPERATION, "unfinished", None)
    assert listed.bytes > 0
    with hold_bundle(folder_of(stopped), "generate"):
        assert list_operations(stopped, None)[0].state == "generating"
    with pytest.raises(UsageError, match="not written to its end") as refused:
        find_bundle(stopped, OPERATION)
    assert "synthgen resume" in refused.value.hint


@pytest.mark.slow
def test_discard_leaves_nothing(stopped: Path, base: Path) -> None:
    """What is not wanted any more goes without a trace; a second time there is nothing to discard."""
    done = start(stopped, base, "resume", "--discard", "--json")
    assert (done.returncode, json.loads(done.stdout)["operation_id"]) == (0, OPERATION)
    assert left(stopped) == []
    again = start(stopped, base, "resume", "--discard")
    assert again.returncode == 2
    assert "no operation" in again.stderr


@pytest.mark.slow
def test_another_base_is_refused(stopped: Path, base: Path, whole: dict[str, bytes]) -> None:
    """Half of the parts would be of one graph and half of another."""
    moved = base.with_name("moved")
    shutil.move(base, moved)
    try:
        assert start(stopped, base, "resume").returncode == 1
        from tests.tiny import tiny_graph  # noqa: PLC0415 - what follows changes it

        graph = tiny_graph()
        graph.nodes[0].frame[0, 0] = "another"
        write_snapshot(graph, base, created_at=CREATED_AT, source={}, profile="azure")
        refused = start(stopped, base, "resume")
        assert refused.returncode == 1
        assert "not the snapshot" in refused.stderr
    finally:
        shutil.rmtree(base, ignore_errors=True)
        shutil.move(moved, base)
    resumed(stopped, base, whole)


@pytest.mark.slow
def test_two_that_go_on_at_once(stopped: Path, base: Path, whole: dict[str, bytes]) -> None:
    """The second is told who is at work, and harms nothing."""
    with hold_bundle(folder_of(stopped), "generate"):
        for command in (("resume",), ("resume", "--discard"), GENERATE):
            refused = start(stopped, base, *command)
            assert refused.returncode == 11
            assert "is at work" in refused.stderr
    resumed(stopped, base, whole)


@pytest.mark.slow
def test_several_are_named(stopped: Path, base: Path, whole: dict[str, bytes]) -> None:
    """With more than one, which is meant has to be said."""
    other = stopped / "operations" / f".{OPERATION[:-1]}0.unfinished"
    shutil.copytree(folder_of(stopped), other)
    refused = start(stopped, base, "resume")
    assert refused.returncode == 2
    assert OPERATION in refused.stderr
    shutil.rmtree(other)
    resumed(stopped, base, whole, "resume", OPERATION, "--json")


@pytest.mark.slow
def test_an_interrupt_from_outside(base: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """A real SIGINT to a process that runs, whenever it comes."""
    environment = {**os.environ, "SYNTHGEN_OUT": str(tmp_path), "SYNTHGEN_BASE": str(base), "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen([sys.executable, "-c", CHILD, *GENERATE], env=environment, cwd=tmp_path,
                             stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not list(tmp_path.rglob("parts.jsonl")):
        time.sleep(0.001)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode in {130, 0}, said
    assert "Traceback" not in said
    if child.returncode == 0 or left(tmp_path) == [OPERATION]:
        assert files_of(tmp_path / "operations" / OPERATION) == whole
    else:
        # An interrupt before any part was on record leaves nothing to go on with.
        resumed(tmp_path, base, whole, *(() if left(tmp_path) else GENERATE))
