"""How long work reports itself; knows no terminal."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the name of a phase, the units done in it and the units due (0 when unknown). Never called backwards."""


def silent(phase: str, done: int, due: int) -> None:
    """Report to nobody."""
