"""Clones of base nodes and of the relationships between them, by arithmetic on row numbers; pure.

Every base node v that is multiplied has clones 0 … C(v) - 1. Nodes are cloned in groups: within a group of n members
each has `whole` clones and the first `extra` members one more, so clone c of the member of rank k is row c·n + k, and
nothing has to be looked up or kept per clone. A relationship (u, v) of the base is lifted to the clones: the result is
a covering of the base graph (Amit, Linial: "Random graph coverings", Combinatorica 22, 2002), so every clone has the
degrees that its original has, and no two relationships coincide unless the base's do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import polars as pl

from synthgen.base import Base, BaseRelationships, Mask
from synthgen.bundle.manifest import Space
from synthgen.containment import DEEPEST, Containment
from synthgen.graph import END, START, column
from synthgen.growth import RelationshipBlock
from synthgen.profile import Role
from synthgen.seeding import I64, derive_seed, mix, permute


class Tie(Enum):
    """To which clone of a neighbour clone c is tied."""

    SAME = "clone c, or none when there is no clone c"
    WRAPPED = "clone c modulo the neighbour's clones"
    SHIFTED = "clone c plus a seeded shift of the relationship, modulo the neighbour's clones"


@dataclass(frozen=True, slots=True)
class CloneGroup:
    """Base nodes of one table that are cloned together.

    Attributes:
        table: Position of their table in `Base.nodes`.
        members: Node numbers; the first `extra` have `whole` + 1 clones, the others `whole`.
        first: Import id of the group's first row.
    """

    table: int
    members: I64
    whole: int
    extra: int
    first: int

    @property
    def rows(self) -> int:
        """Clones in all."""
        return self.whole * len(self.members) + self.extra


class Clones:
    """The clone groups of one operation, and what each base node needs to know of its own.

    Attributes:
        groups: In the order of their import ids.
        group_of: Per node number, the position of its group, or -1 when it is not cloned.
        rank: Per node number, its rank in the group.
        count: Per node number, its clones.
    """

    def __init__(self, base: Base, groups: Sequence[CloneGroup], containment: Containment) -> None:
        self.groups = groups
        self._parent = containment.parent
        self.group_of: I64 = np.full(base.size, -1, np.int64)
        self.rank: I64 = np.zeros(base.size, np.int64)
        self.count: I64 = np.zeros(base.size, np.int64)
        for position, group in enumerate(groups):
            self.group_of[group.members] = position
            self.rank[group.members] = np.arange(len(group.members))
            self.count[group.members] = group.whole
            self.count[group.members[: group.extra]] += 1

    def around(self, nodes: I64, copy: I64, containers: I64) -> I64:
        """Number the clones of `containers` that are around clones `copy` of `nodes`, when numbers are wrapped.

        Where there are others between them, each wraps the number in its turn: the subnet's group is its network's.
        """
        at, number = nodes, copy
        for _ in range(DEEPEST):
            above = self._parent[at]
            between = (above != containers) & (above != at)
            if not between.any():
                break
            number = np.where(between & (self.count[above] > 0), number % np.maximum(self.count[above], 1), number)
            at = np.where(between, above, at)
        result: I64 = number % np.maximum(self.count[containers], 1)
        return result


def group_by_table(base: Base, marked: Mask, extra: Mask, whole: int) -> list[tuple[int, I64, int, int]]:
    """Group the marked nodes by table; each has `whole` clones, those marked as `extra` one more. For `make_groups`."""
    groups = []
    for position, table in enumerate(base.nodes):
        members = table.first + np.flatnonzero(marked[table.numbers])
        if len(members):
            more = extra[members]
            groups.append((position, np.concatenate([members[more], members[~more]]), whole, int(more.sum())))
    return groups


def make_groups(quotas: Sequence[tuple[int, I64, int, int]], *, first: int = 0) -> list[CloneGroup]:
    """Number clone groups one after the other; those without a clone are left out.

    Args:
        quotas: Per group its table, its members (those with one clone more first), `whole` and `extra`.
        first: Import id of the first clone.
    """
    groups: list[CloneGroup] = []
    for table, members, whole, extra in quotas:
        group = CloneGroup(table, members, whole, extra, first)
        if group.rows:
            groups.append(group)
            first += group.rows
    return groups


@dataclass(frozen=True, slots=True)
class Lift:
    """The clones of some base relationships whose starts are in one group and whose ends in one; `None` is the base.

    Row e is clone e // n + `begin` of relationship e % n, where the first `extra` relationships have one clone more.
    """

    table: BaseRelationships
    picks: I64
    start_group: CloneGroup | None
    end_group: CloneGroup | None
    drives: str
    tie: Tie
    whole: int
    extra: int
    clones: Clones
    seed: int
    begin: int = 0

    @property
    def rows(self) -> int:
        """Relationships in all."""
        return self.whole * len(self.picks) + self.extra

    def make(self, rows: I64) -> pl.DataFrame:
        """Make the rows with these numbers."""
        copy, position = self.places(rows)
        picks = self.picks[position]
        start, end = self.table.start[picks], self.table.end[picks]
        follower_copy = self._follower_copy(copy, picks, *((start, end) if self.drives == START else (end, start)))
        start_copy, end_copy = (copy, follower_copy) if self.drives == START else (follower_copy, copy)
        frame = pl.DataFrame({START: self._id(self.start_group, start, start_copy),
                              END: self._id(self.end_group, end, end_copy)})
        if not self.table.types:
            return frame
        return pl.concat([frame, self.table.frame.select(map(column, self.table.types))[picks]], how="horizontal")

    def places(self, rows: I64) -> tuple[I64, I64]:
        """Give the number of the clone and the position in `picks` of each row."""
        copy, position = np.divmod(rows, len(self.picks))
        return copy + self.begin, position

    def _id(self, group: CloneGroup | None, nodes: I64, copy: I64) -> I64:
        if group is None:
            return nodes
        return group.first + copy * len(group.members) + self.clones.rank[nodes]

    def _follower_copy(self, copy: I64, picks: I64, driver: I64, follower: I64) -> I64:
        if self.tie is Tie.SAME:
            return copy
        if self.drives == END:  # of two that are cloned only what is contained drives as the end
            return self.clones.around(driver, copy, follower)
        shift = shifts_of(picks, self.table.type, self.seed) if self.tie is Tie.SHIFTED else 0
        clones: I64 = (copy + shift) % np.maximum(self.clones.count[follower], 1)
        return clones


def shifts_of(relationships: I64, type_: str, seed: int) -> I64:
    """Give the shift of each of a type's relationships, by its row number: 62 bits, to be wrapped."""
    return (mix(relationships, derive_seed(seed, "lift", type_)) >> np.uint64(2)).astype(np.int64)


