"""Cuts the texts of cloned nodes where ids and names stand in them, so that every clone gets its own; pure.

An id is cut behind every beginning that is itself the id of a cloned node, so that a copied subnet's id begins with its
copied virtual network's. In other properties, also inside JSON and lists, every id or name of a cloned node is cut out
and is written anew for the clone that is meant (`synthgen.numbering`), and so is a GUID that one node alone has. What
has no clone is spoken of as in the base: there it exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.clones import Clones
from synthgen.containment import Containment
from synthgen.identifiers import GUID, By, Identifiers, Mention, guids_of_one_node
from synthgen.numbering import Numbering
from synthgen.pieces import Mark, Names, Piece, salt_of
from synthgen.seeding import I64

Row = list[Piece]


def identifiers_of(base: Base, clones: Clones, instead: Mapping[int, int] | None = None) -> Identifiers:
    """Give what is known of nodes that are cloned, or that others stand `instead` of."""
    anew: Mask = clones.count > 0
    anew[list(instead or {})] = True
    return Identifiers(base, anew)


class Cutting:
    """Cuts columns of cloned nodes; each method gives the pieces of each row.

    Attributes:
        given: Names that clones are given, if any are.
    """

    def __init__(
        self, base: Base, clones: Clones, containment: Containment, numbering: Numbering, *, identifiers: Identifiers,
        given: Names | None = None, instead: Mapping[int, int] | None = None,
    ) -> None:
        """Prepare for all columns.

        Args:
            base: The base.
            clones: Which of its nodes are cloned.
            containment: What is around them.
            numbering: Which clone is meant by a text.
            identifiers: What cloned nodes, and those that others stand instead of, are known by.
            given: Names that clones are given, if any are.
            instead: What stands instead of nodes of the base is spoken of in their place.
        """
        self.given = given
        self._instead = instead or {}
        self._clones = clones
        self._containment = containment
        self._numbering = numbering
        self._identifiers = identifiers
        self._names = base.texts(base.profile.name_property)
        self._ids = base.texts(base.profile.id)
        cloned = self._ids.filter(pl.Series(clones.group_of >= 0))
        self._repeated = set(cloned.filter(cloned.is_duplicated()).drop_nulls())
        self._own_guids = guids_of_one_node(base)

    def keys(self, values: pl.Series, members: I64, *, is_id: bool) -> list[Row]:
        """Cut values that must be unique: each of a clone's own."""
        rows: list[Row] = []
        for node, value in zip(members.tolist(), values, strict=True):
            if value is None:
                rows.append([])
                continue
            above = self._identifiers.prefixes(value)
            rows.append([*self._above(value, 0, 0, above),
                         *self._marked(value, above[-1][0] if above else 0, 0, node if is_id else None)])
        return rows

    def names(self, values: pl.Series, members: I64) -> list[Row]:
        """Cut names: each becomes the clone's own."""
        return [[] if value is None else [self._name(value, len(value), node)]
                for node, value in zip(members.tolist(), values, strict=True)]

    def container_names(self, values: pl.Series, members: I64) -> list[Row]:
        """Cut the names of the containers around nodes."""
        rows: list[Row] = []
        for node, value in zip(members.tolist(), values, strict=True):
            container = int(self._containment.container[node])
            named = self._names[container] if container >= 0 and self._clones.count[container] else None
            if value is None or named is None or named.lower() != value.lower():
                rows.append([] if value is None else [Piece(value)])
            else:
                rows.append(self._ancestor(self._name(value, len(value), container), node, container))
        return rows

    def texts(self, values: pl.Series, members: I64) -> list[Row]:
        """Cut texts that may speak of nodes; rows that speak of none have no pieces."""
        found = [() if value is None else self._spoken_of(value, node)
                 for node, value in zip(members.tolist(), values, strict=True)]
        speakers = np.repeat(members, [len(mentions) for mentions in found])
        meant = np.array([mention.node for mentions in found for mention in mentions], np.int64)
        shifts, periods = self._numbering.rules(speakers, meant)
        rules = zip(shifts.tolist(), periods.tolist(), strict=True)
        return [self._cut(value, node, mentions, rules) if mentions else []
                for node, value, mentions in zip(members.tolist(), values, found, strict=True)]

    def _spoken_of(self, value: str, node: int) -> tuple[Mention, ...]:
        mentions = self._identifiers.mentions(value)
        own = self._names[node]
        if self._own_guids or own is not None:
            mentions = (*mentions, *self._own(value, node, own, mentions))
        return tuple(sorted(mentions, key=lambda mention: mention.begin))

    def _own(self, value: str, node: int, name: str | None, others: Sequence[Mention]) -> Iterator[Mention]:
        """Find what is the node's alone: GUIDs that no other has, and its name where that is a whole text of JSON."""
        low = value.lower()
        found = [(guid.start(), guid.end()) for guid in GUID.finditer(low) if guid.group() in self._own_guids]
        if name is not None:
            quoted = f'"{name.lower()}"'
            at = low.find(quoted)
            while at >= 0:
                found.append((at + 1, at + len(quoted) - 1))
                at = low.find(quoted, at + 1)
        for begin, end in found:
            if not any(begin < other.end and other.begin < end for other in others):
                yield Mention(begin, end, node, By.GUID if low[begin:end] in self._own_guids else By.NAME)

    def _cut(self, value: str, node: int, mentions: Iterable[Mention], rules: Iterator[tuple[int, int]]) -> Row:
        row: Row = []
        at = 0
        for mention in mentions:
            if mention.node in self._instead:
                row.append(Piece(value[at:mention.begin] + self._replaced(value[mention.begin:mention.end], mention)))
                at = mention.end
                next(rules)
                continue
            row += self._above(value, at, mention.begin, mention.above)
            at = mention.begin + mention.above[-1][0] if mention.above else at
            row += self._mention(value[:mention.end], at, mention, node, next(rules))
            at = mention.end
        return [*row, Piece(value[at:])]

    def _replaced(self, text: str, mention: Mention) -> str:
        """Give the name or id, or the end of the id, of what stands instead of a node."""
        if mention.by is By.NAME:
            return self._names[self._instead[mention.node]] or text
        id_ = self._ids[self._instead[mention.node]] or text
        return id_ if text.lower() == (self._ids[mention.node] or "").lower() else id_.rpartition("/")[2]

    def _mention(self, value: str, at: int, mention: Mention, node: int, rule: tuple[int, int]) -> Row:
        if mention.by is By.NAME:
            marked, rest = self._name(value[at:], mention.end - mention.begin, mention.node), []
        else:
            meant = mention.node if mention.by is By.ID else None
            marked, *rest = self._marked(value, at, mention.begin, meant)
        if mention.node == node:
            return [marked, *rest]
        if self._is_around(mention.node, node):
            return [*self._ancestor(marked, node, mention.node), *rest]
        modulus = int(self._clones.count[mention.node])
        return [replace(marked, shift=rule[0], period=rule[1], modulus=modulus), *rest]

    def _name(self, text: str, length: int, node: int) -> Piece:
        """Give a text whose last `length` characters are a node's name, with its mark."""
        if self.given is None or not self.given.named[node]:
            return Piece(text, Mark.TOKEN)
        return Piece(text, Mark.TOKEN, node=node, stem=text[: len(text) - length])

    def _is_around(self, container: int, node: int) -> bool:
        at = node
        for _ in range(int(self._containment.depth[node])):
            at = int(self._containment.parent[at])
            if at == container:
                return True
        return False

    def _ancestor(self, piece: Piece, node: int, ancestor: int) -> Row:
        """Number an ancestor's clone: the node's, wrapped by each that is between, from the inside out."""
        between = []
        at = int(self._containment.parent[node])
        while at != ancestor:
            between.append(at)
            at = int(self._containment.parent[at])
        moduli = [int(self._clones.count[one]) for one in (ancestor, *reversed(between))]
        row = [replace(piece, modulus=moduli[0], follows=bool(between))]
        row += [Piece("", modulus=modulus, follows=position < len(between))
                for position, modulus in enumerate(moduli[1:], start=1)]
        return row

    def _above(self, value: str, at: int, begin: int, above: Iterable[tuple[int, int]]) -> Row:
        """Cut an id behind the beginnings that are ids; the number of each is wrapped from that of the next."""
        row: Row = []
        start = at
        for length, node in above:
            if node in self._instead:  # its id has all that stands before
                row = [Piece(value[start:begin] + (self._ids[self._instead[node]] or value[begin:begin + length]))]
                at = begin + length
                continue
            modulus = int(self._clones.count[node])
            row += (replace(piece, follows=True, modulus=modulus)
                    for piece in self._marked(value[:begin + length], at, begin, node))
            at = begin + length
        return row

    def _marked(self, value: str, at: int, begin: int, node: int | None) -> Row:
        """Give a text from `at` on, which ends with the id from `begin` on, with its mark: a GUID is made anew.

        An id that several nodes have is followed by the number of the node meant, if one is.
        """
        tail = value[begin:].rpartition("/")[2]
        if GUID.fullmatch(tail.lower()):
            marked = Piece(value[at:len(value) - len(tail)], Mark.GUID, salt=salt_of(tail))
        else:
            marked = Piece(value[at:], Mark.TOKEN)
            if node is not None and self.given is not None and self.given.in_ids[node] and \
                    value[begin:].lower() == self._ids[node].lower():
                marked = replace(marked, node=node, stem=marked.text[: len(marked.text) - len(self._names[node])])
        return [marked, Piece(f"-{node}")] if node is not None and self._ids[node] in self._repeated else [marked]
