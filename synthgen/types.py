"""THE table of property types: Neo4j type ↔ Polars dtype ↔ CSV header ↔ Cypher; knows neither files nor servers.

Names are those of Cypher's `valueType()` without ` NOT NULL`. Temporal values, durations and points are held as text,
exactly as Neo4j writes them, because no Polars dtype holds nanoseconds, named zones and years beyond 9999 together;
text also goes to CSV and into Cypher's own functions unchanged. Vectors are text, too: their number of types is that of
all dimensions.
Sources: Cypher manual, "Values and types"; Operations manual, "Import", "Property data types".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from synthgen.errors import UsageError

ARRAY_DELIMITER = "\x1f"
"""Between the elements of a list in CSV. The importer has no escape for it; see `REST`."""

VECTOR_DELIMITER = ";"
"""Between the coordinates of a vector in CSV."""

EMPTY_ARRAYS = "__synthgen_empty"
"""Names a row's properties that are empty arrays. CSV has no form for these, so they are set after an import."""

REST = "__synthgen_rest"
"""Holds what else of a row CSV has no form for, as JSON; it is set after an import, too."""


@dataclass(frozen=True, slots=True)
class PropertyType:
    """One property type in its four forms.

    Attributes:
        name: Neo4j's name, such as `ZONED DATETIME`, `LIST<STRING>` or `VECTOR<FLOAT32>(3)`.
        dtype: How frames and Parquet hold it.
        header: Its name in a CSV header.
        read: Cypher that makes `{p}` what `dtype` holds.
        write: Cypher that makes the parameter `{v}` a property value; Cypher 25 for vectors, 5 or 25 for all others.
    """

    name: str
    dtype: pl.DataType
    header: str
    read: str = "{p}"
    write: str = "{v}"

    @property
    def is_list(self) -> bool:
        """Whether the type is a list of another."""
        return self.name.startswith("LIST<")

    @property
    def is_vector(self) -> bool:
        """Whether the type is a vector, which only Cypher 25 knows."""
        return self.name.startswith("VECTOR<")

    @property
    def element(self) -> PropertyType:
        """The type of a list's elements."""
        return TYPES[self.name[5:-1]]


POINT_WRITE = (
    # From text such as {srid:4326,x:12.5,y:55.75}, with z in the 3D systems; the importer reads the same text.
    "CASE WHEN {v} IS NULL THEN null ELSE head([c IN"
    " [[part IN split(substring({v}, 1, size({v}) - 2), ',') | split(part, ':')[1]]] |"
    " CASE WHEN size(c) = 4"
    " THEN point({srid: toInteger(c[0]), x: toFloat(c[1]), y: toFloat(c[2]), z: toFloat(c[3])})"
    " ELSE point({srid: toInteger(c[0]), x: toFloat(c[1]), y: toFloat(c[2])}) END]) END"
)

_SECONDS = "[+-][0-9]{2}:[0-9]{2}:[0-9]{2}"
ODD_ZONED_TIME = f".*{_SECONDS}"
"""Times whose offset has seconds, as before there were time zones. Neither CSV nor Cypher of 5.26 reads such a text."""
ODD_ZONED_DATETIME = rf"[^\[]*{_SECONDS}(\[.*)?"
"""The same of datetimes, with or without a zone's name after the offset."""


def _literal(pattern: str) -> str:
    return "'" + pattern.replace("\\", "\\\\") + "'"


ZONED_TIME_WRITE = (
    f"CASE WHEN {{v}} =~ {_literal(ODD_ZONED_TIME)} THEN"
    " time({time: localtime(left({v}, size({v}) - 9)), timezone: right({v}, 9)}) ELSE time({v}) END"
)
ZONED_DATETIME_WRITE = (
    # First with the offset, then in the zone: a local time alone may be two moments there.
    f"CASE WHEN {{v}} =~ {_literal(ODD_ZONED_DATETIME)} THEN head([t IN [split({{v}}, '[')] | datetime({{datetime:"
    " datetime({datetime: localdatetime(left(t[0], size(t[0]) - 9)), timezone: right(t[0], 9)}),"
    " timezone: coalesce(left(t[1], size(t[1]) - 1), right(t[0], 9))})]) ELSE datetime({v}) END"
)

