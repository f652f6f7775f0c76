"""What a user can do with an operation: load, validate, roll back, list; and restore a base. Knows no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from importer.execute import Run
from importer.ledger import list_ledgers
from importer.online import OnlineOptions
from importer.rollback import count_operation, list_operations_in_database
from importer.servers.local import LocalServer
from importer.stages import (
    CHECKS,
    Mode,
    Stage,
    build_end_of_load,
    build_offline_load,
    build_online_load,
    build_restore,
    build_rollback,
)
from importer.store import DATABASE, finish, hold_home, is_finished, put_back
from importer.validate import Check, as_document, require
from importer.validate import validate as check_operation
from synthgen.bundle.read import Bundle, find_bundle, list_bundles, operations_folder
from synthgen.database import Address, connect
from synthgen.errors import (
    LoadFailedError,
    LockedError,
    RefusedError,
    StoppedHalfwayError,
    SynthError,
    UnreachableError,
    UsageError,
)
from synthgen.progress import Progress, silent
from synthgen.snapshot.read import Snapshot, open_snapshot

DEFAULT_HEAP = "2g"
_GOES_ON = (StoppedHalfwayError, LockedError, UnreachableError)
"""After these an online load is neither done nor undone: the same call goes on."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a load, restore or rollback did: the seconds of each stage, and facts for the record."""

    seconds: Sequence[tuple[str, float]]
    facts: Mapping[str, Any]

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


def choose_bundle(out: Path, operation_id: str | None) -> Bundle:
    """Open the operation named, or the newest that is not loaded.

    Raises:
        UsageError: There is none.
    """
    if operation_id is not None:
        return find_bundle(out, operation_id)
    waiting = [bundle for bundle in list_bundles(out) if bundle.manifest.state not in {"loaded", "rolled back"}]
    if not waiting:
        raise UsageError(f"no operation in {operations_folder(out)} waits to be loaded",
                         hint="run `synthgen generate` first, or name one; `importer list` shows them all")
    return waiting[-1]


def plan_load(
    bundle: Bundle, address: Address, *, mode: Mode, base: Path, allow_changed: bool = False, heap: str = DEFAULT_HEAP
) -> list[Stage]:
    """Build the stages of a load, after a look at what is in the database; changes nothing.

    Raises:
        RefusedError: The operation is loaded already, or was begun in another way; or the base snapshot is not the one
            that it was made from; or a live operation's bundle is not at hand; or the server cannot do it.
    """
    operation_id = bundle.manifest.operation_id
    if mode == "offline":
        check_exchangeable(address)
    with connect(address) as driver:
        present = list_operations_in_database(driver, address.database)
        begun = list_ledgers(driver, address.database)
    own = set(bundle.manifest.snapshot["operations"])
    live = [other for other in present if other not in own and other != operation_id]
    if operation_id in present and operation_id not in begun:
        if bundle.manifest.state == "loading" and present[operation_id] == bundle.manifest.counts.nodes:
            return build_end_of_load(bundle, live, allow_changed=allow_changed)
        raise RefusedError(
            f"{operation_id} is loaded already: {address.uri} holds {present[operation_id]:,} nodes of it",
            hint="see `importer validate`; to load it anew roll it back first", operation_id=operation_id)
    if mode == "online":
        return build_online_load(bundle, live, allow_changed=allow_changed)
    halfway = sorted({*begun} & {*present, operation_id})
    if halfway:
        raise RefusedError(f"an online load of {halfway[0]} was stopped half-way in {address.uri}",
                           hint=f"go on with `importer load {halfway[0]} --mode online`, or roll it back")
    snapshot = _same_snapshot(open_snapshot(base), bundle)
    others = [_live_bundle(bundle.path.parent, other, present[other], snapshot) for other in live]
    return build_offline_load(snapshot, bundle, others, allow_changed=allow_changed, heap=heap)


def _same_snapshot(snapshot: Snapshot, bundle: Bundle) -> Snapshot:
    if snapshot.fingerprint != bundle.manifest.snapshot["fingerprint"]:
        raise RefusedError(
            f"{bundle.manifest.operation_id} was not made from the snapshot in {snapshot.path}",
            hint="name the snapshot that it was made from with --base, or generate again, or load with --mode online",
        )
    return snapshot


