"""Names processes as owners of locks, and tells whether they live; knows no lock."""

from __future__ import annotations

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

import psutil

_OF_THIS_BOOT = ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid")


def owner_name(token: str) -> str:
    """Name this process as an owner: `host:process:token`."""
    return f"{this_host()}:{os.getpid()}:{token}"


def is_gone(owner: str) -> bool:
    """Say whether an owner was a process of this host that is no more; of other hosts' nothing is known."""
    host, _, rest = owner.partition(":")
    process = rest.partition(":")[0]
    return host == this_host() and process.isdigit() and not _lives(int(process))


def _lives(process: int) -> bool:
    try:
        # One that was killed stays listed until its parent has heard of it.
        return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@cache
def this_host() -> str:
    """Name this host: its name and, where it can be told, a mark of this boot and of this space of process numbers.

    Many hosts share a name such as `localhost`, and many containers; numbers of processes mean nothing elsewhere.
    """
    marks = [Path(_OF_THIS_BOOT[0]).read_text("ascii"), str(Path(_OF_THIS_BOOT[1]).readlink())] if all(
        Path(path).exists() for path in _OF_THIS_BOOT) else []
    mark = hashlib.blake2b("".join(marks).encode(), digest_size=4).hexdigest()
    return socket.gethostname() + (f"/{mark}" if marks else "")
