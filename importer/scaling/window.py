"""What is measured at one setting of batch rows and writers; pure: no clock, no threads, no database."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from importer.scaling.settings import TriggerName

Trouble = Literal["too large", "contention", "unreachable"]


class Setting(NamedTuple):
    """Rows of a batch, and how many batches are written at once."""

    rows: int
    writers: int

    def __str__(self) -> str:
        return f"{self.rows:,} rows × {self.writers}"


@dataclass(frozen=True, slots=True)
class Signals:
    """Readings from outside, each a share of 0 to 1; None where it cannot be read."""

    server_memory: float | None = None
    client_memory: float | None = None
    cpu: float | None = None


@dataclass(slots=True)
class Window:
    """Batches of one setting, from a moment on. Times are seconds of any clock that only rises.

    Attributes:
        began: Its begin.
        batches: Batches that ended in it.
        seconds: Of those without trouble, how long each took.
    """

    began: float
    batches: int = 0
    seconds: list[float] = field(default_factory=list)
    _rows: float = 0.0

    def wrote(self, rows: int, began: float, now: float, *, troubled: bool) -> None:
        """Take note of a batch; of one that began before the window only the share inside counts."""
        took = now - began
        self._rows += rows * min(1.0, (now - self.began) / took) if took > 0 else rows
        self.batches += 1
        if not troubled:
            self.seconds.append(took)

    def rate(self, now: float, under_way: list[tuple[int, float]]) -> float:
        """Give rows per second until now; `under_way` are rows and begin of the batches that have not ended."""
        lasted = now - self.began
        if lasted <= 0:
            return 0.0
        usual = statistics.fmean(self.seconds) if self.seconds else lasted
        # Without what is half done, whoever writes few large batches would seem to stand still and then to jump.
        unfinished = sum(rows * min(1.0, (now - max(began, self.began)) / max(usual, now - began, 1e-9))
                         for rows, began in under_way)
        return (self._rows + unfinished) / lasted

    def readings(self, signals: Signals, contended: float) -> dict[TriggerName, float]:
        """Give what can be read, by the name of its trigger; `contended` is that of deadlocks."""
        found: dict[TriggerName, float | None] = {
            "latency": statistics.median(self.seconds) if self.seconds else None,
            "transient_errors": contended, "server_memory": signals.server_memory,
            "client_memory": signals.client_memory, "cpu": signals.cpu}
        return {name: value for name, value in found.items() if value is not None}


def say(name: TriggerName, reading: float, threshold: float) -> str:
    """Say a reading beside its threshold."""
    if name == "latency":
        return f"a batch takes {reading:.2g} s, the limit is {threshold:g} s"
    what = {"transient_errors": "batches that met a deadlock", "server_memory": "the server's memory in use",
            "client_memory": "this machine's memory in use", "cpu": "processor time in use"}[name]
    return f"{what}: {reading:.0%}, the limit is {threshold:.0%}"
