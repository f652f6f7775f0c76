"""The lock: one load or rollback at a time on one database; knows neither batches nor files.

One node says who loads or rolls back now. No constraint guards it, because making and dropping one beside other runs'
transactions hangs them up. Instead: whoever comes writes a claim and commits it; then, in one transaction, locks all
claims it sees, looks who holds the lock *after* that, and turns its own claim into the lock if nobody does. Of two
claimants at least one sees the other's claim, since each commits its own before it looks; they queue up for that node's
write lock, and the second finds the lock taken.

A dead owner's lock is taken over: of a process of this host that is gone at once, of any other when it showed no sign
of life for a minute. Every transaction of a load requires the lock to be its own, and a taker ends those
of the owner before, so a run that only slept cannot write any more.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import neo4j
from neo4j.exceptions import ClientError, DriverError, Neo4jError

from importer import cypher
from importer.pulse import BEAT_SECONDS, Pulse
from importer.resilience import NO_BREAKER, Resilience, Retries
from importer.transactions import Transactions
from synthgen.errors import LockedError
from synthgen.events import QUIET, Stream
from synthgen.owners import is_gone, owner_name
from synthgen.snapshot.ledger import READER_KEY, STALE_SECONDS, Holder

CLAIM_TRIES = 8
AWAITED_BEATS = 2.5
DRAIN_SECONDS = 60.0
COMMIT_SECONDS = 3.0
SHORT = Resilience(retries=Retries(patience_s=15.0), circuit_breaker=NO_BREAKER)
RELEASING = replace(SHORT, batch_time_limit_s=5.0, grace_s=5.0, retries=Retries(patience_s=2.0))
BEATING = replace(RELEASING, retries=Retries(patience_s=0.0))
"""A sign of life that takes long is not awaited: the next one comes on another connection."""
_ended: set[str] = set()
"""Owners of this process that are at work no more, but whose lock may still be there: the database was gone."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to change one database, while `hold_lock` lasts.

    Attributes:
        driver: The connection it was taken with.
        database: The database's name.
        operation_id: For which operation.
        owner: Who holds it: host, process and a random number.
        lost: Set when another run took it over.
        taken_from: The operation whose dead owner it was taken from; None when it was free.
        pulse: Shows that the owner lives; None for a lock that nobody keeps alive.
    """

    driver: neo4j.Driver
    database: str
    operation_id: str
    owner: str
    lost: threading.Event
    taken_from: str | None = None
    pulse: Pulse | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What every text needs that requires the lock."""
        return {"owner": self.owner, "operation_id": self.operation_id}

    @property
    def metadata(self) -> dict[str, Any]:
        """What each transaction says about itself, so that a taker of the lock can end it."""
        return {"app": "synthgen", cypher.OWNER_KEY: self.owner}

    def write(self, text: str, parameters: Mapping[str, Any] | None = None, resilience: Resilience = SHORT,
              ) -> list[dict[str, Any]]:
        """Run one statement in a transaction of this lock's and give its rows; it must bear being committed twice."""
        return self.transactions(resilience).run(
            lambda transaction: transaction.run(text, {**self.parameters, **(parameters or {})}).data())

    def transactions(self, resilience: Resilience, *, stop: threading.Event | None = None, events: Stream = QUIET,
                     ) -> Transactions:
        """Begin transactions of this lock's, which say so on the server."""
        return Transactions(self.driver, self.database, resilience, metadata=self.metadata, stop=stop, events=events)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Write nothing while the block lasts: who reads the database in one state needs that."""
        with ExitStack() as stack:
            if self.pulse is not None:
                stack.enter_context(self.pulse.quiet())
            yield

    def lost_error(self) -> LockedError:
        """Make the error for a lock that another run has taken over."""
        self.lost.set()
        return LockedError(f"the lock on database {self.database!r} was taken over by another run, or removed",
                           hint="let the other run end; `importer list` shows what became of the operation",
                           operation_id=self.operation_id)

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises:
            LockedError: Another run has taken it over.
        """
        if self.lost.is_set() or not self.write(cypher.READ_OWNER):
            raise self.lost_error()


@contextmanager
def hold_lock(driver: neo4j.Driver, database: str, operation_id: str) -> Iterator[Lock]:
    """Hold the database's one lock; a beat in the background shows that its owner lives.

    Raises:
        LockedError: Another live run holds it. A lock is taken over when its owner was a process of this host that is
            gone, or showed no life for `STALE_SECONDS` by the server's clock.
    """
    lock = Lock(driver, database, operation_id, owner_name(secrets.token_hex(4)), threading.Event())
    pulse = Pulse(partial(_beat, lock), partial(_sign, lock))
    lock = replace(lock, taken_from=_claim(lock), pulse=pulse)
    pulse.start()
    try:
        yield lock
    except BaseException:
        pulse.stop()
        _release(lock, RELEASING, after_failure=True)
        raise
    pulse.stop()
    _release(lock, SHORT)


def _release(lock: Lock, resilience: Resilience, *, after_failure: bool = False) -> None:
    """Give the lock back; one that cannot be given back any more is taken over, so what its work came to counts."""
    try:
        if after_failure:
            # What an answer was lost of may still be under way, and must not be committed beside the next run.
            _end_transactions(replace(lock, owner=f"{lock.owner}:end"), lock.owner, resilience)
        lock.write(cypher.RELEASE_LOCK, resilience=resilience)
    except (Neo4jError, DriverError, OSError, LockedError):
        _ended.add(lock.owner)


