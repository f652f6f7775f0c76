"""Does two pieces of work side by side, with the outcome of one after the other; knows nothing of either."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from synthgen.progress import Progress

A = TypeVar("A")
B = TypeVar("B")


class _EndedError(Exception):
    """The other piece of work failed, and what went wrong is told there."""


def side_by_side(first: Callable[[Progress], A], second: Callable[[Progress], B], progress: Progress) -> tuple[A, B]:
    """Do `first` in a thread of its own and `second` here, where interrupts come; neither changes what the other reads.

    Args:
        first: Given `progress` to call, as `second` is; the call ends what is in vain, because the other has failed.
        second: What would come after it.
        progress: Told of both.

    Raises:
        Exception: What `first` raised, or else what `second` did, which is what would be raised one after the other.
    """
    ended = threading.Event()

    def told(phase: str, done: int, due: int) -> None:
        if ended.is_set():
            raise _EndedError
        progress(phase, done, due)

    def ahead() -> A:
        try:
            return first(told)
        except BaseException:
            ended.set()
            raise

    with ThreadPoolExecutor(1, thread_name_prefix="synthgen-beside") as pool:
        other = pool.submit(ahead)
        try:
            found = second(told)
        except Exception:
            other.result()
            raise
        except BaseException:
            ended.set()
            raise
        return other.result(), found
