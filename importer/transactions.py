"""Runs transactions until each certainly happened or certainly did not; knows the driver, no Cypher and no graph.

The driver's own managed transactions give up when the answer to a commit is lost. Here that is tried again as well, so
whoever calls must make a second run of a committed transaction harmless: the ledger does.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import neo4j
from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError, ResultFailedError
from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event, stop_any, stop_when_event_set
from tenacity.stop import stop_after_attempt, stop_base, stop_never
from tenacity.wait import wait_exponential

from importer.breaker import Breaker, Permit
from importer.durations import say_duration
from importer.rate import Bucket
from importer.resilience import Resilience
from importer.scaling.window import Trouble
from importer.silence import closed_after
from synthgen.database import BROKEN_DOWN_HINT, behind, does_not_answer, has_broken_down
from synthgen.events import QUIET, Stream, Waiting

T = TypeVar("T")
Work = Callable[[neo4j.Transaction], T]

GOES_ON = "the same command goes on"
LOOK_SECONDS = 0.25
"""How often who waits looks whether it still has to."""
_TIMED_OUT = frozenset({
    "Neo.ClientError.Transaction.TransactionTimedOut",
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
})
_LOCKED_OUT = "Neo.ClientError.Transaction.LockClientStopped"
"""Ended while it waited for a lock: at its time limit, or because another run has taken our lock over."""
_POOL = "Neo.TransientError.General.MemoryPoolOutOfMemoryError"
_TOO_LARGE = _TIMED_OUT | {
    _POOL,
    "Neo.TransientError.General.OutOfMemoryError",
    "Neo.TransientError.General.TransactionMemoryLimit",
    "Neo.TransientError.General.TransactionOutOfMemoryError",
}


class GivenUpError(Exception):
    """No further transaction is begun, and why: such as `was stopped`. Whoever began the work says what is done."""


def is_too_large(error: BaseException) -> bool:
    """Whether a smaller transaction may succeed where this one did not."""
    return isinstance(error, Neo4jError) and error.code in _TOO_LARGE


def is_for_want_of_shared_memory(error: BaseException) -> bool:
    """Whether the memory that is too small is that of all transactions together, so that others may have it."""
    return isinstance(error, Neo4jError) and error.code == _POOL


def is_out_of_time(error: BaseException) -> bool:
    """Whether the server ended the transaction at its time limit."""
    return isinstance(error, Neo4jError) and (error.code in _TIMED_OUT or error.code == _LOCKED_OUT)


def is_unreachable(error: BaseException) -> bool:
    """Whether the database did not answer, which says nothing about what was asked."""
    return does_not_answer(error)


def trouble_of(error: BaseException) -> Trouble:
    """Say what kind of trouble a failure that is tried again is."""
    if is_too_large(error):
        return "too large"
    return "unreachable" if is_unreachable(error) else "contention"


def may_pass(error: BaseException) -> bool:
    """Whether the same transaction may succeed later."""
    return isinstance(error, Neo4jError | DriverError) and not is_too_large(error) and (
        error.is_retryable() or isinstance(error, IncompleteCommit) or is_unreachable(error)
        or (isinstance(error, Neo4jError) and error.code == _LOCKED_OUT))


def way_out(error: BaseException, goes_on: str = GOES_ON) -> str:
    """Say what to do about an error after which work goes on, where `goes_on` says how."""
    broken_down = has_broken_down(error) or has_broken_down(error.__cause__)
    return f"{BROKEN_DOWN_HINT}; {goes_on}" if broken_down else goes_on


class Transactions:
    """The transactions of one load or rollback, of all its writers: what one of them meets counts for all.

    Args:
        driver: Where to.
        database: Its name.
        resilience: How long and how often each is tried, how fast, and when the database is left alone.
        metadata: What `SHOW TRANSACTIONS` says about them.
        stop: When set, there is no further try.
        events: Told of waiting.

    Attributes:
        retries_by_trouble: How many tries failed and were followed by another, by why.
    """

    def __init__(
        self, driver: neo4j.Driver, database: str, resilience: Resilience, *,
        metadata: Mapping[str, Any] | None = None, stop: threading.Event | None = None, events: Stream = QUIET,
    ) -> None:
        self._driver = driver
        self._database = database
        self._settings = resilience
        self._metadata = dict(metadata or {})
        self._stop = stop or threading.Event()
        self._events = events
        self._began = time.monotonic()
        self._guard = threading.Lock()
        circuit = resilience.circuit_breaker
        self._breaker = Breaker(circuit.failures, circuit.open_s, circuit.trials)
        self._bucket = Bucket(resilience.rate_limit) if resilience.rate_limit else None
        self._silent_since: float | None = None
        self._silence: BaseException | None = None
        self._told = 0
        self.retries_by_trouble: Counter[Trouble] = Counter()

    def run(self, work: Work[T], *, rows: int = 0,
            on_retry: Callable[[BaseException, float], None] = lambda _error, _delay_s: None,
            limited: bool = True) -> T:
        """Run `work` and commit; repeat when the failure may pass, a lost answer to the commit included.

        Args:
            work: Called once per try with the open transaction; it must bear being committed twice.
            rows: How many it writes, for the rate limit.
            on_retry: Told each failure that is tried again, and after how many seconds.
            limited: Whether the time limit of a batch holds for it.

        Raises:
            GivenUpError: It was stopped, the time limit of all is reached, or the database does not answer any more.
            Neo4jError, DriverError: The last failure, when repeating does not help, takes too long, or a smaller
                transaction is the answer (`is_too_large`).
        """
        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            if error is not None:
                self.count(error)
                on_retry(error, state.upcoming_sleep)

        retries = self._settings.retries
        growing = wait_exponential(retries.first_delay_s, retries.longest_delay_s, retries.factor)
        return Retrying(
            sleep=sleep_using_event(self._stop),
            stop=stop_any(stop_when_event_set(self._stop), _out_of_patience(retries.patience_s),
                          stop_after_attempt(retries.max_attempts) if retries.max_attempts else stop_never),
            wait=lambda state: growing(state) * random.uniform(1 - retries.jitter, 1),  # noqa: S311 - no secret
            retry=retry_if_exception(may_pass),
            before_sleep=note,
            reraise=True,
        )(lambda: self._try(work, rows, limited=limited))

    def count(self, error: BaseException) -> None:
        """Count a failure that is tried again; those that `run` does not try again by itself are told here."""
        with self._guard:
            self.retries_by_trouble[trouble_of(error)] += 1

    def _try(self, work: Work[T], rows: int, *, limited: bool) -> T:
        self._await_rate(rows)
        permit = self._await_breaker()
        try:
            answer = self._run_once(work, limited=limited)
        except BaseException as error:
            self._learn(permit, error)
            if is_out_of_time(error):
                self._left()
            raise
        self._learn(permit, None)
        return answer

    def _run_once(self, work: Work[T], *, limited: bool) -> T:
        limits = [limit for limit in (self._settings.batch_time_limit_s if limited else 0, self._left()) if limit]
        limit = min(limits, default=0.0)
        try:
            with (self._driver.session(database=self._database) as session,
                  closed_after(session, limit + self._settings.grace_s if limit else 0),
                  session.begin_transaction(metadata=self._metadata, timeout=limit or None) as transaction):
                answer = work(transaction)
                transaction.commit()
                return answer
        except ResultFailedError as error:
            # The driver gives a refused transaction's connection back before the transaction is left. When another
            # writer has it by then, leaving fails too and hides the refusal.
            refusal = behind(error)
        raise refusal

    def _left(self) -> float | None:
        """Give the seconds that are left of the time for all; None when there is no limit."""
        limit = self._settings.time_limit_s
        left = self._began + limit - time.monotonic()
        if limit and left <= 0:
            raise GivenUpError(f"reached its time limit of {say_duration(limit)}")
        return left if limit else None

    def _learn(self, permit: Permit, error: BaseException | None) -> None:
        """Tell the breaker what came of a try."""
        now = time.monotonic()
        with self._guard:
            if error is not None and is_unreachable(error):
                self._breaker.failed(permit, now)
                self._silence = error
                if self._silent_since is None:
                    self._silent_since = now
            elif error is None or isinstance(error, Neo4jError):
                self._breaker.answered(permit)
                self._silent_since = self._silence = None
            else:
                self._breaker.withdrawn(permit)

    def _await_breaker(self) -> Permit:
        while True:
            now = time.monotonic()
            with self._guard:
                told = self._breaker.ask(now)
                news = self._told < self._breaker.openings
                self._told = self._breaker.openings
                silence, since = self._silence, self._silent_since
            if isinstance(told, Permit):
                return told
            if since is not None and now - since >= self._settings.retries.patience_s:
                raise GivenUpError(f"lost the database: {silence}") from silence
            if news:
                self._events(Waiting("the database", told))
            self.pause(min(told, LOOK_SECONDS))

    def _await_rate(self, rows: int) -> None:
        if self._bucket is None or not rows:
            return
        with self._guard:
            seconds = self._bucket.reserve(rows, time.monotonic())
        if not seconds:
            return
        self._events(Waiting("the rate limit", seconds))
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.pause(min(left, LOOK_SECONDS))

    def pause(self, seconds: float) -> None:
        """Wait a while.

        Raises:
            GivenUpError: It was stopped, or the time limit of all is reached.
        """
        self._left()
        if self._stop.wait(seconds):
            raise GivenUpError("was stopped")


class _out_of_patience(stop_base):  # noqa: N801 - named as tenacity names its strategies
    """Stop when so many seconds have passed since the first failure; made anew for each call."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def __call__(self, retry_state: RetryCallState) -> bool:
        now = retry_state.outcome_timestamp or time.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since >= self._seconds
