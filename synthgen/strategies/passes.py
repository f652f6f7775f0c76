"""One pass of cloning: nodes with their ties, and how to find them by number; an operation may need several; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synthgen.base import Base
from synthgen.clones import CloneGroup, Lift, relationship_block
from synthgen.growth import NodeBlock, RelationshipBlock
from synthgen.renaming import Renaming
from synthgen.templates.counting import Counting
from synthgen.templates.rules import Members
from synthgen.templates.shares import Shares


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass makes.

    Attributes:
        nodes: A block for each of `groups`.
        lifts: Its ties.
        blocks: Ties that are no lifts.
        nowhere: Ties to locations that the base has no node for.
        groups: Of its clones, in the order of their import ids.
        renaming: What writes ids and names anew in them.
        labels: Label sets by the first import id of a group, where they are not those of the originals.
        counting: The numbers of its clones, when a template file or new types ask for them.
    """

    nodes: Sequence[NodeBlock]
    lifts: Sequence[Lift]
    blocks: Sequence[RelationshipBlock]
    nowhere: int
    groups: Sequence[CloneGroup]
    renaming: Renaming
    labels: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    counting: Counting | None = None

    @property
    def rows(self) -> int:
        """Nodes in all."""
        return sum(group.rows for group in self.groups)

    @property
    def counted(self) -> Mapping[int, int]:
        """How many of each kind there are after this pass."""
        return {} if self.counting is None else self.counting.counted

    def label_set(self, base: Base, group: CloneGroup) -> tuple[str, ...]:
        """Give the label set of a group's clones."""
        return self.labels.get(group.first, base.nodes[group.table].labels)

    def tied(self, base: Base, lift: Lift, rows: int, *, seed: int) -> RelationshipBlock:
        """Make a block of `rows` of a lift's relationships, with the label sets that their ends have here."""
        block = relationship_block(base, lift, rows, seed=seed, rewritten=self.renaming.rewritten(lift))
        start, end = (None if group is None else self.labels.get(group.first)
                      for group in (lift.start_group, lift.end_group))
        return replace(block, start_labels=start or block.start_labels, end_labels=end or block.end_labels)


def members_of(base: Base, passes: Sequence[Pass], shares: Shares) -> dict[str, Members]:
    """Find the resources of each type; all of one type are made in one pass."""
    found: dict[str, Members] = {}
    for one in passes:
        if one.counting is None:
            continue
        for kind, type_ in enumerate(shares.types):
            groups = [group for group in one.groups if kind in one.counting.kinds_of(group.members)]
            if groups and shares.totals[type_]:
                found[type_] = Members(one.counting, kind, shares.totals[type_],
                                       np.array([group.first for group in groups], np.int64),
                                       [one.label_set(base, group) for group in groups])
    return found
