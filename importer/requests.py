"""Reads what was asked for on the command line; knows no database."""

from __future__ import annotations

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
