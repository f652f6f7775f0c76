"""Loads that are killed, interrupted or fail: afterwards the old database or the new one is there, whole."""

from __future__ import annotations

import csv
import json
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from importer.operations import load
from importer.servers import process
from importer.servers.local import LocalServer
from importer.servers.local_target import LocalTarget
from importer.settle import settle_at
from importer.stages import (
    CHECKS,
    CheckEmpty,
    CreateIndexes,
    DeleteOperation,
    DropIndexes,
    EndLedger,
    ImportAside,
    Stage,
    WriteOnline,
)
from synthgen.bundle.read import find_bundle
from synthgen.database import connect
from synthgen.errors import LoadFailedError
from synthgen.snapshot.export import digest_database
from tests.conftest import running_server
from tests.faults.dying import load_until
from tests.workshop import LONGEST_SECONDS, Workshop

pytestmark = pytest.mark.neo4j

RESOURCES = 3000


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> str:
    """A small base, exported; gives its digest."""
    sample = workshop.do("synthgen sample --resources 300", "--out", str(workshop.out / "sample"))
    workshop.do("importer restore", str(workshop.out / "sample"))
    workshop.do("synthgen export")
    return sample["digest"]


@pytest.fixture
def operation(workshop: Workshop, base: str) -> str:
    """A bundle that is not loaded; afterwards whatever is left of it is taken out, and the base must be there."""
    operation_id = workshop.do("synthgen generate --strategy random --count", str(RESOURCES))["operation_id"]
    yield operation_id
    workshop.do("importer server start")
    if workshop.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=operation_id):
        workshop.do(f"importer rollback {operation_id}")
    assert (workshop.digest(), workshop.traces()) == (base, 0)
    assert left_over(workshop) == []


def left_over(workshop: Workshop) -> list[str]:
    """Name what a load left in the server's home."""
    return [path.name for name in ("load.json", "staging") for path in home(workshop).glob(name)]


def home(workshop: Workshop) -> Path:
    """Give the server's folder."""
    return Path(str(workshop.address.home))


def step(workshop: Workshop) -> str | None:
    """Say how far an offline load says it is."""
    try:
        return json.loads((home(workshop) / "load.json").read_text(encoding="utf-8"))["step"]
    except FileNotFoundError:
        return None


def staged(workshop: Workshop, pattern: str) -> bool:
    """Say whether a file is there in the staging folder."""
    return any((home(workshop) / "staging").glob(pattern))


def resources(workshop: Workshop, operation_id: str) -> int:
    """Count the operation's resources in the database."""
    return workshop.one("MATCH (n:Resource) WHERE n.scale_operation_id = $o RETURN count(n)", o=operation_id)


def is_up(workshop: Workshop) -> bool:
    """Say whether the server runs."""
    return LocalServer(home(workshop)).status().state == "running"


def is_new(workshop: Workshop, operation_id: str) -> bool:
    """Say whether the database that is served is the new one."""
    try:
        return workshop.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=operation_id) > 0
    except Exception:  # noqa: BLE001 - while it is down, it is not
        return False


MOMENTS: dict[str, Callable[[Workshop, str], bool]] = {
    "while neo4j-admin imports": lambda shop, _: staged(shop, "*/data/databases/neo4j/*"),
    "when both stores are moved": lambda shop, _: staged(shop, "*/old/transactions/neo4j"),
    "when the new one is served": lambda shop, operation: step(shop) == "swapping" and is_new(shop, operation),
}
ONLINE = {WriteOnline, EndLedger, CreateIndexes, DropIndexes, DeleteOperation}
STAGES = [stage.__name__ for stage in get_args(Stage) if stage not in {CheckEmpty, *ONLINE}]
CHECKED = [stage.__name__ for stage in CHECKS if stage is not CheckEmpty]
# The look at the folders makes two, moves two and removes four itself.
JUST_BEGUN = "before Make 3"  # the journal is there, the staging folder not yet
UNDONE = [
    JUST_BEGUN,
    *(f"before {name}" for name in STAGES if name not in CHECKED),
    "before Write 2",  # the server is down, the swap not announced
    *(f"before Move {number}" for number in (3, 4, 5, 6)),
    "after Move 6",  # both stores are moved, the server is down
]
DONE = [
    "before Remove 6",  # the new store is good, the old one still there
    "after DropOldStore",
    "before Remove 8",  # it is in the history, the journal still there
]
COMMANDS = ("importer list", "importer server stop", "importer validate {}", "synthgen export",
            "importer rollback {}", "importer digest", "importer server start", "importer load {} --dry-run",
            "importer load {} --mode online")


