"""Ctrl-C where it does no harm: between the calls of libraries, not in the middle of one; knows no command.

Python raises `KeyboardInterrupt` at whatever line runs. In the midst of the Neo4j driver's reading that loses bytes, so
that closing the session fails with some other error or waits for ever; in the midst of an import it becomes a
`RuntimeError`. Here a signal that comes while a library works waits until that gives back to our own code. Whoever
has waited for some seconds presses again: that signal is raised where it comes. While an interrupt is being handled,
which is when a load is undone, more are not heard: what they would break off is what puts the database in order.
"""

from __future__ import annotations

import inspect
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WAIT_SECONDS = 3.0
"""A signal that comes so long after one that still waits is raised wherever it comes; to press twice is a habit."""
HEARD_ALWAYS = 4
"""So many signals are raised wherever they come."""
_OURS = frozenset({"synthgen", "importer"})


@contextmanager
def gentle_interrupts() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for SIGINT only where it does no harm, in the block.

    Does nothing in other threads than the main one, or where SIGINT is handled or ignored already.
    """
    if (threading.current_thread() is not threading.main_thread()
            or signal.getsignal(signal.SIGINT) is not signal.default_int_handler):
        yield
        return
    waiting = _Waiting()
    signal.signal(signal.SIGINT, waiting.came)
    try:
        yield
    finally:
        sys.setprofile(None)
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Waiting:
    """Signals that came and were not raised yet."""

    def __init__(self) -> None:
        self._came = 0
        self._waits_since: float | None = None

    def came(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """Handle SIGINT."""
        self._came += 1
        now = time.monotonic()
        if self._waits_since is None:
            self._waits_since = now
        if self._came >= HEARD_ALWAYS or is_harmless(frame) or now - self._waits_since >= WAIT_SECONDS:
            self._raise()
            return
        # Called whenever a function begins or ends: where a library gives back, to the very line.
        sys.setprofile(self._passed)

    def _passed(self, frame: FrameType, event: str, arg: object) -> None:  # noqa: ARG002 - a profiler's signature
        if is_harmless(frame.f_back if event == "return" else frame):
            self._raise()

    def _raise(self) -> None:
        sys.setprofile(None)
        self._waits_since = None
        # Some libraries raise it by themselves, beside the signal.
        if self._came >= HEARD_ALWAYS or not _is_handled(KeyboardInterrupt):
            raise KeyboardInterrupt


def is_harmless(frame: FrameType | None) -> bool:
    """Say whether our own code runs in a frame, or the standard library for it: neither a library nor an import.

    A generator that is being closed is no place either: nobody hears of what it raises.
    """
    if _is_handled(GeneratorExit):
        return False
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        package = str(frame.f_globals.get("__package__", "")) if name == "__main__" else name
        top = package.partition(".")[0]
        if name == __name__:  # what looks is not what is looked at
            frame = frame.f_back
            continue
        if top in _OURS:
            # Bodies of modules and classes run while they are imported.
            return bool(frame.f_code.co_flags & inspect.CO_OPTIMIZED)
        if top not in sys.stdlib_module_names or top in {"importlib", "_frozen_importlib"}:
            return False
        frame = frame.f_back
    return False


def _is_handled(kind: type[BaseException]) -> bool:
    """Say whether the code that a signal came into handles an exception of a kind, or what came of one."""
    error = sys.exception()
    while error is not None and not isinstance(error, kind):
        error = error.__context__
    return error is not None
