"""What long work tells while it runs, as data, and to whom; knows no terminal, no file and no database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from synthgen.errors import SynthError
from synthgen.performance import Performance


@dataclass(frozen=True, slots=True)
class Started:
    """Work began.

    Attributes:
        work: What it is: `export`, `generate`, `load`, `rollback`, `restore`, `validate`.
        operation_id: Of which operation; None when there is none yet.
        mode: `offline` or `online`; None where there is no such choice.
    """

    work: str
    operation_id: str | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """How far a phase of the work is: `done` units of `due` (0 when unknown). Never goes back within one phase."""

    phase: str
    done: int
    due: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A transaction was committed.

    Attributes:
        kind: `nodes`, `relationships` or `deleted`.
        rows: Nodes and relationships in it.
        seconds: From its begin to the answer to its commit, without earlier tries.
        retries: Tries before that failed.
    """

    kind: str
    rows: int
    seconds: float
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """A transaction failed and is tried again.

    Attributes:
        trouble: `too large`, `contention` or `unreachable`.
        rows: Rows that were tried; 0 where that is not counted.
        delay_s: Seconds until the next try.
        error: What the database said, in one line.
    """

    trouble: str
    rows: int
    delay_s: float
    error: str


@dataclass(frozen=True, slots=True)
class Scaled:
    """The batch size or the number of writers changed, or was to be and stayed, and why."""

    batch_rows: int
    writers: int
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is done for a while, and what is waited for: such as `the database` or `the rate limit`.

    It is told when the wait begins; `seconds` is how long it lasts, 0 when it lasts until what is waited for has come.
    """

    waiting_for: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """Work ended.

    Attributes:
        outcome: `done`, `failed`, `refused` before anything was touched, or `stopped` half-way: the same call goes on.
        error: Why it was not done, in one line; else None.
        performance: What it cost.
    """

    work: str
    operation_id: str | None
    mode: str | None
    outcome: str
    seconds: float
    performance: Performance
    error: str | None = None


Event = Started | Phase | Batch | Retry | Scaled | Waiting | Finished
Listener = Callable[[Event], None]


class ListenerError(SynthError):
    """A listener failed; the work under way is ended as by an interrupt, and the same call goes on or begins anew."""


class Stream:
    """Gives each event to each listener, one event at a time, in the thread where it happened.

    A stream is a listener, too: `Stream(stream, another)` tells everybody whom `stream` tells, and one more.

    Args:
        listeners: Called in this order. What one raises becomes a `ListenerError` where the event happened; it is then
            told nothing more, so that what puts things in order afterwards can do so.
    """

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners
        self._turn = threading.RLock()

    def __call__(self, event: Event) -> None:
        """Tell everybody.

        Raises:
            ListenerError: A listener raised something. An interrupt is passed on as it is.
        """
        if not self._listeners:
            return
        with self._turn:
            for listener in self._listeners:
                try:
                    listener(event)
                except ListenerError:
                    raise
                except Exception as error:
                    self._listeners = tuple(one for one in self._listeners if one is not listener)
                    raise ListenerError(f"a listener failed at {type(event).__name__}: {error!r}",
                                        hint="mend the callback; the same call goes on, or begins anew") from error

    def progress(self, phase: str, done: int, due: int) -> None:
        """Tell how far a phase is. Is a `synthgen.progress.Progress`."""
        self(Phase(phase, done, due))


QUIET = Stream()
"""Nobody listens."""


def as_document(event: Event) -> dict[str, Any]:
    """Give an event as JSON has it: `event` is its kind in lower case, the rest are its attributes."""
    return {"event": type(event).__name__.lower(), **asdict(event)}