@pytest.fixture(scope="module")
def small(workshop: Workshop, base: str) -> str:
    """A small bundle that many loads try in vain."""
    return workshop.do("synthgen generate --strategy random --count 200")["operation_id"]


@pytest.fixture
def small_again(workshop: Workshop, small: str) -> Iterator[str]:
    """The small bundle, which must not be loaded when the next test begins, however this one ends."""
    yield small
    LocalServer(home(workshop)).start()
    if resources(workshop, small):
        workshop.do(f"importer rollback {small}")
    shutil.rmtree(workshop.out / "half", ignore_errors=True)


def test_an_offline_load_killed_before_each_check(workshop, base, small_again):
    """SIGKILL while nothing is touched yet: no file is left, the history says nothing, and no command has to care."""
    known = workshop.events(small_again)
    for name in CHECKED:
        assert load_until(workshop, small_again, f"before {name}") == -signal.SIGKILL, name
        assert (left_over(workshop), workshop.events(small_again)) == ([], known), name
    assert "interrupted" not in workshop.run("importer list").stderr
    assert (workshop.digest(), workshop.traces()) == (base, 0)


@pytest.mark.parametrize("moment", [*UNDONE, *DONE])
def test_an_offline_load_killed_at_each_boundary(workshop, base, small_again, moment):
    """SIGKILL at every boundary of stages, and between the moves: old or new, whole; the next command says which."""
    small, loaded = small_again, moment in DONE
    follow = COMMANDS[[*UNDONE, *DONE].index(moment) % len(COMMANDS)]
    known = len(workshop.events(small))
    assert load_until(workshop, small, moment) == -signal.SIGKILL
    elsewhere = ["--out", str(workshop.out / "half")] if "export" in follow else []
    answer = workshop.run(follow.format(small), *elsewhere)
    said = answer.stderr
    if "export" in follow or "dry-run" in follow:
        # These change nothing, not even that: they refuse, and name what does.
        assert (answer.code, "importer" in said, (workshop.out / "half").exists()) == (5, True, False), answer
        said = workshop.run("importer list").stderr
    assert f"the offline load of {small} was interrupted; the database is the " + (
        f"new one, {small} is loaded" if loaded else "one from before it") in said
    assert ("Traceback" in said, left_over(workshop)) == (False, [])
    added = [one for one in workshop.manifest(small)["history"][known:] if one["event"].startswith("load")][:2]
    if moment == JUST_BEGUN:
        assert "load_failed" not in [one["event"] for one in added]
    else:
        assert [one["event"] for one in added] == ["load_started", "loaded" if loaded else "load_failed"]
        assert loaded or (added[1]["error"], added[1]["undone"], added[1]["mode"]) == ("interrupted", True, "offline")
    LocalServer(home(workshop)).start()
    assert resources(workshop, small) == (
        200 if (loaded and "rollback" not in follow) or "--mode online" in follow else 0)
    assert digest_database(workshop.driver, workshop.address, without=[small]).digest == base
    assert len(workshop.schema()) == 12


def test_a_settling_that_is_killed_before_the_server_runs_is_gone_on_with(workshop, base, operation, monkeypatch):
    """The old store is back and the history says so, but the server is down: the next command starts it."""
    workshop.end_when(f"importer load {operation} --mode offline", lambda: step(workshop) == "swapping", signal.SIGKILL)
    target = LocalTarget(LocalServer(home(workshop)))

    def be_killed(self: LocalTarget) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LocalTarget, "start", be_killed)
        with pytest.raises(KeyboardInterrupt):
            settle_at(target)
    assert not target.is_running()
    assert workshop.do("importer digest")["digest"] == base
    assert left_over(workshop) == []


