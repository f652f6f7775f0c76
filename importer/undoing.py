"""Undoes a load that failed, and says what came of it and what is left; knows no stage but the rollback's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from importer.building import build_rollback
from importer.execute import Run
from importer.lock import Lock
from importer.online import OnlineOptions
from importer.rollback import count_operation
from importer.servers.readings import memory_reader
from importer.servers.target import Target
from importer.store import read_journal, restore_old
from synthgen.database import Address, connect
from synthgen.errors import LoadFailedError, RefusedError, SynthError
from synthgen.events import ListenerError, Stream
from synthgen.work import working


@dataclass(frozen=True, slots=True)
class Left:
    """What a load that failed has left, because it could not be undone.

    Attributes:
        why: Why not.
        nodes: How many nodes of the operation; None when that could not be counted, or is not the question.
        relationships: Likewise.
        hint: What undoes it.
    """

    why: str
    nodes: int | None
    relationships: int | None
    hint: str

    @property
    def facts(self) -> dict[str, Any]:
        """The same for errors and the history."""
        return {"undone": False, "nodes_left": self.nodes, "relationships_left": self.relationships}


UNDONE = {"undone": True}


def undo(
    operation_id: str, address: Address, target: Target | None, lock: Lock | None, options: OnlineOptions, *,
    events: Stream,
) -> Left | None:
    """Undo a load that failed, however long that takes; gives None, or what is left."""
    unhurried = replace(options, resilience=replace(options.resilience, time_limit_s=0.0))
    is_store = target is not None and read_journal(target) is not None
    try:
        with working(events, "rollback", operation_id, server_memory=memory_reader(address)) as work:
            if target is not None and is_store:
                restore_old(target)
                target.start()
            else:
                Run(address, target, unhurried, work.events, lock=lock).run(
                    build_rollback(operation_id, nodes=0, relationships=0))
    except SynthError as error:
        if is_store:
            return Left(error.message, None, None,
                        "the next load, rollback or start of the server tries to undo it again")
        return left_in(address, operation_id, error.message)
    return None


def left_in(address: Address, operation_id: str, why: str) -> Left:
    """Count what is left of an operation in a database."""
    hint = f"`importer rollback {operation_id}` goes on with it, as often as need be"
    try:
        with connect(address) as driver:
            found = count_operation(driver, address.database, operation_id)
    except SynthError:
        return Left(why, None, None, hint)
    return Left(why, found.nodes, found.relationships, hint)


def load_failed(what: str, error: BaseException, left: Left | None) -> SynthError | None:
    """Say that a load failed, and why it is not undone; None for what says it itself.

    That are refusals, interrupts, listeners and defects.
    """
    if isinstance(error, OSError):
        error = SynthError(f"{error.filename or 'a file'}: {error.strerror or error}", hint="free some space")
    if not isinstance(error, SynthError) or isinstance(error, RefusedError | ListenerError):
        return None
    if left is None:
        return LoadFailedError(f"{what} failed and was undone: {error.message}",
                               hint=error.hint or "mend the cause and load again", **{**error.facts, **UNDONE})
    return LoadFailedError(f"{what} failed and could not be undone ({left.why}){_counted(left)}: {error.message}",
                           hint=left.hint, **{**error.facts, **left.facts})


def _counted(left: Left) -> str:
    if left.nodes is None:
        return ""
    return f"; {left.nodes:,} nodes and {left.relationships:,} relationships of it are left"
