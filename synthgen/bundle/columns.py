"""What the columns of a group's files must hold, beside ids and ends; knows fields of text, no files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from synthgen.bundle.fields import Places, places_of
from synthgen.bundle.layout import Layout
from synthgen.bundle.rest import read_rest
from synthgen.errors import shown
from synthgen.forms import is_value, is_wrong_in_csv
from synthgen.metadata import OPERATION_ID, REQUIRED, SYNTHETIC
from synthgen.types import ARRAY_DELIMITER, EMPTY_ARRAYS, REST, list_properties

_TWICE = 2  # a list of one empty text: see FORMAT.md


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be so in every row.

    Attributes:
        column: The name of the column, for messages.
        place: Where it stands, from 0.
        wrong: Of each row whether it is not so; columns as `synthgen.bundle.fields.Fields` has them.
        says: What is wrong with a field of such a row.
    """

    column: str
    place: int
    wrong: pl.Expr
    says: Callable[[str | None], str]


def checks_of(layout: Layout, operation_id: str | None) -> list[Check]:
    """Give what every row of a layout has to fulfil; nodes have to be marked with the operation, where one is named."""
    places = places_of(layout)
    found = [*_checks_of_values(layout, places), *_checks_of_empty_arrays(layout, places)]
    if layout.naming is not None and places.naming is not None:
        name, text = layout.naming
        found.append(_has_to_be(name, places.naming, text))
    if places.rest is not None:
        found.append(Check(REST, places.rest, _is_wrong_rest(layout, places.rest),
                           lambda field: f"{REST} is {shown(field)}, which is not what it is for"))
    if operation_id is not None:
        found += _checks_of_marks(places, operation_id)
    return found


def _checks_of_values(layout: Layout, places: Places) -> Iterator[Check]:
    for name, place in places.properties.items():
        kind = layout.types[name]
        wrong = is_wrong_in_csv(at(place), kind)
        if wrong is not None:
            yield Check(name, place, wrong, lambda field, name=name, kind=kind:  # type: ignore[misc]
                        f"property {name!r} is {shown(field)}, which is no {kind} as FORMAT.md writes it")


def _checks_of_marks(places: Places, operation_id: str) -> Iterator[Check]:
    due = {SYNTHETIC: "true", OPERATION_ID: operation_id}
    for name in REQUIRED:
        place = places.properties[name]
        if name in due:
            yield _has_to_be(name, place, due[name])
        else:
            yield Check(name, place, at(place).is_null(),
                        lambda _, name=name: f"it has no {name!r}, which marks synthetic nodes")  # type: ignore[misc]


def _checks_of_empty_arrays(layout: Layout, places: Places) -> Iterator[Check]:
    if places.empty_arrays is None:
        return
    lists = list_properties(layout.columns)
    named = at(places.empty_arrays).str.split(ARRAY_DELIMITER)
    yield Check(EMPTY_ARRAYS, places.empty_arrays, named.list.eval(~pl.element().is_in(lists)).list.any(),
                lambda field: f"{EMPTY_ARRAYS} is {shown(field)}, which names a property that is no list")
    for name in lists:
        times = named.list.count_matches(name)
        most = _TWICE if layout.types[name] == "LIST<STRING>" else 1
        yield Check(
            EMPTY_ARRAYS, places.empty_arrays,
            (times > most) | (times > 0) & at(places.properties[name]).is_not_null(),
            lambda field, name=name: f"{EMPTY_ARRAYS} is {shown(field)}, but {name!r} has elements,"  # type: ignore[misc]
            " or is named too often")


def _is_wrong_rest(layout: Layout, place: int) -> pl.Expr:
    def is_wrong(text: str) -> bool:
        try:
            rest = read_rest(text)
            return tuple(rest.labels) != layout.late_labels or not all(
                layout.types[name] == kind and is_value(value, kind) for name, (kind, value) in rest.properties.items())
        except (ValueError, KeyError, TypeError, AttributeError):
            return True

    field = at(place)
    wrong = field.map_elements(is_wrong, return_dtype=pl.Boolean)
    return wrong | field.is_null() if layout.late_labels else wrong


def _has_to_be(name: str, place: int, text: str) -> Check:
    return Check(name, place, at(place).ne_missing(pl.lit(text)),
                 lambda field: f"{name!r} is {shown(field)} and not {text!r}")


def at(place: int) -> pl.Expr:
    """Give the column of fields in a place."""
    return pl.col(f"{place}")
