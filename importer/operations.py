"""What a user can do with an operation: load, validate, roll back; and restore a base. Knows no terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from importer.admission import Admit, admit_all, begins_something, note_run, out_of, size_of
from importer.execute import Boundary, Run, pass_by
from importer.files_ahead import check_ahead
from importer.holding import check_unheld, hold_database, hold_server
from importer.online import OnlineOptions
from importer.planning import DEFAULT_HEAP, plan_load, plan_restore, plan_rollback
from importer.resilience import DEFAULTS, Resilience
from importer.rollback import list_operations_in_database
from importer.servers.local_target import find_local_target
from importer.servers.readings import memory_reader
from importer.servers.target import Target
from importer.stages import CHECKS, ImportAside, Mode
from importer.store import begin, forget, is_finished, read_journal, restore_old
from importer.undoing import UNDONE, load_failed, undo
from importer.validate import Check, as_document, require
from importer.validate import validate as check_operation
from synthgen.bundle.hold import hold_bundle
from synthgen.bundle.read import Bundle, find_bundle, list_bundles, open_bundle, operations_folder
from synthgen.costs import Size
from synthgen.database import Address, connect
from synthgen.errors import (
    ChangedMeanwhileError,
    LoadFailedError,
    LockedError,
    RefusedError,
    StoppedHalfwayError,
    SynthError,
    UnreachableError,
    UsageError,
)
from synthgen.events import QUIET, ListenerError, Stream
from synthgen.performance import Performance
from synthgen.snapshot.read import Snapshot
from synthgen.work import Work, working

_GOES_ON = (StoppedHalfwayError, LockedError, UnreachableError, ListenerError, RefusedError)
"""After these an online load is neither done nor undone: the same call goes on, or, refused, touched nothing."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a load, restore or rollback did: the seconds of each stage, facts for the record, and what it cost.

    A load ends with the `checks` of a validation; there are none where the base part was changed on purpose.
    """

    seconds: Sequence[tuple[str, float]]
    facts: Mapping[str, Any]
    performance: Performance
    checks: Sequence[Check] = ()

    @property
    def total_seconds(self) -> float:
        """Seconds of all stages."""
        return sum(seconds for _, seconds in self.seconds)


def load(
    bundle: Bundle,
    address: Address,
    *,
    mode: Mode,
    base: Path,
    target: Target | None = None,
    allow_changed: bool = False,
    heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (),
    indexes: bool = True,
    options: OnlineOptions | None = None,
    events: Stream = QUIET,
    on_boundary: Boundary = pass_by,
    admit: Admit = admit_all,
) -> Done:
    """Load an operation; afterwards it is in the database whole, or not at all and the history says so.

    `target` is the server whose store may be exchanged: by default the local one, when the address is its.
    `indexes` says whether the product's own indexes are created, where they are missing. `events` are told what goes
    on, `on_boundary` of each stage that begins or has ended; `admit` is given the stages before the first of them.

    Raises:
        RefusedError: As `plan_load`, or it is not admitted, or the database has changed since the snapshot, or the
            server cannot have its indexes and constraints, or the disk is too small.
        LockedError: Another load or rollback is at work.
        StoppedHalfwayError: An online load was interrupted; the same call goes on.
        ListenerError: A listener of `events` failed; an online load goes on with the same call, an offline one is
            undone.
        LoadFailedError: It could not be done and was undone; `facts["undone"]` is False when that failed, too, and
            `nodes_left` and `relationships_left` say what is left.
    """
    target = target or find_local_target(address)
    options = options or OnlineOptions()
    operation_id = bundle.manifest.operation_id
    where = {"mode": mode, "uri": address.uri, "database": address.database}
    with (working(events, "load", operation_id, mode, server_memory=memory_reader(address)) as work,
          hold_server(target), hold_bundle(bundle.path, "load"),
          check_ahead(bundle) if mode == "online" else nullcontext() as ahead,
          hold_database(address, operation_id) if mode == "online" else nullcontext() as lock):
        if mode == "offline" and target is not None:
            check_unheld(address)
        # What another run has just recorded counts, and what it did to the database.
        bundle = open_bundle(bundle.path)
        stages = plan_load(bundle, address, mode=mode, base=base, target=target, allow_changed=allow_changed, heap=heap,
                           leave_out=leave_out, indexes=indexes)
        admit(stages)
        run = Run(address, target, options, work.events, on_boundary, lock, ahead)
        run.run([stage for stage in stages if isinstance(stage, CHECKS)])
        # The journal first: what is not begun in the history needs no end there.
        if target is not None and any(isinstance(stage, ImportAside) for stage in stages):
            begin(target, operation_id, bundle.path)
        try:
            _record(bundle, "load_started", **where, allow_changed=allow_changed, indexes=indexes)
        except SynthError:
            _forget(target)
            raise
        try:
            run.run([stage for stage in stages if not isinstance(stage, CHECKS)])
        except BaseException as error:
            if mode == "online":
                _pass_on(operation_id, error)
            if target is not None and is_finished(target):
                _record_loaded(bundle, run, work, where)
                forget(target)
                raise
            left = undo(operation_id, address, target, lock, options, events=events)
            _record(bundle, "load_failed", **where, error=str(error) or type(error).__name__,
                    **(UNDONE if left is None else left.facts), performance=work.performance.as_document())
            if left is None:
                _forget(target)
            failed = load_failed(f"loading {operation_id}", error, left)
            if failed is None:
                raise
            raise failed from error
        _record_loaded(bundle, run, work, where)
        _forget(target)
        noted = note_run(out_of(bundle), "load", size_of(bundle, stages), address, work.performance, mode=mode,
                         operation_id=operation_id, seconds=sum(seconds for _, seconds in run.seconds),
                         resumed=bool(run.facts.get("resumed")) or not begins_something(stages))
        return Done(run.seconds, {**run.facts, **noted}, work.performance, run.checks.get(operation_id, ()))


def _record_loaded(bundle: Bundle, run: Run, work: Work, where: Mapping[str, str]) -> None:
    if where["mode"] == "offline":
        work.monitor.record_items(bundle.manifest.counts.nodes + bundle.manifest.counts.relationships)
    _record(bundle, "loaded", **where, seconds=dict(run.seconds), **run.facts,
            performance=work.performance.as_document())


def _pass_on(operation_id: str, error: BaseException) -> None:
    """Raise what ends a run of an online load but not the load: neither done nor undone, the same call goes on."""
    if isinstance(error, _GOES_ON):
        raise error
    if isinstance(error, KeyboardInterrupt | ChangedMeanwhileError):
        # All was written then, and was being checked.
        why = error.message if isinstance(error, ChangedMeanwhileError) else "it was interrupted"
        raise StoppedHalfwayError(f"what the load of {operation_id} wrote was not checked to the end: {why}",
                                  hint=f"`importer resume {operation_id}` checks it again",
                                  operation_id=operation_id) from error


def _forget(target: Target | None) -> None:
    # Only after the history: a load that is killed in between is found by its journal.
    if target is not None and read_journal(target) is not None:
        forget(target)


def _record(bundle: Bundle, event: str, **facts: Any) -> None:
    try:
        bundle.record(event, _now(), **facts)
    except OSError as error:
        raise SynthError(f"the history in {bundle.path} cannot be written: {error.strerror or error}",
                         hint="free some space; `importer list` tells what is in the database") from error


def restore(
    snapshot: Snapshot, address: Address, *, target: Target | None = None, heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (), events: Stream = QUIET,
) -> Done:
    """Put a snapshot into the empty database of a server whose store can be exchanged; `target` as in `load`.

    Raises:
        RefusedError: The database is not empty, its store cannot be exchanged, it cannot have the snapshot's indexes
            and constraints, or the disk is too small.
        UsageError: The snapshot has no index or constraint of a name in `leave_out`.
        LoadFailedError: It could not be done; the database is empty as before.
    """
    target = target or find_local_target(address)
    with (working(events, "restore", mode="offline", server_memory=memory_reader(address)) as work,
          hold_server(target)):
        run = Run(address, target, events=work.events)
        stages = plan_restore(snapshot, address, target, heap=heap, leave_out=leave_out)
        run.run([stage for stage in stages if isinstance(stage, CHECKS)])
        if target is not None:
            begin(target, f"the snapshot in {snapshot.path}")
        try:
            run.run([stage for stage in stages if not isinstance(stage, CHECKS)])
        except BaseException as error:
            if target is not None and is_finished(target):
                forget(target)
                raise
            if target is not None:
                restore_old(target)
                target.start()
                forget(target)
            failed = load_failed(f"restoring {snapshot.path}", error, None)
            if failed is None:
                raise
            raise failed from error
        _forget(target)
        work.monitor.record_items(int(snapshot.counts["nodes"]) + int(snapshot.counts["relationships"]))
        return Done(run.seconds, run.facts, work.performance)


def validate(out: Path, operation_id: str | None, address: Address, *, events: Stream = QUIET) -> list[Check]:
    """Check a loaded operation, the newest that is loaded when none is named; the result is in its history.

    Raises:
        UsageError: There is no such operation.
        ValidationFailedError: At least one check failed; `facts["checks"]` has all.
    """
    bundle = find_bundle(out, operation_id) if operation_id is not None else _loaded_last(out)
    counts = bundle.manifest.counts
    with working(events, "validate", bundle.manifest.operation_id, server_memory=memory_reader(address)) as work:
        work.monitor.record_items(counts.nodes + counts.relationships)
        checks = _validate(bundle, address, work.events)
        noted = note_run(out, "validate", size_of(bundle), address, work.performance,
                         operation_id=bundle.manifest.operation_id)
    if noted:
        raise SynthError(f"all checks passed, but what they cost is not on record: {noted['unrecorded']}",
                         hint="mend that; plans learn from the record")
    return checks


def _validate(bundle: Bundle, address: Address, events: Stream) -> list[Check]:
    manifest = bundle.manifest
    with connect(address) as driver:
        present = list_operations_in_database(driver, address.database)
        without = {*present, manifest.operation_id} - set(manifest.snapshot["operations"])
        checks = check_operation(driver, address, manifest, without=without, progress=events.progress)
    passed = all(check.passed for check in checks)
    if passed and manifest.state == "scripted":
        # Whoever ran the script could not say so.
        bundle.record("loaded", _now(), mode="offline", by="script", uri=address.uri, database=address.database)
    bundle.record("validated", _now(), uri=address.uri, database=address.database, passed=passed,
                  failed=[as_document(check) for check in checks if not check.passed])
    require(checks, manifest.operation_id)
    return checks


def _loaded_last(out: Path) -> Bundle:
    begun = {"loaded": "loaded", "scripted": "script_emitted"}
    loaded = [bundle for bundle in list_bundles(out) if bundle.manifest.state in begun]
    if not loaded:
        raise UsageError(f"no operation in {operations_folder(out)} is loaded", hint="run `importer load` first")
    return max(loaded, key=lambda one: str((one.manifest.last(begun[one.manifest.state]) or {})["at"]))


def rollback(
    out: Path, operation_id: str, address: Address, *, target: Target | None = None,
    resilience: Resilience = DEFAULTS, events: Stream = QUIET,
) -> Done:
    """Delete an operation from the database; its bundle is not needed and is kept. `target` as in `load`.

    When it does not end, `nodes_left` and `relationships_left` of the error's facts say what is left; the same call
    goes on.

    Raises:
        UsageError: As `plan_rollback`.
        LockedError, StoppedHalfwayError, LoadFailedError: As `importer.rollback.delete_operation`.
    """
    target = target or find_local_target(address)
    bundle = _bundle_if_any(out, operation_id)
    where = {"uri": address.uri, "database": address.database}
    with (working(events, "rollback", operation_id, server_memory=memory_reader(address)) as work, hold_server(target),
          nullcontext() if bundle is None else hold_bundle(bundle.path, "rollback"),
          hold_database(address, operation_id) as lock):
        begun = lock.taken_from == operation_id or (
            bundle is not None and open_bundle(bundle.path).manifest.is_half_loaded(address.uri, address.database))
        stages = plan_rollback(out, operation_id, address, target=target, begun=begun)
        if bundle is not None:
            _record(bundle, "rollback_started", **where)
        run = Run(address, target, OnlineOptions(resilience=resilience), work.events, lock=lock)
        try:
            run.run(stages)
        except LoadFailedError as error:
            if bundle is not None:
                _record(bundle, "rollback_failed", **where, error=error.message, **{
                    name: error.facts.get(name) for name in ("nodes_left", "relationships_left")})
            raise
        done = Done(run.seconds, run.facts, work.performance)
        if bundle is not None:
            _record(bundle, "rolled_back", **where, seconds=dict(run.seconds), **run.facts,
                    performance=done.performance.as_document())
        noted = note_run(out, "rollback", Size(run.facts["nodes"], run.facts["relationships"]), address,
                         done.performance, operation_id=operation_id, seconds=done.total_seconds)
        return replace(done, facts={**done.facts, **noted})


def _bundle_if_any(out: Path, operation_id: str) -> Bundle | None:
    """Find the bundle of an operation that is to be rolled back: one that is gone or damaged does not matter."""
    try:
        return find_bundle(out, operation_id)
    except SynthError:
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
