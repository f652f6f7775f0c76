"""Turns JSON documents into frozen dataclasses, checking every value's kind on the way; knows no format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Shape = TypeVar("Shape")


def build(shape: type[Shape], document: Any, where: str = "it") -> Shape:
    """Build a dataclass from a table of JSON, and so on inwards.

    Args:
        shape: Its fields are `Any`, `str`, `int`, `float`, a `Literal`, dataclasses, tuples and mappings of these, and
            one of these or None.
        document: What JSON gave.
        where: What the document is called in errors.

    Raises:
        TypeError: Something is missing, not known, or of another kind; the text says where.
    """
    if not isinstance(document, dict):
        raise TypeError(f"{where} is no table")
    kinds = get_type_hints(shape)
    known = {field.name: field.default is MISSING and field.default_factory is MISSING
             for field in fields(shape)}  # type: ignore[arg-type]  # the caller gives a dataclass
    for name, needed in known.items():
        if needed and name not in document:
            raise TypeError(f"{where} has no {name!r}")
    for name in document:
        if name not in known:
            raise TypeError(f"{where} has {name!r}, which is not known")
    return shape(**{name: _value(kinds[name], value, f"{name} of {where}") for name, value in document.items()})


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: PLR0911 - one answer per kind
    if kind is Any:
        return value
    if is_dataclass(kind) and isinstance(kind, type):
        return build(kind, value, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(inner[0], item, where) for item in value)
    if origin is Mapping and isinstance(value, dict):
        return {name: _value(inner[1], item, where) for name, item in value.items()}
    if origin is UnionType:
        return None if value is None and NoneType in inner else _value(inner[0], value, where)
    if origin is Literal and value in inner:
        return value
    if origin is None and isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
        return value
    raise TypeError(f"{where} cannot be {value!r:.60}")
