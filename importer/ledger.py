"""The ledger: what the database itself records of a load under way; knows batches as ranges, no files and no pace.

A record is written in the transaction of its batch and is unique by its range, so a batch that is committed a second
time fails and changes nothing. Two records are marks: `complete` (all is written, only the ledger has to go) and
`rollback` (deleting has begun, so the records no longer say what is there).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import neo4j

from importer import cypher
from importer.lock import Lock

Kind = Literal["nodes", "relationships"]
Mark = Literal["complete", "rollback"]

MARKS: tuple[Mark, ...] = ("complete", "rollback")
DELETE_ROWS = 500


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Rows `first` to `first + rows` of one part, in the load's order (`importer.batches`)."""

    kind: Kind
    group: int
    part: int
    first: int
    rows: int

    @property
    def parameters(self) -> dict[str, Any]:
        """The range as parameters of the texts that write it."""
        return {"kind": self.kind, "group": self.group, "part": self.part, "from": self.first, "rows": self.rows}


def read_batches(lock: Lock) -> Iterator[tuple[Range, list[int] | None]]:
    """Read the operation's batches, each with its nodes' internal ids in row order (None for relationships)."""
    with lock.driver.session(database=lock.database, fetch_size=50) as session:
        for record in session.run(cypher.READ_BATCHES, operation_id=lock.operation_id):
            if record["kind"] in {"nodes", "relationships"}:
                yield (Range(record["kind"], record["group"], record["part"], record["from"], record["rows"]),
                       record["ids"])


def find_batch(lock: Lock, batch: Range) -> tuple[int, list[int] | None] | None:
    """Find the record that begins where `batch` does: its rows and, for nodes, internal ids."""
    found = lock.write(cypher.READ_BATCH, batch.parameters)
    return (found[0]["rows"], found[0]["ids"]) if found else None


def find_marks(lock: Lock) -> set[Mark]:
    """Find the marks of the operation."""
    return {row["kind"] for row in lock.write(cypher.READ_MARKS, {"kinds": list(MARKS)})}


def record_mark(lock: Lock, mark: Mark) -> None:
    """Write a mark, once.

    Raises:
        LockedError: The lock is lost.
    """
    if not lock.write(cypher.RECORD_MARK, {"kind": mark}):
        raise lock.lost_error()


def remove_batches(lock: Lock) -> None:
    """Remove the operation's records, then the constraint, the marks last: while one is there, it can be repeated.

    Raises:
        LockedError: The lock is lost.
    """
    _delete_all_but(lock, MARKS)
    lock.check()
    drop_constraint(lock)
    _delete_all_but(lock, ())


def _delete_all_but(lock: Lock, marks: Sequence[Mark]) -> None:
    while lock.write(cypher.DELETE_BATCHES, {"keep": list(marks), "limit": DELETE_ROWS})[0]["deleted"] == DELETE_ROWS:
        continue


def create_constraint(lock: Lock) -> None:
    """Make sure that no range can be recorded twice; only the lock's holder changes the ledger's schema."""
    lock.write(cypher.CREATE_CONSTRAINT)


def drop_constraint(lock: Lock) -> None:
    """Drop the ledger's constraint, if it is there, when no other operation has records."""
    if (all(row["operation_id"] == lock.operation_id for row in lock.write(cypher.READ_LEDGERS))
            and lock.write(cypher.FIND_CONSTRAINT)):
        lock.write(cypher.DROP_CONSTRAINT)


def clear_leftovers(lock: Lock) -> None:
    """Drop a constraint that guards no record any more."""
    if not lock.write(cypher.READ_LEDGERS):
        drop_constraint(lock)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A load or rollback that did not end: its records in the ledger, and whether deleting has begun."""

    records: int
    rolling_back: bool


def list_ledgers(driver: neo4j.Driver, database: str) -> dict[str, Unfinished]:
    """List the operations that have records in the ledger: loads and rollbacks that did not end."""
    with driver.session(database=database) as session:
        return {row["operation_id"]: Unfinished(row["records"], row["rolling_back"])
                for row in session.run(cypher.READ_LEDGERS)}
