"""Shows that a lock's owner lives, by beats or, while nothing may be written, by signs that only read; knows no Cypher.

A beat is a write, and a write is what ends the reading of a database in one state. So there is quiet for as long as
that lasts: instead of each beat a sign is put up, and the one before it taken down.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

from neo4j.exceptions import DriverError, Neo4jError

BEAT_SECONDS = 5.0
_PASSES = (Neo4jError, DriverError, OSError)
"""A beat or sign may miss; whether the lock still is ours is decided by each batch's own transaction."""


class Pulse:
    """One lock's sign of life, in a thread of its own.

    Args:
        beat: Writes that the owner lives; must end soon.
        sign: Shows it, while its block lasts, without writing; must be there soon.
    """

    def __init__(self, beat: Callable[[], object], sign: Callable[[], AbstractContextManager[object]]) -> None:
        self._beat = beat
        self._sign = sign
        self._signs: ExitStack | None = None
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="synthgen-lock", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End it; a beat under way is awaited, but not for ever."""
        self._ended.set()
        self._thread.join(BEAT_SECONDS)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Write nothing while the block lasts."""
        with self._turn:
            self._signs = ExitStack()
            self._renew()
        try:
            yield
        finally:
            with self._turn:
                # The beat first: between the two there is a sign of life, too.
                with suppress(*_PASSES):
                    self._beat()
                with suppress(*_PASSES):
                    self._signs.close()
                self._signs = None

    def _run(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with self._turn:
                if self._signs is not None:
                    self._renew()
                    continue
                with suppress(*_PASSES):
                    self._beat()

    def _renew(self) -> None:
        fresh = ExitStack()
        with suppress(*_PASSES):
            fresh.enter_context(self._sign())
            if self._signs is not None:
                self._signs.close()
        self._signs = fresh
