"""Renders values for many rows at once, in Jinja's sandbox; knows neither files nor graphs.

A value becomes one Jinja template that runs through all rows, so that it is compiled once and a row costs microseconds.
It writes a line of JSON for each row, which is the property itself where that is nested.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from jinja2 import Template, nodes

from synthgen.templates.texts import ENVIRONMENT, Expression, Text
from synthgen.templates.values import Value, json_leaf, json_text
from synthgen.types import TYPES

_ROWS = "rows"
_INSIDE, _WHOLE = "json_inside", "json_whole"
_SANDBOX = ENVIRONMENT.overlay()
_SANDBOX.filters = {
    **ENVIRONMENT.filters,
    _INSIDE: lambda value: json.dumps(str(value), ensure_ascii=False)[1:-1],
    _WHOLE: lambda value: json.dumps(value, ensure_ascii=False),
}


class Renderer:
    """Makes the column of one value.

    Attributes:
        names: Those whose values it needs, in the order in which `column` takes them.
    """

    def __init__(self, value: Value, kind: str) -> None:
        self.names = tuple(sorted(value.names))
        self._kind = kind
        self._nested = kind == "STRING" and isinstance(value.content, list | dict)
        self._fixed: Any = None
        self._template: Template | None = None
        if value.fixed:
            plain = _plain(value.content)
            self._fixed = json_text(plain) if self._nested else float(plain) if kind == "FLOAT" and plain is not None \
                else plain
        else:
            self._template = _compile(_texts(value.content) if kind.endswith("STRING>") else value.content, self.names,
                                      texts=kind == "STRING")

    def column(self, rows: int, values: Mapping[str, Sequence[Any]]) -> pl.Series:
        """Make the values of some rows.

        Args:
            rows: How many.
            values: For each of `names`, its value in each row.
        """
        dtype = TYPES[self._kind].dtype
        if self._template is None:
            return pl.select(pl.repeat(pl.lit(self._fixed, dtype=dtype), rows)).to_series() if rows else \
                pl.Series([], dtype=dtype)
        text = self._template.render({_ROWS: zip(*(values[name] for name in self.names), strict=True)})
        lines = text.split("\n")[:-1]
        return pl.Series(lines if self._nested else json.loads(f"[{','.join(lines)}]"), dtype=dtype)


def _plain(content: Any) -> Any:
    match content:
        case Text():
            return content.plain
        case dict():
            return {key: _plain(item) for key, item in content.items()}
        case list():
            return [_plain(item) for item in content]
        case _:
            return content


def _texts(items: Sequence[Text]) -> list[Text]:
    """Let the items of a list be texts, also those that are one expression of a number."""
    return [Text((*item.pieces, "")) for item in items]


def _compile(content: Any, names: Sequence[str], *, texts: bool) -> Template:
    pieces = [*(_quoted(content) if texts and isinstance(content, Text) else _written(content)), "\n"]
    output = nodes.Output([nodes.TemplateData(piece) if isinstance(piece, str) else piece for piece in pieces])
    target = nodes.Tuple([nodes.Name(name, "store") for name in names], "store")
    loop = nodes.For(target, nodes.Name(_ROWS, "load"), [output], [], None, False)
    whole = nodes.Template([loop], lineno=1)
    whole.set_environment(_SANDBOX)
    for node in whole.iter_child_nodes():
        node.set_lineno(1)
    return _SANDBOX.from_string(whole)


def _written(content: Any) -> list[str | nodes.Expr]:
    """Write a content as JSON in pieces, expressions being some of them."""
    match content:
        case Text(only=Expression() as only):
            return [_filtered(only.node, _WHOLE)]
        case Text():
            return _quoted(content)
        case dict() | list():
            pieces: list[str | nodes.Expr] = []
            keys = [f"{json_leaf(key)}:" for key in content] if isinstance(content, dict) else [""] * len(content)
            for position, (key, item) in enumerate(zip(keys, content.values() if isinstance(content, dict) else content,
                                                       strict=True)):
                pieces += [("," if position else "") + key, *_written(item)]
            left, right = "{}" if isinstance(content, dict) else "[]"
            return [left, *pieces, right]
        case _:
            return [json_leaf(content)]


def _quoted(text: Text) -> list[str | nodes.Expr]:
    return ['"', *(json_leaf(piece)[1:-1] if isinstance(piece, str) else _filtered(piece.node, _INSIDE)
                   for piece in text.pieces), '"']


def _filtered(node: nodes.Expr, name: str) -> nodes.Expr:
    return nodes.Filter(node, name, [], [], None, None)
