"""Decides how many rows the next batch has and how many are written at once; pure: no clock, no threads, no database.

It begins at a setting that is good on most servers, measures it in windows, and tries a neighbour when that costs
little (`search`). What goes wrong turns it down at once: too large a transaction halves the rows and is remembered,
many deadlocks take a writer away, a database that did not answer gets half. When it was calm for a while it goes up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from importer.scaling.knobs import Knob, Knobs
from importer.scaling.search import Search, Trial
from importer.scaling.settings import Scaling, TriggerName
from importer.scaling.window import Setting, Signals, Trouble, Window, say

_LEAST_BATCHES = 2
_FEW_BATCHES = 10
"""Of fewer batches than these no share of deadlocks is told: two in three may be chance."""
_MOST_STRIKES = 5
"""The cool-down doubles each time that going back up brings the same trouble; so often at most."""
_STRIKES_OUT = 2
"""A setting that brought trouble so many times is not gone back to, but tried like any other."""
_VAIN_STEPS = 3
"""A reading that does not fall by so many steps has another cause than us."""
_FALLEN = 0.95
_BUSY = 0.8
"""Where so much of the processors' time is in use, further writers only wait for them: none is tried."""
_FIRST: dict[TriggerName, Knob] = {"latency": "rows", "server_memory": "rows", "client_memory": "rows",
                                   "transient_errors": "writers", "cpu": "writers"}


@dataclass(frozen=True, slots=True)
class Decision:
    """A change of the setting, or that it stays where it was to be changed, and why.

    Attributes:
        seconds: Since the load began to write.
        batch_rows: Rows of a batch from now on.
        writers: How many batches may be under way from now on.
        reason: Why.
    """

    seconds: float
    batch_rows: int
    writers: int
    reason: str


