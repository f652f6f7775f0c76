"""Loads and rollbacks that did not end: shown, gone on with, told apart from a base, and never in the user's view."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest
from neo4j.exceptions import ClientError

from importer import operations, pulse, rollback
from importer.census import count_totals
from importer.ledger import create_constraint
from importer.listing import choose_half_way, list_operations
from importer.lock import hold_lock
from importer.online import OnlineOptions
from importer.scaling.settings import Scaling
from importer.stages import CheckResult
from synthgen.bundle.hold import hold_bundle
from synthgen.bundle.read import Bundle, find_bundle
from synthgen.errors import LoadFailedError, LockedError, RefusedError, StoppedHalfwayError, UsageError
from synthgen.events import Batch, Event, Stream
from synthgen.owners import this_host
from synthgen.snapshot.export import digest_database, export_snapshot
from synthgen.snapshot.ledger import BATCH_LABEL, LOAD_LABEL
from synthgen.snapshot.schema import read_schema
from synthgen.snapshot.state import DatabaseState
from tests.bundles import OTHER_OPERATION
from tests.integration.test_online import dead_process
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

OPTIONS = OnlineOptions(Scaling.within((100, 100), (1, 2)))
STOP_AFTER = 9


@dataclass
class Ground:
    """An operation that is not loaded, the base's digest, and that of base and operation."""

    workshop: Workshop
    bundle: Bundle
    base: str
    loaded: str

    @property
    def operation_id(self) -> str:
        return self.bundle.manifest.operation_id

    @property
    def events(self) -> list[str]:
        return self.workshop.events(self.operation_id)

    def load(self, events: Stream | None = None, **options: object) -> operations.Done:
        """Load online, in small batches."""
        return operations.load(self.bundle, self.workshop.address, mode="online", base=self.workshop.out / "base",
                               options=OPTIONS, events=events or Stream(), **options)

    def stop(self) -> None:
        """Load, and stop after some batches."""
        with pytest.raises(Exception, match="enough"):
            self.load(Stream(count_batches(STOP_AFTER, partial(raise_error, RuntimeError("enough")))))

    def rollback(self, events: Stream | None = None) -> operations.Done:
        """Roll back."""
        return operations.rollback(self.workshop.out, self.operation_id, self.workshop.address,
                                   events=events or Stream())

    def state(self) -> str:
        """Say what `importer list` says."""
        [listed] = [one for one in list_operations(self.workshop.out, self.workshop.address)
                    if one.operation_id == self.operation_id]
        return listed.state

    def nodes(self) -> int:
        """Count the operation's nodes."""
        return self.workshop.one("MATCH (n {scale_operation_id: $o}) RETURN count(n)", o=self.operation_id)

    def ours(self) -> int:
        """Count what there is of ledger, lock and their constraint."""
        return self.workshop.one(f"MATCH (n) WHERE n:{BATCH_LABEL} OR n:{LOAD_LABEL} RETURN count(n)") + (
            self.workshop.one("SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH '__' RETURN count(name)"))


def count_batches(number: int, then: Callable[[], None]) -> Callable[[Event], None]:
    """Do something at the nth batch."""
    seen = [0]

    def listen(event: Event) -> None:
        seen[0] += isinstance(event, Batch)
        if isinstance(event, Batch) and seen[0] == number:
            then()

    return listen


def raise_error(error: BaseException) -> None:
    """Raise it."""
    raise error


@pytest.fixture(scope="module")
def loadable(workshop: Workshop) -> Ground:
    """A base and an operation."""
    base = plant_sample(workshop, 200)
    operation_id = workshop.do("synthgen generate --strategy random --count 600 --seed 3")["operation_id"]
    ground = Ground(workshop, find_bundle(workshop.out, operation_id), base, "")
    ground.load()
    ground.loaded = workshop.digest()
    ground.rollback()
    return ground


@pytest.fixture
def ground(loadable: Ground) -> Iterator[Ground]:
    """The same; afterwards a rollback must bring the base back, and nothing of ours may be left."""
    yield loadable
    if loadable.nodes() or loadable.ours():
        loadable.rollback()
    assert (loadable.workshop.digest(), loadable.ours()) == (loadable.base, 0)


