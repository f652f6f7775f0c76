"""What a user can do with an operation: load, validate, roll back, list; and restore a base. Knows no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from importer.execute import Boundary, Run, pass_by
from importer.online import OnlineOptions
from importer.planning import DEFAULT_HEAP, plan_load, plan_restore, plan_rollback
from importer.rollback import list_operations_in_database
from importer.servers.local_target import find_local_target
from importer.servers.readings import memory_reader
from importer.servers.target import Target
from importer.settle import settle
from importer.stages import CHECKS, ImportAside, Mode, build_rollback
from importer.store import begin, forget, hold, is_finished, read_journal, restore_old
from importer.validate import Check, as_document, require
from importer.validate import validate as check_operation
from synthgen.bundle.read import Bundle, bundle_folders, find_bundle, list_bundles, open_bundle, operations_folder
from synthgen.database import Address, connect
from synthgen.errors import (
    BundleError,
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

_GOES_ON = (StoppedHalfwayError, LockedError, UnreachableError, ListenerError)
"""After these an online load is neither done nor undone: the same call goes on."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a load, restore or rollback did: the seconds of each stage, facts for the record, and what it cost."""

    seconds: Sequence[tuple[str, float]]
    facts: Mapping[str, Any]
    performance: Performance

    @property
    def total_seconds(self) -> float:
        """Seconds of all stages."""
        return sum(seconds for _, seconds in self.seconds)


@dataclass(frozen=True, slots=True)
class Listed:
    """One operation as files and database know it; `nodes_in_database` is None when no database was asked."""

    operation_id: str
    strategy: str | None
    state: str
    resources: int | None
    nodes: int | None
    relationships: int | None
    nodes_in_database: int | None
    path: str | None


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
    options: OnlineOptions | None = None,
    events: Stream = QUIET,
    on_boundary: Boundary = pass_by,
) -> Done:
    """Load an operation; afterwards it is in the database whole, or not at all and the history says so.

    `target` is the server whose store may be exchanged: by default the local one, when the address is its.
    `events` are told what goes on, `on_boundary` of each stage that begins or has ended.

    Raises:
        RefusedError: As `plan_load`, or the database has changed since the snapshot, or the server cannot have its
            indexes and constraints, or the disk is too small.
        LockedError: Another load or rollback is at work.
        StoppedHalfwayError: An online load was interrupted; the same call goes on.
        ListenerError: A listener of `events` failed; an online load goes on with the same call, an offline one is
            undone.
        LoadFailedError: It could not be done and was undone; `facts["undone"]` is False when that failed, too.
    """
    target = target or find_local_target(address)
    with (working(events, "load", bundle.manifest.operation_id, mode, server_memory=memory_reader(address)) as work,
          exclusive(target)):
        stages = plan_load(bundle, address, mode=mode, base=base, target=target, allow_changed=allow_changed, heap=heap,
                           leave_out=leave_out)
        run = Run(address, target, options or OnlineOptions(), work.events, on_boundary)
        where = {"mode": mode, "uri": address.uri, "database": address.database}
        run.run([stage for stage in stages if isinstance(stage, CHECKS)])
        # The journal first: what is not begun in the history needs no end there.
        if target is not None and any(isinstance(stage, ImportAside) for stage in stages):
            begin(target, bundle.manifest.operation_id, bundle.path)
        try:
            _record(bundle, "load_started", **where)
        except SynthError:
            _forget(target)
            raise
        try:
            run.run([stage for stage in stages if not isinstance(stage, CHECKS)])
        except BaseException as error:
            if mode == "online" and isinstance(error, _GOES_ON):
                raise
            if target is not None and is_finished(target):
                _record_loaded(bundle, run, work, where)
                forget(target)
                raise
            left = _undo(bundle, address, target, events) if mode == "offline" or not isinstance(
                error, RefusedError) else "another command has to end first"
            _record(bundle, "load_failed", **where, error=str(error) or type(error).__name__, undone=left is None,
                    performance=work.performance.as_document())
            if left is None:
                _forget(target)
            failed = _load_failed(f"loading {bundle.manifest.operation_id}", error, left)
            if failed is None:
                raise
            raise failed from error
        _record_loaded(bundle, run, work, where)
        _forget(target)
        return Done(run.seconds, run.facts, work.performance)


def _record_loaded(bundle: Bundle, run: Run, work: Work, where: Mapping[str, str]) -> None:
    if where["mode"] == "offline":
        work.monitor.record_items(bundle.manifest.counts.nodes + bundle.manifest.counts.relationships)
    _record(bundle, "loaded", **where, seconds=dict(run.seconds), **run.facts,
            performance=work.performance.as_document())


