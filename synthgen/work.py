"""A piece of work from its begin to its end: told to listeners, and measured; knows not what it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from synthgen.errors import LockedError, RefusedError, StoppedHalfwayError, UnreachableError
from synthgen.events import Finished, ListenerError, Started, Stream
from synthgen.monitor import PerformanceMonitor, ReadMemory
from synthgen.performance import Performance


@dataclass(frozen=True, slots=True)
class Work:
    """Work under way.

    Attributes:
        events: Whom to tell what happens in it; batches and retries that are told there are counted.
        monitor: Where rows that no batch counts are counted.
    """

    events: Stream
    monitor: PerformanceMonitor

    @property
    def performance(self) -> Performance:
        """What it has cost so far."""
        return self.monitor.performance


@contextmanager
def working(
    events: Stream, work: str, operation_id: str | None = None, mode: str | None = None, *,
    server_memory: ReadMemory | None = None,
) -> Iterator[Work]:
    """Tell that a piece of work has begun and, at the end of the block, that it ended, how, and what it cost.

    Args:
        events: Whom to tell.
        work: What it is; see `synthgen.events.Started`.
        operation_id: Of which operation.
        mode: `offline` or `online`, where there is such a choice.
        server_memory: Reads the memory of the server at work, when somebody can.

    Raises:
        ListenerError: A listener failed. When the work failed by itself, that error is raised instead, with a note.
    """
    events(Started(work, operation_id, mode))
    monitor = PerformanceMonitor(work, server_memory=server_memory)

    def end(outcome: str, error: str | None = None) -> None:
        cost = monitor.performance
        events(Finished(work, operation_id, mode, outcome, cost.seconds, cost, error))

    try:
        with monitor:
            yield Work(Stream(events, monitor), monitor)
    except BaseException as error:
        try:
            end(_outcome(error), _in_a_line(error))
        except ListenerError as second:
            error.add_note(second.message)
        raise
    end("done")


def _outcome(error: BaseException) -> str:
    if isinstance(error, RefusedError | LockedError):
        return "refused"
    return "stopped" if isinstance(error, StoppedHalfwayError | UnreachableError | ListenerError | KeyboardInterrupt) \
        else "failed"


def _in_a_line(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return " ".join(str(error).split()) or type(error).__name__
