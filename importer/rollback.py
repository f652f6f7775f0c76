"""Deletes exactly what carries one operation's mark, without its files; knows the mark and the ledger, no bundle.

Linear: one scan finds the marked nodes with their degrees, pages of them are then deleted by internal id. A page is
bounded by nodes *and* relationships together; a node with more relationships than a page may have loses them page by
page first. Every deleting statement looks at the mark again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import neo4j
import numpy as np
import numpy.typing as npt
from neo4j.exceptions import DriverError, Neo4jError

from importer import cypher
from importer.index_upkeep import indexed_labels
from importer.ledger import record_mark, remove_batches
from importer.lock import SHORT, Lock, hold_lock
from importer.resilience import DEFAULTS, Resilience
from importer.scaling.window import Trouble
from importer.transactions import (
    GivenUpError,
    Transactions,
    is_out_of_time,
    is_too_large,
    is_unreachable,
    may_pass,
    way_out,
)
from importer.tries import Tries
from synthgen.errors import LoadFailedError, StoppedHalfwayError, UsageError
from synthgen.events import QUIET, Stream

PHASE = "deleting"
BATCH_ROWS = 10_000

Int64s = npt.NDArray[np.int64]
Left = dict[str, int | None]
"""What is left: `nodes_left` and `relationships_left`, None where that is not known."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many nodes and relationships.

    Attributes:
        nodes: Nodes; those of a transaction whose answer was lost are not counted.
        relationships: Likewise.
        retries_by_trouble: How many transactions were tried again, by reason.
    """

    nodes: int
    relationships: int
    retries_by_trouble: Mapping[Trouble, int] = field(default_factory=dict, compare=False)

    @property
    def retries(self) -> int:
        """How many transactions were tried again, for whatever reason."""
        return sum(self.retries_by_trouble.values())


def delete_operation(
    driver: neo4j.Driver,
    database: str,
    operation_id: str,
    *,
    events: Stream = QUIET,
    batch_rows: int = BATCH_ROWS,
    resilience: Resilience = DEFAULTS,
    lock: Lock | None = None,
) -> Deleted:
    """Delete the operation's nodes with all their relationships, then its ledger; nothing else is touched.

    Args:
        driver: The connection.
        database: The database's name.
        operation_id: Whose mark.
        events: Told of the nodes deleted, in the phase `deleting`, of each transaction, each further try and of
            waiting.
        batch_rows: The most nodes and relationships together that one transaction deletes; halved when it is too much.
        resilience: How it bears a database that does not answer, is busy, or is shared.
        lock: The caller's lock on the database; taken here when None.

    Returns:
        What this run deleted; 0 and 0 when nothing was there.

    Raises:
        LockedError: Another run is at work on the database.
        StoppedHalfwayError: Interrupted, at its time limit, or the database does not answer any more; the same call
            goes on.
        LoadFailedError: The database refused a statement; the same call can be repeated.
        UsageError: `batch_rows` is less than 1.
    """
    if batch_rows < 1:
        raise UsageError(f"batch_rows is {batch_rows}", hint="give 1 or more", batch_rows=batch_rows)
    with (hold_lock(driver, database, operation_id) if lock is None else nullcontext(lock)) as held:
        deletion = _Deletion(held, resilience.cap(batch_rows), held.transactions(resilience, events=events), events)
        try:
            record_mark(held, "rollback")
            deletion.run()
            remove_batches(held)
        except KeyboardInterrupt:
            raise deletion.stopped("was interrupted", deletion.count_left()) from None
        except GivenUpError as error:
            raise deletion.stopped(str(error), deletion.reckon_left(),
                                   way_out(error, _goes_on(operation_id))) from error
        except (Neo4jError, DriverError, OSError) as error:
            if is_unreachable(error):
                raise deletion.stopped(f"lost the database: {error}", deletion.reckon_left(),
                                       way_out(error, _goes_on(operation_id))) from error
            if may_pass(error) or is_out_of_time(error):
                raise deletion.stopped(f"was held up for too long: {error}", deletion.count_left()) from error
            left = deletion.count_left()
            raise LoadFailedError(f"rollback of {operation_id} failed{_in_words(left)}: {error}",
                                  hint=f"{_goes_on(operation_id)}; what is deleted stays deleted",
                                  **deletion.facts, **left) from error
    return replace(deletion.deleted, retries_by_trouble=deletion.facts["retries_by_trouble"])


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
        text = cypher.count_marked(indexed_labels(driver, database))
        found = session.run(text, operation_id=operation_id).single(strict=True)
    return Deleted(found["nodes"], found["relationships"])


def list_operations_in_database(driver: neo4j.Driver, database: str) -> dict[str, int]:
    """List the operation ids that nodes carry, with how many nodes."""
    with driver.session(database=database) as session:
        text = cypher.count_operations(indexed_labels(driver, database))
        return {row["operation_id"]: row["nodes"] for row in session.run(text)}


def find_marked(lock: Lock, transactions: Transactions | None = None) -> tuple[Int64s, Int64s]:
    """Find the operation's nodes: their internal ids, and how many relationships each has."""
    def work(transaction: neo4j.Transaction) -> Int64s:
        text = cypher.find_marked(indexed_labels(lock.driver, lock.database))
        found = transaction.run(text, operation_id=lock.operation_id)
        return np.fromiter((value for row in found for value in row.values()), dtype=np.int64)

    # One scan of the whole operation, which is no batch.
    flat = (transactions or lock.transactions(SHORT)).run(work, limited=False)
    return flat[0::2], flat[1::2]