_SCALARS = (
    PropertyType("BOOLEAN", pl.Boolean(), "boolean"),
    PropertyType("INTEGER", pl.Int64(), "long"),
    PropertyType("FLOAT", pl.Float64(), "double"),
    PropertyType("STRING", pl.String(), "string"),
    PropertyType("DATE", pl.String(), "date", "toString({p})", "date({v})"),
    PropertyType("LOCAL TIME", pl.String(), "localtime", "toString({p})", "localtime({v})"),
    PropertyType("ZONED TIME", pl.String(), "time", "toString({p})", ZONED_TIME_WRITE),
    PropertyType("LOCAL DATETIME", pl.String(), "localdatetime", "toString({p})", "localdatetime({v})"),
    PropertyType("ZONED DATETIME", pl.String(), "datetime", "toString({p})", ZONED_DATETIME_WRITE),
    PropertyType("DURATION", pl.String(), "duration", "toString({p})", "duration({v})"),
    # A point is read as the driver gives it: asking a 2D point for its z fails in Cypher.
    PropertyType("POINT", pl.String(), "point", "{p}", POINT_WRITE),
)


def _list_of(scalar: PropertyType) -> PropertyType:
    read, write = "{p}", "{v}"
    if scalar.read != "{p}":
        read = "[x IN {p} | " + scalar.read.replace("{p}", "x") + "]"
    if scalar.write != "{v}":
        write = "[x IN {v} | " + scalar.write.replace("{v}", "x") + "]"
    return PropertyType(f"LIST<{scalar.name}>", pl.List(scalar.dtype), scalar.header + "[]", read, write)


_VECTOR = re.compile(r"VECTOR<([A-Z0-9]+)>\(([1-9][0-9]{0,3})\)")
_COORDINATES = {"INTEGER": "long", "INTEGER32": "int", "INTEGER16": "short", "INTEGER8": "byte", "FLOAT": "double",
                "FLOAT32": "float"}
MOST_DIMENSIONS = 4096


class _Table(dict[str, PropertyType]):
    """All types by name; those of vectors are made when they are asked for."""

    def __missing__(self, name: str) -> PropertyType:
        vector = _VECTOR.fullmatch(name)
        if vector is None or vector[1] not in _COORDINATES or int(vector[2]) > MOST_DIMENSIONS:
            raise KeyError(name)
        coordinate, dimensions = vector.groups()
        header = f"vector{{coordinateType:{_COORDINATES[coordinate]},dimensions:{dimensions}}}"
        return PropertyType(name, pl.String(), header, "{p}", f"vector({{v}}, {dimensions}, {coordinate})")


TYPES: dict[str, PropertyType] = _Table({
    kind.name: kind
    for kind in (
        *_SCALARS,
        *(_list_of(scalar) for scalar in _SCALARS),
        # Cypher has no type of its own for bytes; drivers and the importer do.
        PropertyType("BYTES", pl.Binary(), "byte[]"),
    )
})
"""Every property type by its name; `TYPES[name]` also gives the types of vectors, which are too many to be listed."""


def vector_of(name: str) -> tuple[str, int]:
    """Give what the coordinates of a vector type are and how many, such as `("FLOAT32", 3)` of `VECTOR<FLOAT32>(3)`."""
    coordinate, dimensions = name[len("VECTOR<"):-1].split(">(")
    return coordinate, int(dimensions)


def type_named(value_type: str) -> PropertyType:
    """Find a type by the text that Cypher's `valueType()` gives.

    Raises:
        UsageError: The type is none that a property of this version can be.
    """
    name = re.sub(r" NOT NULL", "", value_type)
    try:
        return TYPES[name]
    except KeyError:
        raise UsageError(
            f"property type {value_type!r} is not supported",
            hint="remove or convert the property; supported: vectors, " + ", ".join(TYPES),
            value_type=value_type,
        ) from None


def check_types(types: Mapping[str, str]) -> None:
    """Check that every type a document gives its properties is in the table.

    Raises:
        TypeError: One is not.
    """
    for name, kind in types.items():
        try:
            TYPES[kind]
        except KeyError:
            raise TypeError(f"property {name!r} has the type {kind!r}, which is none") from None


def polars_schema(types: Mapping[str, str]) -> dict[str, pl.DataType]:
    """Give the Polars schema of a table whose properties have these Neo4j types."""
    return {name: TYPES[kind].dtype for name, kind in types.items()}


def list_properties(types: Mapping[str, str]) -> list[str]:
    """Name the properties that are lists."""
    return [name for name, kind in types.items() if TYPES[kind].is_list]
