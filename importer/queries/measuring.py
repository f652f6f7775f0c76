"""Runs queries and takes their times and plans; only reads, and knows no file and no words for people."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import neo4j
import numpy as np
from neo4j.exceptions import AuthError, Neo4jError
from neo4j.graph import Entity, Path

from importer.durations import say_duration
from importer.queries.record import FAILED, MEASURED, SKIPPED, Operator, QueryRecord, Settings, Times
from importer.queries.statements import Query
from importer.silence import closed_on_interrupt
from synthgen.database import Address, does_not_answer, translated
from synthgen.errors import UsageError
from synthgen.progress import Progress, silent

PROFILED_SETS = 5
"""A query's plan is looked at with so many of its parameter sets."""
_READS = "r"
_EXPLAIN = "EXPLAIN "
_POSITION = re.compile(r" \(line (\d+), column (\d+) \(offset: \d+\)\)")
_LOOKS_AT_PLANS = re.compile(r"(?:CYPHER(?:\s+[\d.]+)?(?:\s+\w+\s*=\s*\w+)*\s+)?(EXPLAIN|PROFILE)\b", re.IGNORECASE)


@dataclass(slots=True)
class _Trial:
    """A query under measurement, and what was found so far."""

    query: Query
    sets: Sequence[Mapping[str, Any]] = ({},)
    outcome: str = MEASURED
    reason: str | None = None
    warmed: int = 0
    warmed_s: float = 0.0
    seconds: list[float] = field(default_factory=list)
    available: list[int] = field(default_factory=list)
    consumed: list[int] = field(default_factory=list)
    rows: int = 0
    plans: list[list[Operator]] = field(default_factory=list)


_Due = tuple[_Trial, int]
"""A query to be run, and for which time, from 0."""


def measure(
    driver: neo4j.Driver, address: Address, queries: Sequence[Query], settings: Settings, progress: Progress = silent
) -> list[QueryRecord]:
    """Measure queries on a database; the runs of all are interleaved, so that a drift of the machine hits all alike.

    A query that fails is run no more, and the others go on.

    Raises:
        UsageError: A query would write or change the schema, is no Cypher, or says EXPLAIN or PROFILE itself. Nothing
            was run.
        UnreachableError, NotAllowedError: The database is gone, or lets us in no more.
    """
    with translated(address), driver.session(
        database=address.database, default_access_mode=neo4j.READ_ACCESS
    ) as session, closed_on_interrupt(session):
        trials = [_Trial(query) for query in queries]
        for trial in trials:
            _refuse_writing(session, trial, settings)
        for trial in trials:
            _draw(session, trial, settings)
        _warm_up(session, trials, settings, progress)
        _repeat(session, trials, settings, progress)
        _profile(session, trials, settings, progress)
    return [_record(trial, settings) for trial in trials]


def _refuse_writing(session: neo4j.Session, trial: _Trial, settings: Settings) -> None:
    """Refuse what does not only read; what the server cannot plan fails here and is never run."""
    query = trial.query
    said = f"query {query.name!r}" + (f", line {query.line}" if query.line else "")
    for what, text in (("", query.cypher), ("its parameters: ", query.parameters)):
        if text is None or trial.outcome != MEASURED:
            continue
        if looks := _LOOKS_AT_PLANS.match(text):
            raise UsageError(f"{said}: {what}it says {looks[1].upper()} itself", query=query.name,
                             hint="leave that out: plans are looked at in any case; nothing was run")
        with _failing(trial, settings, what):
            _explain(session, text, f"{said}: {what}", query.name, 1 if what else query.line or 1)


def _explain(session: neo4j.Session, text: str, said: str, name: str, line: int) -> None:
    try:
        summary = session.run(neo4j.Query(_EXPLAIN + text)).consume()
    except Neo4jError as error:
        if error.code != "Neo.ClientError.Statement.SyntaxError":
            raise
        raise UsageError(said + _placed(error.message or str(error.code), line), query=name,
                         hint="correct the query; nothing was run") from error
    if summary.query_type != _READS:
        raise UsageError(f"{said}it does not only read", query=name, query_type=summary.query_type,
                         hint="only queries that read are measured; nothing was run")


