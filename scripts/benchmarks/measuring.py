"""Time and memory of calls and commands, each in a process of its own; knows nothing of what they do.

Processes of their own, because a peak of memory is one of a whole process, and what ran before warms or fills it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

import psutil

SAMPLE_SECONDS = 0.1
FAMILY_EVERY = 10
"""Child processes of what is watched are looked for at every tenth sample, because that takes long."""
LAST_WORDS = 2_000

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a call or a command gave and took.

    Attributes:
        result: What the call gave; None of a command.
        seconds: Of the call alone, or of the whole command.
        peak_mb: The most memory, in 10^6 bytes, that its process and the children of that had together.
    """

    result: Any
    seconds: float
    peak_mb: float


def seconds(work: Callable[[], object]) -> float:
    """Time one call in this process."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(repetitions: int, *works: Callable[[], Found]) -> list[list[Found]]:
    """Call each so often, in turns; who comes first changes from turn to turn. Gives each one's results."""
    found: list[list[Found]] = [[] for _ in works]
    for number in range(repetitions):
        for place in range(len(works)):
            one = (number + place) % len(works)
            found[one].append(works[one]())
    return found


def in_child(work: Callable[..., Any], *arguments: Any, **named: Any) -> Spent:
    """Call a function of a module in a fresh process.

    Raises:
        RuntimeError: It failed; the text is that of its traceback.
    """
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(there, work, arguments, named))
    child.start()
    there.close()
    watch = _Watch(child.pid or 0)
    try:
        failed, result, took = here.recv()
    except EOFError:
        failed, result, took = True, "its process ended without a word", 0.0
    finally:
        peak = watch.end()
        child.join()
    if failed:
        raise RuntimeError(f"{work.__module__}.{work.__name__}: {result}")
    result, own_peak = result
    return Spent(result, took, max(peak, own_peak))


def _work(there: Connection, work: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]) -> None:
    try:
        began = time.perf_counter()
        result = work(*arguments, **named)
        took = time.perf_counter() - began
        there.send((False, (result, _peak_of(psutil.Process())), took))
    except BaseException:  # noqa: BLE001 - it is raised where the call was made
        there.send((True, traceback.format_exc(), 0.0))


def command(arguments: Sequence[str], settings: Mapping[str, str] | None = None) -> Spent:
    """Run a Python program, its arguments those of the interpreter, to its end.

    Of the environment it sees nothing that is meant for the product but `settings`, and no `synthgen.toml`.

    Raises:
        RuntimeError: It failed; the text is what it said last.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "SYNTHGEN_"))}
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, stderr=said,
            env={**kept, **(settings or {})}, cwd=Path(sys.executable).parent)
        watch = _Watch(child.pid)
        code = child.wait()
        took = time.perf_counter() - began
        peak = watch.end()
        if code:
            said.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} ended with {code}: {said.read().decode()[-LAST_WORDS:]}")
    return Spent(None, took, peak)


class _Watch(Thread):
    """Looks at the memory of a process and its children until it is told to end."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = Event()
        self._peak = 0.0
        self.start()

    def run(self) -> None:
        """Look, again and again."""
        with suppress(psutil.Error):
            root = psutil.Process(self._pid)
            family: list[psutil.Process] = []
            turn = 0
            while not self._over.wait(SAMPLE_SECONDS):
                turn += 1
                if turn % FAMILY_EVERY == 0:
                    family = root.children(recursive=True)
                own = root.memory_info().rss / 1e6
                self._peak = max(self._peak, own + sum(map(_resident, family)), _peak_of(root))

    def end(self) -> float:
        """Look no more, and give the peak in MB."""
        self._over.set()
        self.join()
        return self._peak


def _resident(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / 1e6
    except psutil.Error:
        return 0.0


def _peak_of(process: psutil.Process) -> float:
    """Give the peak that the system itself keeps of a process, in MB; what it has now where no such is kept."""
    # Not `getrusage`: what that says begins with the peak of whoever started the process.
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024 / 1e6
    return _resident(process)
