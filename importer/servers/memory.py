"""How much memory a program can still get, from what Linux says; knows nothing of Neo4j."""

from __future__ import annotations

import re
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")
LIMIT, USED, CACHE = "memory.max", "memory.current", "memory.stat"
_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)
_FILES = re.compile(r"^inactive_file (\d+)$", re.MULTILINE)


def free_memory(group: Path = GROUP, meminfo: Path = MEMINFO) -> int | None:
    """Give the bytes that programs of this machine, or of this container, can still get; None where nobody says."""
    return least_free(*map(_read, (meminfo, group / LIMIT, group / USED, group / CACHE)))


def least_free(meminfo: str, limit: str, used: str, stat: str) -> int | None:
    """Give the bytes that are free by all of these files' texts, the names of which are above; "" for none.

    Sources: `proc(5)`, MemAvailable; the kernel's "Control Group v2", Memory: what is in a group's inactive file
    cache is given up when it is wanted.
    """
    found = _AVAILABLE.search(meminfo)
    free = [] if found is None else [int(found[1]) * 1024]
    if limit.strip().isdigit() and used.strip().isdigit():
        cached = _FILES.search(stat)
        free.append(int(limit) - int(used) + (int(cached[1]) if cached else 0))
    return min(free, default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