class _Deletion:
    """One run of `delete_operation`: counts as it goes."""

    def __init__(self, lock: Lock, batch_rows: int, transactions: Transactions, events: Stream) -> None:
        self._lock = lock
        self._rows = batch_rows
        self._transactions = transactions
        self._events = events
        self._due: int | None = None
        self.deleted = Deleted(0, 0)

    @property
    def facts(self) -> dict[str, Any]:
        return {"operation_id": self._lock.operation_id, "nodes_deleted": self.deleted.nodes,
                "relationships_deleted": self.deleted.relationships,
                "retries": self._transactions.retries_by_trouble.total(),
                "retries_by_trouble": dict(self._transactions.retries_by_trouble)}

    def stopped(self, why: str, left: Left, hint: str = "") -> StoppedHalfwayError:
        operation_id = self._lock.operation_id
        return StoppedHalfwayError(f"rollback of {operation_id} {why}{_in_words(left)}",
                                   hint=hint or _goes_on(operation_id), **self.facts, **left)

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
        ids, degrees = find_marked(self._lock, self._transactions)
        self._due = len(ids)
        self._events.progress(PHASE, 0, len(ids))
        for page in _pages(degrees, self._rows):
            self._delete_page(ids[page], degrees[page])

    def _delete_page(self, ids: Int64s, degrees: Int64s) -> None:
        if len(ids) == 1:
            self._delete_node(ids, int(degrees[0]))
            return
        rows = int(degrees.sum()) + len(ids)
        if rows <= self._rows:
            removed = self._try(cypher.DELETE_NODES, ids, rows)
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
                removed = self._try(cypher.DELETE_NODES, ids, degree + 1)
                if removed is not None:
                    break
            removed = self._try(cypher.DELETE_SOME_RELATIONSHIPS, ids, min(degree, self._rows))
            if removed is not None:
                degree = degree - removed.relationships if removed.relationships else 0
        if not removed.nodes:
            self._lock.check()

    def _try(self, text: str, ids: Int64s, rows: int) -> Deleted | None:
        """Run one transaction that deletes so many rows; None when it was too large, and the bound is then halved."""
        tries = Tries(self._events, "deleted", rows)

        def work(transaction: neo4j.Transaction) -> Deleted:
            tries.begin()
            result = transaction.run(text, ids=ids.tolist(), limit=self._rows, **self._lock.parameters)
            counters = result.consume().counters
            return Deleted(counters.nodes_deleted, counters.relationships_deleted)

        try:
            removed = self._transactions.run(work, rows=rows, on_retry=tries.failed)
        except Neo4jError as error:
            if not is_too_large(error) or self._rows == 1:
                raise
            self._transactions.count(error)
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
