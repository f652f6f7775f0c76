"""Reads what was asked for on the command line; knows no database."""

from __future__ import annotations

import re

from importer.online import OnlineOptions
from importer.stages import Mode
from synthgen.errors import UsageError


def check_mode(text: str) -> Mode:
    """Give the mode back.

    Raises:
        UsageError: It is neither `offline` nor `online`.
    """
    if text == "offline":
        return "offline"
    if text == "online":
        return "online"
    raise UsageError(f"there is no mode {text!r}", hint="--mode offline or --mode online")


def read_options(batch_rows: str, writers: str) -> OnlineOptions:
    """Read bounds such as `100-10000`, or one number for both.

    Raises:
        UsageError: A text is not that, or a bound is out of its range.
    """
    return OnlineOptions(batch_rows=_bounds("--batch-rows", batch_rows), writers=_bounds("--writers", writers))


def _bounds(name: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    if not found:
        raise UsageError(f"{name} {text!r} is not a number or two with a dash between them", hint=f"{name} 100-10000")
    return int(found[1]), int(found[2] or found[1])
