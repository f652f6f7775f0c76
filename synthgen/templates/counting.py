"""Numbers the clones of each kind of nodes 0, 1, 2, … by arithmetic, and finds them again; pure.

Within a clone group clone c of the member of rank k is row c·n + k, the members with one clone more being first
(`synthgen.clones`). Of a kind's members in the group, kept in that order, the same holds: clone c of the member of rank
r among n of them is number c·n + r, after those of the groups before. So the numbers of a kind are 0 … count - 1, each
once, and nothing is kept per clone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Protocol

import numpy as np

from synthgen.clones import CloneGroup, Clones
from synthgen.seeding import I64, derive_seed

NO_KIND = -1


class Counting(Protocol):
    """The kind of each clone and its number in it."""

    @property
    def counted(self) -> Mapping[int, int]:
        """How many there are of each kind, those of the passes before included."""

    def place(self, nodes: I64, copies: I64) -> tuple[I64, I64]:
        """Give the kind of each clone, -1 for none, and its number."""

    def import_ids(self, kind: int, numbers: I64) -> I64:
        """Find the clones of a kind with these numbers."""

    def kinds_of(self, nodes: I64) -> Sequence[int]:
        """Name the kinds that clones of these nodes may be of."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A kind's members in one group; numbers count from `first`."""

    group: CloneGroup
    ranks: I64
    first: int


class CloneCounting:
    """Of clones whose kind is that of their node."""

    def __init__(self, clones: Clones, kind_of: I64, counted: Mapping[int, int] | None = None) -> None:
        """Number the clones.

        Args:
            clones: Of one pass.
            kind_of: Per node number, its kind.
            counted: Per kind, how many there were in the passes before.
        """
        self._kind_of = kind_of
        self._size: I64 = np.ones_like(kind_of)
        self._first: I64 = np.zeros_like(kind_of)
        self._runs: dict[int, list[_Run]] = {}
        self._counted = dict(counted or {})
        for group in clones.groups:
            kinds = kind_of[group.members]
            for kind in np.unique(kinds[kinds != NO_KIND]).tolist():
                ranks = np.flatnonzero(kinds == kind)
                first = self._counted.get(kind, 0)
                members = group.members[ranks]
                self._size[members] = len(ranks)
                self._first[members] = first + np.arange(len(ranks))
                self._runs.setdefault(kind, []).append(_Run(group, ranks, first))
                self._counted[kind] = first + group.whole * len(ranks) + int((ranks < group.extra).sum())

    @property
    def counted(self) -> Mapping[int, int]:
        """How many there are of each kind, those of the passes before included."""
        return self._counted

    def place(self, nodes: I64, copies: I64) -> tuple[I64, I64]:
        """Give the kind of each clone, -1 for none, and its number."""
        return self._kind_of[nodes], self._first[nodes] + copies * self._size[nodes]

    def import_ids(self, kind: int, numbers: I64) -> I64:
        """Find the clones of a kind with these numbers."""
        runs = self._runs[kind]
        at = np.searchsorted([run.first for run in runs], numbers, side="right") - 1
        ids: I64 = np.zeros_like(numbers)
        for position, run in enumerate(runs):
            here = at == position
            copy, rank = np.divmod(numbers[here] - run.first, len(run.ranks))
            ids[here] = run.group.first + copy * len(run.group.members) + run.ranks[rank]
        return ids

    def kinds_of(self, nodes: I64) -> Sequence[int]:
        """Name the kinds that clones of these nodes may be of."""
        kinds = np.unique(self._kind_of[nodes])
        return [int(kind) for kind in kinds if kind != NO_KIND]


class Shuffle:
    """A bijection of 0 … size - 1 onto itself that spreads neighbours: x → (a·x + b) mod size, gcd(a, size) = 1."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        factor = max(1, round(size * 0.6180339887498949))  # the golden ratio spreads multiples most evenly
        while gcd(factor, size) != 1:
            factor += 1
        self._factor, self._back = factor, pow(factor, -1, size) if size > 1 else 0
        self._shift = derive_seed(seed, "shuffle") % size

    def to(self, values: I64) -> I64:
        """Give where each value goes."""
        return (values * self._factor + self._shift) % self._size

    def back(self, values: I64) -> I64:
        """Give where each value comes from."""
        return (values - self._shift) * self._back % self._size
