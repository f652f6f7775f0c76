"""Reads how long something lasts, such as `90s` or `10m`; knows no clock."""

from __future__ import annotations

import math
import re

from synthgen.errors import UsageError, shown

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*")


def read_duration(value: object, name: str) -> float:
    """Read seconds: a number from 0 on, or a text such as `500ms`, `90s`, `10m`, `2h`, `1d`; no unit means seconds.

    Args:
        value: What was given.
        name: What it was given as, such as `--time-limit`; for the error.

    Raises:
        UsageError: It is none of these.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    found = _TEXT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UsageError(f"{name} {shown(value)} is not a time", hint="such as 90s, 10m or 2h; 0 for none",
                         option=name, value=value)
    return float(found[1]) * _SECONDS[found[2] or "s"]


def say_duration(seconds: float) -> str:
    """Say seconds as `read_duration` reads them, in the largest unit that needs no fraction."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{seconds:g}s"