def find_worker(driver: neo4j.Driver, database: str) -> str | None:
    """Find the operation for which a live run holds the database's lock; None when nobody does."""
    holder = _find_holder(driver, database)
    return None if holder is None else holder.operation_id


def check_free(driver: neo4j.Driver, database: str) -> None:
    """Make sure that no live run holds the database's lock, for who cannot hold it himself: his store will be another.

    Raises:
        LockedError: One does.
    """
    holder = _find_holder(driver, database)
    if holder is not None:
        raise _locked(database, holder)


def _find_holder(driver: neo4j.Driver, database: str) -> Holder | None:
    with driver.session(database=database) as session:
        holders = [Holder(**row) for row in session.run(cypher.READ_HOLDERS).data()]
        return next((holder for holder in holders if not holder.is_dead(
            lambda owner: session.run(cypher.READ_SIGNS, holder=owner).single(strict=True)["age_ms"])), None)


def _claim(lock: Lock) -> str | None:
    """Take the lock; gives the operation whose dead owner it was taken from."""
    lock.write(cypher.CLAIM)
    try:
        _await_beat(lock)
        dead = _win(lock)
        if dead is not None:
            _end_transactions(lock, dead.owner)
        gone = [row["owner"] for row in lock.write(cypher.READ_CLAIMS)
                if abs(row["age_ms"]) > STALE_SECONDS * 1000 or is_gone(row["owner"])]
        if gone:
            lock.write(cypher.DELETE_CLAIMS, {"owners": gone})
    except BaseException:
        _release(lock, SHORT)
        raise
    return None if dead is None else dead.operation_id


def _await_beat(lock: Lock) -> None:
    """Give an owner whose last beat is old, or still to come, time for another: the server's clock may have jumped."""
    holders = [Holder(**row) for row in lock.write(cypher.READ_HOLDERS)]
    if any(one.is_overdue and one.owner not in _ended and not is_gone(one.owner) for one in holders):
        time.sleep(AWAITED_BEATS * BEAT_SECONDS)


def _win(lock: Lock) -> Holder | None:
    """Turn our claim into the lock; gives whose it was, if that one is dead."""
    dead: list[Holder] = []

    def work(transaction: neo4j.Transaction) -> None:
        transaction.run(cypher.LOCK_CLAIMS, lock.parameters).consume()
        for holder in [Holder(**row) for row in transaction.run(cypher.READ_HOLDERS).data()]:
            if holder.owner == lock.owner:
                return
            seen = {"seen_owner": holder.owner, "seen_heartbeat": holder.heartbeat, **lock.parameters}
            if not _is_free(holder, transaction) or not transaction.run(
                    cypher.END_HOLDER, seen).data():
                raise _locked(lock.database, holder)
            dead.append(holder)
        if not transaction.run(cypher.WIN_CLAIM, lock.parameters).data():
            raise lock.lost_error()

    for _ in range(CLAIM_TRIES):
        try:
            lock.transactions(SHORT).run(work)
        except ClientError as error:
            # Another claim was withdrawn between being seen and being locked.
            if error.code != "Neo.ClientError.Statement.EntityNotFound":
                raise
        else:
            return dead[-1] if dead else None
    raise LockedError(f"the lock on database {lock.database!r} is contested", hint="try again in a minute",
                      operation_id=lock.operation_id)


def _is_free(holder: Holder, transaction: neo4j.Transaction) -> bool:
    return holder.owner in _ended or holder.is_dead(partial(_youngest_sign, transaction))


def _youngest_sign(transaction: neo4j.Transaction, owner: str) -> int | None:
    age: int | None = transaction.run(cypher.READ_SIGNS, holder=owner).single(strict=True)["age_ms"]
    return age


def _locked(database: str, holder: Holder) -> LockedError:
    left = max(0, round(STALE_SECONDS - max(0, holder.age_ms) / 1000))
    return LockedError(
        f"database {database!r} is locked by {holder.owner}, at work on {holder.operation_id} since {holder.since}",
        hint=f"wait until it ends; if it is dead, its lock is free in {left or round(STALE_SECONDS)} s",
        owner=holder.owner, operation_id=holder.operation_id, since=holder.since, free_in_seconds=left)


def _end_transactions(lock: Lock, owner: str, resilience: Resilience = SHORT) -> None:
    """End what an earlier owner still has in flight, so that no batch of its comes after ours.

    A transaction that is ended while its client is silent stays listed, but cannot commit any more. One that is ended
    in the midst of its commit is listed likewise until that is done, hence the wait.
    """
    began = time.monotonic()
    while found := lock.write(cypher.FIND_TRANSACTIONS, {"holder": owner}, resilience):
        waited = time.monotonic() - began
        running = [row["transaction"] for row in found if not row["ended"]]
        if not running and waited > COMMIT_SECONDS:
            return
        if waited > DRAIN_SECONDS:
            raise LockedError(f"transactions of {owner} do not end on database {lock.database!r}",
                              hint="see `SHOW TRANSACTIONS`", transactions=running)
        if running:
            lock.write(cypher.END_TRANSACTIONS, {"transactions": running}, resilience)
        time.sleep(0.1)


def _beat(lock: Lock) -> None:
    if not lock.write(cypher.BEAT, resilience=BEATING):
        lock.lost.set()


@contextmanager
def _sign(lock: Lock) -> Iterator[None]:
    """Show that this run lives, by a transaction that does nothing and names the owner."""
    metadata = {"app": "synthgen", READER_KEY: lock.owner}
    with (lock.driver.session(database=lock.database, default_access_mode=neo4j.READ_ACCESS) as session,
          session.begin_transaction(metadata=metadata) as transaction):
        transaction.run("RETURN 1").consume()
        yield
