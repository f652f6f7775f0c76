"""Deletes exactly what carries one operation's mark, without its files; knows the mark and the ledger, no bundle.

Linear: one scan finds the marked nodes with their degrees, pages of them are then deleted by internal id. A page is
bounded by nodes *and* relationships together; a node with more relationships than a page may have loses them page by
page first. Every deleting statement looks at the mark again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import neo4j
import numpy as np
import numpy.typing as npt
from neo4j.exceptions import DriverError, Neo4jError

from importer import cypher
from importer.ledger import record_mark, remove_batches
from importer.lock import Lock, hold_lock
from importer.transactions import Patience, is_too_large, is_unreachable, run_transaction
from importer.tries import Tries
from synthgen.errors import LoadFailedError, StoppedHalfwayError, UsageError
from synthgen.events import QUIET, Stream

PHASE = "deleting"
BATCH_ROWS = 10_000
PATIENCE = Patience()


Int64s = npt.NDArray[np.int64]
Left = dict[str, int | None]
"""What is left: `nodes_left` and `relationships_left`, None where that is not known."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many nodes and relationships."""

    nodes: int
    relationships: int


def delete_operation(
    driver: neo4j.Driver,
    database: str,
    operation_id: str,
    *,
    events: Stream = QUIET,
    batch_rows: int = BATCH_ROWS,
    patience: Patience = PATIENCE,
    lock: Lock | None = None,
) -> Deleted:
    """Delete the operation's nodes with all their relationships, then its ledger; nothing else is touched.

    Args:
        driver: The connection.
        database: The database's name.
        operation_id: Whose mark.
        events: Told of the nodes deleted, in the phase `deleting`, of each transaction and each further try.
        batch_rows: The most nodes and relationships together that one transaction deletes; halved when it is too much.
        patience: For how long one transaction is tried again.
        lock: The caller's lock on the database; taken here when None.

    Returns:
        What this run deleted; 0 and 0 when nothing was there.

    Raises:
        LockedError: Another run is at work on the database.
        StoppedHalfwayError: Interrupted, or the database does not answer any more; the same call goes on.
        LoadFailedError: The database refused a statement; the same call can be repeated.
        UsageError: `batch_rows` is less than 1.
    """
    if batch_rows < 1:
        raise UsageError(f"batch_rows is {batch_rows}", hint="give 1 or more", batch_rows=batch_rows)
    with (hold_lock(driver, database, operation_id) if lock is None else nullcontext(lock)) as held:
        deletion = _Deletion(held, batch_rows, patience, events)
        try:
            record_mark(held, "rollback")
            deletion.run()
            remove_batches(held)
        except KeyboardInterrupt:
            left = deletion.count_left()
            raise StoppedHalfwayError(f"rollback of {operation_id} was interrupted{_in_words(left)}",
                                      hint=_goes_on(operation_id), **deletion.facts, **left) from None
        except (Neo4jError, DriverError, OSError) as error:
            if is_unreachable(error):
                left = deletion.reckon_left()
                raise StoppedHalfwayError(
                    f"the database went away during the rollback of {operation_id}{_in_words(left)}: {error}",
                    hint=_goes_on(operation_id), **deletion.facts, **left) from error
            left = deletion.count_left()
            raise LoadFailedError(f"rollback of {operation_id} failed{_in_words(left)}: {error}",
                                  hint=f"{_goes_on(operation_id)}; what is deleted stays deleted",
                                  **deletion.facts, **left) from error
    return deletion.deleted


def _goes_on(operation_id: str) -> str:
    return f"`importer rollback {operation_id}` goes on with it, as often as need be"


def _in_words(left: Left) -> str:
    if left["nodes_left"] is None:
        return ""
    further = "" if left["relationships_left"] is None else f" and {left['relationships_left']:,} relationships"
    return f"; {left['nodes_left']:,} nodes{further} of it are left"


def count_operation(driver: neo4j.Driver, database: str, operation_id: str) -> Deleted:
    """Count what `delete_operation` would delete."""
    with driver.session(database=database) as session:
        found = session.run(cypher.COUNT_MARKED, operation_id=operation_id).single(strict=True)
    return Deleted(found["nodes"], found["relationships"])


def list_operations_in_database(driver: neo4j.Driver, database: str) -> dict[str, int]:
    """List the operation ids that nodes carry, with how many nodes."""
    with driver.session(database=database) as session:
        return {row["operation_id"]: row["nodes"] for row in session.run(cypher.COUNT_OPERATIONS)}


