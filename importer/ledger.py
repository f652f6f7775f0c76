"""The ledger: what the database itself records of a load under way, and the lock; knows batches as ranges, no files.

The lock. One node per database says who loads or rolls back now. Its name is unique by a constraint of ours, so of two
that come at once one wins. The constraint is made before the lock is claimed *and looked at again afterwards*, because
the last owner removes it when it leaves; from then on nobody removes it but the holder. A dead owner's lock is taken
over; every transaction of a load requires the lock to be its own, and a taker ends those of the owner before, so a
run that only slept cannot write any more.

The batches. A record is written in the transaction of its batch and is unique by its range, so a batch that is
committed a second time fails and changes nothing. Two records are marks: `complete` (all is written, only the ledger
has to go) and `rollback` (deleting has begun, so the records no longer say what is there).
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import neo4j
from neo4j.exceptions import ConstraintError, DriverError, Neo4jError

from importer import cypher
from importer.transactions import Patience, run_transaction
from synthgen.errors import LockedError

Kind = Literal["nodes", "relationships"]
Mark = Literal["complete", "rollback"]

BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
CLAIM_TRIES = 8
DELETE_ROWS = 500
DRAIN_SECONDS = 60.0
COMMIT_SECONDS = 3.0
SHORT = Patience(seconds=15.0)


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


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to change one database, while `hold_lock` lasts.

    Attributes:
        driver: The connection it was taken with.
        database: The database's name.
        operation_id: For which operation.
        owner: Who holds it: host, process and a random number.
        lost: Set when another run took it over.
    """

    driver: neo4j.Driver
    database: str
    operation_id: str
    owner: str
    lost: threading.Event

    @property
    def parameters(self) -> dict[str, Any]:
        """What every text needs that requires the lock."""
        return {"owner": self.owner, "operation_id": self.operation_id}

    @property
    def metadata(self) -> dict[str, Any]:
        """What each transaction says about itself, so that a taker of the lock can end it."""
        return {"app": "synthgen", cypher.OWNER_KEY: self.owner}

    def lost_error(self) -> LockedError:
        """Make the error for a lock that another run has taken over."""
        self.lost.set()
        return LockedError(f"another run has taken over the lock on database {self.database!r}",
                           hint="let the other run end; `importer list` shows what became of the operation",
                           operation_id=self.operation_id)

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises:
            LockedError: Another run has taken it over.
        """
        if self.lost.is_set() or not _read(self.driver, self.database, cypher.READ_OWNER, self.parameters):
            raise self.lost_error()


@contextmanager
def hold_lock(driver: neo4j.Driver, database: str, operation_id: str) -> Iterator[Lock]:
    """Hold the database's one lock; a beat in the background shows that its owner lives.

    Raises:
        LockedError: Another live run holds it. A lock is taken over when its owner was a process of this host that is
            gone, or showed no life for `STALE_SECONDS` by the server's clock.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    lock = Lock(driver, database, operation_id, owner, threading.Event())
    _claim(lock)
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(lock, ended), name="synthgen-lock", daemon=True)
    beat.start()
    try:
        yield lock
    except BaseException:
        ended.set()
        # What went wrong is the news; a lock that cannot be given back any more is taken over.
        with suppress(Neo4jError, DriverError, OSError):
            _release(lock, Patience(seconds=2.0))
        raise
    ended.set()
    beat.join()
    _release(lock, SHORT)


def read_batches(lock: Lock) -> Iterator[tuple[Range, list[int] | None]]:
    """Read the operation's batches, each with its nodes' internal ids in row order (None for relationships)."""
    with lock.driver.session(database=lock.database, fetch_size=50) as session:
        for record in session.run(cypher.READ_BATCHES, operation_id=lock.operation_id):
            if record["kind"] in {"nodes", "relationships"}:
                yield (Range(record["kind"], record["group"], record["part"], record["from"], record["rows"]),
                       record["ids"])


def find_batch(lock: Lock, batch: Range) -> tuple[int, list[int] | None] | None:
    """Find the record that begins where `batch` does: its rows and, for nodes, internal ids."""
    found = _read(lock.driver, lock.database, cypher.READ_BATCH, {**lock.parameters, **batch.parameters})
    return (found[0]["rows"], found[0]["ids"]) if found else None


def find_marks(lock: Lock) -> set[Mark]:
    """Find the marks of the operation."""
    marks: tuple[Mark, ...] = ("complete", "rollback")
    return {mark for mark in marks if _read(lock.driver, lock.database, cypher.READ_BATCH,
                                            {**lock.parameters, **_mark(mark)})}


def record_mark(lock: Lock, mark: Mark) -> None:
    """Write a mark, once.

    Raises:
        LockedError: The lock is lost.
    """
    try:
        if not _write(lock, cypher.RECORD_MARKER, _mark(mark)):
            raise lock.lost_error()
    except ConstraintError:
        if mark not in find_marks(lock):
            raise


def remove_batches(lock: Lock) -> None:
    """Remove the operation's records, the marks last; it can be repeated after being killed.

    Raises:
        LockedError: The lock is lost.
    """
    for keep in (["complete", "rollback"], []):
        while True:
            deleted = _write(lock, cypher.DELETE_BATCHES, {"keep": keep, "limit": DELETE_ROWS})
            if not deleted[0]["deleted"]:
                break
    lock.check()


