"""Gathers relationships as runs of pairs and makes one block of each pattern; knows no scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthgen.bundle.manifest import Space
from synthgen.graph import END, START
from synthgen.growth import RelationshipBlock
from synthgen.scenarios.pairs import Pairs


@dataclass(frozen=True, slots=True)
class Side:
    """Nodes that relationships end on: by import id (`operation`) or node number (`base`)."""

    labels: tuple[str, ...]
    space: Space


class Ties:
    """The relationships of one operation."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, Side, Side], list[Pairs]] = {}

    def add(self, type_: str, start: Side, end: Side, run: Pairs, *, turned: bool = False) -> None:
        """Add a run; `turned` lets each relationship lead from `end` to `start`."""
        if turned:
            straight = run.ends
            start, end, run = end, start, Pairs(run.rows, lambda rows: straight(rows)[::-1])
        if run.rows:
            self._runs.setdefault((type_, start, end), []).append(run)

    def blocks(self) -> list[RelationshipBlock]:
        """Make one block of each pattern, in the order in which they were first added."""
        return [
            RelationshipBlock(type_, start.labels, end.labels, start.space, end.space, {},
                              sum(run.rows for run in runs), _maker(runs))
            for (type_, start, end), runs in self._runs.items()
        ]


def _maker(runs: Sequence[Pairs]) -> Callable[[int, int], pl.DataFrame]:
    bounds = np.cumsum([0, *(run.rows for run in runs)]).tolist()

    def make(start: int, stop: int) -> pl.DataFrame:
        pieces = []
        for run, low, high in zip(runs, bounds, bounds[1:], strict=False):
            first, last = max(start, low), min(stop, high)
            if first < last:
                pieces.append(run.ends(np.arange(first - low, last - low, dtype=np.int64)))
        none = np.zeros(0, np.int64)
        return pl.DataFrame({START: np.concatenate([none, *(piece[0] for piece in pieces)]),
                             END: np.concatenate([none, *(piece[1] for piece in pieces)])})

    return make
