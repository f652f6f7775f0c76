"""Makes parts in this process, a few at a time; knows no manifest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from synthgen.bundle.part import Due, Made, make_part

AT_ONCE = 2
"""While the rows of one part are made, those of another are written and digested, which leaves Python to others."""


def make_here(due: Due, at_once: int = AT_ONCE) -> Iterator[Made]:
    """Make parts in their order; memory holds `at_once` of them.

    Raises:
        OSError: The disk is full or not writable.
    """
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="part") as threads:
        try:
            for number in due.numbers:
                if len(waiting) == 2 * at_once:
                    yield waiting.popleft().result()
                waiting.append(threads.submit(make_part, due.outline, number, due.folder))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
