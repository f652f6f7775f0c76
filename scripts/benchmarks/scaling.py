"""An online load that scales itself beside every fixed setting of a grid, on three servers.

    small        a heap of 256 MiB, and 24 MiB for all transactions together, so that large batches fail
    large        a heap of 2 GiB
    constrained  a heap of 512 MiB, a page cache of 8 MiB, one processor (where the system lets us choose)

What is compared are the seconds of writing; checks before and after are the same for all. The peer is the best fixed
setting, which nobody knows beforehand. The least of many single loads owes much to luck: so the grid, measured once,
only says which settings come into question, and these take turns with hybrid.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import SAME_RATE, Figure
from benchmarks.ground import REPEATED, Run, Site, count_rows, grown, make_bundle, running_server, sample_base, scratch
from benchmarks.measuring import in_child
from importer.online import OnlineOptions
from importer.operations import load, rollback
from importer.scaling.settings import Scaling
from synthgen.bundle.read import Bundle, newest_bundle
from synthgen.database import Address
from synthgen.parameters import RandomParameters
from synthgen.sample import sample_tenant
from synthgen.snapshot.read import open_snapshot

RESOURCES = {False: 93_000, True: 23_000}
"""Resources made, in full and with --quick: 100,000 nodes and 300,000 relationships, or a quarter."""
GRID = {False: [(rows, writers) for rows in (500, 2_000, 5_000, 10_000) for writers in (1, 2, 4)],
        True: [(rows, writers) for rows in (2_000, 10_000) for writers in (1, 2, 4)]}
FINALISTS = 3
"""So many fixed settings of the grid are measured again, in turns with hybrid."""


@dataclass(frozen=True)
class Kind:
    """A kind of server."""

    name: str
    heap: str
    page_cache: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    processors: int | None = None


KINDS = (Kind("small", "256m", config={"dbms.memory.transaction.total.max": "24m"}),
         Kind("large", "2g"),
         Kind("constrained", "512m", page_cache="8m", processors=1))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Name the options of this part."""
    parser.add_argument("--server", choices=[kind.name for kind in KINDS], action="append",
                        help="on this kind of server only; repeatable")


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:
    """Measure each kind of server."""
    for kind in KINDS:
        if kind.name in (options.server or [kind.name]):
            with scratch() as folder:
                yield _on(folder, kind, run)


def _on(folder: Path, kind: Kind, run: Run) -> Figure:
    base = folder / "base"
    rows = in_child(_prepare, folder, RESOURCES[run.quick]).result
    with running_server(folder / "neo4j", open_snapshot(base), heap=kind.heap, page_cache=kind.page_cache,
                        config={**kind.config, **REPEATED}) as site:
        if kind.processors is not None:
            _confine(site, kind.processors)
        grid, turns = in_child(_measure_all, folder, site.address, GRID[run.quick], run.times).result
    hybrid = turns.pop("hybrid")
    best = min(turns, key=lambda setting: statistics.median(one["seconds"] for one in turns[setting]))
    return Figure(f"an online load that scales itself, {kind.name} server", "s", [one["seconds"] for one in hybrid],
                  f"the best of {len(grid)}: {best}", [one["seconds"] for one in turns[best]], SAME_RATE, rows,
                  {"hybrid": hybrid, "finalists": turns, "grid": grid})


def _prepare(folder: Path, resources: int) -> int:
    sample_base(folder / "base", grown(sample_tenant()))
    return count_rows(make_bundle(RandomParameters(count=resources), folder / "base", folder / "out"))


def _confine(site: Site, processors: int) -> None:
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))[:processors]
    for thread in Path(f"/proc/{site.server.status().pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), allowed)


def _measure_all(folder: Path, address: Address, grid: list[tuple[int, int]], times: int
                 ) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Load with each setting once, then with the best of them and without one in turns; gives what each was like."""
    base, bundle = folder / "base", newest_bundle(folder / "out")
    settings = {f"{rows:,} rows × {writers}": Scaling.within((rows, rows), (writers, writers))
                for rows, writers in grid}
    _measure(bundle, base, address, Scaling())  # the first load on a server is slower than all others
    once = {name: _measure(bundle, base, address, scaling) for name, scaling in settings.items()}
    names = sorted(settings, key=lambda name: float(once[name]["seconds"]))[:FINALISTS]
    finalists = {"hybrid": Scaling(), **{name: settings[name] for name in names}}
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in finalists}
    for turn in range(times):
        for name in list(finalists) if turn % 2 == 0 else reversed(finalists):
            turns[name].append(_measure(bundle, base, address, finalists[name]))
    return once, turns


def _measure(bundle: Bundle, base: Path, address: Address, scaling: Scaling) -> dict[str, Any]:
    """Load once and roll back; gives the seconds of writing, where it ended, and how often it decided."""
    done = load(bundle, address, mode="online", base=base, options=OnlineOptions(scaling), indexes=False)
    rollback(bundle.path.parent.parent, bundle.manifest.operation_id, address)
    decided = done.facts["scaling"]
    return {"seconds": dict(done.seconds)["WriteOnline"], "end": decided["end"], "decisions": decided["count"],
            "retries": done.facts["retries"]}
