"""Finds what a database holds: internal ids and property types by label set or relationship type; gives no values.

Ids are asked for in windows of their range, each id a seek, so that the server holds one window at a time. In a store
whose ids lie far apart a window is what a scan of everything leaves. Relationships of a few nodes among very many
others are found from these nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import numpy as np

from synthgen.errors import SynthError
from synthgen.progress import Progress
from synthgen.seeding import I64
from synthgen.snapshot.state import DatabaseState

IDS_AT_ONCE = 20_000
SPARSE = 8
"""From this many times as many possible ids as there are in use, they are found by scans."""
IDS_OF_A_SCAN = 200_000
FEW = 4
"""Relationships are found from their start nodes where these start less than one in so many of all there are."""
_ID_BYTES = 8

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class _Kind:
    pattern: str
    key: str
    phase: str


_NODES = _Kind("(e)", "labels(e)", "finding nodes")
_RELATIONSHIPS = _Kind("(a)-[e]->(b)", "type(e)", "finding relationships")


class IdFile(Generic[Key]):
    """Internal ids by key, in a file that is gone when the block ends: 8 bytes of disk each, none of memory."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed at the end of the block
        self._runs: dict[Key, list[tuple[int, int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:
        self._file.close()

    def add(self, key: Key, ids: list[int]) -> None:
        """Keep further ids of a key.

        Raises:
            SynthError: The disk of temporary files is full.
        """
        try:
            place = self._file.seek(0, 2)
            self._file.write(np.array(ids, np.int64).tobytes())
            self._file.flush()
        except OSError as error:
            raise SynthError(f"internal ids cannot be kept in a temporary file: {error.strerror or error}",
                             hint="free some space, or name another folder in TMPDIR") from error
        self._runs.setdefault(key, []).append((place, len(ids)))

    def read(self, key: Key) -> Iterator[list[int]]:
        """Give a key's ids in the order in which they were added, at most `IDS_AT_ONCE` at a time."""
        waiting: list[int] = []
        for place, count in self._runs.get(key, []):
            self._file.seek(place)
            waiting += np.frombuffer(self._file.read(count * _ID_BYTES), np.int64).tolist()
            while len(waiting) >= IDS_AT_ONCE:
                yield waiting[:IDS_AT_ONCE]
                waiting = waiting[IDS_AT_ONCE:]
        if waiting:
            yield waiting


@dataclass
class Survey(Generic[Key]):
    """What was found.

    Attributes:
        counts: How many entities there are, by label set or type.
        types: By label set or type: property name → what `valueType()` says of its values, without ` NOT NULL`.
        ids: Where their internal ids are kept.
    """

    ids: IdFile[Key]
    counts: dict[Key, int] = field(default_factory=dict)
    types: dict[Key, dict[str, set[str]]] = field(default_factory=dict)


def survey_nodes(state: DatabaseState, ids: IdFile[tuple[str, ...]], condition: str, progress: Progress,
                 **parameters: Any) -> Survey[tuple[str, ...]]:
    """Find the nodes `e` that meet a condition, by their sorted labels."""
    survey = Survey(ids)
    for labels, found, types in _windows(state, _NODES, condition, progress, parameters):
        _note(survey, tuple(sorted(labels)), found, types)
    return survey


def survey_relationships(state: DatabaseState, ids: IdFile[str], condition: str, progress: Progress,
                         starts: I64 | None = None, **parameters: Any) -> Survey[str]:
    """Find the relationships `e` from `a` to `b` that meet a condition, by their types.

    `starts` are the internal ids of all nodes that `a` may be, when the order in which they are found does not matter.
    """
    survey = Survey(ids)
    for type_, found, types in _windows(state, _RELATIONSHIPS, condition, progress, parameters, starts):
        _note(survey, type_, found, types)
    return survey


def _note(survey: Survey[Key], key: Key, ids: list[int], types: list[list[str]]) -> None:
    survey.counts[key] = survey.counts.get(key, 0) + len(ids)
    survey.ids.add(key, ids)
    known = survey.types.setdefault(key, {})
    for name, value_type in types:
        known.setdefault(name, set()).add(value_type.replace(" NOT NULL", ""))


def _windows(  # noqa: PLR0917 - what the two that call it have got
    state: DatabaseState, kind: _Kind, condition: str, progress: Progress, parameters: dict[str, Any],
    starts: I64 | None = None,
) -> Iterator[list[Any]]:
    """Give key, ids and types (name and `valueType()`) window by window; a key comes in each window that has it."""
    [[count, low, high]] = state.rows(f"MATCH {kind.pattern} RETURN count(e), min(id(e)), max(id(e))")
    if not count:
        return
    few = None if starts is None else _cut_by_degree(state, starts, count)
    if few is not None:
        windows: list[dict[str, Any]] = [{"starts": ids} for ids in few]
        match = f"UNWIND $given.starts AS i MATCH {kind.pattern} WHERE id(a) = i"
    elif high - low < SPARSE * max(count, IDS_AT_ONCE):
        windows = [{"low": first, "high": min(first + IDS_AT_ONCE - 1, high)}
                   for first in range(low, high + 1, IDS_AT_ONCE)]
        match = f"UNWIND range($given.low, $given.high) AS i MATCH {kind.pattern} WHERE id(e) = i"
    else:
        parts = -(-count // IDS_OF_A_SCAN)
        windows = [{"part": part, "parts": parts} for part in range(parts)]
        match = f"MATCH {kind.pattern} WHERE id(e) % $given.parts = $given.part"
    for number, window in enumerate(windows, start=1):
        yield from state.rows(
            f"{match} AND {condition} WITH {kind.key} AS key, collect(e) AS found RETURN key, [e IN found | id(e)],"
            " COLLECT { UNWIND found AS e UNWIND keys(e) AS name RETURN DISTINCT [name, valueType(e[name])] }",
            **window, **parameters)
        progress(kind.phase, count * number // len(windows), count)


def _cut_by_degree(state: DatabaseState, starts: I64, relationships: int) -> list[I64] | None:
    """Cut start nodes into windows by the relationships that leave them; None when these are many, or one has many."""
    most = relationships // FEW
    if len(starts) > most:
        return None
    weights = np.zeros(len(starts), np.int64)
    for first in range(0, len(starts), IDS_AT_ONCE):
        page = starts[first:first + IDS_AT_ONCE].tolist()
        [[degrees]] = state.rows(
            "UNWIND $given.ids AS i MATCH (a) WHERE id(a) = i RETURN collect(COUNT { (a)-->() })", ids=page)
        if len(degrees) != len(page):
            raise state.changed()
        # A node without any counts, too: a window is a parameter as well.
        weights[first:first + len(page)] = np.array(degrees, np.int64) + 1
        if max(degrees) > IDS_OF_A_SCAN or weights.sum() > most + first + len(page):
            return None
    windows = (np.cumsum(weights) - weights) // IDS_AT_ONCE
    return np.split(starts, np.flatnonzero(np.diff(windows)) + 1)
