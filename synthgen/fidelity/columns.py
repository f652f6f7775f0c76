"""How each property is compared, decided from the reference: as a number, a time, a category or a text; pure.

Ids, names and long texts are different on every node by nature, so the share of equal values would say nothing: their
presence, length and form are compared instead. All other values have distributions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.distinct import distinct
from synthgen.fidelity.measured import I32, Measured
from synthgen.profile import Profile
from synthgen.types import TYPES

FEW_VALUES = 20
"""A text property with at most so many different values is a category, however few nodes have it."""
MOST_CATEGORIES = 200
"""A category with more values is not paired with others: its pairs would all be rare."""
MOST_PAIRED = 8
"""Properties that are paired with each other; of more, those that most nodes have."""
BINS = 8
"""Bins of a number or a time when it is paired, of about equally many nodes of the reference."""
_NUMBERS = frozenset(("INTEGER", "FLOAT"))
_TIMES = {"DATE": ("%Y-%m-%d",), "LOCAL DATETIME": ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"),
          "ZONED DATETIME": ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z")}
"""How Neo4j writes times; seconds are left out when they are 0."""


class Comparison(Enum):
    """How the values of a property are compared."""

    CATEGORY = "category"
    NUMBER = "number"
    TIME = "time"
    TEXT = "identifying text"


Property = tuple[str, str]
"""A property's name and its Neo4j type: one name may have several types."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How the values of a property become small codes for pairs: 0 where absent, then bins or categories, then others.

    Attributes:
        categories: Sorted; empty for numbers and times.
        edges: Of the bins of numbers and times, ascending.
    """

    categories: tuple[str, ...]
    edges: npt.NDArray[np.float64]

    def codes(self, values: pl.Series) -> I32:
        """Give the code of each value, as `comparable` gave it."""
        if values.dtype == pl.Float64:
            present = values.is_not_null().to_numpy()
            places = np.searchsorted(self.edges, values.fill_null(0.0).to_numpy(), side="right") + 1
            return np.where(present, places, 0).astype(np.int32)
        known = {value: code for code, value in enumerate(self.categories, start=1)}
        return values.replace_strict(known, default=pl.when(values.is_null()).then(0).otherwise(len(known) + 1),
                                     return_dtype=pl.Int32).to_numpy()


@dataclass(frozen=True, slots=True)
class Columns:
    """How the properties of nodes, or of relationships, are compared.

    Attributes:
        comparisons: For each property of the reference.
        codings: For those that are paired.
    """

    comparisons: dict[Property, Comparison]
    codings: dict[Property, Coding]


def comparable(column: pl.Series, type_: str, comparison: Comparison) -> pl.Series:
    """Give values as they are compared: numbers and times (seconds since 1970) as Float64, all others as text."""
    if comparison is Comparison.NUMBER:
        return column.cast(pl.Float64)
    if comparison is Comparison.TIME:
        return _seconds(column, type_)
    if type_ == "BYTES":
        return column.bin.encode("hex")
    if TYPES[type_].is_list:
        return column.list.eval(pl.element().cast(pl.String)).list.join("\x1f")
    return column.cast(pl.String)


def _seconds(column: pl.Series, type_: str) -> pl.Series:
    # A time may name its zone in brackets behind the offset, which says the same.
    text = pl.col("text").str.replace(r"\[.*\]$", "").str.replace(r"Z$", "+00:00")
    parsed = [text.str.to_datetime(form, strict=False, time_unit="us").dt.epoch("us") for form in _TIMES[type_]]
    return pl.DataFrame({"text": column}).select(pl.coalesce(parsed).cast(pl.Float64) / 1e6).to_series()


def node_columns(graph: Measured, profile: Profile) -> Columns:
    """Decide for the properties of own nodes."""
    named = (profile.id, profile.name_property, *profile.container_names)
    return _decide(((rows.types, rows.frame) for rows in graph.nodes()), {name for name in named if name})


def relationship_columns(graph: Measured) -> Columns:
    """Decide for the properties of relationships; none of them are paired."""
    decided = _decide(((rows.types, rows.frame) for rows in graph.relationships()), set())
    return Columns(decided.comparisons, {})


def _decide(tables: Iterable[tuple[object, pl.DataFrame]], identifying: set[str]) -> Columns:
    pieces: dict[Property, list[pl.Series]] = {}
    for types, frame in tables:
        for name, type_ in dict(types).items():  # type: ignore[call-overload]  # a mapping
            pieces.setdefault((name, type_), []).append(frame[name])
    comparisons: dict[Property, Comparison] = {}
    codings: dict[Property, tuple[int, Coding]] = {}
    for (name, type_), series in sorted(pieces.items(), key=lambda item: item[0]):
        column = pl.concat(series).drop_nulls()
        comparison = Comparison.TEXT if name in identifying else _comparison(column, type_)
        comparisons[name, type_] = comparison
        if comparison is not Comparison.TEXT and len(column):
            coding = _coding(comparable(column, type_, comparison).drop_nulls())
            if coding is not None:
                codings[name, type_] = (len(column), coding)
    most = sorted(codings, key=lambda key: (-codings[key][0], key))[:MOST_PAIRED]
    return Columns(comparisons, {key: codings[key][1] for key in sorted(most)})


def _comparison(column: pl.Series, type_: str) -> Comparison:
    """Decide by the type and, for texts and whole numbers, by how many of the values differ."""
    if type_ in _TIMES and not comparable(column, type_, Comparison.TIME).null_count():
        return Comparison.TIME
    if type_ == "FLOAT":
        return Comparison.NUMBER
    different = comparable(column, type_, Comparison.CATEGORY).n_unique() if len(column) else 0
    identifying = different > FEW_VALUES and different > len(column) / 2
    if type_ == "INTEGER":
        # Numbers that no two nodes share count the nodes: they are ids.
        return Comparison.TEXT if different > FEW_VALUES and different == len(column) else Comparison.NUMBER
    return Comparison.TEXT if identifying else Comparison.CATEGORY


def _coding(values: pl.Series) -> Coding | None:
    """Make a property's coding, or none when it has but one value or too many."""
    if values.n_unique() < 2:  # noqa: PLR2004 - a constant goes together with everything
        return None
    if values.dtype == pl.Float64:
        finite = values.filter(values.is_finite()).to_numpy()
        known = distinct(finite)
        if len(known) <= BINS:
            return Coding((), known[1:])
        return Coding((), np.unique(np.quantile(finite, np.arange(1, BINS) / BINS)))
    categories = tuple(values.unique().sort().to_list())
    return Coding(categories, np.zeros(0)) if len(categories) <= MOST_CATEGORIES else None