def _placed(message: str, line: int) -> str:
    """Say a syntax error with its place in the text that begins in this line, not in what was sent to the server."""
    found = _POSITION.search(message)
    if found is None:
        return message
    number, column = int(found[1]), int(found[2])
    column -= len(_EXPLAIN) if number == 1 else 0
    return f"{message[:found.start()]} (line {line + number - 1}, column {column})"


@contextmanager
def _failing(trial: _Trial, settings: Settings, what: str = "") -> Iterator[None]:
    """Let what a query itself is to blame for end that query alone."""
    try:
        yield
    except Neo4jError as error:
        if does_not_answer(error) or isinstance(error, AuthError):
            raise
        trial.outcome, trial.reason = FAILED, what + _words(error, settings)


def _words(error: Neo4jError, settings: Settings) -> str:
    code = str(error.code)
    if code.endswith("TransactionTimedOutClientConfiguration"):
        return f"timed out after {say_duration(settings.timeout_s)}"
    words = (error.message or code).splitlines()[0]
    if code == "Neo.ClientError.Statement.ParameterMissing":
        words += "; a line `// parameters: RETURN … AS …` before the query gives them"
    return words


def _draw(session: neo4j.Session, trial: _Trial, settings: Settings) -> None:
    """Find the parameters of a query: no more sets than it has measured runs."""
    if trial.query.parameters is None or trial.outcome != MEASURED:
        return
    with _failing(trial, settings, "its parameters: "):
        result = session.run(neo4j.Query(trial.query.parameters, timeout=settings.timeout_s))
        trial.sets = [dict(record) for record in result.fetch(settings.repetitions)]
        result.consume()
        if not trial.sets:
            trial.outcome, trial.reason = SKIPPED, "the query for its parameters gives no row"
        elif any(map(_holds_entity, trial.sets)):
            trial.outcome, trial.reason = FAILED, "its parameters: nodes, relationships and paths cannot be parameters"


def _holds_entity(value: Any) -> bool:
    """Say whether a value is, or holds, what the driver reads and cannot send."""
    if isinstance(value, Entity | Path):
        return True
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_holds_entity, within))


def _warm_up(session: neo4j.Session, trials: Sequence[_Trial], settings: Settings, progress: Progress) -> None:
    """Run each query once with each of its parameter sets, and all for the same share of the time that is left.

    It goes by time since a server that was just started compiles what it runs often for seconds yet; and by shares, so
    that of a slow query and a fast one both are run as often as that takes.
    """
    def run(trial: _Trial, parameters: Mapping[str, Any]) -> None:
        trial.warmed_s += _run(session, trial.query.cypher, parameters, settings)[0]
        trial.warmed += 1

    def due() -> Iterator[_Due]:
        end = time.perf_counter() + settings.warm_up_s
        yield from _in_turn(trials, lambda trial: len(trial.sets))
        while time.perf_counter() < end and (left := [trial for trial in trials if trial.outcome == MEASURED]):
            least = min(left, key=lambda trial: trial.warmed_s)
            yield least, least.warmed

    if settings.warm_up_s:
        _each(due(), 0, run, settings, phase="warming up", progress=progress)


def _repeat(session: neo4j.Session, trials: Sequence[_Trial], settings: Settings, progress: Progress) -> None:
    def run(trial: _Trial, parameters: Mapping[str, Any]) -> None:
        seconds, rows, summary = _run(session, trial.query.cypher, parameters, settings)
        trial.seconds.append(seconds)
        trial.rows += rows
        trial.available.append(summary.result_available_after or 0)
        trial.consumed.append(summary.result_consumed_after or 0)

    due = _in_turn(trials, lambda _: settings.repetitions)
    _each(due, len(due), run, settings, phase="measuring", progress=progress)


def _profile(session: neo4j.Session, trials: Sequence[_Trial], settings: Settings, progress: Progress) -> None:
    def run(trial: _Trial, parameters: Mapping[str, Any]) -> None:
        _, _, summary = _run(session, f"PROFILE {trial.query.cypher}", parameters, settings)
        if summary.profile:
            trial.plans.append(list(_operators(summary.profile)))

    due = _in_turn(trials, lambda trial: min(PROFILED_SETS, len(trial.sets)))
    _each(due, len(due), run, settings, phase="profiling", progress=progress, what="with PROFILE: ")