def _forget(target: Target | None) -> None:
    # Only after the history: a load that is killed in between is found by its journal.
    if target is not None and read_journal(target) is not None:
        forget(target)


def _undo(bundle: Bundle, address: Address, target: Target | None, events: Stream) -> str | None:
    """Undo a load that failed; gives None, or why it could not be undone."""
    operation_id = bundle.manifest.operation_id
    try:
        with working(events, "rollback", operation_id, server_memory=memory_reader(address)) as work:
            if target is not None and read_journal(target) is not None:
                restore_old(target)
                target.start()
            else:
                Run(address, target, events=work.events).run(build_rollback(operation_id, nodes=0, relationships=0))
    except SynthError as error:
        return error.message
    return None


def _load_failed(what: str, error: BaseException, left: str | None) -> SynthError | None:
    """Say that a load failed, and why it is not undone; None for what says it itself.

    That are refusals, interrupts, listeners and defects.
    """
    if isinstance(error, OSError):
        error = SynthError(f"{error.filename or 'a file'}: {error.strerror or error}", hint="free some space")
    if not isinstance(error, SynthError) or isinstance(error, RefusedError | ListenerError):
        return None
    ended = "failed and was undone" if left is None else f"failed and could not be undone ({left})"
    hint = error.hint if left is None else "the next load, rollback or start of the server tries to undo it again"
    return LoadFailedError(f"{what} {ended}: {error.message}", hint=hint or "mend the cause and load again",
                           **{**error.facts, "undone": left is None})


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
          exclusive(target)):
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
            failed = _load_failed(f"restoring {snapshot.path}", error, None)
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
        return _validate(bundle, address, work.events)


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
    out: Path, operation_id: str, address: Address, *, target: Target | None = None, events: Stream = QUIET
) -> Done:
    """Delete an operation from the database; its bundle is not needed and is kept. `target` as in `load`.

    Raises:
        UsageError: As `plan_rollback`.
        LockedError, StoppedHalfwayError, LoadFailedError: As `importer.rollback.delete_operation`.
    """
    target = target or find_local_target(address)
    with (working(events, "rollback", operation_id, server_memory=memory_reader(address)) as work,
          exclusive(target)):
        stages = plan_rollback(out, operation_id, address, target=target)
        run = Run(address, target, events=work.events)
        run.run(stages)
        done = Done(run.seconds, run.facts, work.performance)
        try:
            bundle = find_bundle(out, operation_id)
        except SynthError:
            # It is not needed, so one that is gone or damaged does not matter.
            return done
        _record(bundle, "rolled_back", uri=address.uri, database=address.database, seconds=dict(run.seconds),
                **run.facts, performance=done.performance.as_document())
        return done


def list_operations(out: Path, address: Address | None) -> list[Listed]:
    """List the operations that files or database know, oldest first."""
    present: dict[str, int] | None = None
    if address is not None:
        with connect(address) as driver:
            present = list_operations_in_database(driver, address.database)
    listed = [_listed(folder, present) for folder in bundle_folders(out)]
    listed.sort(key=lambda one: one.operation_id)
    known = {one.operation_id for one in listed}
    return listed + [Listed(operation_id, None, "in the database only", None, None, None, nodes, None)
                     for operation_id, nodes in (present or {}).items() if operation_id not in known]


def _listed(folder: Path, present: Mapping[str, int] | None) -> Listed:
    nodes = None if present is None else present.get(folder.name, 0)
    try:
        manifest = open_bundle(folder).manifest
    except BundleError:
        # One damaged bundle must not hide the others; `importer load` with its name says what is wrong with it.
        return Listed(folder.name, None, "damaged", None, None, None, nodes, str(folder))
    counts = manifest.counts
    # A script that was run cannot tell the history.
    state = "loaded" if manifest.state == "scripted" and nodes == counts.nodes else manifest.state
    return Listed(manifest.operation_id, manifest.strategy, state, counts.resources, counts.nodes,
                  counts.relationships, nodes, str(folder))


@contextmanager
def exclusive(target: Target | None) -> Iterator[None]:
    """Be the only one at work on a target; an offline load that was interrupted is settled first.

    For other servers the lock in the database does the same.
    """
    with hold(target) if target is not None else nullcontext():
        if target is not None:
            settle(target, start=True)
        yield


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
