"""Plans a restore or an offline load and writes it as a script; checks what can be checked now, and loads nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from importer.execute import Run
from importer.planning import DEFAULT_HEAP, plan_restore_script, plan_script
from importer.scripts.folder import write_folder
from importer.scripts.quoting import Shell
from importer.scripts.script import build_script
from importer.scripts.server import DEFAULT_ADDRESS, plan_server
from importer.servers.targets import TargetOptions
from importer.stages import (
    CHECKS,
    CheckEmpty,
    CheckFolders,
    CheckMemory,
    CheckSchema,
    CheckServer,
    CheckSpace,
    CheckTypes,
    CheckUnchanged,
    Mode,
    Stage,
)
from synthgen.bundle.read import Bundle
from synthgen.database import Address, connect
from synthgen.errors import SynthError, UnreachableError, UsageError
from synthgen.events import QUIET, Stream
from synthgen.files import whole_folder
from synthgen.snapshot.read import Snapshot

EVENT = "script_emitted"
_IN_DATABASE = (CheckServer, CheckEmpty, CheckSchema, CheckTypes, CheckUnchanged)
_ON_ITS_MACHINE = (CheckFolders, CheckMemory, CheckSpace)


@dataclass(frozen=True, slots=True)
class Emitted:
    """A script that was written.

    Attributes:
        path: The script; all it needs is in its folder.
        version: The Neo4j version that it is for.
        checked: Whether the database was there to be checked.
    """

    path: Path
    version: str
    checked: bool


def emit_load(
    bundle: Bundle,
    find: Callable[[], Address],
    options: TargetOptions,
    *,
    shell: Shell,
    mode: Mode,
    folder: Path,
    base: Path,
    allow_changed: bool = False,
    heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (),
    indexes: bool = True,
    events: Stream = QUIET,
) -> Emitted:
    """Write an offline load as a script; the bundle's history tells of it.

    Args:
        bundle: The operation.
        find: Finds the database; one that is not reached is not checked.
        options: What was said of its server, as `importer.servers.targets.complete` gives it.
        shell: Which script.
        mode: `offline`.
        folder: Its folder, which is made.
        base: The base snapshot's folder.
        allow_changed: Whether the database may be other than the snapshot, which replaces it.
        heap: Java heap of the import.
        leave_out: Names of indexes and constraints to do without.
        indexes: Whether it creates the product's own indexes.
        events: Told of what takes long.

    Raises:
        UsageError: The mode is another, or the snapshot has no index or constraint of a name in `leave_out`.
        RefusedError: As `importer.planning.plan_load`, or the database has changed since the snapshot.
        SynthError: The folder exists already, or cannot be written.
    """
    if mode != "offline":
        raise UsageError("only an offline load can be a script", hint="add --mode offline", mode=mode)
    address = _reach(find)
    stages = plan_script(bundle, address, base=base, allow_changed=allow_changed, heap=heap, leave_out=leave_out,
                         indexes=indexes)
    emitted = _emit(stages, address, options, shell=shell, folder=folder, events=events)
    bundle.record(EVENT, datetime.now(UTC).isoformat(timespec="seconds"), mode="offline", shell=shell,
                  version=emitted.version, checked=emitted.checked)
    return emitted


def emit_restore(
    snapshot: Snapshot,
    find: Callable[[], Address],
    options: TargetOptions,
    *,
    shell: Shell,
    folder: Path,
    heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (),
    events: Stream = QUIET,
) -> Emitted:
    """Write a restore as a script; as `emit_load`.

    Raises:
        RefusedError: The database is not empty.
        SynthError: The folder exists already, or cannot be written.
    """
    address = _reach(find)
    stages = plan_restore_script(snapshot, address, heap=heap, leave_out=leave_out)
    return _emit(stages, address, options, shell=shell, folder=folder, events=events)


def _reach(find: Callable[[], Address]) -> Address | None:
    try:
        address = find()
        with connect(address):
            return address
    except UnreachableError:
        return None


def _emit(
    stages: Sequence[Stage], address: Address | None, options: TargetOptions, *, shell: Shell, folder: Path,
    events: Stream,
) -> Emitted:
    if folder.exists():
        raise SynthError(f"{folder} exists already", hint="remove it when it is not needed, or name another one with"
                         " --script-folder", path=str(folder))
    _check(stages, address, events)
    script = build_script(stages)
    with whole_folder(folder) as written:
        write_folder(script, written, shell, plan_server(options, address), progress=events.progress)
    return Emitted(folder / f"load.{shell}", script.product.version, address is not None)


def _check(stages: Sequence[Stage], address: Address | None, events: Stream) -> None:
    """Run the checks that can be made here: of files in any case, of the database when it was reached."""
    left = _ON_ITS_MACHINE if address is not None else (*_ON_ITS_MACHINE, *_IN_DATABASE)
    due = [stage for stage in stages if isinstance(stage, CHECKS) and not isinstance(stage, left)]
    Run(address or Address(DEFAULT_ADDRESS, "", ""), events=events).run(due)
