"""How many of each entry of a template file are made, and how their texts are rendered; knows no clones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from synthgen.base import Base, Mask
from synthgen.errors import UsageError
from synthgen.seeding import I64, apportion, derive_seed, pick, token
from synthgen.templates.render import Renderer
from synthgen.templates.template import Entry, Template
from synthgen.templates.texts import MOST_INDEX, Text
from synthgen.templates.values import Value


@dataclass(frozen=True, slots=True)
class Share:
    """The resources of an entry: numbers from `first` of its kind; the index of an entry counts from 0."""

    entry: Entry
    first: int
    count: int
    seed: int


class Shares:
    """The entries of a template by kind: a kind is a type of resources, and the containers are the last one.

    Attributes:
        types: The types in the order of their kinds.
        totals: Resources of each type.
        containers: The kind of containers.
        mark: What makes a name that is given unique, where its pattern does not.
    """

    def __init__(
        self, base: Base, template: Template, totals: Mapping[str, int], chosen: Mask, *, operation_id: str, seed: int
    ) -> None:
        """Share each type's total among its entries by their counts, and draw locations as the chosen resources have.

        Raises:
            UsageError: A location is to be drawn, and neither the file nor the base has any.
        """
        self.types = tuple(totals)
        self.totals = dict(totals)
        self.containers = len(self.types)
        self.mark = token(seed, operation_id, "names")
        seed = derive_seed(seed, operation_id, "template file")
        self._shares = [self._share(template, type_, seed) for type_ in self.types]
        naming = Entry("", 0, name=template.container_name)
        self._shares.append((Share(naming, 0, MOST_INDEX, derive_seed(seed, "containers")),))
        self._locations, self._bounds = _locations(base, template, chosen)

    def _share(self, template: Template, type_: str, seed: int) -> tuple[Share, ...]:
        entries = [entry for entry in template.entries if entry.type == type_]
        counts = apportion(self.totals[type_], [entry.count for entry in entries])
        firsts = np.cumsum([0, *counts]).tolist()
        return tuple(Share(entry, first, count, derive_seed(seed, type_, position))
                     for position, (entry, first, count) in enumerate(zip(entries, firsts, counts, strict=False))
                     if count)

    def of(self, kind: int) -> Sequence[Share]:
        """Give the shares of a kind, in the order of their numbers."""
        return self._shares[kind]

    def split(self, kind: int, numbers: I64) -> list[tuple[Share, I64]]:
        """Tell which positions of these numbers belong to which share."""
        shares = self.of(kind)
        at = np.searchsorted([share.first for share in shares], numbers, side="right") - 1
        split = [(share, np.flatnonzero(at == position)) for position, share in enumerate(shares)]
        return [(share, positions) for share, positions in split if len(positions)]

    def random_locations(self, share: Share, index: I64) -> pl.Series:
        """Draw the location of each index: the same whatever else is made."""
        drawn = pick(index, derive_seed(share.seed, "random_location"), int(self._bounds[-1]))
        return self._locations[np.searchsorted(self._bounds, drawn, side="right")]

    def texts(self, share: Share, text: Text, index: I64) -> pl.Series:
        """Render a text that uses the index and the location drawn only."""
        needed: dict[str, Sequence[Any]] = {}
        if "index" in text.names:
            needed["index"] = index.tolist()
        if "random_location" in text.names:
            drawn = self.random_locations(share, index)
            if text.only is not None:
                return drawn
            needed["random_location"] = drawn.to_list()
        return _renderer(text).column(len(index), needed)

    def locations(self, kinds: I64, numbers: I64) -> pl.Series:
        """Give the location of each resource that the file gives one, null for others."""
        return self._gathered(kinds, numbers, lambda entry: entry.location)

    def names(self, kinds: I64, numbers: I64) -> pl.Series:
        """Give the name of each node that the file gives one, as its pattern says; null for others."""
        return self._gathered(kinds, numbers, lambda entry: entry.name)

    def _gathered(self, kinds: I64, numbers: I64, text_of: Any) -> pl.Series:
        pieces = [pl.Series([None], dtype=pl.String)]
        at: I64 = np.zeros(len(kinds), np.int64)
        height = 1
        for kind in np.unique(kinds[kinds >= 0]).tolist():
            here = np.flatnonzero(kinds == kind)
            for share, positions in self.split(kind, numbers[here]):
                text = text_of(share.entry)
                if text is not None:
                    rows = here[positions]
                    pieces.append(self.texts(share, text, numbers[rows] - share.first))
                    at[rows] = height + np.arange(len(rows))
                    height += len(rows)
        return pl.concat([piece.alias("text") for piece in pieces])[at]


@cache
def _renderer(text: Text) -> Renderer:
    return Renderer(Value(text, ""), "STRING")


def _locations(base: Base, template: Template, chosen: Mask) -> tuple[pl.Series, I64]:
    if template.random_locations:
        names = pl.Series(template.random_locations, dtype=pl.String)
        return names, np.arange(1, len(names) + 1)
    found = base.texts(base.profile.location).filter(pl.Series(chosen)).drop_nulls()
    counted = found.alias("name").value_counts(name="count").sort("name")
    drawing = [entry for entry in template.entries if _draws(entry)]
    if drawing and not counted.height:
        raise UsageError(f"{drawing[0].where}: there is no location to draw from: the base has none",
                         hint="give config: {random_locations: [eastus, westeurope]}")
    return counted["name"], counted["count"].cast(pl.Int64).cum_sum().to_numpy()


def _draws(entry: Entry) -> bool:
    names = [value.names for value in entry.columns.values()]
    return "random_location" in frozenset().union(*names, entry.location.names if entry.location else ())
