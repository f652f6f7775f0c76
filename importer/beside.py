"""Does a piece of work in a thread beside another, with the outcome of one after the other; knows nothing of either."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

from synthgen.progress import Progress, silent

A = TypeVar("A")
B = TypeVar("B")


class _EndedError(Exception):
    """The work is in vain, and what went wrong is told elsewhere."""


class Beside(Generic[A]):
    """A piece of work under way in a thread of its own; `begin` makes it."""

    def __init__(self, pool: ThreadPoolExecutor, work: Callable[[Progress], A], progress: Progress) -> None:
        self._ended = threading.Event()
        self._progress = progress
        self._future = pool.submit(self._do, work)

    def listen(self, progress: Progress) -> None:
        """Tell `progress` from now on, in the thread that reports."""
        self._progress = progress

    def result(self) -> A:
        """Wait for its end.

        Raises:
            Exception: What the work raised.
        """
        return self._future.result()

    def tell(self, phase: str, done: int, due: int) -> None:
        """Report progress; raises where the work has failed or is not waited for any more."""
        if self._ended.is_set():
            raise _EndedError
        self._progress(phase, done, due)

    def end(self) -> None:
        """Let whoever reports progress next end its work there."""
        self._ended.set()

    def _do(self, work: Callable[[Progress], A]) -> A:
        try:
            return work(self.tell)
        except BaseException:
            self.end()
            raise


@contextmanager
def begin(work: Callable[[Progress], A], progress: Progress = silent) -> Iterator[Beside[A]]:
    """Do work in a thread of its own while the block lasts, which waits for its result where it needs it.

    What the work is given to report its progress tells `progress`, and ends the work when the block has ended: who has
    not waited has no use for it, whatever came of it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="synthgen-beside") as pool:
        one = Beside(pool, work, progress)
        try:
            yield one
        finally:
            one.end()


def side_by_side(first: Callable[[Progress], A], second: Callable[[Progress], B], progress: Progress) -> tuple[A, B]:
    """Do `first` in a thread of its own and `second` here, where interrupts come; neither changes what the other reads.

    Args:
        first: Given `progress` to call, as `second` is; the call ends what is in vain, because the other has failed.
        second: What would come after it.
        progress: Told of both.

    Raises:
        Exception: What `first` raised, or else what `second` did, which is what would be raised one after the other.
    """
    with begin(first, progress) as other:
        try:
            found = second(other.tell)
        except Exception:
            other.result()
            raise
        return other.result(), found
