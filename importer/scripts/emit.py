"""Plans a restore or an offline load and writes it as a script; checks what can be checked now, and loads nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from importer.execute import Run
from importer.planning import DEFAULT_HEAP, plan_restore_script, plan_script
from importer.scripts.folder import write_folder
from importer.scripts.quoting import Shell
from importer.scripts.script import build_script
from importer.stages import CHECKS, CheckEmpty, CheckSchema, CheckServer, CheckSpace, CheckUnchanged, Mode, Stage
from synthgen.bundle.read import Bundle
from synthgen.database import DEFAULT_DATABASE, Address, connect
from synthgen.errors import SynthError, UnreachableError, UsageError
from synthgen.files import whole_folder
from synthgen.progress import Progress, silent
from synthgen.snapshot.read import Snapshot

DEFAULT_ADDRESS = "neo4j://localhost:7687"
EVENT = "script_emitted"
_IN_DATABASE = (CheckServer, CheckEmpty, CheckSchema, CheckUnchanged)
_ON_ITS_MACHINE = (CheckSpace,)


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
    *,
    shell: Shell,
    mode: Mode,
    folder: Path,
    base: Path,
    allow_changed: bool = False,
    heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (),
    progress: Progress = silent,
) -> Emitted:
    """Write an offline load as a script; the bundle's history tells of it.

    Args:
        bundle: The operation.
        find: Finds the database; one that is not reached is not checked.
        shell: Which script.
        mode: `offline`.
        folder: Its folder, which is made.
        base: The base snapshot's folder.
        allow_changed: Whether the database may be other than the snapshot, which replaces it.
        heap: Java heap of the import.
        leave_out: Names of indexes and constraints to do without.
        progress: Told of what takes long.

    Raises:
        UsageError: The mode is another, or the snapshot has no index or constraint of a name in `leave_out`.
        RefusedError: As `importer.planning.plan_load`, or the database has changed since the snapshot.
        SynthError: The folder exists already, or cannot be written.
    """
    if mode != "offline":
        raise UsageError("only an offline load can be a script", hint="add --mode offline", mode=mode)
    address = _reach(find)
    stages = plan_script(bundle, address, base=base, allow_changed=allow_changed, heap=heap, leave_out=leave_out)
    emitted = _emit(stages, address, shell, folder, progress)
    bundle.record(EVENT, datetime.now(UTC).isoformat(timespec="seconds"), mode="offline", shell=shell,
                  version=emitted.version, checked=emitted.checked)
    return emitted


def emit_restore(
    snapshot: Snapshot,
    find: Callable[[], Address],
    *,
    shell: Shell,
    folder: Path,
    heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (),
    progress: Progress = silent,
) -> Emitted:
    """Write a restore as a script; as `emit_load`.

    Raises:
        RefusedError: The database is not empty.
        SynthError: The folder exists already, or cannot be written.
    """
    address = _reach(find)
    stages = plan_restore_script(snapshot, address, heap=heap, leave_out=leave_out)
    return _emit(stages, address, shell, folder, progress)


def _reach(find: Callable[[], Address]) -> Address | None:
    try:
        address = find()
        with connect(address):
            return address
    except UnreachableError:
        return None


def _emit(
    stages: Sequence[Stage], address: Address | None, shell: Shell, folder: Path, progress: Progress
) -> Emitted:
    if folder.exists():
        raise SynthError(f"{folder} exists already", hint="remove it when it is not needed, or name another one with"
                         " --script-folder", path=str(folder))
    _check(stages, address, progress)
    script = build_script(stages)
    values = {
        "home_planned": os.environ.get("NEO4J_HOME", ""),
        "address_planned": address.uri if address is not None else DEFAULT_ADDRESS,
        "database": (address.database if address is not None else DEFAULT_DATABASE).lower(),
    }
    with whole_folder(folder) as written:
        write_folder(script, written, shell, target="home", values=values, progress=progress)
    return Emitted(folder / f"load.{shell}", script.product.version, address is not None)


def _check(stages: Sequence[Stage], address: Address | None, progress: Progress) -> None:
    """Run the checks that can be made here: of files in any case, of the database when it was reached."""
    left = _ON_ITS_MACHINE if address is not None else (*_ON_ITS_MACHINE, *_IN_DATABASE)
    due = [stage for stage in stages if isinstance(stage, CHECKS) and not isinstance(stage, left)]
    Run(address or Address(DEFAULT_ADDRESS, "", ""), progress=progress).run(due)
