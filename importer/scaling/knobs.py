"""Which settings there are: bounds, steps and what was too large for the server; pure, measures nothing."""

from __future__ import annotations

import math
from typing import Literal

from importer.scaling.settings import Scaling
from importer.scaling.window import Setting

Knob = Literal["rows", "writers"]
_CLOSE = 0.85
"""Nothing is tried above this share of what was too large."""
_LEAST_STEP = 1.1
"""Rows that are nearer to each other than this tell nothing."""


class Knobs:
    """The two knobs, batch rows and writers, of which `horizontal` and `vertical` hold one still."""

    def __init__(self, scaling: Scaling) -> None:
        batch, replicas, policy = scaling.batch, scaling.replicas, scaling.policy
        self.start = Setting(batch.start, replicas.start)
        self._rows = (batch.start,) * 2 if scaling.mode == "horizontal" else (batch.min_rows, batch.max_rows)
        self._writers = (replicas.start,) * 2 if scaling.mode == "vertical" else (
            replicas.min_replicas, replicas.max_replicas)
        self._up, self._down = policy.scale_up_factor, policy.scale_down_factor
        self._too_large: dict[int, int] = {}

    def forget(self) -> None:
        """Forget what was too large: rows of another kind begin."""
        self._too_large.clear()

    def note_too_large(self, setting: Setting) -> None:
        """Remember what was too large, which is then taken to be so for all with as many rows at once."""
        self._too_large[setting.writers] = min(setting.rows, self._too_large.get(setting.writers, setting.rows))

    def is_allowed(self, setting: Setting) -> bool:
        """Whether nothing like it was too large."""
        return setting.rows <= self._ceiling(setting.writers)

    def _ceiling(self, writers: int) -> float:
        # Whether the limit is one of each transaction or of all together is not said: with fewer writers more may fit.
        return min((_CLOSE * rows * min(1.0, count / writers) if writers >= count else math.inf
                    for count, rows in self._too_large.items()), default=math.inf)

    def within(self, rows: int, writers: int) -> Setting:
        """Give what is nearest to a setting within the bounds."""
        return Setting(min(max(rows, self._rows[0]), self._rows[1]),
                       min(max(writers, self._writers[0]), self._writers[1]))

    def more(self, now: Setting, knob: Knob) -> Setting:
        """Turn one knob up by a step, writers by one; gives the same setting where that cannot be."""
        if knob == "writers":
            return self._if_allowed(now, self.within(now.rows, now.writers + 1))
        rows = int(min(now.rows * self._up, self._ceiling(now.writers)))
        return self._if_allowed(now, self.within(rows, now.writers)) if rows > now.rows * _LEAST_STEP else now

    def fewer(self, now: Setting, knob: Knob) -> Setting:
        """Turn one knob down by a step, writers by one; gives the same setting where that cannot be."""
        if knob == "writers":
            return self.within(now.rows, now.writers - 1)
        rows = self.within(int(now.rows * self._down), now.writers)
        return rows if rows.rows * _LEAST_STEP < now.rows else now

    def less(self, now: Setting, first: Knob) -> Setting:
        """Turn one knob down by a step, or the other one where that cannot be."""
        turned = self.fewer(now, first)
        return turned if turned != now else self.fewer(now, "rows" if first == "writers" else "writers")

    def towards(self, now: Setting, goal: Setting) -> Setting:
        """Turn both knobs up by a step, no further than a goal."""
        rows = self.more(now, "rows").rows if goal.rows > now.rows else now.rows
        writers = self.more(now, "writers").writers if goal.writers > now.writers else now.writers
        step = Setting(min(rows, max(goal.rows, now.rows)), min(writers, max(goal.writers, now.writers)))
        return self._if_allowed(now, step)

    def _if_allowed(self, now: Setting, wanted: Setting) -> Setting:
        return wanted if self.is_allowed(wanted) else now