class Controller:
    """The controller of one load. Times are seconds of any clock that only rises.

    Attributes:
        decisions: Every decision so far.
    """

    def __init__(self, scaling: Scaling, now: float) -> None:
        self.decisions: list[Decision] = []
        self._scaling = scaling
        self._began = now
        self._knobs = Knobs(scaling)
        self._search = Search(scaling.policy, scaling.triggers.evaluation_period)
        self._now = self._home = self._knobs.start
        self._signals = Signals()
        self._under_way: list[tuple[int, float, int]] = []
        self._left = math.inf
        self._restart(now)

    @property
    def batch_rows(self) -> int:
        """Rows of the next batch."""
        return self._now.rows

    @property
    def writers(self) -> int:
        """How many batches may be under way."""
        return self._now.writers

    def began_phase(self, rows: int, now: float) -> None:
        """Forget what was measured: so many rows of another kind begin.

        The setting stays, but for a try that was not judged yet, and goes up step by step to what was too large for
        rows of the former kind, if that was so.
        """
        if self._search.trial is not None:
            self._change(self._search.trial.before, "rows of another kind begin: back from what was tried", now)
        if self._fitted is not None:
            self._home = self._fitted
        self._left = rows
        self._knobs.forget()
        self._search.forget()
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._fitted: Setting | None = None
        self._changed = now
        self._window: Window | None = Window(now)
        self._held_until = now
        self._strikes = 0
        self._cut = False
        self._contended: deque[bool] = deque(maxlen=2 * _FEW_BATCHES)
        self._steps: dict[TriggerName, tuple[float, int]] = {}
        self._vain: set[TriggerName] = set()

    def sensed(self, signals: Signals) -> None:
        """Take note of readings, which hold until the next ones."""
        self._signals = signals

    def started(self, rows: int, now: float) -> None:
        """Take note of a batch that begins."""
        self._under_way.append((rows, now, self.writers))

    def wrote(self, rows: int, began: float, now: float, troubles: Sequence[tuple[Trouble, int]]) -> None:
        """Take note of a batch that was written; may change the setting.

        Args:
            rows: Its rows.
            began: When it began, as `started` was told.
            now: When it ended.
            troubles: What went wrong before it was written, each with the rows that were tried.
        """
        batch = next(one for one in self._under_way if one[:2] == (rows, began))
        self._under_way.remove(batch)
        self._left -= rows
        for trouble, tried in troubles:
            self._met(trouble, Setting(tried, batch[2]), began, now)
        # What began before the last change, or beside what did, says nothing about the present setting.
        if began < self._changed or any(before < self._changed for _, before, _ in self._under_way):
            return
        if self._window is None:
            self._window = Window(now)
            return
        window = self._window
        window.wrote(rows, began, now, troubled=bool(troubles))
        self._contended.append(any(trouble == "contention" for trouble, _ in troubles))
        if (window.batches >= max(_LEAST_BATCHES, self.writers)
                and now - window.began >= self._scaling.triggers.evaluation_period):
            self._evaluate(window, now)

    def _met(self, trouble: Trouble, failed: Setting, began: float, now: float) -> None:
        if trouble == "too large":
            self._met_too_large(failed, began, now)
        elif trouble == "unreachable" and began >= self._changed:
            base = self._end_trial(now)
            self._held_until = now + self._scaling.triggers.cooldown_period
            self._change(self._knobs.within(base.rows // 2, base.writers - 1),
                         "the database did not answer for a while", now)

    def _met_too_large(self, failed: Setting, began: float, now: float) -> None:
        reason = f"{failed.rows:,} rows in a transaction were too large for the server"
        self._fitted = self._fitted or self._home
        self._knobs.note_too_large(failed)
        if self._knobs.is_allowed(self._now):
            return
        self._held_until = now + self._scaling.triggers.cooldown_period
        lower = self._end_trial(now)
        if not self._knobs.is_allowed(lower):
            lower = self._knobs.within(min(lower.rows, failed.rows // 2), lower.writers)
        if lower == self._now and began >= self._changed:
            lower = self._knobs.within(lower.rows, lower.writers - 1)
        if lower == self._now and not self._cut:
            self._cut = True
            self._note(f"{reason}; it cannot be turned down further, so batches are cut", now)
        self._change(lower, reason, now)
        self._home = self._now

    def _end_trial(self, now: float) -> Setting:
        """End a try that ran into trouble, if there is one; gives the setting before it, else the present one."""
        trial = self._search.trial
        if trial is None:
            return self._now
        self._search.refuse(trial, now)
        return trial.before

    def _evaluate(self, window: Window, now: float) -> None:
        rate = window.rate(now, [(rows, began) for rows, began, _ in self._under_way])
        self._window = Window(now)
        contended = sum(self._contended) / max(len(self._contended), _FEW_BATCHES)
        readings = {name: value for name, value in window.readings(self._signals, contended).items()
                    if name in self._scaling.policy.triggers}
        pressures = {name: value / self._scaling.triggers.threshold(name) for name, value in readings.items()
                     if name not in self._vain}
        hot = max(pressures, key=lambda name: pressures[name], default=None)
        if hot is not None and pressures[hot] >= self._scaling.policy.scale_down_threshold:
            self._turn_down(hot, readings[hot], now)
            return
        self._steps.clear()
        room = now >= self._held_until and all(
            pressure < self._scaling.policy.scale_up_threshold for pressure in pressures.values())
        if self._search.trial is not None:
            self._judge(self._search.trial, rate, now, room=room)
        elif self._now != self._home:
            if room:
                self._change(self._knobs.towards(self._now, self._home), "nothing is amiss any more: back up", now)
                if self._changed < now:  # what it was before is too large by now
                    self._home = self._now
        else:
            self._search.measured(rate, now - window.began)
            if self._search.is_steady:
                self._try_next(self._home, rate, f"{rate:,.0f} rows/s", now, now - window.began, room=room)

    def _turn_down(self, name: TriggerName, reading: float, now: float) -> None:
        triggers, policy = self._scaling.triggers, self._scaling.policy
        reason = say(name, reading, triggers.threshold(name))
        if self._search.trial is not None:
            self._held_until = now + triggers.cooldown_period
            self._change(self._end_trial(now), f"{reason}; back", now)
            return
        if now < self._held_until and name not in policy.priority_triggers:
            return
        first, steps = self._steps.get(name, (reading, 0))
        if steps >= _VAIN_STEPS and reading > _FALLEN * first:
            self._vain.add(name)
            self._change(self._home, f"{reason}; smaller and fewer batches do not change that, so it no longer counts",
                         now)
            return
        self._steps[name] = (first, steps + 1) if steps < _VAIN_STEPS else (reading, 1)
        if self._now == self._home:
            self._held_until = now + triggers.cooldown_period * 2 ** self._strikes
            self._strikes = min(self._strikes + 1, _MOST_STRIKES)
        else:
            self._held_until = max(self._held_until, now + triggers.cooldown_period)
        self._change(self._knobs.less(self._now, _FIRST[name]), reason, now)
        if self._strikes >= _STRIKES_OUT:
            self._home = self._now

    def _judge(self, trial: Trial, rate: float, now: float, *, room: bool) -> None:
        tried, kept = self._now, self._search.judge(trial, rate, now)
        said = f"{rate:,.0f} rows/s after {trial.rate_before:,.0f}"
        if kept:
            self._home = tried
            self._note(f"{said}: kept", now)
        elif kept is not None and not self._try_next(trial.before, trial.rate_before, f"{said}: no better", now,
                                                     now - trial.began, room=room):
            self._change(trial.before, f"{said}: no better, back", now)

    def _try_next(
        self, base: Setting, rate: float, said: str, now: float, seconds: float, *, room: bool
    ) -> bool:
        """Begin to try a neighbour of `base`, which writes so many rows per second, where that is worth while."""
        left_s = self._left / rate if rate > 0 else math.inf
        for direction in self._search.order():
            if direction.upwards and not (room and self._has_idle_processors(direction.knob)):
                continue
            turn = self._knobs.more if direction.upwards else self._knobs.fewer
            wanted = turn(base, direction.knob)
            if wanted != base and self._search.may_try(direction, now, seconds, left_s):
                self._search.begin(direction, base, now)
                self._change(wanted, f"{said}; is there more?", now)
                return True
        return False

    def _has_idle_processors(self, knob: Knob) -> bool:
        return knob != "writers" or self._signals.cpu is None or self._signals.cpu < _BUSY

    def _change(self, setting: Setting, reason: str, now: float) -> None:
        if setting == self._now:
            return
        self._now = setting
        self._changed = now
        self._window = None
        self._contended.clear()
        self._note(reason, now)

    def _note(self, reason: str, now: float) -> None:
        self.decisions.append(Decision(round(now - self._began, 3), self._now.rows, self._now.writers, reason))
