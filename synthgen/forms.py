"""Which texts are names in Neo4j, and values of a property type in CSV and in frames; knows no file.

The forms are those that FORMAT.md names, "Property types": what Cypher's `toString()` writes, calendar included.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from synthgen.types import ARRAY_DELIMITER, TYPES, VECTOR_DELIMITER, vector_of

_NUMBER = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WHOLE = "-?[0-9]{1,19}"
_YEAR = "(?:[0-9]{4}|[+-][0-9]{4,9})"
# Divisible by 4 and not by 100, or by 400.
_LEAP_YEAR = ("(?:(?:[0-9]{2}|[+-][0-9]{2,7})(?:0[48]|[2468][048]|[13579][26])"
              "|(?:[+-][0-9]{0,5})?(?:[02468][048]|[13579][26])00)")
_DATE = (f"(?:{_YEAR}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
         f"|{_LEAP_YEAR}-02-29)")
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_OFFSET = "(?:Z|[+-](?:0[0-9]|1[0-8]):[0-5][0-9])"
_OFFSET_WITH_SECONDS = "(?:Z|[+-](?:0[0-9]|1[0-8]):[0-5][0-9](?::[0-5][0-9])?)"
_ZONE = r"\[[A-Za-z][A-Za-z0-9~/._+:-]*\]"


def _some(units: str) -> str:
    """Give a pattern of at least one of the units of a duration, in order."""
    amounts = [rf"-?[0-9]+(?:\.[0-9]+)?{unit}" for unit in units]
    return "(?:" + "|".join(first + "".join(f"(?:{one})?" for one in amounts[place:])
                            for place, first in enumerate(amounts, start=1)) + ")"


_FORMS = {
    "DATE": _DATE,
    "LOCAL TIME": _TIME,
    "LOCAL DATETIME": f"{_DATE}T{_TIME}",
    "DURATION": f"P(?:{_some('YMWD')}(?:T{_some('HMS')})?|T{_some('HMS')})",
    "POINT": rf"\{{srid:(?:(?:4326|7203),x:{_NUMBER},y:{_NUMBER}|(?:4979|9157),x:{_NUMBER},y:{_NUMBER},z:{_NUMBER})\}}",
}
_IN_CSV = {
    **_FORMS,
    "BOOLEAN": "(?:true|false)",
    "INTEGER": _WHOLE,
    "FLOAT": f"(?:{_NUMBER}|NaN|-?Infinity)",
    # An offset with seconds has no form in CSV: `synthgen.bundle.rest`.
    "ZONED TIME": f"{_TIME}{_OFFSET}",
    "ZONED DATETIME": f"{_DATE}T{_TIME}(?:{_OFFSET}(?:{_ZONE})?|{_ZONE})",
    # Octets, with the sign of Java's bytes.
    "BYTES": "(?:-?(?:[0-9]{1,2}|1[01][0-9]|12[0-7])|-128)",
}
_IN_FRAMES = {
    **_FORMS,
    "ZONED TIME": f"{_TIME}{_OFFSET_WITH_SECONDS}",
    "ZONED DATETIME": f"{_DATE}T{_TIME}(?:{_OFFSET_WITH_SECONDS}(?:{_ZONE})?|{_ZONE})",
}


def is_name(text: str) -> bool:
    """Say whether a label, a relationship type or a property can have this name."""
    return text != "" and "\0" not in text


def is_wrong_in_csv(text: pl.Expr, kind: str) -> pl.Expr | None:
    """Say of each field (String) whether it is no value of the type; None when every text is one.

    A number that has more digits than its type holds is wrong, too; so is a text that an import does not read.
    """
    form = TYPES[kind]
    if form.is_vector:
        return _is_no_vector(text, kind, VECTOR_DELIMITER)
    element = form.element.name if form.is_list else kind
    pattern = _IN_CSV.get(element)
    if pattern is None:
        return None
    many = form.is_list or kind == "BYTES"
    wrong = ~_has(text, pattern, ARRAY_DELIMITER if many else None)
    if element not in {"INTEGER", "FLOAT"}:
        return wrong
    if many:
        return wrong | text.str.split(ARRAY_DELIMITER).list.eval(_overflows(pl.element(), element)).list.any()
    return wrong | _overflows(text, element)


def is_wrong_in_frame(value: pl.Expr, kind: str) -> pl.Expr | None:
    """Say of each value, as frames hold it, whether it is none of the type; None when its dtype says so already."""
    form = TYPES[kind]
    if form.is_vector:
        return ~value.str.contains(r"^\[.*\]$") | _is_no_vector(value.str.strip_chars("[]"), kind, ",")
    pattern = _IN_FRAMES.get(form.element.name if form.is_list else kind)
    if form.is_list:
        # Neo4j has no list with a null in it.
        wrong = pl.element().is_null()
        return value.list.eval(wrong if pattern is None else wrong | ~_has(pl.element(), pattern)).list.any()
    return None if pattern is None else ~_has(value, pattern)


def is_value(value: Any, kind: str) -> bool:
    """Say whether one value, as frames hold it, is of the type; the slow form of `is_wrong_in_frame`."""
    if TYPES[kind].is_list:
        return all(is_value(element, TYPES[kind].element.name) for element in value)
    if kind == "INTEGER":
        return bool(-(2**63) <= value < 2**63)
    pattern = _IN_FRAMES.get(kind)
    return pattern is None or re.fullmatch(pattern, value) is not None


def _is_no_vector(text: pl.Expr, kind: str, delimiter: str) -> pl.Expr:
    coordinate, dimensions = vector_of(kind)
    pattern = _WHOLE if coordinate.startswith("INTEGER") else _NUMBER
    return ~_has(text, pattern, delimiter) | (text.str.count_matches(delimiter, literal=True) != dimensions - 1)


def _has(text: pl.Expr, pattern: str, separator: str | None = None) -> pl.Expr:
    return text.str.contains(f"^{pattern}$" if separator is None else f"^{pattern}(?:{separator}{pattern})*$")


def _overflows(text: pl.Expr, kind: str) -> pl.Expr:
    if kind == "INTEGER":
        return text.is_not_null() & text.cast(pl.Int64, strict=False).is_null()
    return text.cast(pl.Float64, strict=False).is_infinite() & ~text.str.ends_with("Infinity")
