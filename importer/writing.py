"""Writes one batch, with its ledger record, exactly once; knows the driver, nothing of the other batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import neo4j
from neo4j.exceptions import ConstraintError, Neo4jError

from importer import cypher
from importer.batches import Batch
from importer.ledger import find_batch
from importer.lock import Lock
from importer.scaling.window import Trouble
from importer.transactions import Transactions, is_for_want_of_shared_memory, is_too_large, trouble_of
from importer.tries import Tries
from synthgen.errors import LoadFailedError
from synthgen.events import QUIET, Stream

_WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""How long a single row waits, again and again, for memory that other transactions have."""


@dataclass(slots=True)
class Written:
    """What became of a batch.

    Attributes:
        ids: For nodes, their internal ids in row order.
        transactions: How many it took; more than one when it was cut.
        troubles: Each failure that was tried again, with the rows that were tried.
    """

    ids: list[int] = field(default_factory=list)
    transactions: int = 0
    troubles: list[tuple[Trouble, int]] = field(default_factory=list)


def write_batch(batch: Batch, lock: Lock, transactions: Transactions, events: Stream = QUIET) -> Written:
    """Write a batch in one transaction, or in halves of halves when it is too large for the server.

    What was too large once is not tried again for the rest of the batch: each size fails once, not once for each piece.
    But a single row, which others may have left no memory for, waits and is tried again for a few seconds.
    `events` are told of each commit and each further try, in the thread that writes.

    Raises:
        LoadFailedError: An end of a relationship is not there any more, the ledger contradicts the batch, or a single
            row is too large for the server.
        LockedError: The lock is lost.
        GivenUpError, Neo4jError, DriverError: As `Transactions.run`.
    """
    written = Written()
    pieces, fits = [batch], batch.range.rows
    waits = iter(_WAITS_S)
    while pieces:
        piece = pieces.pop()
        if piece.range.rows <= fits and _write(piece, lock, transactions, written, events, waits):
            continue
        if piece.range.rows == 1:
            pieces.append(piece)
            continue
        first, second = piece.halves()
        fits = min(fits, second.range.rows)
        pieces += [second, first]
    return written


def _write(  # noqa: PLR0917 - what the one that calls it has got
    batch: Batch, lock: Lock, transactions: Transactions, written: Written, events: Stream, waits: Iterator[float],
) -> bool:
    """Write a piece in one transaction; False when it is too large for the server, or a single row was waited for."""
    rows = batch.range.rows
    tries = Tries(events, batch.range.kind, rows)
    # In one map: of lists that are parameters themselves the server plans each order of length anew.
    parameters = {"batch": {"lists": batch.rows(), "constants": list(batch.part.constants)}, **batch.range.parameters,
                  **lock.parameters}

    def work(transaction: neo4j.Transaction) -> list[int]:
        tries.begin()
        answer = transaction.run(batch.part.text, parameters).single()
        if answer is None or answer["created"] != rows:
            raise _shortage(transaction, batch, lock)
        ids: list[int] = answer["ids"]
        return ids

    def note(error: BaseException, delay_s: float) -> None:
        written.troubles.append((trouble_of(error), rows))
        tries.failed(error, delay_s)

    try:
        ids = transactions.run(work, rows=rows, on_retry=note)
    except ConstraintError as error:
        ids = _written_before(batch, lock, error)
    except Neo4jError as error:
        if not is_too_large(error):
            raise
        seconds = next(waits, None) if rows == 1 and is_for_want_of_shared_memory(error) else None
        if rows == 1 and seconds is None:
            raise _too_large(batch, error) from error
        transactions.count(error)
        note(error, seconds or 0.0)
        transactions.pause(seconds or 0.0)
        return False
    written.ids.extend(ids)
    written.transactions += 1
    tries.committed(rows)
    return True


def _written_before(batch: Batch, lock: Lock, error: ConstraintError) -> list[int]:
    """Give the internal ids of a batch that an earlier try committed, when only the answer to that was lost."""
    found = find_batch(lock, batch.range)
    if found is None:
        raise error
    rows, ids = found
    if rows != batch.range.rows:
        raise LoadFailedError(f"the ledger has {rows} rows for a batch of {batch.range.rows}",
                              hint="roll the operation back, then load it again", **_where(batch)) from error
    return ids or []


def _too_large(batch: Batch, error: Neo4jError) -> LoadFailedError:
    """Name the row that no transaction of the server has room for, and what would help."""
    place = batch.range
    start, end = batch.rows()[0][:2] if place.kind == "relationships" else (None, None)
    row = (f"the node in row {place.first + 1:,} of {batch.part.file}" if place.kind == "nodes" else
           f"a relationship of {batch.part.file}, between the internal ids {start} and {end},")
    return LoadFailedError(
        f"{row} is too large for a transaction of the server: {error.message}",
        hint="raise what the server names and load again: db.memory.transaction.max or"
             " dbms.memory.transaction.total.max, or, when it took too long, --batch-time-limit",
        file=batch.part.file, code=error.code, **_where(batch))


def _shortage(transaction: neo4j.Transaction, batch: Batch, lock: Lock) -> Exception:
    """Find out why a batch wrote less than its rows; the transaction is rolled back with what is raised."""
    if not transaction.run(cypher.READ_OWNER, lock.parameters).data():
        return lock.lost_error()
    ends = list({end for row in batch.rows() for end in row[:2]}) if batch.range.kind == "relationships" else []
    there = {record["id"] for record in transaction.run(cypher.FIND_NODES, ids=ends)}
    gone = [end for end in ends if end not in there]
    return LoadFailedError(
        f"{len(gone)} nodes that relationships end on are not in the database any more",
        hint="roll the operation back, export the base graph again and generate anew",
        internal_ids=gone[:5], **_where(batch))


def _where(batch: Batch) -> dict[str, object]:
    place = batch.range
    return {"kind": place.kind, "group": place.group, "part": place.part, "first": place.first, "rows": place.rows}