Matched = Callable[[BaseRelationships, I64], tuple[I64, BaseRelationships, int]]
"""Gives starts of the last copy whose end is not copied another one: see `synthgen.stubs`."""
Swapped = Callable[[BaseRelationships, I64], tuple[I64, BaseRelationships]]
"""Swaps ends among some relationships of a table: row numbers of those swapped, and the table with the new ends."""
Rewritten = Callable[[pl.DataFrame, I64], pl.DataFrame]
"""Rewrites the properties of the rows of a lift that have these numbers."""
NOT_COPIED = "the other end is not copied"
NO_COPY = "no copy of the other end"


def lift_relationships(
    base: Base, clones: Clones, *, seed: int, containment: Tie, others: Tie, swapped: Swapped | None = None,
    matched: Matched | None = None,
    tables: Sequence[BaseRelationships] | None = None,
) -> tuple[list[Lift], dict[str, int]]:
    """Lift every base relationship that has a cloned end and no protected part.

    Relationships of a containment type between two cloned nodes are tied as `containment` says, driven by the
    contained: each of its clones is tied to one container. Others are tied as `others` says, driven by the start. Where
    only one end is cloned it drives, and the other must be shared. Those with an end `swapped`, none of containment,
    are tied across clones: `Tie.SHIFTED`. What a clone of a shared node contains besides clones stays where it is.
    `tables` are the base's, unless others are given.

    Returns:
        The lifts, and how many base relationships were left out, by reason.
    """
    lifts: list[Lift] = []
    left_out: Counter[str] = Counter()
    shared = base.having(Role.SHARED)
    # Relationships are lifted together when their ends are in the same group each or, in the base, the same table.
    place = np.where(clones.group_of >= 0, clones.group_of, len(clones.groups) + base.table_of)
    for table in base.relationships if tables is None else tables:
        if table.type in base.profile.protected_types:
            continue
        cloned_start, cloned_end = clones.group_of[table.start] >= 0, clones.group_of[table.end] >= 0
        tied = (cloned_start | cloned_end) & (cloned_start | shared[table.start]) & (cloned_end | shared[table.end])
        left_out[NOT_COPIED] += int(((cloned_start | cloned_end) & ~tied).sum())
        contains = table.type in base.profile.containment_types
        if contains:
            tied &= ~(shared[table.start] & cloned_start & ~cloned_end)
        for picks in _by_place(place[table.start], place[table.end], np.flatnonzero(tied)):
            parts = [(table, picks, containment if contains else others)]
            if swapped is not None and not contains:
                moved, other = swapped(table, picks)
                parts = [(table, np.setdiff1d(picks, moved), others), (other, moved, Tie.SHIFTED)]
            for ends, rows, tie in parts:
                lift, lost = _lift(ends, rows, clones, tie, contains=contains, seed=seed)
                rest, cut = None, 0
                if matched is not None and tie is Tie.SAME and not contains:
                    rest, cut = _last_copy(ends, rows, clones, matched, seed=seed)
                left_out[NO_COPY] += max(lost, cut) if rest is None else cut
                lifts.extend(one for one in (lift, rest) if one is not None)
    return lifts, {reason: count for reason, count in left_out.items() if count}


