"""Columns of property values as the texts of import CSV, and back; knows property types, no files and no names."""

from __future__ import annotations

import polars as pl

from synthgen.graph import column
from synthgen.types import ARRAY_DELIMITER, EMPTY_ARRAYS, TYPES, VECTOR_DELIMITER

_TWICE = 2  # a list of one empty text: see FORMAT.md


def to_csv_text(name: str, kind: str) -> pl.Expr:
    """Give a property column as CSV writes it; the inverse of `from_csv_text`.

    An empty array and a list of one empty text are written as nothing; `EMPTY_ARRAYS` tells such lists from an absent
    property and from each other, and `REST` empty bytes.
    """
    value = column(name)
    if kind == "BYTES":
        return value.map_elements(_signed_octets, return_dtype=pl.String).replace("", None)
    if TYPES[kind].is_vector:
        return value.str.strip_chars("[]").str.replace_all(",", VECTOR_DELIMITER, literal=True)
    if TYPES[kind].is_list:
        element = scalar_text(pl.element(), TYPES[kind].element.name).cast(pl.String)
        texts = value.list.eval(element).list.join(ARRAY_DELIMITER)
        return pl.when((value.list.len() > 0) & ~_is_one_empty_text(name, kind)).then(texts)
    return scalar_text(value, kind)


def from_csv_text(name: str, kind: str) -> pl.Expr:
    """Read a column of CSV text back as the type's dtype; the inverse of `to_csv_text`."""
    text = column(name)
    property_type = TYPES[kind]
    if kind == "BYTES":
        return text.map_elements(_octets, return_dtype=pl.Binary).alias(name)
    if property_type.is_vector:
        return pl.format("[{}]", text.str.replace_all(VECTOR_DELIMITER, ",", literal=True)).alias(name)
    if not property_type.is_list:
        return _scalar_value(text, property_type.dtype).alias(name)
    value = text.str.split(ARRAY_DELIMITER).list.eval(_scalar_value(pl.element(), property_type.element.dtype))
    empty = pl.lit([], dtype=property_type.dtype)
    named = pl.col(EMPTY_ARRAYS).str.split(ARRAY_DELIMITER).list.count_matches(name)
    value = pl.when(named == 1).then(empty).otherwise(value)
    if kind == "LIST<STRING>":
        value = pl.when(named == _TWICE).then(pl.lit([""])).otherwise(value)
    return value.cast(property_type.dtype).alias(name)


def empty_arrays(name: str, kind: str) -> pl.Expr:
    """Give what `EMPTY_ARRAYS` says of a column of lists: its name, its name twice, or null."""
    return (pl.when(column(name).list.len() == 0).then(pl.lit(name))
            .when(_is_one_empty_text(name, kind)).then(pl.lit(name + ARRAY_DELIMITER + name)))


def _is_one_empty_text(name: str, kind: str) -> pl.Expr:
    if kind != "LIST<STRING>":
        return pl.lit(value=False)
    return (column(name).list.len() == 1) & (column(name).list.first() == "")


def scalar_text(value: pl.Expr, kind: str) -> pl.Expr:
    """Write single values: what a field holds, or an element of a list; integers stay integers."""
    # As text the quotes do no harm; Neo4j reads `Infinity`, Polars would write `inf`.
    if kind == "BOOLEAN":
        return value.cast(pl.String)
    if kind == "FLOAT":
        return value.cast(pl.String).replace({"inf": "Infinity", "-inf": "-Infinity"})
    return value


def _scalar_value(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean():
        return text == "true"
    if dtype == pl.Float64():
        return text.replace({"Infinity": "inf", "-Infinity": "-inf"}).cast(pl.Float64)
    return text.cast(dtype)


def _signed_octets(value: bytes) -> str:
    return ARRAY_DELIMITER.join(str((octet ^ 0x80) - 0x80) for octet in value)


def _octets(text: str) -> bytes:
    return bytes(int(octet) & 0xFF for octet in text.split(ARRAY_DELIMITER))
