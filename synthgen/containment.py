"""Who contains whom in the base, as arrays over node numbers; pure."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from synthgen.base import Base, Mask
from synthgen.profile import Role
from synthgen.seeding import I64

DEEPEST = 64
"""Levels of containment looked at; a graph whose containment runs in circles ends here."""


class Containment:
    """The tree of containers and of resources that contain resources.

    Attributes:
        parent: Per node number, what contains the node, or the node itself. Of several a resource, then the last.
    """

    def __init__(self, base: Base, around: Mask | None = None) -> None:
        """Read it off the base; nodes `around` containers, such as subscriptions, count only when they are given."""
        self._base = base
        is_container, is_resource = base.having(Role.CONTAINER), base.having(Role.RESOURCE)
        around = np.zeros(base.size, np.bool_) if around is None else around
        inner = is_resource | is_container | around
        self._edges: list[tuple[I64, I64]] = []
        self.parent: I64 = np.arange(base.size, dtype=np.int64)
        for table in base.relationships:
            if table.type in base.profile.containment_types:
                both = inner[table.start] & inner[table.end]
                self._edges.append((table.start[both], table.end[both]))
        for nearer in (around, is_container, is_resource):
            for start, end in self._edges:
                self.parent[end[nearer[start]]] = start[nearer[start]]

    @cached_property
    def depth(self) -> I64:
        """Per node, how many contain it one in the other."""
        depth: I64 = np.zeros(self._base.size, np.int64)
        at = self.parent
        below = at != np.arange(self._base.size)
        for _ in range(DEEPEST):
            if not below.any():
                break
            depth += below
            below &= self.parent[at] != at
            at = self.parent[at]
        return depth

    @cached_property
    def outermost(self) -> I64:
        """Per node, the outermost that contains it, or itself."""
        return _roots(self.parent)

    @cached_property
    def outermost_resource(self) -> I64:
        """Per node, the outermost resource that contains it, or itself."""
        is_resource = self._base.having(Role.RESOURCE)
        return _roots(np.where(is_resource[self.parent], self.parent, np.arange(self._base.size)))

    @cached_property
    def container(self) -> I64:
        """Per node, the nearest container around it, or -1."""
        is_container = self._base.having(Role.CONTAINER)
        own = np.arange(self._base.size)
        stepped = np.where(is_container[self.parent], own, self.parent)
        top = _roots(stepped)
        found = self.parent[top]
        result: I64 = np.where(is_container[found] & (found != own), found, -1)
        return result

    def containers_of(self, chosen: Mask) -> Mask:
        """Mark the containers that hold a chosen node, directly or through others."""
        reached = chosen.copy()
        before = -1
        while before != int(reached.sum()):
            before = int(reached.sum())
            for start, end in self._edges:
                reached[start[reached[end]]] = True
        reached &= self._base.having(Role.CONTAINER)
        return reached


def _roots(parent: I64) -> I64:
    root = parent
    for _ in range(DEEPEST):
        above = root[root]
        if np.array_equal(above, root):
            break
        root = above
    return root