def _live_bundle(folder: Path, operation_id: str, nodes: int, snapshot: Snapshot) -> Bundle:
    hint = "export again and generate from the new snapshot, or load with --mode online"
    if not (folder / operation_id).is_dir():
        raise RefusedError(
            f"the database holds {operation_id}, whose bundle is not in {folder}: an offline load would lose it",
            hint=hint, operation_id=operation_id)
    bundle = find_bundle(folder.parent, operation_id)
    if nodes != bundle.manifest.counts.nodes or snapshot.fingerprint != bundle.manifest.snapshot["fingerprint"]:
        raise RefusedError(f"the database holds {nodes:,} nodes of {operation_id}, which its bundle in {folder} cannot"
                           " give back", hint=hint, operation_id=operation_id)
    return bundle


def load(
    bundle: Bundle,
    address: Address,
    *,
    mode: Mode,
    base: Path,
    allow_changed: bool = False,
    heap: str = DEFAULT_HEAP,
    options: OnlineOptions | None = None,
    progress: Progress = silent,
) -> Done:
    """Load an operation; afterwards it is in the database whole, or not at all and the history says so.

    Raises:
        RefusedError: As `plan_load`, or the database has changed since the snapshot, or the disk is too small.
        LockedError: Another load or rollback is at work.
        StoppedHalfwayError: An online load was interrupted; the same call goes on.
        LoadFailedError: It could not be done and was undone; `facts["undone"]` is False when that failed, too.
    """
    with exclusive(address) as server:
        stages = plan_load(bundle, address, mode=mode, base=base, allow_changed=allow_changed, heap=heap)
        run = Run(address, server, options or OnlineOptions(), progress)
        where = {"mode": mode, "uri": address.uri, "database": address.database}
        run.run([stage for stage in stages if isinstance(stage, CHECKS)])
        _record(bundle, "load_started", **where)
        try:
            run.run([stage for stage in stages if not isinstance(stage, CHECKS)])
        except BaseException as error:
            if mode == "online" and isinstance(error, _GOES_ON):
                raise
            if server is not None and is_finished(server.home):
                finish(server.home)
                _record(bundle, "loaded", **where, seconds=dict(run.seconds), **run.facts)
                raise
            left = _undo(bundle, address, server, progress) if mode == "offline" or not isinstance(
                error, RefusedError) else "another command has to end first"
            _record(bundle, "load_failed", **where, error=str(error) or type(error).__name__, undone=left is None)
            failed = _load_failed(f"loading {bundle.manifest.operation_id}", error, left)
            if failed is None:
                raise
            raise failed from error
        _record(bundle, "loaded", **where, seconds=dict(run.seconds), **run.facts)
        return Done(run.seconds, run.facts)


def _undo(bundle: Bundle, address: Address, server: LocalServer | None, progress: Progress) -> str | None:
    """Undo a load that failed; gives None, or why it could not be undone."""
    try:
        if server is not None and put_back(server) is not None:
            server.start()
        else:
            Run(address, server, progress=progress).run(
                build_rollback(bundle.manifest.operation_id, nodes=0, relationships=0))
    except SynthError as error:
        return error.message
    return None


def _load_failed(what: str, error: BaseException, left: str | None) -> SynthError | None:
    """Say that a load failed, and why it is not undone; None for what says it itself: refusals, interrupts, defects."""
    if isinstance(error, OSError):
        error = SynthError(f"{error.filename or 'a file'}: {error.strerror or error}", hint="free some space")
    if not isinstance(error, SynthError) or isinstance(error, RefusedError):
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
    snapshot: Snapshot, address: Address, *, heap: str = DEFAULT_HEAP, progress: Progress = silent
) -> Done:
    """Put a snapshot into the empty database of a local server.

    Raises:
        RefusedError: The database is not empty, is not a local server's, or the disk is too small.
        LoadFailedError: It could not be done; the database is empty as before.
    """
    check_exchangeable(address)
    with exclusive(address) as server:
        run = Run(address, server, progress=progress)
        stages = build_restore(snapshot, heap=heap)
        run.run([stage for stage in stages if isinstance(stage, CHECKS)])
        try:
            run.run([stage for stage in stages if not isinstance(stage, CHECKS)])
        except BaseException as error:
            if server is not None and not is_finished(server.home):
                put_back(server)
                server.start()
            failed = _load_failed(f"restoring {snapshot.path}", error, None)
            if failed is None:
                raise
            raise failed from error
        return Done(run.seconds, run.facts)


