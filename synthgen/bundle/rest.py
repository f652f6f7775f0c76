"""What import CSV has no form for, as JSON in a column of its own, and back; knows property types, no files.

FORMAT.md, "What CSV cannot say", is what is written. After an import `importer.remaining` sets what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from synthgen.bundle.texts import scalar_text
from synthgen.graph import column
from synthgen.types import ARRAY_DELIMITER, EMPTY_ARRAYS, ODD_ZONED_DATETIME, ODD_ZONED_TIME, REST, TYPES

_NOT_IN_HEADER = re.compile(rf"[{{(\r\n{ARRAY_DELIMITER}]")
_LABELS = ""  # no property of Neo4j has this name
_ODD = {"ZONED TIME": f"^(?:{ODD_ZONED_TIME})$", "ZONED DATETIME": f"^(?:{ODD_ZONED_DATETIME})$"}
_ODD_IN_LIST = {**_ODD, "STRING": ARRAY_DELIMITER}
_PARSED: Mapping[str, Callable[[str], Any]] = {
    "BOOLEAN": "true".__eq__, "INTEGER": int, "FLOAT": float, "BYTES": bytes.fromhex,
}


@dataclass(frozen=True, slots=True)
class Rest:
    """What one row's JSON says.

    Attributes:
        properties: Property → (type, value as `synthgen.types` holds it).
        labels: Labels that the row's node has besides those that CSV names.
    """

    properties: Mapping[str, tuple[str, Any]]
    labels: Sequence[str] = field(default_factory=tuple)


def has_column(name: str) -> bool:
    """Say whether a property can have a column: its name has a form in a header, and is none of this format's own."""
    return not _NOT_IN_HEADER.search(name) and name not in {EMPTY_ARRAYS, REST}


def may_have_rest(types: Mapping[str, str]) -> bool:
    """Say whether rows with these types may hold something that CSV has no form for."""
    return any(_may_be_rest(name, kind) for name, kind in types.items())


def _may_be_rest(name: str, kind: str) -> bool:
    return not has_column(name) or kind == "BYTES" or _pattern(kind) is not None


def is_rest(name: str, kind: str) -> pl.Expr:
    """Say of each value of a column whether CSV has no form for it; null where there is none."""
    pattern = _pattern(kind)
    if not has_column(name):
        return pl.when(column(name).is_not_null()).then(pl.lit(value=True))
    if kind == "BYTES":
        return column(name).bin.size() == 0
    if pattern is None:
        return pl.lit(value=False)
    if TYPES[kind].is_list:
        return column(name).list.eval(pl.element().str.contains(pattern)).list.any()
    return column(name).str.contains(pattern)


def _pattern(kind: str) -> str | None:
    return _ODD_IN_LIST.get(TYPES[kind].element.name) if TYPES[kind].is_list else _ODD.get(kind)


def rest_texts(frame: pl.DataFrame, types: Mapping[str, str], labels: Sequence[str]) -> pl.Series:
    """Give each row's JSON, null where it has none; `labels` are said on every row."""
    # Series methods find their series by its name, and take some names for patterns, too: so these have a plain one.
    said = {name: frame.select(is_rest(name, kind).fill_null(value=False).alias("said")).to_series()
            for name, kind in types.items() if _may_be_rest(name, kind)}
    said = {name: rows for name, rows in said.items() if rows.any()}
    found: list[dict[str, list[Any]]] = [{_LABELS: ["LABELS", list(labels)]} if labels else {}
                                         for _ in range(frame.height)]
    for name, rows in said.items():
        places = rows.arg_true()
        texts = frame.select(_json_value(name, types[name]).alias("said")).to_series()[places]
        for place, text in zip(places, texts, strict=True):
            found[place][name] = [types[name], text.to_list() if isinstance(text, pl.Series) else text]
    return pl.Series([json.dumps(one, ensure_ascii=False, separators=(",", ":")) if one else None for one in found],
                     dtype=pl.String)


def _json_value(name: str, kind: str) -> pl.Expr:
    if kind == "BYTES":
        return column(name).bin.encode("hex")
    if TYPES[kind].is_list:
        return column(name).list.eval(scalar_text(pl.element(), TYPES[kind].element.name).cast(pl.String))
    return scalar_text(column(name), kind).cast(pl.String)


def read_rest(text: str) -> Rest:
    """Read a row's JSON.

    Raises:
        ValueError, KeyError, TypeError: It is not what `rest_texts` writes.
    """
    document = json.loads(text)
    _, labels = document.pop(_LABELS, (None, ()))
    return Rest({name: (kind, _value(kind, said)) for name, (kind, said) in document.items()}, labels)


def _value(kind: str, said: Any) -> Any:
    if TYPES[kind].is_list:
        return [_PARSED.get(TYPES[kind].element.name, str)(text) for text in said]
    return _PARSED.get(kind, str)(said)


def with_rest(frame: pl.DataFrame, texts: pl.Series, types: Mapping[str, str]) -> pl.DataFrame:
    """Put what rows' JSON says of some properties into a frame in which these are null there.

    Raises:
        ValueError, KeyError, TypeError: As `read_rest`.
    """
    found: dict[str, dict[int, Any]] = {}
    for place in texts.is_not_null().arg_true():
        for name, (_, value) in read_rest(texts[place]).properties.items():
            found.setdefault(name, {})[place] = value
    columns = []
    for name in found.keys() & types.keys():
        values: list[Any] = frame[name].to_list()
        for place, value in found[name].items():
            values[place] = value
        columns.append(pl.Series(name, values, dtype=TYPES[types[name]].dtype))
    return frame.with_columns(columns)