def test_a_load_that_was_stopped_is_listed_and_gone_on_with(ground):
    """`importer list` says half-way, `importer resume` finds it by itself and ends it; then there is none."""
    ground.stop()
    assert ground.state() == "half-way"
    done = ground.workshop.do("importer resume")
    assert (done["operation_id"], done["resumed"]) == (ground.operation_id, True)
    assert (ground.workshop.digest(), ground.ours()) == (ground.loaded, 0)
    assert (ground.state(), ground.events[-1]) == ("loaded", "loaded")
    refused = ground.workshop.run("importer resume --json")
    assert (refused.code, refused.error["kind"]) == (5, "RefusedError")
    assert "no load was stopped half-way" in refused.error["message"]


def test_what_cannot_be_gone_on_with_is_refused(ground, tmp_path):
    """A loaded one, one that is being rolled back, one without a bundle: each with the way out."""
    out, address = ground.workshop.out, ground.workshop.address
    with pytest.raises(RefusedError, match=f"no load of {ground.operation_id} was stopped"):
        choose_half_way(out, address, ground.operation_id)
    with pytest.raises(UsageError):
        choose_half_way(out, address, OTHER_OPERATION)
    ground.stop()
    assert choose_half_way(out, address, None).path == ground.bundle.path
    for named in (ground.operation_id, None):
        with pytest.raises(RefusedError, match="its bundle is not in") as without:
            choose_half_way(tmp_path, address, named)
        assert f"importer rollback {ground.operation_id}" in without.value.hint
    with pytest.raises(Exception, match="enough"):
        ground.rollback(Stream(count_batches(1, partial(raise_error, RuntimeError("enough")))))
    assert ground.state() == "rolling back"
    for go_on in (lambda: choose_half_way(out, address, None), ground.load,
                  lambda: choose_half_way(out, address, ground.operation_id)):
        with pytest.raises(RefusedError, match=r"a rollback of .* has begun") as refused:
            go_on()
        assert f"importer rollback {ground.operation_id}" in refused.value.hint
    assert "rollback_started" in ground.events
    assert "rolled_back" not in ground.events[ground.events.index("rollback_started", -2):]


def test_a_load_that_was_begun_with_changes_allowed_is_gone_on_with_so(ground):
    """What `--allow-changed` allowed once need not be said again."""
    ground.workshop.query("CREATE (:Changed)")
    try:
        with pytest.raises(Exception, match="enough"):
            ground.load(Stream(count_batches(STOP_AFTER, partial(raise_error, RuntimeError("enough")))),
                        allow_changed=True)
        assert ground.workshop.run(f"importer load {ground.operation_id} --json").code == 5
        ground.workshop.do("importer resume")
    finally:
        ground.workshop.query("MATCH (n:Changed) DELETE n")


def test_half_an_operation_is_no_base(ground, tmp_path):
    """Exports say 11 while somebody is at work and 5 afterwards; what a dead run left without writing is no matter."""
    address, now = ground.workshop.address, datetime.now(UTC)
    told = []

    def export() -> None:
        with pytest.raises(LockedError) as locked:
            export_snapshot(address, tmp_path / "half", now=now)
        told.append(locked.value.facts["operation_id"])

    with pytest.raises(Exception, match="enough"):
        ground.load(Stream(count_batches(3, export),
                           count_batches(STOP_AFTER, partial(raise_error, RuntimeError("enough")))))
    assert told == [ground.operation_id]
    with pytest.raises(RefusedError) as refused:
        export_snapshot(address, tmp_path / "half", now=now)
    assert f"importer resume {ground.operation_id}" in refused.value.hint
    assert not (tmp_path / "half").exists()
    ground.rollback()
    for name in ("claim", "lock"):
        ground.workshop.query(
            f"CREATE (:{LOAD_LABEL} {{name: $name, operation_id: $o, owner: $owner, since: datetime(),"
            " heartbeat: timestamp()})", name=name, o=ground.operation_id, owner=f"{this_host()}:{dead_process()}:x")
    assert export_snapshot(address, tmp_path / "whole", now=now).digest == ground.base
    with hold_lock(ground.workshop.driver, address.database, OTHER_OPERATION):
        assert ground.workshop.one(f"MATCH (n:{LOAD_LABEL}) RETURN count(n)") == 1  # the dead ones are gone


