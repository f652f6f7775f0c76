"""Measures an online load that scales itself against every fixed setting of a grid, on three servers; asserts nothing.

    small        a heap of 256 MiB, and 24 MiB for all transactions together, so that large batches fail
    large        a heap of 2 GiB
    constrained  a heap of 512 MiB, a page cache of 8 MiB, one processor (where the system lets us choose)

What is compared are the seconds of writing; checks before and after are the same for all. Hybrid comes first and in
between, so that a machine that grows slower meanwhile harms both. A ratio is the seconds of the best fixed setting by
those of hybrid: 0.9 is nine tenths of the best setting's rate, which nobody knows beforehand.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from export_figures import grown

from importer.online import OnlineOptions
from importer.operations import load, restore, rollback
from importer.scaling.settings import Scaling
from importer.servers.local import LocalServer
from synthgen.bundle.read import Bundle
from synthgen.database import Address, find_address
from synthgen.generate import generate
from synthgen.parameters import RandomParameters
from synthgen.sample import sample_tenant
from synthgen.snapshot.write import write_snapshot

CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
RESOURCES = {False: 93_000, True: 23_000}
"""Resources made, in full and with --quick: 100,000 nodes and 300,000 relationships, or a quarter."""
GRID = {False: [(rows, writers) for rows in (500, 2_000, 5_000, 10_000) for writers in (1, 2, 4)],
        True: [(rows, writers) for rows in (2_000, 10_000) for writers in (1, 2, 4)]}
HYBRID_EVERY = 4
"""So many fixed settings between two loads that scale themselves."""


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


@contextmanager
def running(home: Path, kind: Kind) -> Iterator[Address]:
    """Run a server of this kind, with as many processors as it may have."""
    server = LocalServer(home)
    pid = server.start(heap=kind.heap, page_cache=kind.page_cache, config=kind.config).pid
    try:
        if kind.processors is not None and hasattr(os, "sched_setaffinity"):
            allowed = sorted(os.sched_getaffinity(0))[:kind.processors]
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), allowed)
        yield find_address(home=home)
    finally:
        server.stop()


def measure(bundle: Bundle, base: Path, address: Address, scaling: Scaling) -> dict[str, Any]:
    """Load once and roll back; gives the seconds of writing, where it ended, and how often it decided."""
    done = load(bundle, address, mode="online", base=base, options=OnlineOptions(scaling))
    rollback(bundle.path.parent.parent, bundle.manifest.operation_id, address)
    decided = done.facts["scaling"]
    return {"seconds": dict(done.seconds)["WriteOnline"], "end": decided["end"], "decisions": decided["count"],
            "retries": done.facts["retries"]}


def figures(folder: Path, kind: Kind, *, quick: bool, repetitions: int) -> dict[str, Any]:
    """Measure one kind of server."""
    base, out = folder / "base", folder / "out"
    snapshot = write_snapshot(grown(sample_tenant()), base, created_at="", source={}, profile="azure")
    bundle = generate(RandomParameters(count=RESOURCES[quick]), base=base, out=out, seed=0, now=CLOCK, unique=0)
    hybrid: list[dict[str, Any]] = []
    fixed: dict[tuple[int, int], list[dict[str, Any]]] = {}
    with running(folder / "neo4j", kind) as address:
        restore(snapshot, address)
        measure(bundle, base, address, Scaling())  # the first load on a server is slower than all others
        for _ in range(repetitions):
            for number, (rows, writers) in enumerate(GRID[quick]):
                if number % HYBRID_EVERY == 0:
                    hybrid.append(measure(bundle, base, address, Scaling()))
                fixed.setdefault((rows, writers), []).append(
                    measure(bundle, base, address, Scaling.within((rows, rows), (writers, writers))))
    settings = [{"batch_rows": rows, "writers": writers, "seconds": statistics.median(one["seconds"] for one in found),
                 "retries": max(one["retries"] for one in found)} for (rows, writers), found in fixed.items()]
    best = min(settings, key=lambda one: one["seconds"])
    ratios = [best["seconds"] / one["seconds"] for one in hybrid]
    counts = bundle.manifest.counts
    return {"server": kind.name, "rows": counts.nodes + counts.relationships, "hybrid": hybrid, "fixed": settings,
            "best": best, "hybrid_seconds": statistics.median(one["seconds"] for one in hybrid),
            "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios)}


def show(found: list[dict[str, Any]]) -> None:
    """Print the figures for people."""
    print(f"{os.cpu_count()} cores · Python {platform.python_version()}")
    for one in found:
        print(f"\n{one['server']}: {one['rows']:,} rows")
        for setting in sorted(one["fixed"], key=lambda each: each["seconds"]):
            print(f"  fixed   {setting['batch_rows']:>6,} rows × {setting['writers']}  {setting['seconds']:>7.2f} s"
                  f"  {setting['retries']} retries")
        for run in one["hybrid"]:
            end = run["end"]
            print(f"  hybrid  ends at {end['batch_rows']:,} × {end['writers']}  {run['seconds']:>7.2f} s"
                  f"  {run['retries']} retries, {run['decisions']} decisions")
        print(f"  hybrid reaches {one['ratio']:.2f} of the best fixed setting's rate"
              f" ({one['ratio_least']:.2f}…{one['ratio_most']:.2f})")


def main() -> None:
    """Measure and print the figures, or JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench scaling", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the rows, and six fixed settings")
    parser.add_argument("--server", choices=[kind.name for kind in KINDS], help="on one kind of server only")
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = []
    for kind in KINDS:
        if options.server in (None, kind.name):
            with tempfile.TemporaryDirectory(prefix="synthgen-bench-") as folder:
                found.append(figures(Path(folder), kind, quick=options.quick, repetitions=options.repetitions))
    if options.json:
        print(json.dumps({"cores": os.cpu_count(), "python": platform.python_version(), "figures": found}, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