def list_ledgers(driver: neo4j.Driver, database: str, patience: Patience = SHORT) -> dict[str, int]:
    """List the operations that have records in the ledger, with how many: loads and rollbacks that did not end."""
    rows = _read(driver, database, cypher.COUNT_BATCHES, {}, patience)
    return {row["operation_id"]: row["batches"] for row in rows}


def _mark(mark: Mark) -> dict[str, Any]:
    return {"kind": mark, "group": 0, "part": 0, "from": 0, "rows": 0}


def _claim(lock: Lock) -> None:
    for _ in range(CLAIM_TRIES):
        holder = _holder(lock)
        if holder is None:
            _create_constraints(lock)
            try:
                holder = _write(lock, cypher.CLAIM_LOCK, {})[0]
            except ConstraintError:
                continue
        if holder["owner"] != lock.owner and not _take_over(lock, holder):
            continue
        try:
            _create_constraints(lock)
        except Neo4jError:
            # Two came while the constraint was away: both withdraw, and come again at different moments.
            _write(lock, cypher.RELEASE_LOCK, {})
            time.sleep(secrets.randbelow(500) / 1000)
            continue
        return
    raise LockedError(f"the lock on database {lock.database!r} is contested", hint="try again in a minute",
                      operation_id=lock.operation_id)


def _holder(lock: Lock) -> dict[str, Any] | None:
    # Asked before any constraint is made: making one waits for the batches of a load that runs, and holds up its next.
    found = _read(lock.driver, lock.database, cypher.READ_LOCK, {})
    return found[0] if found else None


def _take_over(lock: Lock, holder: dict[str, Any]) -> bool:
    if not _is_dead(holder):
        raise _locked(lock.database, holder)
    seen = {"seen_owner": holder["owner"], "seen_heartbeat": holder["heartbeat"]}
    if not _write(lock, cypher.TAKE_OVER_LOCK, seen):
        return False
    _end_transactions(lock, holder["owner"])
    return True


def _create_constraints(lock: Lock) -> None:
    for text in cypher.CREATE_CONSTRAINTS:
        _write(lock, text, {})


def _is_dead(holder: dict[str, Any]) -> bool:
    if holder["age_ms"] > STALE_SECONDS * 1000:
        return True
    host, _, rest = holder["owner"].partition(":")
    process = rest.partition(":")[0]
    return host == socket.gethostname() and process.isdigit() and not _lives(int(process))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _locked(database: str, holder: dict[str, Any]) -> LockedError:
    left = max(0, round(STALE_SECONDS - holder["age_ms"] / 1000))
    return LockedError(
        f"database {database!r} is locked by {holder['owner']}, at work on {holder['operation_id']} since"
        f" {holder['since']}",
        hint=f"wait until it ends; if it is dead, its lock is free in {left} s",
        owner=holder["owner"], operation_id=holder["operation_id"], since=holder["since"], free_in_seconds=left)


def _end_transactions(lock: Lock, owner: str) -> None:
    """End what an earlier owner still has in flight, so that no batch of its comes after ours.

    A transaction that is ended while its client is silent stays listed, but cannot commit any more. One that is ended
    in the midst of its commit is listed likewise until that is done, hence the wait.
    """
    began = time.monotonic()
    while found := _read(lock.driver, lock.database, cypher.FIND_TRANSACTIONS, {"owner": owner}):
        waited = time.monotonic() - began
        running = [row["transaction"] for row in found if not row["ended"]]
        if not running and waited > COMMIT_SECONDS:
            return
        if waited > DRAIN_SECONDS:
            raise LockedError(f"transactions of {owner} do not end on database {lock.database!r}",
                              hint="see `SHOW TRANSACTIONS`", transactions=running)
        if running:
            _read(lock.driver, lock.database, cypher.END_TRANSACTIONS, {"transactions": running})
        time.sleep(0.1)


def _beat(lock: Lock, ended: threading.Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        try:
            if not _write(lock, cypher.BEAT, {}, Patience(seconds=0)):
                lock.lost.set()
                return
        except (Neo4jError, DriverError, OSError):
            # A beat may miss; whether the lock still is ours is decided by each batch's own transaction.
            continue


def _release(lock: Lock, patience: Patience) -> None:
    if not list_ledgers(lock.driver, lock.database, patience) and not lock.lost.is_set():
        for text in cypher.DROP_CONSTRAINTS:
            _write(lock, text, {}, patience)
    _write(lock, cypher.RELEASE_LOCK, {}, patience)


def _write(lock: Lock, text: str, parameters: dict[str, Any], patience: Patience = SHORT) -> list[dict[str, Any]]:
    def work(transaction: neo4j.Transaction) -> list[dict[str, Any]]:
        return transaction.run(text, {**lock.parameters, **parameters}).data()

    return run_transaction(lock.driver, lock.database, work, metadata=lock.metadata, patience=patience)


def _read(
    driver: neo4j.Driver, database: str, text: str, parameters: dict[str, Any], patience: Patience = SHORT,
) -> list[dict[str, Any]]:
    return run_transaction(driver, database, lambda transaction: transaction.run(text, parameters).data(),
                           patience=patience)