def test_the_ledger_is_not_in_the_users_view(ground):
    """Few nodes, of labels of their own, tied to nothing; digests, counts and schema are as if they were not there."""
    address, driver = ground.workshop.address, ground.workshop.driver
    schema, totals = read_schema(driver, address), count_totals(driver, address)
    ground.stop()
    ours = ground.workshop.query(f"MATCH (n) WHERE n:{BATCH_LABEL} OR n:{LOAD_LABEL}"
                                 " RETURN labels(n), COUNT { (n)--() }, n.scale_operation_id, n.synthetic")
    assert 0 < len(ours) <= STOP_AFTER + 2
    assert all(len(labels) == 1 and (degree, mark, synthetic) == (0, None, None)
               for labels, degree, mark, synthetic in ours)
    assert ground.ours() > len(ours)  # the constraint
    assert digest_database(driver, address, without=[ground.operation_id]).digest == ground.base
    assert read_schema(driver, address) == schema
    assert count_totals(driver, address)[0] == totals[0] + ground.nodes()
    assert digest_database(driver, address).nodes == totals[0] + ground.nodes()


@pytest.mark.parametrize("left", ["a mark", "a constraint", "a lock"])
def test_a_load_killed_at_its_very_end_is_ended(ground, left, tmp_path):
    """All is written, and the history does not know: the same command removes what is left, checks and records."""
    ground.load()
    path = ground.bundle.path / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert manifest["history"].pop()["event"] == "loaded"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with hold_lock(ground.workshop.driver, ground.workshop.address.database, ground.operation_id) as lock:
        if left != "a lock":
            create_constraint(lock)
    if left == "a mark":
        ground.workshop.query(f"CREATE (:{BATCH_LABEL} {{operation_id: $o, kind: 'complete', group: 0, part: 0,"
                              " from: 0, rows: 0})", o=ground.operation_id)
    ground.workshop.query(
        f"CREATE (:{LOAD_LABEL} {{name: 'lock', operation_id: $o, owner: $owner, since: datetime(),"
        " heartbeat: timestamp()})", o=ground.operation_id, owner=f"{this_host()}:{dead_process()}:x")
    assert ground.state() == "half-way"
    with pytest.raises(RefusedError):
        export_snapshot(ground.workshop.address, tmp_path / "half", now=datetime.now(UTC))
    assert choose_half_way(ground.workshop.out, ground.workshop.address, None).path == ground.bundle.path
    done = ground.load()
    assert (done.facts.get("batches", 0), ground.state()) == (0, "loaded")
    assert (ground.workshop.digest(), ground.ours()) == (ground.loaded, 0)


@pytest.mark.parametrize("why", ["interrupted", "written to"])
def test_a_load_that_could_only_not_be_checked_stays(ground, why):
    """Ctrl-C, or somebody who writes, while the result is checked: exit code 4, and the check is made up for."""
    def disturb(stage, side):
        if isinstance(stage, CheckResult) and side == "before":
            if why == "interrupted":
                raise KeyboardInterrupt
            ended = threading.Event()
            writer = threading.Thread(target=keep_writing, args=(ground, ended))
            writer.start()
            stop.append((ended, writer))

    stop: list[tuple[threading.Event, threading.Thread]] = []
    try:
        with pytest.raises(StoppedHalfwayError) as stopped:
            ground.load(on_boundary=disturb)
    finally:
        for ended, writer in stop:
            ended.set()
            writer.join()
        ground.workshop.query("MATCH (n:Noise) DELETE n")
    assert "importer resume" in stopped.value.hint
    assert (ground.events[-1], ground.state()) == ("load_started", "half-way")
    assert ground.workshop.digest() == ground.loaded
    ground.load()
    assert (ground.events[-1], ground.workshop.digest()) == ("loaded", ground.loaded)


