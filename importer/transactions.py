"""Runs one transaction until it certainly happened or certainly did not; knows the driver, no Cypher and no graph.

The driver's own managed transactions give up when the answer to a commit is lost. Here that is tried again as well, so
whoever calls must make a second run of a committed transaction harmless: the ledger does.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import neo4j
from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

from synthgen.database import does_not_answer

T = TypeVar("T")
Work = Callable[[neo4j.Transaction], T]

_TOO_LARGE = frozenset({
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
    "Neo.TransientError.General.OutOfMemoryError",
    "Neo.TransientError.General.TransactionMemoryLimit",
    "Neo.TransientError.General.TransactionOutOfMemoryError",
    "Neo.ClientError.Transaction.TransactionTimedOut",
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a transaction is tried again.

    Attributes:
        seconds: From the first failure on; 0 never tries again.
        first_delay_s: Before the first repetition; doubled each time, with jitter.
        longest_delay_s: Where doubling ends.
    """

    seconds: float = 60.0
    first_delay_s: float = 0.05
    longest_delay_s: float = 5.0


def is_too_large(error: BaseException) -> bool:
    """Whether a smaller transaction may succeed where this one did not."""
    return isinstance(error, Neo4jError) and error.code in _TOO_LARGE


def is_unreachable(error: BaseException) -> bool:
    """Whether the database did not answer, which says nothing about what was asked."""
    return does_not_answer(error)


def run_transaction(
    driver: neo4j.Driver,
    database: str,
    work: Work[T],
    *,
    metadata: Mapping[str, Any] | None = None,
    patience: Patience = Patience(),
    stop: threading.Event | None = None,
    on_retry: Callable[[Exception, float], None] = lambda _error, _delay_s: None,
) -> T:
    """Run `work` and commit; repeat when the failure may pass, a lost answer to the commit included.

    Args:
        driver: Where to.
        database: Its name.
        work: Called once per try with the open transaction; it must bear being committed twice.
        metadata: What `SHOW TRANSACTIONS` says about the transaction.
        patience: For how long.
        stop: When set, there is no further try.
        on_retry: Told each failure that is tried again, and after how many seconds.

    Raises:
        Neo4jError, DriverError: The last failure, when repeating does not help, takes too long, or a smaller
            transaction is the answer (`is_too_large`).
    """
    stop = stop or threading.Event()
    deadline: float | None = None
    delay = patience.first_delay_s
    while True:
        try:
            with (driver.session(database=database) as session,
                  session.begin_transaction(metadata=dict(metadata or {})) as transaction):
                answer = work(transaction)
                transaction.commit()
                return answer
        except (Neo4jError, DriverError) as error:
            now = time.monotonic()
            deadline = deadline or now + patience.seconds
            if not _may_pass(error) or now >= deadline or stop.is_set():
                raise
            pause = delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            on_retry(error, pause)
        stop.wait(pause)
        delay = min(delay * 2, patience.longest_delay_s)


def _may_pass(error: Neo4jError | DriverError) -> bool:
    return not is_too_large(error) and (
        error.is_retryable() or isinstance(error, IncompleteCommit) or is_unreachable(error))