def test_offline_loads_killed_by_chance(workshop, base, operation):
    """SIGKILL at ten random moments in a row, also while the load before is put back; there is always a store."""
    drawn = random.Random(5)  # noqa: S311 - moments, not secrets
    began = time.monotonic()
    workshop.end_when(f"importer load {operation} --mode offline", lambda: step(workshop) == "swapping", signal.SIGKILL)
    longest = 1.5 * (time.monotonic() - began)
    for _ in range(9):
        until = time.monotonic() + drawn.uniform(0.1, 1) * longest
        workshop.end_when(f"importer load {operation} --mode offline",
                          lambda: time.monotonic() > until, signal.SIGKILL)  # noqa: B023 - used at once
        stores = [home(workshop) / "data", *home(workshop).glob("staging/*/old")]
        assert any((folder / "databases" / "neo4j").is_dir() for folder in stores)
    answer = workshop.run(f"importer load {operation} --mode offline")
    assert answer.code in {0, 5}, answer
    if answer.code == 5:
        assert "loaded" in workshop.events(operation)
    assert workshop.do(f"importer validate {operation}")["passed"]
    assert left_over(workshop) == []


@pytest.mark.parametrize("moment", [
    "while neo4j-admin imports", "when both stores are moved", "when the new one is served"])
def test_an_offline_load_interrupted(workshop, base, operation, moment):
    """Ctrl-C: exit code 130, at once the old database is served again, and the history says so."""
    answer = workshop.end_when(f"importer load {operation} --mode offline",
                               lambda: MOMENTS[moment](workshop, operation), signal.SIGINT)
    assert (answer.code, answer.stderr.splitlines()[-1]) == (130, "interrupted"), answer
    assert (workshop.digest(), left_over(workshop)) == (base, [])
    failed = workshop.manifest(operation)["history"][-1]
    assert (failed["event"], failed["error"], failed["undone"]) == ("load_failed", "KeyboardInterrupt", True)
    assert workshop.do("importer list")["operations"][-1]["state"] == "failed"


def test_an_offline_load_interrupted_again_while_it_is_undone(workshop, base, operation):
    """Ctrl-C three times: what puts the old database back is not broken off."""
    command = f"importer load {operation} --mode offline"
    with workshop.running(command) as child:
        while not MOMENTS["when both stores are moved"](workshop, operation):
            assert child.poll() is None
            time.sleep(0.002)
        child.send_signal(signal.SIGINT)
        for pause in (0.1, 0.6):
            time.sleep(pause)
            child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=LONGEST_SECONDS)
    assert (child.returncode, "Traceback" in said) == (130, False), said
    assert (workshop.digest(), left_over(workshop)) == (base, [])
    failed = workshop.manifest(operation)["history"][-1]
    assert (failed["event"], failed["undone"]) == ("load_failed", True)


def test_a_reader_interrupted_at_any_moment(workshop, base):
    """Ctrl-C while the database is read, 15 times: exit code 130 without a traceback, once the command has begun."""
    drawn = random.Random(6)  # noqa: S311 - moments, not secrets
    began = time.monotonic()
    workshop.do("importer digest")
    longest = time.monotonic() - began
    codes: list[int] = []
    # The others had not begun, or had their answer out already: how many depends on what else the machine does.
    while codes.count(130) < 15 and len(codes) < 100:
        until = time.monotonic() + longest * drawn.uniform(0.3, 1)
        answer = workshop.end_when("importer digest", lambda: time.monotonic() > until, signal.SIGINT)  # noqa: B023 - used at once
        code = 0 if answer is None else answer.code
        assert answer is None or code == -signal.SIGINT or "Traceback" not in answer.stderr, answer
        codes.append(code)
    assert set(codes) <= {130, -signal.SIGINT, 0}
    assert codes.count(130) == 15, codes


def fail_to_load(
    workshop: Workshop, operation_id: str, change: Callable[[list[list[str]]], None], base: str = "base"
) -> LoadFailedError:
    """Load, with the rows of a part of nodes changed behind its back after they were checked; gives the error."""
    path = workshop.out / "operations" / operation_id / "nodes-000.part-00000.csv"

    def spoil(stage: Stage, side: str) -> None:
        if side == "before" and isinstance(stage, ImportAside):
            with path.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.reader(stream))
            change(rows)
            with path.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream, lineterminator="\n").writerows(rows)

    with pytest.raises(LoadFailedError) as caught:
        load(find_bundle(workshop.out, operation_id), workshop.address, mode="offline", base=workshop.out / base,
             on_boundary=spoil)
    return caught.value


