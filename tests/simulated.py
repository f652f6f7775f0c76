"""Made-up servers for the controller of scaling: what a batch costs there, and a load on one; no clock, no threads."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from importer.scaling.controller import Controller
from importer.scaling.settings import Scaling
from importer.scaling.window import Signals


@dataclass
class Server:
    """A server by what it can do.

    Attributes:
        cores: Batches that are written at full speed at once.
        row_s: Seconds of one core for a row.
        batch_s: Seconds of a batch beside its rows, in which its core is idle.
        memory_rows: Rows in all transactions together that fit.
        thrash_rows: Rows in all transactions together from which on it slows down, twice as slow at the double.
        deadlocks: Chance of a batch to meet one, for each other writer.
        noise: How much the time of a batch varies, as a share.
        down: From and to when it does not answer.
    """

    cores: float = 2
    row_s: float = 60e-6
    batch_s: float = 0.05
    memory_rows: float = 1e9
    thrash_rows: float = 1e9
    deadlocks: float = 0.0
    noise: float = 0.05
    down: tuple[float, float] = (0.0, 0.0)
    dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - the same each time

    def write(self, rows: int, others: int, now: float) -> tuple[float, list[tuple[str, int]]]:
        """Give the seconds that a batch takes beside others, and the troubles that it meets."""
        writers = others + 1
        seconds = self.batch_s + rows * self.row_s * max(1.0, writers / self.cores)
        seconds *= max(1.0, rows * writers / self.thrash_rows) * self.dice.lognormvariate(0, self.noise)
        if rows * writers > self.memory_rows:
            half, troubles = self.write(rows // 2, others, now)
            return seconds * self.memory_rows / (rows * writers) + 2 * half, [("too large", rows), *troubles]
        if self.dice.random() < self.deadlocks * others:
            return seconds * 4, [("contention", rows)]
        begin, end = self.down
        if begin <= now < end:
            return end - now + seconds, [("unreachable", rows)] * 5
        return seconds, []


@dataclass
class Load:
    """What became of a load: seconds, and the settings that were in force, each with its time."""

    seconds: float
    settings: list[tuple[float, int, int]]
    controller: Controller


def load(server: Server, scaling: Scaling, rows: int, signals: Callable[[float, int, int], Signals] | None = None,
         phases: int = 1) -> Load:
    """Write rows as a load does: as many batches at once as the controller says."""
    now, numbers = 0.0, count()
    controller = Controller(scaling, now)
    settings = [(now, controller.batch_rows, controller.writers)]
    for _ in range(phases):
        controller.began_phase(rows // phases, now)
        left, under_way = rows // phases, []
        while left or under_way:
            while left and len(under_way) < controller.writers:
                size = min(left, controller.batch_rows)
                left -= size
                controller.started(size, now)
                seconds, troubles = server.write(size, len(under_way), now)
                heapq.heappush(under_way, (now + seconds, next(numbers), now, size, troubles))
            now, _, began, size, troubles = heapq.heappop(under_way)
            if signals is not None:
                controller.sensed(signals(now, controller.batch_rows, controller.writers))
            controller.wrote(size, began, now, troubles)
            settings.append((now, controller.batch_rows, controller.writers))
    return Load(now, settings, controller)
