"""Records and comparisons as text for a terminal; knows no file and no server."""

from __future__ import annotations

from collections.abc import Sequence

from importer.durations import say_duration
from importer.queries.comparison import Comparison
from importer.queries.record import MEASURED, QueryRecord, Record

_HEADS = ("query", "p50 ms", "p95 ms", "p99 ms", "max ms", "rows", "db hits")
_MOST_IN = "most hits in"


def record_table(record: Record) -> str:
    """Give what was measured, a line a query, then what was not and why."""
    measured = [query for query in record.queries if query.milliseconds is not None]
    lines = [_facts(record)]
    if measured:
        lines += ["", *_aligned([_HEADS, *map(_cells, measured)], [_MOST_IN, *map(_most_in, measured)])]
    untold = [query for query in record.queries if query.outcome != MEASURED]
    if untold:
        lines += ["", *(f"{query.outcome:9} {query.name}: {query.reason}" for query in untold)]
    return "\n".join(lines)


def comparison_table(comparison: Comparison) -> str:
    """Give each query's p50 and database hits before and after, and their ratios."""
    before, after = comparison.before, comparison.after
    heads = ("query", f"p50 ms {before}", f"p50 ms {after}", "ratio", f"db hits {before}", f"db hits {after}", "ratio")
    rows = [(one.name, _number(one.p50_before_ms, 2), _number(one.p50_after_ms, 2), _number(one.p50_ratio, 2),
             _number(one.db_hits_before), _number(one.db_hits_after), _number(one.db_hits_ratio, 2))
            for one in comparison.queries]
    return "\n".join(_aligned([heads, *rows], ["", *(one.note or "" for one in comparison.queries)]))


def _facts(record: Record) -> str:
    settings = record.settings
    live = ", ".join(f"{one.operation_id}{' (under way)' if one.under_way else ''}" for one in record.operations)
    return (f"database      {record.nodes:,} nodes, {record.relationships:,} relationships,"
            f" Neo4j {record.server['version']} {record.server['edition']}\noperations    {live or 'none'}\n"
            f"runs          {settings.repetitions} of each query,"
            f" {f'after {say_duration(settings.warm_up_s)} to warm up' if settings.warm_up_s else 'none to warm up'}")


def _cells(query: QueryRecord) -> tuple[str, ...]:
    times = query.milliseconds
    found = (times.p50, times.p95, times.p99, times.max) if times else ()
    return query.name, *(_number(one, 2) for one in found), _number(query.rows), _number(query.db_hits)


def _most_in(query: QueryRecord) -> str:
    most = max(query.operators, key=lambda one: one.db_hits, default=None)
    return most.operator if most is not None and most.db_hits else ""


def _number(value: float | None, digits: int = 0) -> str:
    if value is None:
        return "-"
    return f"{value:,.{digits}f}" if digits or value == round(value) else f"{value:,.1f}"


def _aligned(rows: Sequence[Sequence[str]], last: Sequence[str]) -> list[str]:
    """Align a table: names to the left, numbers to the right, and a last column of words."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                                   zip(row[1:], widths[1:], strict=True)), words]).rstrip()
            for row, words in zip(rows, last, strict=True)]
