"""Which statement creates an index or constraint on a given server, or why none does; pure, asks no server."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from importer.cypher import DIALECT
from importer.schema_choice import EXPANSION, QUANTIZATION, QUANTIZED, UNQUANTIZED
from synthgen.database import OLDEST_SERVER, Server, quote, read_version
from synthgen.graph import SchemaItem

ANALYZER = "fulltext.analyzer"
_OF_COMMUNITY = ("NODE_PROPERTY_UNIQUENESS", "RELATIONSHIP_PROPERTY_UNIQUENESS")
_VECTOR_OPTIONS_OF_5 = frozenset((
    "vector.dimensions", "vector.similarity_function", QUANTIZED, "vector.hnsw.m", "vector.hnsw.ef_construction"))


def find_obstacle(item: SchemaItem, server: Server, analyzers: Collection[str]) -> str:
    """Say why a server cannot create an item; nothing when it can, as far as is known without trying.

    Args:
        item: What is to be created.
        server: On which server.
        analyzers: Those that the server has for full-text indexes.
    """
    return next(_obstacles(item, server, analyzers), "")


def statement_on(item: SchemaItem, version: str) -> str:
    """Give the statement that creates an item on a server of this version for which there is no obstacle."""
    if item.type == "VECTOR" and _is_line_5(version) and _options_on_5(item) != item.options:
        return DIALECT + _vector_statement(item, _options_on_5(item))
    return item.statement if item.statement.startswith("CYPHER ") else DIALECT + item.statement


def _obstacles(item: SchemaItem, server: Server, analyzers: Collection[str]) -> Iterator[str]:
    if item.failure:
        yield f"it could not be filled in the base either: {item.failure}"
    if not item.statement:
        yield "its server gave no statement for it, as for all that is part of a graph type"
    if item.kind == "constraint" and item.type not in _OF_COMMUNITY and server.edition == "community":
        yield f"it needs Enterprise Edition, and this is {server}"
    if _dialect(item) not in server.dialects:
        yield f"it needs Cypher {_dialect(item)}, which {server} does not speak"
    if ANALYZER in item.options and item.options[ANALYZER] not in analyzers:
        yield f"{server} has no full-text analyzer {item.options[ANALYZER]!r}"
    if item.type == "VECTOR" and _is_line_5(server.version):
        unknown = sorted(_options_on_5(item).keys() - _VECTOR_OPTIONS_OF_5)
        if unknown:
            yield f"{server} has no " + ", no ".join(f"`{name}` ({item.options[name]!r})" for name in unknown)


def _dialect(item: SchemaItem) -> str:
    return item.statement.split()[1] if item.statement.startswith("CYPHER ") else DIALECT.split()[1]


def _is_line_5(version: str) -> bool:
    return (read_version(version) or OLDEST_SERVER)[0] == OLDEST_SERVER[0]


def _options_on_5(item: SchemaItem) -> dict[str, Any]:
    """Say in 5.26's words what is exactly the same there: that vectors are not quantized."""
    options = dict(item.options)
    # Without quantization there is nothing that an expansion of 1 makes up for.
    if options.get(QUANTIZATION) == UNQUANTIZED and options.get(EXPANSION, 1) == 1:
        options = {name: value for name, value in options.items() if name not in {QUANTIZATION, EXPANSION}}
        options[QUANTIZED] = False
    return options


def _vector_statement(item: SchemaItem, options: Mapping[str, Any]) -> str:
    [label], [property_] = item.labels, item.properties
    pattern = f"(e:{quote(label)})" if item.entity == "NODE" else f"()-[e:{quote(label)}]-()"
    settings = ", ".join(f"{quote(name)}: {json.dumps(value)}" for name, value in options.items())
    return (f"CREATE VECTOR INDEX {quote(item.name)} FOR {pattern} ON (e.{quote(property_)})"
            f" OPTIONS {{indexConfig: {{{settings}}}}}")
