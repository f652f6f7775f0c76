"""What work has cost on this machine: `runs.jsonl` in the out folder, appended to and learned from; knows no graph.

One JSON object a line, as FORMAT.md, "Runs", says. A line is written whole; one that was cut off by a crash is passed
over, and the next begins on a line of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Literal

import psutil

from synthgen.costs import Measured, Model, Rates, Size, learn
from synthgen.documents import build
from synthgen.errors import SynthError

RUNS = "runs.jsonl"
ELSEWHERE = 0.25
"""What a run on another server counts, beside one on the server in question."""
ALIKE = 0.1
"""The same machine may have a little more or less memory after an update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One piece of work that was finished.

    Attributes:
        work: `export`, `generate`, `load`, `validate` or `rollback`.
        kind: The strategy of a generate, the mode of a load; None for other work.
        operation_id: Of which operation; None for an export.
        nodes, relationships, bytes, base: As in `synthgen.costs.Size`.
        seconds: How long it took.
        peak_bytes: The most memory (resident set) of our process meanwhile.
        at: When it ended, ISO 8601 in UTC.
        uri, database: The database; None where there was none.
        resumed: Whether it only went on with work that was begun before.
        cores, memory_bytes: Of the machine that our process ran on.
    """

    work: str
    kind: str | None
    operation_id: str | None
    nodes: int
    relationships: int
    bytes: int
    base: int
    seconds: float
    peak_bytes: int
    at: str
    uri: str | None
    database: str | None
    resumed: bool
    cores: int
    memory_bytes: int

    @property
    def size(self) -> Size:
        """How much there was to do."""
        return Size(self.nodes, self.relationships, self.bytes, self.base)


_NAMES = {one.name for one in fields(Run)}


def run_of(
    work: str, size: Size, *, seconds: float, peak_bytes: int, at: str, kind: str | None = None,
    operation_id: str | None = None, uri: str | None = None, database: str | None = None, resumed: bool = False,
) -> Run:
    """Give a run as it goes on record, with the machine that it was on; see `Run`."""
    cores, memory = this_machine()
    return Run(work=work, kind=kind, operation_id=operation_id, nodes=size.nodes, relationships=size.relationships,
               bytes=size.bytes, base=size.base, seconds=seconds, peak_bytes=peak_bytes, at=at, uri=uri,
               database=database, resumed=resumed, cores=cores, memory_bytes=memory)


def record_run(out: Path, run: Run) -> str | None:
    """Put a run on record; gives None, or why that could not be done: what was done is done for all that."""
    try:
        append_run(out, run)
    except SynthError as error:
        return error.message
    return None


def append_run(out: Path, run: Run) -> None:
    """Add a run to the record.

    Raises:
        SynthError: It cannot be written.
    """
    path = out / RUNS
    try:
        out.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as stream:
            cut = stream.seek(0, os.SEEK_END) > 0 and stream.seek(-1, os.SEEK_END) >= 0 and stream.read(1) != b"\n"
            # One write to the end of the file: what others append meanwhile stays whole as well.
            line = b"\n" * cut + json.dumps(asdict(run), ensure_ascii=False).encode() + b"\n"
            written = stream.write(line)
    except OSError as error:
        raise SynthError(f"{path} cannot be written: {error.strerror or error}",
                         hint="free some space, or make it writable; plans learn from it", path=str(path)) from error
    if written != len(line):
        raise SynthError(f"{path} could not be written whole", hint="free some space", path=str(path))


def read_runs(out: Path) -> list[Run]:
    """Give all runs on record, oldest first; lines that are not whole are passed over.

    Raises:
        SynthError: The record is there and cannot be read.
    """
    path = out / RUNS
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SynthError(f"{path} cannot be read: {error.strerror or error}", hint="make it readable, or move it away",
                         path=str(path)) from error
    return [run for line in text.split("\n") if (run := _read_line(line)) is not None]


def learn_from(
    runs: Sequence[Run], work: str, kind: str | None, defaults: Rates, *,
    what: Literal["seconds", "peak_bytes"] = "seconds", uri: str | None = None,
    counting: Callable[[Size], Size] = lambda size: size,
) -> Model:
    """Learn what work of a kind costs from the runs of it on a machine like this one.

    Args:
        runs: All that are on record.
        work: Which work.
        kind: Which kind of it.
        defaults: What it costs as long as nothing was measured.
        what: Which cost.
        uri: The server that the work is to be done on; runs on others count `ELSEWHERE`.
        counting: Gives what counts of the size of a run.
    """
    cores, memory = this_machine()
    measured = [
        Measured(counting(run.size), float(getattr(run, what)), 1.0 if run.uri == uri else ELSEWHERE) for run in runs
        if (run.work, run.kind) == (work, kind) and not run.resumed and getattr(run, what) > 0
        and run.cores == cores and abs(run.memory_bytes / memory - 1) < ALIKE]
    return learn(measured, defaults)


def this_machine() -> tuple[int, int]:
    """Give the cores that our process may use, and the bytes of memory that the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores, int(psutil.virtual_memory().total)


def _read_line(line: str) -> Run | None:
    try:
        document = json.loads(line)
        # A later version may say more.
        run = build(Run, {name: document[name] for name in _NAMES & document.keys()})
        datetime.fromisoformat(run.at)
    except (ValueError, TypeError, AttributeError):
        return None
    return run
