"""Joins the controller with a clock, with readings and with who is told: what a load talks to while it writes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import neo4j

from importer.scaling.controller import Controller, Decision
from importer.scaling.settings import Scaling
from importer.scaling.signals import Sensor
from importer.scaling.window import Trouble
from synthgen.events import Scaled, Stream

KEPT_DECISIONS = 50
"""So many decisions from the beginning, and as many from the end, are put into the record."""


class Steering:
    """The batch rows and writers of one load while it runs, as a context within which readings are taken.

    Args:
        scaling: The settings.
        driver: The connection over which the server's readings are taken.
        database: The database's name.
        events: Told of each decision.
    """

    def __init__(self, scaling: Scaling, driver: neo4j.Driver, database: str, events: Stream) -> None:
        self._scaling = scaling
        self._events = events
        # Before more writers are tried, processors have to be idle, whether they are a trigger or not.
        wanted = {*scaling.policy.triggers, *(("cpu",) if scaling.mode != "vertical" else ())}
        self._sensor = Sensor(driver, database, wanted, scaling.triggers.evaluation_period)
        self._controller = Controller(scaling, time.monotonic())
        self._start = {"batch_rows": self.batch_rows, "writers": self.writers}
        self._told = 0

    def __enter__(self) -> Self:
        """Begin to take readings."""
        self._sensor.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End taking readings."""
        self._sensor.__exit__(kind, error, trace)

    @property
    def batch_rows(self) -> int:
        """Rows of the next batch."""
        return self._controller.batch_rows

    @property
    def writers(self) -> int:
        """How many batches may be under way."""
        return self._controller.writers

    @property
    def most_writers(self) -> int:
        """How many batches will ever be under way."""
        return self._scaling.replicas.max_replicas

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Every decision so far."""
        return tuple(self._controller.decisions)

    def began_phase(self, rows: int) -> None:
        """Take note that so many rows of another kind begin, with nothing under way."""
        self._controller.began_phase(rows, time.monotonic())

    def started(self, rows: int) -> float:
        """Take note of a batch that begins; gives the time, which `wrote` is told."""
        now = time.monotonic()
        self._controller.started(rows, now)
        return now

    def wrote(self, rows: int, began: float, troubles: Sequence[tuple[Trouble, int]]) -> None:
        """Take note of a batch that was written, and of its troubles before that; tells what is decided."""
        self._controller.sensed(self._sensor.signals)
        self._controller.wrote(rows, began, time.monotonic(), troubles)
        for decision in self._controller.decisions[self._told:]:
            self._told += 1
            self._events(Scaled(decision.batch_rows, decision.writers, decision.reason))

    def record(self) -> dict[str, Any]:
        """Give what the history keeps, as FORMAT.md says."""
        decisions = [asdict(decision) for decision in self._controller.decisions]
        last = decisions[KEPT_DECISIONS:][-KEPT_DECISIONS:]
        return {"mode": self._scaling.mode, "start": self._start,
                "end": {"batch_rows": self.batch_rows, "writers": self.writers}, "count": len(decisions),
                "decisions": [*decisions[:KEPT_DECISIONS], *last], "readings": dict(self._sensor.told)}
