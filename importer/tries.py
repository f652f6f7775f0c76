"""Tells of one transaction: each try that failed, and its commit; knows no Cypher."""

from __future__ import annotations

import time

from importer.transactions import trouble_of
from synthgen.events import Batch, Retry, Stream


class Tries:
    """The tries of one transaction, from the making of this object on.

    Args:
        events: Who is told.
        kind: `nodes`, `relationships` or `deleted`.
        rows: Rows that are tried; 0 where that is not known.
    """

    def __init__(self, events: Stream, kind: str, rows: int) -> None:
        self._events = events
        self._kind = kind
        self._rows = rows
        self._failed = 0
        self._began = time.monotonic()

    def begin(self) -> None:
        """Take note that a try begins."""
        self._began = time.monotonic()

    def failed(self, error: BaseException, delay_s: float = 0.0) -> None:
        """Tell that a try failed, and in how many seconds there is another."""
        self._failed += 1
        self._events(Retry(trouble_of(error), self._rows, delay_s, " ".join(str(error).split())))

    def committed(self, rows: int) -> None:
        """Tell that the last try was committed, with so many rows."""
        self._events(Batch(self._kind, rows, time.monotonic() - self._began, self._failed))
