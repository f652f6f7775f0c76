"""Names that a template file gives to copies, and what keeps ids with them unique; pure.

A given name takes the place of the base's at the end of an id. It stands there alone when nothing else can have that
id: the id's beginning is that of a copy, whose token no other operation has; the pattern never gives one name twice;
and no other type or entry gives names in the same place. Else the operation's mark follows it, with a number if needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from itertools import combinations

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.clones import Clones
from synthgen.identifiers import GUID
from synthgen.seeding import I64
from synthgen.templates.counting import Counting
from synthgen.templates.shares import Share, Shares
from synthgen.templates.texts import Text


class Marking(IntEnum):
    """What follows a given name, so that no other node has it or its id."""

    NONE = 0
    MARK = 1
    NUMBER = 2


class GivenNames:
    """The names given to the clones of one pass.

    Attributes:
        named: Per node number, whether its clones are given names.
        in_ids: Per node number, whether these take the place of the name at the end of its id.
    """

    def __init__(self, base: Base, clones: Clones, counting: Counting, shares: Shares, kind_of: I64) -> None:
        self._counting = counting
        self._shares = shares
        naming = np.array([any(share.entry.name for share in shares.of(kind)) for kind in range(shares.containers + 1)]
                          + [False])
        self.named: Mask = naming[kind_of] & (clones.group_of >= 0)
        self.in_ids: Mask = np.zeros(base.size, np.bool_)
        self._least: I64 = np.full(base.size, Marking.NONE, np.int64)
        self._firsts: I64 = np.cumsum([0, *shares.totals.values()])
        self._modes: I64 = np.array([_mode(shares.of(kind)) for kind in range(shares.containers + 1)])
        self._modes[shares.containers] = max(Marking.MARK, self._modes[shares.containers])
        if self.named.any():
            self._look_at_ids(base, clones, kind_of)
        for group in clones.groups:
            if _names_are_unique(base, base.nodes[group.table].labels):
                self._least[group.members] = Marking.NUMBER

    def texts(self, nodes: I64, copies: I64) -> pl.Series:
        """Give the names of clones; null where the base's name is kept, with a token."""
        kinds, numbers = self._counting.place(nodes, copies)
        return self.marked(kinds, numbers, self._least[nodes])

    def marked(self, kinds: I64, numbers: I64, least: I64) -> pl.Series:
        """Give the names of clones of kinds, marked at least as said where that is needed."""
        names = self._shares.names(kinds, numbers)
        modes = np.maximum(least, self._modes[kinds])
        mark = self._shares.mark
        return pl.DataFrame({"name": names, "mode": modes, "number": self._firsts[kinds] + numbers}).select(
            pl.when(pl.col("mode") == Marking.NONE).then(pl.col("name"))
            .when(pl.col("mode") == Marking.MARK).then(pl.col("name") + f"-{mark}")
            .otherwise(pl.format(f"{{}}-{mark}-{{}}", "name", "number")).alias("name")).to_series()

    def of_new_types(self, nodes: I64, kinds: I64, numbers: I64, types: pl.Series, least: I64) -> pl.Series:
        """Give the names of resources of types that the base has none of: the end of the type where none is given.

        Args:
            nodes: In whose places they stand.
            kinds: Their kinds.
            numbers: And their numbers in these.
            types: Their types.
            least: `Marking` that their ids need.
        """
        given = self.marked(kinds, numbers, np.maximum(self._least[nodes], least))
        frame = pl.DataFrame({"type": types, "number": self._firsts[kinds] + numbers})
        usual = frame.select(pl.format(f"{{}}-{self._shares.mark}-{{}}", pl.col("type").str.extract(
            r"([^/:]*)$").str.to_lowercase(), "number")).to_series()
        return given.zip_with(given.is_not_null(), usual)

    def _look_at_ids(self, base: Base, clones: Clones, kind_of: I64) -> None:
        ids, names = base.texts(base.profile.id), base.texts(base.profile.name_property)
        cloned = np.flatnonzero(clones.group_of >= 0)
        by_id = {text.lower() for text in ids[cloned] if text}
        repeated = set(ids[cloned].filter(ids[cloned].is_duplicated()))
        guids = ids.str.to_lowercase().str.contains(f"(^|/){GUID.pattern}$").fill_null(value=False)
        stems: list[tuple[str, int]] = []
        for node in np.flatnonzero(self.named).tolist():
            id_, name = ids[node], names[node]
            if not id_ or not name or "/" in name or id_ in repeated or guids[node] or \
                    not f"/{id_}".lower().endswith(f"/{name}".lower()):
                continue
            self.in_ids[node] = True
            stem = id_[: len(id_) - len(name)].lower()
            stems.append((stem, int(kind_of[node])))
            parts = stem.split("/")
            if not any("/".join(parts[:length]) in by_id for length in range(1, len(parts))):
                self._least[node] = Marking.MARK
        for kind in _sharing(stems):
            self._modes[kind] = Marking.NUMBER


def _names_are_unique(base: Base, labels: Sequence[str]) -> bool:
    return any(item.makes_unique(labels) and base.profile.name_property in item.properties
               and base.profile.id not in item.properties for item in base.snapshot.schema)


def _sharing(stems: list[tuple[str, int]]) -> list[int]:
    if not stems:
        return []
    found = pl.DataFrame(stems, schema=["stem", "kind"], orient="row").unique()
    return found.filter(pl.col("stem").is_duplicated())["kind"].unique().to_list()


def _mode(shares: Sequence[Share]) -> int:
    named = [share for share in shares if share.entry.name is not None]
    if all(_is_unique(share) for share in named) and all(_apart(*pair) for pair in combinations(named, 2)):
        return Marking.NONE
    return Marking.NUMBER


def _is_unique(share: Share) -> bool:
    name = share.entry.name
    return name is not None and (name.affixes is not None or (name.plain is not None and share.count == 1))


def _apart(one: Share, other: Share) -> bool:
    """Say whether two patterns never give one name, whatever the index; both give no name twice."""
    first, second = (_around(share.entry.name) for share in (one, other))
    if second[1] is None:
        first, second = second, first
    if first[1] is None or second[1] is None:
        return second[0] != first[0] if second[1] is None else not re.fullmatch(
            re.escape(second[0]) + r"\d+" + re.escape(second[1]), first[0])
    if first[0] == second[0]:
        return first[1] != second[1] and not any(after[:1].isdigit() for after in (first[1], second[1]))
    shorter, longer = sorted((first[0], second[0]), key=len)
    return not longer.startswith(shorter) or not longer[len(shorter)].isdigit()


def _around(name: Text | None) -> tuple[str, str | None]:
    """Give what stands before and after the number, in lower case as ids are compared; no after when there is none."""
    before, after = (name.affixes if name else None) or ((name.plain or "") if name else "", None)
    return before.lower(), None if after is None else after.lower()
