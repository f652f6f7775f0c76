"""Whether a process is still the one we started, and how it is ended; knows nothing of Neo4j."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.05
KILL_SECONDS = 10.0
_STATE, _START_TICKS = 0, 19  # places in /proc/<pid>/stat, counted behind the name


def find_mark(pid: int) -> str | None:
    """Give what tells a living process from a later one with the same number; None when it has ended.

    A child that has ended but was not yet waited for counts as ended.
    """
    if Path("/proc/self/stat").exists():
        return _mark_from_proc(pid)
    return _mark_from_ps(pid)


def is_same(pid: int, mark: str) -> bool:
    """Say whether process `pid` lives and is the one that `mark` was taken of."""
    return find_mark(pid) == mark


def end(pid: int, mark: str, *, timeout_s: float) -> bool:
    """End a process with SIGTERM, and with SIGKILL when that did nothing in `timeout_s`; return whether SIGTERM did.

    Raises:
        TimeoutError: Not even SIGKILL ended it.
    """
    _signal(pid, mark, signal.SIGTERM)
    if _wait_gone(pid, mark, timeout_s):
        return True
    kill(pid, mark)
    return False


def kill(pid: int, mark: str) -> None:
    """End a process with SIGKILL.

    Raises:
        TimeoutError: Not even that ended it.
    """
    _signal(pid, mark, signal.SIGKILL)
    if not _wait_gone(pid, mark, KILL_SECONDS):
        raise TimeoutError(f"process {pid} does not end")


def end_group(pid: int, mark: str, *, timeout_s: float) -> None:
    """End a process that leads a group, and all of its group, as `end` does.

    Raises:
        TimeoutError: Not even SIGKILL ended it.
    """
    _signal(pid, mark, signal.SIGTERM, send=os.killpg)
    if not _wait_gone(pid, mark, timeout_s):
        _signal(pid, mark, signal.SIGKILL, send=os.killpg)
        if not _wait_gone(pid, mark, KILL_SECONDS):
            raise TimeoutError(f"process {pid} does not end")


def _signal(pid: int, mark: str, number: int, send: Callable[[int, int], None] = os.kill) -> None:
    if is_same(pid, mark):
        with suppress(ProcessLookupError):
            send(pid, number)


def _wait_gone(pid: int, mark: str, timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while is_same(pid, mark):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _mark_from_proc(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[_STATE] in {"Z", "X"}:
        return None
    return f"{_boot()}/{fields[_START_TICKS]}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _mark_from_ps(pid: int) -> str | None:
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()