def test_an_import_that_fails(workshop, base, operation):
    """neo4j-admin refuses a row: its own words are in the error, the old database was served all the time."""
    def repeat_an_id(rows: list[list[str]]) -> None:
        rows[1][0] = rows[0][0]

    serving = LocalServer(home(workshop)).status()
    error = fail_to_load(workshop, operation, repeat_an_id)
    assert error.facts["undone"] is True
    assert "Duplicate" in error.message or "defined more than once" in error.message
    assert LocalServer(home(workshop)).status() == serving
    assert workshop.events(operation) == ["generated", "load_started", "load_failed"]
    assert (workshop.digest(), left_over(workshop)) == (base, [])


def test_a_new_store_that_is_not_what_it_should_be(workshop, base, operation):
    """The import succeeds but a mark is missing: the check says so, and the old database is served again."""
    column = header(workshop, operation).index("synthetic:boolean")
    error = fail_to_load(workshop, operation, lambda rows: rows[-1].__setitem__(column, ""))
    assert (error.facts["undone"], workshop.events(operation)[-1]) == (True, "load_failed")
    assert (workshop.digest(), left_over(workshop)) == (base, [])


def test_a_schema_that_the_new_data_break(workshop, base, operation):
    """The import succeeds, but a constraint of the base cannot be made again: undone, and the constraint is named."""
    workshop.query("CREATE CONSTRAINT once FOR (n:Resource) REQUIRE (n.id, n.scale_operation_id) IS UNIQUE")
    try:
        other = workshop.out / "constrained"
        workshop.do("synthgen export --out", str(other))
        broken = workshop.do("synthgen generate --strategy random --count 200 --base", str(other))["operation_id"]
        column = header(workshop, broken).index("id:string")
        error = fail_to_load(workshop, broken, lambda rows: rows[1].__setitem__(column, rows[0][column]), other.name)
        assert (error.facts["undone"], "constraint" in error.message.lower()) == (True, True)
        assert (workshop.digest(), left_over(workshop)) == (base, [])
    finally:
        workshop.query("DROP CONSTRAINT once")


def test_a_disk_that_fills_up_during_the_import(workshop, base, small_disk, tmp_path):
    """There was room when it was looked at, but not for long: exit code 1, the old database serves, nothing is left."""
    with running_server(small_disk / "home") as address, connect(address) as driver:
        small = Workshop(tmp_path / "out", address, driver)
        small.out.mkdir()
        small.do("importer restore", str(workshop.out / "sample"))
        small.do("synthgen export")
        operation_id = small.do("synthgen generate --strategy random --count", str(RESOURCES))["operation_id"]
        with small.running(f"importer load {operation_id} --mode offline --json") as load:
            while step(small) is None:
                assert load.poll() is None
            (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - 500_000))
            said, words = load.communicate(timeout=120)
        (small_disk / "filler").unlink()
        assert (load.returncode, json.loads(said)["error"]["undone"]) == (1, True), words
        assert "Traceback" not in words
        assert small.events(operation_id) == ["generated", "load_started", "load_failed"]
        assert (small.digest(), left_over(small)) == (base, [])
        small.do(f"importer load {operation_id} --mode offline")


def header(workshop: Workshop, operation_id: str) -> list[str]:
    """Give the columns of the operation's first node group."""
    folder = workshop.out / "operations" / operation_id
    return (folder / "nodes-000.header.csv").read_text(encoding="utf-8").strip().split(",")


