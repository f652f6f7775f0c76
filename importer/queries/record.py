"""What a bench found, as data and as a JSON file; measures nothing. docs/query-bench.md names the fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from synthgen.errors import UsageError
from synthgen.files import write_json

FORMAT_VERSION = 1
MEASURED, FAILED, SKIPPED = "measured", "failed", "skipped"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds at the client, from sending a query until its last row is here: extremes and quantiles."""

    min: float
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a plan, as PROFILE shows it; hits and rows are means of the runs with PROFILE.

    Attributes:
        operator: Such as `NodeIndexSeek`.
        depth: 0 for the last operator, 1 for those that feed it, and so on.
    """

    operator: str
    details: str
    depth: int
    db_hits: float
    rows: float


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """What was found of one query; what was not found is None. See docs/query-bench.md for each field."""

    name: str
    cypher: str | None
    parameters_cypher: str | None
    outcome: str
    reason: str | None = None
    parameter_sets: int = 0
    parameters_digest: str | None = None
    warm_up_runs: int = 0
    runs: int = 0
    milliseconds: Times | None = None
    server_available_ms: float | None = None
    server_consumed_ms: float | None = None
    rows: float | None = None
    profiled_runs: int = 0
    db_hits: float | None = None
    operators: tuple[Operator, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """How often and how long.

    Attributes:
        repetitions: Measured runs of each query.
        warm_up_s: Seconds of runs before, with each parameter set of each query at least once; 0 for no run.
        timeout_s: Seconds that a run may take; 0 for no limit.
    """

    repetitions: int = 20
    warm_up_s: float = 10.0
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if self.repetitions < 1:
            raise UsageError(f"--repetitions is {self.repetitions}", hint="give 1 or more")


@dataclass(frozen=True, slots=True)
class LiveOperation:
    """An operation that the database holds nodes of; `under_way` when a load or rollback of it has not ended."""

    operation_id: str
    nodes: int
    under_way: bool


@dataclass(frozen=True, slots=True)
class Record:
    """What was found of a database at one time. See docs/query-bench.md for each field."""

    format_version: int
    name: str
    at: str
    uri: str
    database: str
    server: Mapping[str, str]
    versions: Mapping[str, str]
    nodes: int
    relationships: int
    operations: tuple[LiveOperation, ...]
    queries_file: str | None
    profile: str | None
    settings: Settings
    queries: tuple[QueryRecord, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the queries that failed."""
        return tuple(query.name for query in self.queries if query.outcome == FAILED)

    def as_document(self) -> dict[str, Any]:
        """Give the record as JSON has it."""
        return asdict(self)


def record_path(out: Path, name: str) -> Path:
    """Say where a record of this name is.

    Raises:
        UsageError: It cannot be the name of a file.
    """
    if not _NAME.fullmatch(name) or name.endswith(".json"):
        raise UsageError(f"a record cannot be called {name!r}",
                         hint="use letters, digits, and . _ - but no .json at the end")
    return out / "query-bench" / f"{name}.json"


def new_record_path(out: Path, name: str) -> Path:
    """Say where a new record of this name goes; raises as `record_path`.

    Raises:
        UsageError: There is one.
    """
    path = record_path(out, name)
    if path.exists():
        raise UsageError(f"there is a record {name!r} already: {path}", hint="choose another --name, or remove it")
    return path


def make_room(path: Path) -> None:
    """Make the folder of a record, and see that one can be written there: before minutes of measuring, not after.

    Raises:
        UsageError: It cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def write_record(record: Record, path: Path) -> None:
    """Write a record whole.

    Raises:
        UsageError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record.as_document())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror}", hint="choose another folder with --out")


def find_record(out: Path, named: str) -> Record:
    """Read a record that is named, or whose file is.

    Raises:
        UsageError: There is none, or it is not a record of this version.
    """
    path = Path(named) if named.endswith(".json") or "/" in named else record_path(out, named)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(one.stem for one in (out / "query-bench").glob("*.json")))
        hint = f"there are {known}" if known else "`importer query-bench --name before` makes one"
        raise UsageError(f"the record {path} cannot be read: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", hint="name a record of query-bench") from error
    try:
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is no record of query-bench with format version {FORMAT_VERSION}",
                         hint="name one that this version wrote") from error


def _read(document: dict[str, Any]) -> Record:
    if document["format_version"] != FORMAT_VERSION:
        raise ValueError
    return Record(**{
        **document, "operations": tuple(LiveOperation(**one) for one in document["operations"]),
        "settings": Settings(**document["settings"]), "queries": tuple(map(_read_query, document["queries"]))})


def _read_query(document: dict[str, Any]) -> QueryRecord:
    times, hits = document["milliseconds"], document["db_hits"]
    return QueryRecord(**{
        **document, "db_hits": None if hits is None else float(hits),
        "milliseconds": None if times is None else Times(**{name: float(value) for name, value in times.items()}),
        "operators": tuple(Operator(**one) for one in document["operators"])})
