"""Sets two records beside each other, query by query; reads no file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from importer.queries.record import QueryRecord, Record


@dataclass(frozen=True, slots=True)
class Compared:
    """One query in an earlier record and in a later one; None where there is no number.

    Attributes:
        p50_ratio, db_hits_ratio: Later over earlier; None also where the earlier is 0 or the queries differ.
        note: Why the two are not alike: another text, or other parameters; None when they are.
    """

    name: str
    p50_before_ms: float | None
    p50_after_ms: float | None
    p50_ratio: float | None
    db_hits_before: float | None
    db_hits_after: float | None
    db_hits_ratio: float | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A later record against an earlier one, by the names of queries."""

    before: str
    after: str
    queries: tuple[Compared, ...]

    def as_document(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)


def compare(before: Record, after: Record) -> Comparison:
    """Compare each query of the later record, then those that only the earlier one has."""
    earlier = {query.name: query for query in before.queries}
    later = {query.name: query for query in after.queries}
    return Comparison(before.name, after.name, tuple(
        _compared(name, earlier.get(name), later.get(name)) for name in dict.fromkeys([*later, *earlier])))


def _compared(name: str, before: QueryRecord | None, after: QueryRecord | None) -> Compared:
    note = _note(before, after)
    alike = note != _OTHER_TEXT
    p50_before, p50_after = (one.milliseconds.p50 if one and one.milliseconds else None for one in (before, after))
    hits_before, hits_after = (one.db_hits if one else None for one in (before, after))
    return Compared(name, p50_before, p50_after, _ratio(p50_before, p50_after) if alike else None,
                    hits_before, hits_after, _ratio(hits_before, hits_after) if alike else None, note)


_OTHER_TEXT = "the text is another one"


def _note(before: QueryRecord | None, after: QueryRecord | None) -> str | None:
    if before is None or after is None or before.cypher is None or after.cypher is None:
        return None
    if before.cypher != after.cypher:
        return _OTHER_TEXT
    digests = {before.parameters_digest, after.parameters_digest}
    return "the parameters are others" if len(digests - {None}) > 1 else None


def _ratio(before: float | None, after: float | None) -> float | None:
    return round(after / before, 4) if before and after is not None else None