@pytest.mark.parametrize("until", [1, RESOURCES // 2, RESOURCES])
def test_an_online_load_killed_goes_on(workshop, base, operation, until):
    """SIGKILL after so many resources: the same command ends the work, exactly, and validation passes."""
    killed = workshop.end_when(
        f"importer load {operation} --mode online --batch-rows 100 --writers 1-2",
        lambda: resources(workshop, operation) >= until,
        signal.SIGKILL)
    assert killed.code == -signal.SIGKILL, killed
    assert workshop.do("importer list")["operations"][-1]["state"] == "half-way"
    workshop.do("importer resume")
    assert resources(workshop, operation) == RESOURCES
    assert workshop.do(f"importer validate {operation}")["passed"]
    assert workshop.events(operation) == ["generated", "load_started", "load_started", "loaded", "validated"]


def test_an_online_load_killed_before_it_could_say_that_it_is_done(workshop, base, operation):
    """All is written, the ledger is gone, the history knows nothing: the same command only finishes the record."""
    def is_written() -> bool:
        return resources(workshop, operation) and (
            workshop.one("MATCH (n:__SynthgenBatch) RETURN count(n)") == 0)

    assert workshop.end_when(f"importer load {operation} --mode online", is_written, signal.SIGKILL) is not None
    stages = [stage["stage"] for stage in workshop.do(f"importer load {operation} --mode online")["stages"]]
    assert "ImportAside" not in stages
    assert workshop.do(f"importer validate {operation}")["passed"]
    assert workshop.events(operation)[-2:] == ["loaded", "validated"]


def test_an_online_load_killed_and_rolled_back(workshop, base, operation):
    """SIGKILL half-way, then a rollback instead: the base is there again (the fixture looks)."""
    workshop.end_when(
        f"importer load {operation} --mode online --batch-rows 100 --writers 1",
        lambda: resources(workshop, operation) > 500,
        signal.SIGKILL)
    answer = workshop.run(f"importer load {operation} --mode offline --json")
    assert (answer.code, answer.error["kind"]) == (5, "RefusedError")
    refused = workshop.run("synthgen export --json --out", str(workshop.out / "half"))
    assert (refused.code, (workshop.out / "half").exists()) == (5, False)
    assert workshop.do(f"importer rollback {operation}")["nodes"] > 500
    assert workshop.events(operation)[-1] == "rolled_back"


def test_an_online_load_interrupted_goes_on(workshop, base, operation):
    """Ctrl-C: exit code 4 and the hint that the same command goes on; it does."""
    answer = workshop.end_when(
        f"importer load {operation} --mode online --batch-rows 100 --writers 1",
        lambda: resources(workshop, operation) > 500,
        signal.SIGINT)
    assert answer.code == 4, answer
    workshop.do(f"importer load {operation} --mode online")
    assert workshop.do(f"importer validate {operation}")["passed"]


def test_an_online_load_that_fails_for_good(workshop, base, operation):
    """A constraint forbids one node: exit code 1, everything that was written is gone again, the history says so."""
    folder = workshop.out / "operations" / operation
    column = header(workshop, operation).index("id:string")
    with (folder / "nodes-000.part-00000.csv").open(encoding="utf-8", newline="") as stream:
        taken = list(csv.reader(stream))[-1][column]
    workshop.query("CREATE CONSTRAINT once FOR (n:Once) REQUIRE n.id IS UNIQUE")
    workshop.query("CREATE CONSTRAINT also FOR (n:Resource) REQUIRE (n.id, n.synthetic) IS UNIQUE")
    workshop.query("CREATE (:Resource:Conflict {id: $id, synthetic: true})", id=taken)
    try:
        before = workshop.digest()
        answer = workshop.run(f"importer load {operation} --mode online --allow-changed --batch-rows 100 --json")
        assert answer.code == 1, answer
        assert answer.error["undone"] is True
        assert taken in answer.error["message"]
        assert workshop.digest() == before
        assert workshop.events(operation) == ["generated", "load_started", "load_failed"]
        assert workshop.run(f"importer validate {operation}").code == 3
    finally:
        workshop.query("MATCH (n:Conflict) DELETE n")
        for name in ("once", "also"):
            workshop.query(f"DROP CONSTRAINT {name}")


def test_a_rollback_interrupted_goes_on(workshop, base, operation):
    """A rollback that was killed: the same command ends it."""
    workshop.do(f"importer load {operation} --mode online")
    due = workshop.manifest(operation)["counts"]["nodes"]
    workshop.end_when(f"importer rollback {operation}",
                      lambda: workshop.one("MATCH (n:__SynthgenBatch {kind: 'rollback'}) RETURN count(n)") > 0,
                      signal.SIGKILL)
    left = workshop.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=operation)
    assert left <= due
    workshop.do(f"importer rollback {operation}")


def test_no_import_goes_on_behind_the_back_of_a_killed_load(workshop, base, operation):
    """A killed load's neo4j-admin is ended by the next command, and nothing of it stays, not even its arguments."""
    workshop.end_when(f"importer load {operation} --mode offline",
                      lambda: MOMENTS["while neo4j-admin imports"](workshop, operation), signal.SIGKILL)
    [folder] = home(workshop).glob(".admin.*")
    orphan = int((folder / "process").read_text(encoding="ascii").split()[0])
    assert process.find_mark(orphan)
    workshop.do("importer server start")
    assert process.find_mark(orphan) is None
    assert list(home(workshop).glob(".admin.*")) == []
