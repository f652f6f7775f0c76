"""A new store beside the one in use, and the swap of the two; knows no bundle and no Cypher.

At every moment there is either the old store or the new one: `load.json` in the server's home says how far a load is,
and `put_back` makes the old store the one in use again, whatever was interrupted.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from importer.servers.admin import AdminTool, end_orphans
from importer.servers.local import LocalServer
from importer.servers.runtime import resolve
from synthgen.errors import LockedError, ServerError
from synthgen.files import write_json
from synthgen.progress import Progress, silent

DATABASE = "neo4j"
JOURNAL = "load.json"
LOCK = "load.lock"
STAGING = "staging"
IMPORT_PHASES = 4
LEAST_FREE = 10_000_000
KINDS = ("databases", "transactions")
_PHASE = re.compile(r"\((\d)/(\d)\)")
_PERCENT = re.compile(r"(\d{1,3})%")


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Hold the one lock of a local server for loads and rollbacks; the system lets go of it when its owner dies.

    Raises:
        LockedError: Another run holds it.
    """
    lock = FileLock(home / LOCK)
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        raise LockedError(f"another load or rollback is at work on the server in {home}",
                          hint="wait for it to end", home=str(home)) from None


def staging_folder(home: Path) -> Path:
    """Give the folder in which the load under way makes its new store."""
    return home / STAGING / str(_journal(home)["staging"])


def begin(home: Path, operation: str) -> None:
    """Note that a load begins, and make a staging folder for it."""
    # A name of its own: when a load was killed, its neo4j-admin may live on for a while and must not write into ours.
    write_json(home / JOURNAL, {"operation": operation, "step": "importing", "staging": secrets.token_hex(4)})
    shutil.rmtree(home / STAGING, ignore_errors=True)
    staging_folder(home).mkdir(parents=True)


def import_aside(
    server: LocalServer, options: Sequence[str], arguments: Sequence[str], *, heap: str, progress: Progress = silent
) -> None:
    """Import into a new store in the staging folder; the store in use goes on serving.

    Raises:
        ServerError: `neo4j-admin` failed; the message holds what it said.
    """
    admin = AdminTool(resolve(server.status().version), server.home, heap=heap,
                      data_dir=staging_folder(server.home) / "data")
    report = f"--report-file={staging_folder(server.home) / 'import.report'}"
    # On a full disk neo4j-admin does not end, nor say anything.
    admin.run(["database", "import", "full", DATABASE, *options, report, *arguments], on_line=_percentages(progress),
              watch=lambda: check_room(server.home))


def check_room(home: Path) -> None:
    """Look whether there is any disk left; Neo4j's admin tool does not say so itself.

    Raises:
        ServerError: There is not.
    """
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE:
        raise ServerError(f"the disk of {home} is full: {free / 1e6:.1f} MB are free", hint="free some space",
                          free_bytes=free)


def _percentages(progress: Progress) -> Callable[[str], None]:
    """Read neo4j-admin's own progress: `(2/4) Relationship import`, then lines of dots that end in a percentage."""
    reached = [0]

    def read(line: str) -> None:
        phase = _PHASE.search(line)
        percent = _PERCENT.search(line)
        base = reached[0] // 100 * 100 if phase is None else (int(phase[1]) - 1) * 100
        now = base + (min(int(percent[1]), 99) if percent and phase is None else 0)
        if now > reached[0] or phase is not None:
            reached[0] = max(now, reached[0])
            progress("importing (percent of 4 phases)", reached[0], IMPORT_PHASES * 100)

    return read


def swap(server: LocalServer, start: Mapping[str, Any] | None = None) -> None:
    """Stop the server, put the staged store in place and the old one aside, start the server as `start` says."""
    home = server.home
    server.stop()
    _step(home, "swapping")
    for kind in KINDS:
        _move(_in_use(home, kind), _aside(home, kind))
        _move(_staged(home, kind), _in_use(home, kind))
    server.start(**(start or {}))


def finish(home: Path) -> None:
    """Remove the old store: the new one is good."""
    _step(home, "done")
    _clear(home)


def put_back(server: LocalServer) -> str | None:
    """Undo a load that was interrupted: the old store is in use again, and the server runs if it ran.

    Returns:
        The operation that was interrupted, or None when there was nothing to undo.
    """
    home = server.home
    if not (home / JOURNAL).is_file():
        return None
    end_orphans(home)
    journal = _journal(home)
    if journal["step"] == "swapping":
        running = server.status().state != "stopped"
        server.stop()
        for kind in KINDS:
            if _aside(home, kind).exists():
                # What is in place is the new store, whole or not; the old one goes back.
                shutil.rmtree(_in_use(home, kind), ignore_errors=True)
                _move(_aside(home, kind), _in_use(home, kind))
        if running:
            server.start()
    _clear(home)
    return None if journal["step"] == "done" else str(journal["operation"])


def undo_interrupted(home: Path) -> str | None:
    """Put back what an interrupted load left in a home, unless a load is at work there; as `put_back`."""
    if not (home / JOURNAL).is_file():
        return None
    with hold_home(home):
        return put_back(LocalServer(home))


def is_finished(home: Path) -> bool:
    """Say whether the load under way is past the point of no return: the new store is good, the old one may be gone."""
    return (home / JOURNAL).is_file() and _journal(home)["step"] == "done"


def _journal(home: Path) -> dict[str, Any]:
    journal: dict[str, Any] = json.loads((home / JOURNAL).read_text(encoding="utf-8"))
    return journal


def _step(home: Path, step: str) -> None:
    write_json(home / JOURNAL, {**_journal(home), "step": step})


def _clear(home: Path) -> None:
    shutil.rmtree(home / STAGING, ignore_errors=True)
    (home / JOURNAL).unlink(missing_ok=True)


def _in_use(home: Path, kind: str) -> Path:
    return home / "data" / kind / DATABASE


def _staged(home: Path, kind: str) -> Path:
    return staging_folder(home) / "data" / kind / DATABASE


def _aside(home: Path, kind: str) -> Path:
    return staging_folder(home) / "old" / kind / DATABASE


def _move(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
