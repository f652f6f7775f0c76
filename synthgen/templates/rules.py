"""Relationships that a template file asks for between resources of two types, by arithmetic on their numbers; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.errors import UsageError
from synthgen.graph import END, START
from synthgen.growth import RelationshipBlock
from synthgen.scenarios.pairs import Grid, Pairs, pair_rows
from synthgen.seeding import I64
from synthgen.templates.counting import Counting
from synthgen.templates.sieve import Sieve
from synthgen.templates.template import Rule


@dataclass(frozen=True, slots=True)
class Members:
    """The resources of a type.

    Attributes:
        counting: Finds them by number.
        kind: Theirs.
        count: How many.
        firsts: First import ids of the clone groups of their pass, rising.
        labels: The label set of each of these groups.
    """

    counting: Counting
    kind: int
    count: int
    firsts: I64
    labels: Sequence[tuple[str, ...]]

    def ids(self, numbers: I64) -> I64:
        """Give their import ids."""
        return self.counting.import_ids(self.kind, numbers)

    def label_sets(self, ids: I64) -> I64:
        """Give the position in `labels` of the first group that has the label set of each."""
        alike = np.array([self.labels.index(labels) for labels in self.labels], np.int64)
        found: I64 = alike[np.searchsorted(self.firsts, ids, side="right") - 1]
        return found


def check_rules(base: Base, rules: Sequence[Rule]) -> None:
    """Check that rules make no relationship of a protected type.

    Raises:
        UsageError: Names the line of the first that does.
    """
    for rule in rules:
        if rule.type in base.profile.protected_types:
            raise UsageError(f"{rule.where}: relationships of type {rule.type!r} are never made",
                             hint="the profile protects them; choose another type", type=rule.type)


def rule_blocks(rules: Sequence[Rule], members: Mapping[str, Members]) -> list[RelationshipBlock]:
    """Make the relationships of rules; one between types of which none are made has none."""
    blocks: list[RelationshipBlock] = []
    for rule in rules:
        if rule.start in members and rule.end in members:
            blocks += _Ruled(rule, members[rule.start], members[rule.end]).blocks()
    return blocks


class _Ruled:
    """The relationships of one rule: pairs of numbers become pairs of import ids."""

    def __init__(self, rule: Rule, start: Members, end: Members) -> None:
        self._rule = rule
        self._start, self._end = start, end
        pairs = _pairs(rule, start.count, end.count)
        self._pairs = pairs
        self._rows = int(Fraction(str(rule.share)) * pairs.rows + Fraction(1, 2))

    def blocks(self) -> list[RelationshipBlock]:
        """Make a block for each two label sets that are tied."""
        blocks = []
        starts, ends = (sorted({one.labels.index(labels) for labels in one.labels})
                        for one in (self._start, self._end))
        for start in starts:
            for end in ends:
                sieve = self._between(start, end)
                if sieve.rows:
                    blocks.append(self._block(start, end, sieve))
        return blocks

    def _between(self, start: int, end: int) -> Sieve:
        def tied(rows: I64) -> Mask:
            starts, ends = self._ids(rows)
            both: Mask = (self._start.label_sets(starts) == start) & (self._end.label_sets(ends) == end)
            return both

        return Sieve(self._rows, tied)

    def _ids(self, rows: I64) -> tuple[I64, I64]:
        starts, ends = self._pairs.ends(rows)
        return self._start.ids(starts), self._end.ids(ends)

    def _block(self, start: int, end: int, sieve: Sieve) -> RelationshipBlock:
        def make(first: int, stop: int) -> pl.DataFrame:
            starts, ends = self._ids(sieve(first, stop))
            return pl.DataFrame({START: starts, END: ends})

        return RelationshipBlock(self._rule.type, self._start.labels[start], self._end.labels[end], "operation",
                                 "operation", {}, sieve.rows, make)


def _pairs(rule: Rule, start: int, end: int) -> Pairs:
    one_group = rule.start == rule.end
    try:
        return pair_rows(rule.how, Grid(1, start), Grid(1, end), one_group=one_group, within=True, each=rule.each)
    except UsageError as error:
        raise UsageError(f"{rule.where}: {error.message}", hint=error.hint) from None
