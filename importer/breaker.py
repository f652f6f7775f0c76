"""The circuit breaker around a database: whether to ask it now, or to leave it alone; pure: no clock, no threads.

Closed, it lets everybody through and counts failures that no answer came between. After as many as it bears it is open:
nobody is let through for a while. Then it is half-open: one trial at a time is let through; a trial that is answered,
or as many as are asked for, closes it, one that is not opens it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to ask once; what came of it is told with the same permit, exactly once."""

    opening: int
    trial: bool


@dataclass(slots=True)
class Breaker:
    """Times are seconds of any clock that only rises.

    Attributes:
        failures: How many failures in a row open it.
        open_s: Seconds until there is a trial.
        trials: How many trials in a row have to be answered before it closes.
        state: What it is now.
        openings: How often it has opened.
    """

    failures: int
    open_s: float
    trials: int
    state: State = "closed"
    openings: int = 0
    _count: int = 0
    _until: float = 0.0
    _out: bool = False

    def ask(self, now: float) -> Permit | float:
        """Give a permit, or the seconds after which to ask again."""
        if self.state == "open" and now >= self._until:
            self.state, self._count, self._out = "half-open", 0, False
        if self.state == "closed":
            return Permit(self.openings, trial=False)
        if self.state == "half-open" and not self._out:
            self._out = True
            return Permit(self.openings, trial=True)
        return max(self._until - now, 0.0) if self.state == "open" else self.open_s

    def answered(self, permit: Permit) -> None:
        """Take note that the database answered, be it with an error."""
        if not self._counts(permit):
            return
        if not permit.trial:
            self._count = 0
            return
        self._out = False
        self._count += 1
        if self._count >= self.trials:
            self.state, self._count = "closed", 0

    def failed(self, permit: Permit, now: float) -> None:
        """Take note that no answer came."""
        if not self._counts(permit):
            return
        self._count += 1
        if permit.trial or self._count >= self.failures:
            self.state, self._until, self._count, self._out = "open", now + self.open_s, 0, False
            self.openings += 1

    def withdrawn(self, permit: Permit) -> None:
        """Take note that the database was not asked after all, or that nobody waited for the answer."""
        if self._counts(permit) and permit.trial:
            self._out = False

    def _counts(self, permit: Permit) -> bool:
        """Whether the permit is of the time since the last change that matters: what is older says nothing of now."""
        return permit.opening == self.openings and permit.trial == (self.state == "half-open")
