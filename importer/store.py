"""A new store beside the one in use, and the swap of the two; knows no bundle, no Cypher and no kind of server.

At every moment there is either the old store or the new one: the journal in the target's work folder says how far a
load is, and `put_back` makes the old store the one in use again, whatever was interrupted.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from filelock import FileLock, Timeout

from importer.servers.target import Make, Move, Remove, Step, Target, Write
from synthgen.errors import LockedError, ServerError
from synthgen.progress import Progress, silent

IMPORTING, SWAPPING, DONE = "importing", "swapping", "done"
IMPORT_PHASES = 4
LEAST_FREE = 10_000_000
_PHASE = re.compile(r"\((\d)/(\d)\)")
_PERCENT = re.compile(r"(\d{1,3})%")


@dataclass(frozen=True, slots=True)
class Journal:
    """How far the load under way is.

    Attributes:
        operation: What is loaded: an operation's id, or words for something else.
        step: `importing` while the old store is in use, `swapping` while either is, `done` when the new one is good.
        staging: The token of its staging folder.
        bundle: The operation's bundle, where its history is.
    """

    operation: str
    step: str
    staging: str
    bundle: Path | None


@contextmanager
def hold(target: Target) -> Iterator[None]:
    """Hold the one lock of a target for loads and rollbacks; the system lets go of it when its owner dies.

    Raises:
        LockedError: Another run holds it.
    """
    lock = FileLock(target.lock_file)
    try:
        lock.acquire(timeout=0)
        yield
    except Timeout:
        raise LockedError(f"another load or rollback is at work on {target.name}", hint="wait for it to end",
                          target=target.name) from None
    finally:
        # An interrupt may come when it is ours already and we have not heard of it yet.
        lock.release()


def begin(target: Target, operation: str, bundle: Path | None = None) -> Path:
    """Note that a load of an operation, or of something else, begins, and make a staging folder for it.

    Returns:
        A folder on this machine for files that the import reads, as `scratch`.

    Raises:
        ServerError: It could not be done; nothing is left of it.
    """
    # A name of its own: when a load was killed, its neo4j-admin may live on for a while and must not write into ours.
    token = secrets.token_hex(4)
    journal = {"operation": operation, "step": IMPORTING, "staging": token, "bundle": bundle and str(bundle)}
    try:
        target.files.do([_write(target, journal), *map(Remove, target.layout.staging_roots),
                         *(Make(folder.parent) for folder in target.layout.import_folders(token))])
    except ServerError:
        forget(target)
        raise
    return target.scratch(token)


def scratch(target: Target) -> Path:
    """Give the folder on this machine for files that the import under way reads; it is not there at the beginning."""
    return target.scratch(str(_document(target)["staging"]))


def import_aside(
    target: Target, arguments: Sequence[str], *, reads: Sequence[Path], heap: str, progress: Progress = silent
) -> None:
    """Import into a new store in the staging folder; the store in use goes on serving.

    Args:
        target: Where.
        arguments: Options and files, for `neo4j-admin database import full`.
        reads: The folders on this machine that the files are in.
        heap: Java heap of the import.
        progress: Told of its progress.

    Raises:
        ServerError: `neo4j-admin` failed; the message holds what it said.
    """
    token = str(_document(target)["staging"])
    report = f"--report-file={target.layout.staging(token) / 'import.report'}"
    # On a full disk neo4j-admin does not end, nor say anything.
    target.import_full(token, [*arguments, report], reads=reads, heap=heap, on_line=_percentages(progress),
                       watch=lambda: check_room(target.name, target.files.free_bytes()))


def staging_folder(target: Target) -> PurePath:
    """Give the folder in which the load under way makes its new store."""
    return target.layout.staging(str(_document(target)["staging"]))


def check_room(where: str, free_bytes: int) -> None:
    """Make sure that there is any disk left; Neo4j's admin tool does not say so itself.

    Raises:
        ServerError: There is not.
    """
    if free_bytes < LEAST_FREE:
        raise ServerError(f"the disk of {where} is full: {free_bytes / 1e6:.1f} MB are free", hint="free some space",
                          free_bytes=free_bytes)


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


def swap(
    target: Target, start: Callable[[], object] | None = None, check: Callable[[], object] = lambda: None
) -> None:
    """Stop the server, put the staged store in place and the old one aside, start the server, by `start` if given.

    `check` looks at the old store at rest; when it raises, nothing is moved, and the server stays down.
    """
    target.stop()
    check()
    journal = {**_document(target), "step": SWAPPING}
    moves = [step for part in target.layout.parts(str(journal["staging"]))
             for step in (Move(part.in_use, part.aside), Move(part.staged, part.in_use))]
    target.files.do([_write(target, journal), *moves])
    (start or target.start)()


def drop_old(target: Target) -> None:
    """Remove the old store: the new one is good. The journal stays until `forget`, for whoever writes the history."""
    target.files.do([_write(target, {**_document(target), "step": DONE}), *map(Remove, target.layout.staging_roots)])


def restore_old(target: Target) -> None:
    """Undo a load that is not done: the old store is in use again, and the server runs if it ran; may be repeated.

    The journal stays until `forget`, for whoever writes the history.
    """
    target.end_orphans()
    journal = read_journal(target)
    if journal is None or journal.step != SWAPPING:
        return
    running = target.is_running()
    target.stop()
    parts = target.layout.parts(journal.staging)
    kept = target.files.existing([part.aside for part in parts])
    # What is in place is the new store, whole or not; the old one goes back.
    target.files.do([step for part in parts if part.aside in kept
                     for step in (Remove(part.in_use), Move(part.aside, part.in_use))])
    if running:
        target.start()


def forget(target: Target) -> None:
    """End a load that is done or undone: nothing of it stays."""
    target.files.do([*map(Remove, target.layout.staging_roots), Remove(target.layout.journal)])
    target.clear_scratch()


def put_back(target: Target) -> None:
    """Undo a load and forget it."""
    restore_old(target)
    forget(target)


def is_finished(target: Target) -> bool:
    """Say whether the load under way is past the point of no return: the new store is good, the old one may be gone."""
    journal = read_journal(target)
    return journal is not None and journal.step == DONE


def read_journal(target: Target) -> Journal | None:
    """Read how far the load under way is; None when there is none."""
    document = _document(target)
    if not document:
        return None
    bundle = document.get("bundle")
    return Journal(str(document["operation"]), str(document["step"]), str(document["staging"]),
                   None if bundle is None else Path(bundle))


def _document(target: Target) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(target.files.read(target.layout.journal) or "{}")
    return document


def _write(target: Target, journal: dict[str, Any]) -> Step:
    return Write(target.layout.journal, json.dumps(journal, indent=1) + "\n")
