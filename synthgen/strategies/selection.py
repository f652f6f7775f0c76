"""Which resources are cloned, and which a part-copy takes: exact numbers per type, whole containers where it can; pure.

A part-copy that took the first nodes in storage order would lose most types; one that took nodes at random would lose
most relationships.
"""

from __future__ import annotations

import difflib
import heapq
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.containment import Containment
from synthgen.errors import UsageError
from synthgen.seeding import I64, derive_seed, shuffled, shuffled_each

ATTEMPTS = 8
_NODES_LOOKED_AT = 200_000
MISSPELT = 0.85
"""Likeness (difflib's ratio, 0…1) of each segment from which on an unknown type is taken for a misspelt one."""
Amount = TypeVar("Amount", int, float)


def check_types(base: Base, wanted: Sequence[str]) -> None:
    """Check that the base has resources of every type wanted.

    Raises:
        UsageError: Names the first type that it has not, and those that look like it.
    """
    known = base.resource_types.filter(pl.Series(base.resources)).unique().sort().to_list()
    for type_ in wanted:
        if type_ not in known:
            alike = difflib.get_close_matches(type_, known, n=3, cutoff=0.4) or known[:5]
            raise UsageError(f"the base has no resource of type {type_!r}",
                             hint="did you mean " + ", ".join(alike) + "?", type=type_)


def _looks_like(type_: str, other: str) -> bool:
    segments, others = type_.lower().split("/"), other.lower().split("/")
    return len(segments) == len(others) and all(
        difflib.SequenceMatcher(None, *pair).ratio() >= MISSPELT for pair in zip(segments, others, strict=True))


