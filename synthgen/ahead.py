"""Does the same for many things in a few threads and gives what comes of it in their order; knows nothing of either."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Due = TypeVar("Due")
Done = TypeVar("Done")


def ahead(work: Callable[[Due], Done], due: Iterable[Due], at_once: int) -> Iterator[Done]:
    """Do `work`, in `at_once` threads; no more than twice as many are begun before their turn.

    Raises:
        Exception: What `work` raised, for the first thing for which it raised anything; those before it are given.
    """
    waiting: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="ahead") as threads:
        try:
            for one in due:
                if len(waiting) == 2 * at_once:
                    yield waiting.popleft().result()
                waiting.append(threads.submit(work, one))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
