"""Whether a neighbouring setting is tried, and whether it is kept; pure: it is told rates and times.

A try costs time when the neighbour is worse. What such tries have lost is measured, and the next one waits until that
is a small share of the time that went by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from importer.scaling.knobs import Knob
from importer.scaling.settings import Policy
from importer.scaling.window import Setting

_UNKNOWN_LOSS = 0.15
"""What a try is expected to lose of the rate before it was made once."""
_LEAST_LOSS = 0.02
_CLEAR_GAIN = 0.25
"""A gain like this needs no second look."""
_CLEAR_LOSS = 0.1
"""A loss like this says that the other direction is worth a try at once."""
_WARMING = 1.1
"""While the rate grows like this by itself, from window to window, no try would tell anything."""
_PAYS, _PAYS_SOON = 8.0, 2.0
"""So many times as long as a try the work that is left must be, or a good one gains less than a bad one loses; less for
a writer more, which only idle processors get: then the gain is large."""
_REST_S = 60.0
"""Seconds until a direction that did not help is tried again; doubled each time."""


class Direction(NamedTuple):
    """One knob, up or down."""

    knob: Knob
    upwards: bool

    @property
    def opposite(self) -> Direction:
        """The same knob the other way."""
        return Direction(self.knob, not self.upwards)


_MORE_WRITERS = Direction("writers", upwards=True)
DIRECTIONS = (_MORE_WRITERS, Direction("rows", True), Direction("rows", False),
              Direction("writers", False))


@dataclass(slots=True)
class Trial:
    """A setting that is tried, and the one before it with its rate."""

    direction: Direction
    before: Setting
    rate_before: float
    began: float
    rates: list[float] = field(default_factory=list)

    @property
    def gain(self) -> float:
        """By how much more rows per second were written, as a share of the rate before."""
        return sum(self.rates) / len(self.rates) / self.rate_before - 1 if self.rate_before > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Rest:
    until: float
    seconds: float
    loss: float


class Search:
    """Tries of one load. Times are seconds of any clock that only rises.

    Attributes:
        trial: The try under way.
    """

    def __init__(self, policy: Policy, evaluation_period: float) -> None:
        self.trial: Trial | None = None
        self._least_gain = policy.least_gain
        self._share = policy.exploration_share
        self._credit = 1.5 * _UNKNOWN_LOSS * evaluation_period
        self._lost = 0.0
        self._spent = 0.0
        self._rates: list[float] = []
        self._rests: dict[Direction, _Rest] = {}
        self._promising: tuple[bool, ...] = ()
        self._kept: Direction | None = None

    def forget(self) -> None:
        """Forget what was measured: rows of another kind begin."""
        self.trial = None
        self._rates.clear()
        self._rests.clear()
        self._promising = ()
        self._kept = None

    def measured(self, rate: float, seconds: float) -> None:
        """Take note of a window at the setting that is kept."""
        self._rates = [*self._rates[-1:], rate]
        self._spent += seconds

    @property
    def is_steady(self) -> bool:
        """Whether the rate is known well enough to compare others with it."""
        return len(self._rates) > 1 and self._rates[-1] < _WARMING * self._rates[-2]

    def order(self) -> list[Direction]:
        """Give the directions, the likeliest to help first."""
        return sorted(DIRECTIONS, key=lambda one: (one != self._kept, one.upwards not in self._promising))

    def may_try(self, direction: Direction, now: float, seconds: float, left_s: float) -> bool:
        """Whether a try, which takes so many seconds, is worth its risk now, with so many seconds of work left."""
        rest = self._rests.get(direction, _Rest(now, 0.0, _UNKNOWN_LOSS))
        pays_after = _PAYS_SOON if direction == _MORE_WRITERS else _PAYS
        if self._share <= 0 or now < rest.until or left_s < pays_after * seconds:
            return False
        if direction == self._kept or (direction.upwards in self._promising and direction not in self._rests):
            return True
        # Up is where a server that is larger than most has more to give: that is tried early on.
        earned = self._share * self._spent + (self._credit if direction.upwards else 0.0)
        return self._lost + seconds * max(rest.loss, _LEAST_LOSS) <= earned

    def begin(self, direction: Direction, before: Setting, now: float) -> None:
        """Begin a try; it is compared with the rate that was measured last."""
        self.trial = Trial(direction, before, sum(self._rates) / len(self._rates), now)

    def judge(self, trial: Trial, rate: float, now: float) -> bool | None:
        """Take note of a window of the try; gives whether it is kept, or None when a second look is needed."""
        trial.rates.append(rate)
        if trial.gain < self._least_gain:
            self.refuse(trial, now)
            return False
        if len(trial.rates) == 1 and trial.gain < _CLEAR_GAIN:
            return None
        self._kept = trial.direction
        self._rates = list(trial.rates)
        self._lost = 0.0
        # Where it came from is worse; what the other knob does may be another matter now.
        self._rests = {trial.direction.opposite: _Rest(now + _REST_S, _REST_S, trial.gain / (1 + trial.gain))}
        self._promising = ()
        self.trial = None
        return True

    def refuse(self, trial: Trial, now: float) -> None:
        """End a try that did not help, or ran into trouble."""
        loss = max(0.0, -trial.gain) if trial.rates else 1.0
        # When more is clearly worse less may well be better, and the other way round.
        if trial.rates and loss > _CLEAR_LOSS and trial.direction.opposite not in self._rests:
            self._promising = (not trial.direction.upwards,)
        elif trial.direction.upwards in self._promising:
            self._promising = ()
        self._lost += loss * (now - trial.began)
        self._spent += now - trial.began
        rest = self._rests.get(trial.direction)
        seconds = _REST_S if rest is None else 2 * rest.seconds
        self._rests[trial.direction] = _Rest(now + seconds, seconds, loss)
        self._kept = None
        self.trial = None
