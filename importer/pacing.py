"""How large the next batch is and how many are written at once; pure: no clock, no threads, no database.

It climbs: a setting is measured over a few batches, one knob is turned up, and the turn is kept while rows per second
rise; else it is taken back and the other knob's turn comes. When neither helps it rests, and looks again after a while.
Trouble: too large a transaction halves the batch at once and remembers what was too large. A deadlock now and then is
normal, since batches that share no node still meet in the chains of relationships that tie their nodes; only when they
are many a writer is taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Trouble = Literal["too large", "contention", "unreachable"]
Knob = Literal["batch_rows", "writers"]

GROWTH = 1.5
BETTER = 1.05
START_ROWS = 2_000
START_WRITERS = 2
WINDOW_BATCHES = 3
WINDOW_SECONDS = 0.4
REST_WINDOWS = 12
CONTENDED = 0.3
"""The share of a window's batches that may meet a deadlock before it counts."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A change of the setting, and why."""

    batch_rows: int
    writers: int
    reason: str


@dataclass(slots=True)
class _Window:
    began: float
    batches: int = 0
    rows: int = 0
    contended: int = 0


@dataclass(slots=True)
class Pacing:
    """The controller of one load. Times are seconds of any clock that only rises.

    Attributes:
        rows_bounds: The fewest and the most rows of a batch.
        writers_bounds: The fewest and the most batches at once.
        batch_rows: Rows of the next batch.
        writers: How many batches may be under way.
        decisions: Every change so far.
    """

    rows_bounds: tuple[int, int]
    writers_bounds: tuple[int, int]
    batch_rows: int = 0
    writers: int = 0
    decisions: list[Decision] = field(default_factory=list)
    _window: _Window | None = None
    _knob: Knob = "batch_rows"
    _before: tuple[float, int, int] | None = None
    _refused: int = 0
    _rest: int = 0
    _ceiling: int = 0

    def __post_init__(self) -> None:
        """Begin at a moderate setting within the bounds."""
        self._ceiling = self.rows_bounds[1]
        self.batch_rows = min(max(START_ROWS, self.rows_bounds[0]), self.rows_bounds[1])
        self.writers = min(max(START_WRITERS, self.writers_bounds[0]), self.writers_bounds[1])

    def began_phase(self, now: float) -> None:
        """Forget what was measured: rows of another kind begin. The setting stays."""
        self._window = _Window(now)
        self._before = None
        self._refused = 0
        self._rest = 0

    def wrote(self, rows: int, now: float) -> None:
        """Take note of a committed batch; may change the setting."""
        if self._window is None:
            self._window = _Window(now)
        window = self._window
        window.batches += 1
        window.rows += rows
        if window.batches < WINDOW_BATCHES * self.writers or now - window.began < WINDOW_SECONDS:
            return
        rate = window.rows / (now - window.began)
        self._window = _Window(now)
        if window.contended > CONTENDED * window.batches and self._set(
                self.batch_rows, self.writers - 1, f"{window.contended} deadlocks in {window.batches} batches"):
            self.began_phase(now)
            return
        self._measured(rate)

    def met(self, trouble: Trouble, rows: int, now: float) -> None:
        """Take note of a batch of `rows` that failed and is tried again; all but contention counts at once."""
        if trouble == "contention":
            self._window = self._window or _Window(now)
            self._window.contended += 1
            return
        if trouble == "too large":
            self._ceiling = max(self.rows_bounds[0], rows // 2)
            self._set(min(self.batch_rows, self._ceiling), self.writers, f"{rows} rows were too large")
        else:
            self._set(self.batch_rows // 2, self.writers - 1, "the database did not answer")
        self.began_phase(now)

    def _measured(self, rate: float) -> None:
        if self._rest:
            self._rest -= 1
            return
        if self._before is not None:
            rate_before, rows_before, writers_before = self._before
            if rate < rate_before * BETTER:
                self._set(rows_before, writers_before, f"{rate:,.0f} rows/s after {rate_before:,.0f}: no better")
                self._turn_other_knob()
                return
            self._refused = 0
        self._before = (rate, self.batch_rows, self.writers)
        if not self._turn_up(f"{rate:,.0f} rows/s: is there more?"):
            self._turn_other_knob()

    def _turn_up(self, reason: str) -> bool:
        if self._knob == "batch_rows":
            return self._set(int(self.batch_rows * GROWTH), self.writers, reason)
        return self._set(self.batch_rows, self.writers + 1, reason)

    def _turn_other_knob(self) -> None:
        self._knob = "writers" if self._knob == "batch_rows" else "batch_rows"
        self._before = None
        self._refused += 1
        if self._refused >= 2:  # noqa: PLR2004 - both knobs
            self._refused = 0
            self._rest = REST_WINDOWS

    def _set(self, batch_rows: int, writers: int, reason: str) -> bool:
        rows = min(max(batch_rows, self.rows_bounds[0]), self.rows_bounds[1], self._ceiling)
        count = min(max(writers, self.writers_bounds[0]), self.writers_bounds[1])
        if (rows, count) == (self.batch_rows, self.writers):
            return False
        self.batch_rows, self.writers = rows, count
        self.decisions.append(Decision(rows, count, reason))
        return True
