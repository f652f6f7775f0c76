"""How fast work goes, how long it still takes and what it waits for; pure: events and times in, knows no clock.

    tracker = Tracker()

    def listen(event):
        now = tracker.see(event, time.monotonic())
        print(now.phase, now.done, now.due, now.rows_per_second, now.remaining_seconds)

The rate is that of the last seconds: each interval weighs less by its age, exponentially. What was done before a
phase's first event, such as the rows that an earlier run of a load wrote, takes no part in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from synthgen.events import Batch, Event, Finished, Phase, Retry, Scaled, Started, Waiting

MEMORY_SECONDS = 10.0
"""What is so old weighs a third of what is new."""
SHORTEST_SECONDS = 0.001
"""Shorter intervals are measured together with the next."""
LONGEST_SECONDS = 365 * 86_400.0
"""A remaining time above this is none: it says that nothing moves."""
THE_DATABASE = "the database"
ROW_PHASES = frozenset({
    "finding nodes", "finding relationships", "reading nodes", "reading relationships", "writing nodes",
    "writing relationships", "checking rows", "writing the base", "nodes", "relationships", "deleting",
})
"""Phases whose units are nodes or relationships."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """How work stands.

    Attributes:
        work: The innermost work under way, as in `Started`; None before the first.
        operation_id: Whose it is.
        phase: The phase that was heard of last; None before the first. The figures that follow are its.
        done, due: Units, as in `Phase`.
        elapsed_seconds: Since the phase began.
        rows_per_second: Units by seconds, of the last seconds; None until something was done in it. The units are rows,
            that is nodes or relationships, where `counts_rows`.
        remaining_seconds: Until the phase ends at this rate; None when it cannot be told.
        waiting_for: What is waited for, such as `the database` or `the rate limit`; None when nothing is.
        waiting_seconds: For how long still; None when that is not known, or nothing is waited for.
        retries: Transactions that failed and were tried again, in the outermost work.
        batch_rows, writers: As last decided on; None when nothing was.
    """

    work: str | None = None
    operation_id: str | None = None
    phase: str | None = None
    done: int = 0
    due: int = 0
    elapsed_seconds: float = 0.0
    rows_per_second: float | None = None
    remaining_seconds: float | None = None
    waiting_for: str | None = None
    waiting_seconds: float | None = None
    retries: int = 0
    batch_rows: int | None = None
    writers: int | None = None

    @property
    def counts_rows(self) -> bool:
        """Whether the phase counts nodes or relationships, not files, percents or the like."""
        return (self.phase or "").partition(" (try")[0] in ROW_PHASES


@dataclass(frozen=True, slots=True)
class _Pace:
    """What is known of one phase; `units` and `seconds` are sums that fade, `gap` is the last interval."""

    began: float
    at: float
    done: int
    due: int
    gap: float = 0.0
    units: float = 0.0
    seconds: float = 0.0
    unmeasured: int = 0

    def advanced(self, done: int, due: int, at: float) -> _Pace:
        passed = at - self.at
        moved = done - self.done + self.unmeasured
        if passed < SHORTEST_SECONDS or not moved:
            return replace(self, done=done, due=due, unmeasured=moved)
        kept, width = _faded(passed)
        return replace(self, at=at, done=done, due=due, gap=passed, unmeasured=0,
                       units=self.units * kept + moved * (width / passed), seconds=self.seconds * kept + width)

    def rate(self, at: float) -> float | None:
        if not self.seconds:
            return None
        # Steps come one at a time: only when one is overdue the rate falls.
        kept, width = _faded(max(0.0, at - self.at - self.gap))
        return self.units * kept / (self.seconds * kept + width)

    def remaining(self, at: float) -> float | None:
        rate = self.rate(at)
        if self.due <= 0:
            return None
        if self.done >= self.due:
            return 0.0
        if not rate:
            return None
        # Of `at`, like the time that has passed since: what was done meanwhile is in both.
        seconds = (self.due - self.done + self.unmeasured) / rate - min(max(0.0, at - self.at), self.gap)
        return max(0.0, seconds) if seconds <= LONGEST_SECONDS else None


def _faded(seconds: float) -> tuple[float, float]:
    """Give what is left of a weight of 1 after some seconds, and how much these seconds weigh themselves."""
    faded = -math.expm1(-seconds / MEMORY_SECONDS)
    return 1.0 - faded, MEMORY_SECONDS * faded


class Tracker:
    """Follows work. Times are seconds of any clock that only rises."""

    def __init__(self) -> None:
        self._works: list[Started] = []
        self._paces: dict[str, _Pace] = {}
        self._phase: str | None = None
        self._wait: tuple[str, float] | None = None
        self._retries = 0
        self._setting: Scaled | None = None

    def see(self, event: Event, at: float) -> Tracked:
        """Take note of an event that happened at a time, and give how things stand.

        One event at a time; `view` may be called meanwhile, from another thread.
        """
        match event:
            case Started():
                self._begin(event)
            case Finished():
                self._wait = None
                self._works = self._works[:-1]
            case Phase():
                self._pace(event, at)
            case Batch():
                self._came_through()
            case Retry():
                self._retries += 1
                if event.trouble == "unreachable":
                    self._wait = (THE_DATABASE, at + event.delay_s)
            case Waiting():
                self._wait = (event.waiting_for, at + event.seconds if event.seconds > 0 else math.inf)
            case Scaled():
                self._setting = event
        return self.view(at)

    def view(self, at: float, phase: str | None = None) -> Tracked:
        """Give how things stand at a time, with the figures of a phase: the one that was heard of last by default."""
        work = self._works[-1] if self._works else None
        wait, setting, phase = self._wait, self._setting, phase or self._phase
        if wait is not None and at >= wait[1]:
            wait = None
        tracked = Tracked(
            work=work.work if work else None, operation_id=work.operation_id if work else None, retries=self._retries,
            waiting_for=wait[0] if wait else None,
            waiting_seconds=wait[1] - at if wait and wait[1] < math.inf else None,
            batch_rows=setting.batch_rows if setting else None, writers=setting.writers if setting else None)
        pace = self._paces.get(phase or "")
        if pace is None:
            return tracked
        return replace(tracked, phase=phase, done=pace.done, due=pace.due, elapsed_seconds=max(0.0, at - pace.began),
                       rows_per_second=pace.rate(at), remaining_seconds=pace.remaining(at))

    def _begin(self, work: Started) -> None:
        if not self._works:
            self._paces, self._phase, self._wait, self._retries, self._setting = {}, None, None, 0, None
        self._works = [*self._works, work]

    def _pace(self, event: Phase, at: float) -> None:
        before = self._paces.get(event.phase)
        # A phase may come again, such as the reading of the database before and after a load.
        if before is None or event.done < before.done:
            self._paces[event.phase] = _Pace(at, at, event.done, event.due)
        else:
            self._paces[event.phase] = before.advanced(event.done, event.due, at)
            if event.done > before.done:
                self._came_through()
        self._phase = event.phase

    def _came_through(self) -> None:
        """Forget a wait that something ended; the others end when they said."""
        if self._wait is not None and (self._wait[0] == THE_DATABASE or self._wait[1] == math.inf):
            self._wait = None