def validate(out: Path, operation_id: str | None, address: Address, *, progress: Progress = silent) -> list[Check]:
    """Check a loaded operation, the newest that is loaded when none is named; the result is in its history.

    Raises:
        UsageError: There is no such operation.
        ValidationFailedError: At least one check failed; `facts["checks"]` has all.
    """
    if operation_id is not None:
        bundle = find_bundle(out, operation_id)
    else:
        loaded = [bundle for bundle in list_bundles(out) if bundle.manifest.state == "loaded"]
        if not loaded:
            raise UsageError(f"no operation in {operations_folder(out)} is loaded", hint="run `importer load` first")
        bundle = max(loaded, key=lambda one: str((one.manifest.last("loaded") or {})["at"]))
    manifest = bundle.manifest
    with connect(address) as driver:
        present = list_operations_in_database(driver, address.database)
        without = {*present, manifest.operation_id} - set(manifest.snapshot["operations"])
        checks = check_operation(driver, address, manifest, without=without, progress=progress)
    passed = all(check.passed for check in checks)
    bundle.record("validated", _now(), uri=address.uri, database=address.database, passed=passed,
                  failed=[as_document(check) for check in checks if not check.passed])
    require(checks, manifest.operation_id)
    return checks


def plan_rollback(out: Path, operation_id: str, address: Address) -> list[Stage]:
    """Build the stages of a rollback, after a look at what is there.

    Raises:
        UsageError: Neither the database nor the files know the operation, or it is not in the database.
    """
    with connect(address) as driver:
        present = count_operation(driver, address.database, operation_id)
        begun = list_ledgers(driver, address.database)
    if not present.nodes and operation_id not in begun:
        known = (operations_folder(out) / operation_id).is_dir() and "/" not in operation_id
        raise UsageError(
            f"{operation_id} is not in {address.uri}, database {address.database!r}"
            + ("" if known else f", nor in {operations_folder(out)}"),
            hint="`importer list` shows the operations there are", operation_id=operation_id)
    return build_rollback(operation_id, nodes=present.nodes, relationships=present.relationships)


def rollback(out: Path, operation_id: str, address: Address, *, progress: Progress = silent) -> Done:
    """Delete an operation from the database; its bundle is not needed and is kept.

    Raises:
        UsageError: As `plan_rollback`.
        LockedError, StoppedHalfwayError, LoadFailedError: As `importer.rollback.delete_operation`.
    """
    with exclusive(address) as server:
        stages = plan_rollback(out, operation_id, address)
        run = Run(address, server, progress=progress)
        run.run(stages)
        try:
            bundle = find_bundle(out, operation_id)
        except SynthError:
            # It is not needed, so one that is gone or damaged does not matter.
            return Done(run.seconds, run.facts)
        _record(bundle, "rolled_back", uri=address.uri, database=address.database, seconds=dict(run.seconds),
                **run.facts)
        return Done(run.seconds, run.facts)


def list_operations(out: Path, address: Address | None) -> list[Listed]:
    """List the operations that files or database know, oldest first."""
    present: dict[str, int] | None = None
    if address is not None:
        with connect(address) as driver:
            present = list_operations_in_database(driver, address.database)
    listed = [
        Listed(bundle.manifest.operation_id, bundle.manifest.strategy, bundle.manifest.state,
               bundle.manifest.counts.resources, bundle.manifest.counts.nodes, bundle.manifest.counts.relationships,
               None if present is None else present.get(bundle.manifest.operation_id, 0), str(bundle.path))
        for bundle in list_bundles(out)
    ]
    known = {one.operation_id for one in listed}
    return listed + [Listed(operation_id, None, "in the database only", None, None, None, nodes, None)
                     for operation_id, nodes in (present or {}).items() if operation_id not in known]


def check_exchangeable(address: Address) -> None:
    """Make sure that the store behind an address is one that an import can take the place of.

    Raises:
        RefusedError: It is not a local server's own database.
    """
    if address.home is None:
        raise RefusedError(
            f"{address.uri} is not a local server of this program, so its store cannot be exchanged",
            hint="use --mode online, or the server of `importer server start` (without NEO4J_URI and --uri)")
    if address.database.lower() != DATABASE:
        raise RefusedError(f"of a local server only the database {DATABASE!r} can be exchanged, not"
                           f" {address.database!r}", hint="use --mode online")


@contextmanager
def exclusive(address: Address) -> Iterator[LocalServer | None]:
    """Be the only one at work on a local server; an offline load that was interrupted is undone first.

    For other servers the lock in the database does the same.
    """
    server = LocalServer(address.home) if address.home is not None else None
    with hold_home(server.home) if server is not None else nullcontext():
        if server is not None and put_back(server) is not None:
            server.start()
        yield server


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