def keep_writing(ground: Ground, ended: threading.Event) -> None:
    """Write, all the time."""
    while not ended.is_set():
        ground.workshop.query("MERGE (n:Noise) SET n.now = timestamp()")


def test_a_load_that_cannot_be_undone_says_what_is_left(ground, monkeypatch):
    """Nodes and relationships, in the error and in the history, and the command that repeats it; which then works."""
    def fail(stage, side):
        if isinstance(stage, CheckResult):
            monkeypatch.setattr("importer.execute.delete_operation", lambda *_, **__: raise_error(
                LoadFailedError("the server says no")))
            raise LoadFailedError("the result is wrong")

    with pytest.raises(LoadFailedError, match=r"not be undone \(the server says no\).*the result is wrong") as failed:
        ground.load(on_boundary=fail)
    counts = ground.bundle.manifest.counts
    left = {"undone": False, "nodes_left": counts.nodes, "relationships_left": counts.relationships}
    assert failed.value.facts.items() >= left.items()
    assert f"{counts.nodes:,} nodes and {counts.relationships:,} relationships of it are left" in failed.value.message
    assert f"importer rollback {ground.operation_id}" in failed.value.hint
    last = ground.workshop.manifest(ground.operation_id)["history"][-1]
    assert (last["event"], last.items() >= left.items()) == ("load_failed", True)
    assert find_bundle(ground.workshop.out, ground.operation_id).manifest.is_half_loaded()
    monkeypatch.undo()
    assert ground.rollback().facts["nodes"] == counts.nodes


@pytest.mark.parametrize(("error", "kind", "last"), [
    (OSError("the cable is out"), StoppedHalfwayError, "rollback_started"),
    (ClientError("the server says no"), LoadFailedError, "rollback_failed"),
], ids=["unreachable", "refused"])
def test_a_rollback_that_fails_says_what_is_left(ground, monkeypatch, error, kind, last):
    """Half of it is deleted: the error and the history have the rest, and the same command ends it."""
    ground.load()
    pages, tried = rollback._pages, rollback._Deletion._try
    seen = [0]

    def fail_later(self, *given):
        seen[0] += 1
        if seen[0] > 3:
            raise error
        return tried(self, *given)

    monkeypatch.setattr(rollback, "_pages", lambda degrees, _: pages(degrees, 300))
    monkeypatch.setattr(rollback._Deletion, "_try", fail_later)
    with pytest.raises(kind) as stopped:
        ground.rollback()
    monkeypatch.undo()
    left = ground.nodes()
    assert 0 < left < ground.bundle.manifest.counts.nodes
    assert stopped.value.facts["nodes_left"] == left
    assert f"{left:,} nodes" in stopped.value.message
    assert f"importer rollback {ground.operation_id}" in stopped.value.hint
    entry = ground.workshop.manifest(ground.operation_id)["history"][-1]
    assert (entry["event"], entry.get("nodes_left", left)) == (last, left)
    assert ground.state() == "rolling back"
    assert ground.rollback().facts["nodes"] == left
    assert (ground.events[-1], ground.ours()) == ("rolled_back", 0)


def test_whoever_reads_writes_nothing_and_lives(ground, monkeypatch):
    """A lock's owner that reads the database in one state: no beat disturbs it, and nobody takes its lock over."""
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.05)
    address, driver = ground.workshop.address, ground.workshop.driver
    with hold_lock(driver, address.database, OTHER_OPERATION) as lock:
        with lock.quiet():
            ground.workshop.query(f"MATCH (n:{LOAD_LABEL}) SET n.heartbeat = 0")
            state = DatabaseState(driver, address)
            threading.Event().wait(0.5)
            state.check()
            with pytest.raises(LockedError), hold_lock(driver, address.database, ground.operation_id):
                pass
        assert ground.workshop.one(f"MATCH (n:{LOAD_LABEL}) RETURN n.heartbeat") > 0
        lock.check()


def test_two_databases_one_bundle(ground):
    """While a run is at work on a bundle no other may be, in whatever database; the error names the process."""
    with hold_bundle(ground.bundle.path, "prune"):
        for work in (ground.load, ground.rollback):
            with pytest.raises(LockedError, match=":prune is at work on the bundle"):
                work()