def sort_types(
    base: Base, wanted: Mapping[str, str], sure: Collection[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """Tell types that the base has from those that it has none of, for which there are defaults.

    Args:
        base: The base.
        wanted: Types, and where each is asked for, for errors.
        sure: Those that are not misspelt, whatever they look like.

    Returns:
        Of the base's, how it spells them, as case does not count where only one spelling is meant; and the new ones.

    Raises:
        UsageError: A type looks like one of the base's, misspelt.
    """
    known = base.resource_types.filter(pl.Series(base.resources)).unique().sort().to_list()
    folded: dict[str, list[str]] = {}
    for type_ in known:
        folded.setdefault(type_.lower(), []).append(type_)
    spelling: dict[str, str] = {}
    new: list[str] = []
    for type_, where in wanted.items():
        alike = [type_] if type_ in known else folded.get(type_.lower(), [])
        if len(alike) == 1:
            spelling[type_] = alike[0]
            continue
        meant = alike or [other for other in known if _looks_like(type_, other)]
        if meant and type_ not in sure:
            raise UsageError(f"{where}: the base has no resource of type {type_!r}, but of one that looks like it",
                             hint="did you mean " + ", ".join(meant[:3]) + "? A template file says `new: true` if not",
                             type=type_)
        new.append(type_)
    return spelling, list(dict.fromkeys(new))


def only_types(asked: Mapping[str, Amount], types: Sequence[str], where: str) -> dict[str, Amount]:
    """Leave of the amounts per type those above 0 of some types; of all types when none are named.

    Raises:
        UsageError: Nothing is asked of these types.
    """
    left = {type_: amount for type_, amount in asked.items() if amount and (not types or type_ in types)}
    if not left:
        raise UsageError(f"{where} asks for nothing of type {', '.join(map(repr, types))}",
                         hint="leave out --resource-type, or name a type that it has")
    return left


def chosen_resources(
    base: Base, *, resource_types: Sequence[str] = (), tenant: str | None = None, include_synthetic: bool = False
) -> Mask:
    """Mark the resources to be multiplied.

    Raises:
        UsageError: A type or the tenant is not in the base, or nothing is left.
    """
    check_types(base, resource_types)
    chosen = base.resources_of(tenant=tenant, include_synthetic=include_synthetic)
    if resource_types:
        chosen = chosen & base.resource_types.is_in(list(resource_types)).to_numpy()
    if not chosen.any():
        raise UsageError("the base has no resources to multiply",
                         hint="check the profile (--profile), or --include-synthetic if all of them are synthetic")
    return chosen


def counts_by_type(base: Base, chosen: Mask) -> dict[str, int]:
    """Count the chosen nodes by type, sorted by type."""
    counted = base.resource_types.filter(pl.Series(chosen)).value_counts()
    return dict(sorted(counted.iter_rows()))


def part_copy(
    base: Base, containment: Containment, chosen: Mask, quotas: Mapping[str, int], seed: int, *,
    attempts: int = ATTEMPTS,
) -> Mask:
    """Mark exactly `quotas[type]` of the chosen resources of each type.

    Containers, and resources without one, are taken in an order that is spread evenly over their degrees, containers as
    long as half of what they hold is still needed; what is missing then is taken from as few more as a greedy cover
    finds (Nemhauser, Wolsey, Fisher: "An analysis of approximations for maximizing submodular set functions",
    Mathematical Programming 14, 1978). Within a container whole resources with what they contain come first, then
    single ones, parents before children. Of several orders, `attempts` at most, that one is kept which needs most
    nearly the share of containers that is due, so that they hold about as much as the base's.
    """
    resources = np.flatnonzero(chosen)
    units = _grouped(resources, containment.outermost[resources])
    needs = [Counter(base.resource_types[members].to_list()) for members in units]
    kinds = pl.Series([next(iter(need)) if need.total() == 1 else None for need in needs], dtype=pl.String)
    degrees = _degrees(base)
    weights = np.array([degrees[members].sum() for members in units], np.int64)
    due = sum(quotas.values()) / max(len(resources), 1) * int(containment.containers_of(chosen).sum())
    best, least = np.zeros(base.size, np.bool_), float("inf")
    for attempt in range(max(1, min(attempts, _NODES_LOOKED_AT // max(len(resources), 1)))):
        part = _Part(base, containment, quotas)
        of_attempt = derive_seed(seed, "attempt", attempt)
        part.fill(units, needs, _spread(kinds, weights, of_attempt), of_attempt)
        distance = abs(int(containment.containers_of(part.taken).sum()) - due)
        if distance < least:
            best, least = part.taken, distance
    return best


class _Part:
    """What a part-copy has taken, and what it still needs of each type."""

    def __init__(self, base: Base, containment: Containment, quotas: Mapping[str, int]) -> None:
        self._types = base.resource_types.to_list()
        self._containment = containment
        self._remaining = Counter(quotas)
        self.taken = np.zeros(base.size, np.bool_)

    def fill(self, units: Sequence[I64], needs: Sequence[Counter[str]], order: I64, seed: int) -> None:
        """Take what is needed from units in this order; their members have the types of `needs`."""
        left: list[tuple[int, int]] = []
        turns = shuffled_each([len(unit) for unit in units],
                              [derive_seed(seed, position) for position in range(len(units))])
        for position in order.tolist():
            covered = self._covered(needs[position])
            if covered and 2 * covered >= needs[position].total():
                self._take_from(units[position][turns[position]])
            else:
                left.append((-covered, position))
        heapq.heapify(left)
        while left:
            believed, position = heapq.heappop(left)
            covered = self._covered(needs[position])
            if covered and covered < -believed:  # others took of it since: look again when it is due
                heapq.heappush(left, (-covered, position))
            elif covered:
                self._take_from(units[position][turns[position]])

    def _covered(self, need: Counter[str]) -> int:
        return sum(min(self._remaining[type_], count) for type_, count in need.items())

    def _take_from(self, members: I64) -> None:
        units: dict[int, list[int]] = {}
        for node, unit in zip(members.tolist(), self._containment.outermost_resource[members].tolist(), strict=True):
            units.setdefault(unit, []).append(node)
        for nodes in units.values():
            need = Counter(self._types[node] for node in nodes)
            if all(self._remaining[type_] >= count for type_, count in need.items()):
                self._remaining.subtract(need)
                self.taken[nodes] = True
        free = members[~self.taken[members]]
        for depth in np.unique(self._containment.depth[free]).tolist():
            level = free[self._containment.depth[free] == depth]
            level = level[np.argsort(~self.taken[self._containment.parent[level]], kind="stable")]
            for node in level.tolist():
                if self._remaining[self._types[node]] > 0:
                    self._remaining[self._types[node]] -= 1
                    self.taken[node] = True


def _spread(kinds: pl.Series, weights: I64, seed: int) -> I64:
    """Order units so that the first of each kind, however many, are spread evenly over its weights.

    By the radical inverse of their rank (van der Corput: "Verteilungsfunktionen", 1935), from a seeded place on.
    """
    ranks = pl.DataFrame({"kind": kinds, "weight": weights, "by_chance": shuffled(len(weights), seed)}).select(
        pl.struct("weight", "by_chance").rank("ordinal").over("kind") - 1)
    rank = ranks.to_series().to_numpy().astype(np.uint64)
    place, half = np.zeros(len(rank)), 0.5
    while rank.any():
        place += half * (rank & np.uint64(1))
        rank >>= np.uint64(1)
        half /= 2
    return np.argsort((place + derive_seed(seed, "turn") / 2**64) % 1, kind="stable")


def _degrees(base: Base) -> I64:
    degrees: I64 = np.zeros(base.size, np.int64)
    for table in base.relationships:
        degrees += np.bincount(table.start, minlength=base.size) + np.bincount(table.end, minlength=base.size)
    return degrees


def _grouped(nodes: I64, unit: I64) -> list[I64]:
    """Group nodes by unit, the units by their first node."""
    units, first = np.unique(unit, return_index=True)
    order = np.argsort(unit, kind="stable")
    groups = np.split(nodes[order], np.searchsorted(unit[order], units[1:]))
    return [groups[position] for position in np.argsort(first, kind="stable")]
