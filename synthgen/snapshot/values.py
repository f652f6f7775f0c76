"""Turns the driver's values into those that frames hold; knows neither queries nor tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from synthgen.types import TYPES

BYTES, INTEGERS = "BYTES", "LIST<INTEGER>"


def column_of(name: str, values: Sequence[Any], kind: str) -> pl.Series:
    """Make a property's column from values as the driver gives them for the type's `read`.

    Raises:
        TypeError: A value is of another type.
    """
    if kind == "POINT":
        values = [None if value is None else point_text(value) for value in values]
    elif kind == "LIST<POINT>":
        values = [None if value is None else [point_text(point) for point in value] for value in values]
    elif TYPES[kind].is_vector:
        values = [None if value is None else vector_text(value) for value in values]
    return pl.Series(name, values, dtype=TYPES[kind].dtype, strict=True)


def share(columns: Sequence[Sequence[Any]], tables: Sequence[Mapping[str, str]]) -> tuple[
        list[bool] | None, dict[str, str] | None]:
    """Say which rows belong to the last of some tables, which differ in what are bytes and what lists of integers.

    A row belongs to the first table that it fits; what is absent fits both.

    Args:
        columns: Values of the properties of the tables, in their order.
        tables: The types of each table's properties.

    Returns:
        Whether each row belongs to the last table, None when all do; types of a table for the first row that fits none.
    """
    names = {name: place for place, (name, kind) in enumerate(tables[-1].items()) if kind in {BYTES, INTEGERS}}
    rows = list(zip(*(map(_array_kind, columns[place]) for place in names.values()), strict=True))
    homes = {row: next((number for number, types in enumerate(tables) if all(
        kind in {None, types[name]} for name, kind in zip(names, row, strict=True))), None) for row in set(rows)}
    if set(homes.values()) <= {len(tables) - 1}:
        return None, None
    homeless = next((row for row in rows if homes[row] is None), None)
    further = None if homeless is None else {
        **tables[-1], **{name: kind or INTEGERS for name, kind in zip(names, homeless, strict=True)}}
    return [homes[row] == len(tables) - 1 for row in rows], further


def _array_kind(value: Any) -> str | None:
    return None if value is None else BYTES if isinstance(value, bytes) else INTEGERS


def weight(values: Sequence[Any], kind: str) -> int:
    """Give roughly how many bytes values need, numbers and the like left out."""
    kinds = TYPES[kind]
    if not kinds.is_list:
        return sum(map(len, filter(None, values))) if isinstance(kinds.dtype, pl.String | pl.Binary) else 0
    if isinstance(kinds.element.dtype, pl.String):
        return sum(sum(map(len, value)) + len(value) for value in values if value)
    return 8 * sum(len(value) for value in values if value)


def point_text(point: Any) -> str:
    """Write a driver's point as FORMAT.md has it."""
    axes = ",".join(f"{axis}:{value!r}" for axis, value in zip("xyz", point, strict=False))
    return f"{{srid:{point.srid},{axes}}}"


def vector_text(vector: Any) -> str:
    """Write a driver's vector as FORMAT.md has it."""
    return f"[{','.join(map(repr, vector.to_native()))}]"