def find_marked(lock: Lock) -> tuple[Int64s, Int64s]:
    """Find the operation's nodes: their internal ids, and how many relationships each has."""
    with lock.driver.session(database=lock.database, fetch_size=50_000) as session:
        found = session.run(cypher.FIND_MARKED, operation_id=lock.operation_id)
        flat = np.fromiter((value for row in found for value in row.values()), dtype=np.int64)
    return flat[0::2], flat[1::2]


class _Deletion:
    """One run of `delete_operation`: counts as it goes."""

    def __init__(self, lock: Lock, batch_rows: int, patience: Patience, events: Stream) -> None:
        self._lock = lock
        self._rows = batch_rows
        self._patience = patience
        self._events = events
        self._due: int | None = None
        self.deleted = Deleted(0, 0)

    @property
    def facts(self) -> dict[str, Any]:
        return {"operation_id": self._lock.operation_id, "nodes_deleted": self.deleted.nodes,
                "relationships_deleted": self.deleted.relationships}

    def reckon_left(self) -> Left:
        """Say what is left by what was found; nothing when nothing was looked for yet."""
        return {"nodes_left": None if self._due is None else self._due - self.deleted.nodes, "relationships_left": None}

    def count_left(self) -> Left:
        """Count what is left, or reckon when the database does not answer."""
        try:
            found = count_operation(self._lock.driver, self._lock.database, self._lock.operation_id)
        except (Neo4jError, DriverError, OSError):
            return self.reckon_left()
        return {"nodes_left": found.nodes, "relationships_left": found.relationships}

    def run(self) -> None:
        ids, degrees = find_marked(self._lock)
        self._due = len(ids)
        self._events.progress(PHASE, 0, len(ids))
        for page in _pages(degrees, self._rows):
            self._delete_page(ids[page], degrees[page])

    def _delete_page(self, ids: Int64s, degrees: Int64s) -> None:
        if len(ids) == 1:
            self._delete_node(ids, int(degrees[0]))
            return
        if int(degrees.sum()) + len(ids) <= self._rows:
            removed = self._try(cypher.DELETE_NODES, ids)
            if removed is not None:
                if removed.nodes < len(ids):
                    self._lock.check()
                return
        half = len(ids) // 2
        self._delete_page(ids[:half], degrees[:half])
        self._delete_page(ids[half:], degrees[half:])

    def _delete_node(self, ids: Int64s, degree: int) -> None:
        while True:
            if degree < self._rows:
                removed = self._try(cypher.DELETE_NODES, ids)
                if removed is not None:
                    break
            removed = self._try(cypher.DELETE_SOME_RELATIONSHIPS, ids)
            if removed is not None:
                degree = degree - removed.relationships if removed.relationships else 0
        if not removed.nodes:
            self._lock.check()

    def _try(self, text: str, ids: Int64s) -> Deleted | None:
        """Run one deleting transaction; None when it was too large, and the bound is then halved."""
        tries = Tries(self._events, "deleted", 0)

        def work(transaction: neo4j.Transaction) -> Deleted:
            tries.begin()
            result = transaction.run(text, ids=ids.tolist(), limit=self._rows, **self._lock.parameters)
            counters = result.consume().counters
            return Deleted(counters.nodes_deleted, counters.relationships_deleted)

        try:
            removed = run_transaction(self._lock.driver, self._lock.database, work, metadata=self._lock.metadata,
                                      patience=self._patience, on_retry=tries.failed)
        except Neo4jError as error:
            if not is_too_large(error) or self._rows == 1:
                raise
            tries.failed(error)
            self._rows = max(1, self._rows // 2)
            return None
        self.deleted = Deleted(self.deleted.nodes + removed.nodes,
                               self.deleted.relationships + removed.relationships)
        tries.committed(removed.nodes + removed.relationships)
        self._events.progress(PHASE, self.deleted.nodes, self._due or 0)
        return removed


def _pages(degrees: Int64s, rows: int) -> Iterator[slice]:
    """Cut nodes into runs of at most `rows` nodes and relationships together; a fuller node is a run of its own."""
    weights = np.cumsum(degrees + 1)
    first = 0
    while first < len(weights):
        reached = weights[first - 1] if first else 0
        until = int(np.searchsorted(weights, reached + rows, side="right"))
        until = max(until, first + 1)
        yield slice(first, until)
        first = until