def _by_place(start: I64, end: I64, picks: I64) -> list[I64]:
    if not len(picks):
        return []
    key = start[picks] * (int(end.max()) + 1) + end[picks]
    order = np.argsort(key, kind="stable")
    begins = np.unique(key[order], return_index=True)[1]
    return np.split(picks[order], begins[1:])


def _last_copy(
    table: BaseRelationships, picks: I64, clones: Clones, matched: Matched, *, seed: int
) -> tuple[Lift | None, int]:
    """Lift, in the last copy only, the relationships whose ends were cut; give how many are left without an end."""
    if not len(picks):
        return None, 0
    start_group, end_group = (clones.group_of[ends[picks[0]]] for ends in (table.start, table.end))
    if start_group < 0 or end_group < 0 or clones.groups[start_group].whole != clones.groups[end_group].whole:
        return None, 0
    rows, ends, cut = matched(table, picks)
    if not len(rows):
        return None, cut
    group = clones.groups[start_group]
    return Lift(table=ends, picks=rows, start_group=group, end_group=clones.groups[end_group], drives=START,
                tie=Tie.SAME, whole=1, extra=0, clones=clones, seed=seed, begin=group.whole), cut


def _lift(
    table: BaseRelationships, picks: I64, clones: Clones, tie: Tie, *, contains: bool, seed: int
) -> tuple[Lift | None, int]:
    if not len(picks):
        return None, 0
    start_group, end_group = (clones.group_of[ends[picks[0]]] for ends in (table.start, table.end))
    both = start_group >= 0 and end_group >= 0
    drives = END if start_group < 0 or (both and contains) else START
    driver, follower = (table.start, table.end) if drives == START else (table.end, table.start)
    copies = clones.count[driver[picks]]
    if both and tie is Tie.SAME:
        copies = np.minimum(copies, clones.count[follower[picks]])
    elif both:
        copies = np.where(clones.count[follower[picks]] > 0, copies, 0)
    some = copies > 0
    lost = int((~some & (clones.count[driver[picks]] > 0)).sum())
    if not some.any():
        return None, lost
    picks, copies = picks[some], copies[some]
    # Within a group counts differ by one at most, so what is above the smallest is above it by one.
    extra = copies > copies.min()
    lift = Lift(
        table=table, picks=np.concatenate([picks[extra], picks[~extra]]),
        start_group=clones.groups[start_group] if start_group >= 0 else None,
        end_group=clones.groups[end_group] if end_group >= 0 else None,
        drives=drives, tie=tie if both else Tie.SAME, whole=int(copies.min()), extra=int(extra.sum()), clones=clones,
        seed=seed,
    )
    return lift, lost


def relationship_block(
    base: Base, lift: Lift, rows: int, *, seed: int, rewritten: Rewritten | None = None
) -> RelationshipBlock:
    """Make a lift a block of `rows` relationships: all of them in order, or a seeded sample without replacement."""
    sampled = rows < lift.rows
    sample_seed = derive_seed(seed, "sample", lift.table.type, len(lift.picks), int(lift.picks[0]))

    def make(start: int, stop: int) -> pl.DataFrame:
        numbers = np.arange(start, stop, dtype=np.int64)
        numbers = permute(numbers, sample_seed, lift.rows) if sampled else numbers
        frame = lift.make(numbers)
        return frame if rewritten is None else rewritten(frame, numbers)

    start_space, start_labels = _end(base, lift.start_group, int(lift.table.start[lift.picks[0]]))
    end_space, end_labels = _end(base, lift.end_group, int(lift.table.end[lift.picks[0]]))
    return RelationshipBlock(lift.table.type, start_labels, end_labels, start_space, end_space, lift.table.types, rows,
                             make)


def _end(base: Base, group: CloneGroup | None, node: int) -> tuple[Space, tuple[str, ...]]:
    if group is None:
        return "base", base.nodes[int(base.table_of[node])].labels
    return "operation", base.nodes[group.table].labels