def _in_turn(trials: Sequence[_Trial], runs_of: Callable[[_Trial], int]) -> list[_Due]:
    """Give so many runs of each query, one of each in turn."""
    return [(trial, number) for number in range(max(map(runs_of, trials), default=0)) for trial in trials
            if number < runs_of(trial)]


def _each(
    due: Iterable[_Due], total: int, run: Callable[[_Trial, Mapping[str, Any]], None], settings: Settings, *,
    phase: str, progress: Progress, what: str = "",
) -> None:
    """Run what is due, each query with its parameter sets in turn; `total` is 0 when nobody knows it beforehand."""
    progress(phase, 0, total)
    for done, (trial, number) in enumerate(due, start=1):
        if trial.outcome == MEASURED:
            with _failing(trial, settings, what):
                run(trial, trial.sets[number % len(trial.sets)])
        progress(phase, done, total)


def _run(
    session: neo4j.Session, text: str, parameters: Mapping[str, Any], settings: Settings
) -> tuple[float, int, neo4j.ResultSummary]:
    """Run a query and read every row: seconds from sending it to the last row, rows, and what the server says of it."""
    query = neo4j.Query(text, timeout=settings.timeout_s)
    began = time.perf_counter()
    result = session.run(query, dict(parameters))
    rows = sum(1 for _ in result)
    summary = result.consume()
    return time.perf_counter() - began, rows, summary


def _operators(plan: Mapping[str, Any], depth: int = 0) -> Iterator[Operator]:
    details = str(plan.get("args", {}).get("Details", ""))
    yield Operator(str(plan["operatorType"]).partition("@")[0], details, depth, float(plan.get("dbHits", 0)),
                   float(plan.get("rows", 0)))
    for below in plan.get("children", ()):
        yield from _operators(below, depth + 1)


def _averaged(plans: Sequence[Sequence[Operator]]) -> tuple[tuple[Operator, ...], int]:
    """Give the first plan with means over all plans of its shape, and how many these are."""
    if not plans:
        return (), 0
    shape = [(one.operator, one.depth) for one in plans[0]]
    alike = [plan for plan in plans if [(one.operator, one.depth) for one in plan] == shape]
    return tuple(
        replace(same[0], db_hits=sum(one.db_hits for one in same) / len(alike),
                rows=sum(one.rows for one in same) / len(alike))
        for same in zip(*alike, strict=True)), len(alike)


def times_of(seconds: Sequence[float]) -> Times:
    """Give extremes and quantiles in milliseconds.

    Between two values a quantile is interpolated linearly, which is numpy's default: definition 7 of Hyndman and Fan,
    "Sample quantiles in statistical packages", The American Statistician 50(4), 1996.
    """
    found = np.quantile(np.array(seconds) * 1000, (0, 0.5, 0.95, 0.99, 1))
    return Times(*(round(float(value), 4) for value in found))


def _digest(sets: Sequence[Mapping[str, Any]]) -> str:
    text = repr([sorted(one.items(), key=lambda pair: pair[0]) for one in sets])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _record(trial: _Trial, settings: Settings) -> QueryRecord:
    query, whole = trial.query, len(trial.seconds) == settings.repetitions
    operators, profiled = _averaged(trial.plans)
    drawn = query.parameters is not None and any(trial.sets)
    return QueryRecord(
        name=query.name, cypher=query.cypher, parameters_cypher=query.parameters, outcome=trial.outcome,
        reason=trial.reason, parameter_sets=len(trial.sets) if drawn else 0,
        parameters_digest=_digest(trial.sets) if drawn else None, warm_up_runs=trial.warmed, runs=len(trial.seconds),
        milliseconds=times_of(trial.seconds) if whole else None,
        server_available_ms=float(np.median(trial.available)) if whole else None,
        server_consumed_ms=float(np.median(trial.consumed)) if whole else None,
        rows=trial.rows / len(trial.seconds) if whole else None, profiled_runs=profiled,
        db_hits=sum(one.db_hits for one in operators) if operators else None, operators=operators)
