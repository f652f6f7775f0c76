"""Whether a row costs in a large operation what it costs in one a tenth as large: load, validate, report, roll back."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.figures import SAME_RATE, Figure
from benchmarks.generation import make_rows
from benchmarks.ground import Run, running_server, sample_base, scratch
from benchmarks.measuring import Spent, in_child
from importer.operations import load, rollback, validate
from synthgen.bundle.read import newest_bundle
from synthgen.database import Address
from synthgen.fidelity.report import report_on
from synthgen.parameters import RandomParameters
from synthgen.snapshot.read import open_snapshot

SMALL, LARGE = 1_000_000, 10_000_000
QUICK_SMALL, QUICK_LARGE = 20_000, 200_000
PAGE_CACHE = "4g"
"""Both stores fit it; with less, the disk would be measured."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Name the options of this part."""
    parser.add_argument("--report-only", action="store_true",
                        help="leave out what needs a server: minutes, not half an hour")


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:
    """Measure each step at both sizes, the small one before and after the large one."""
    small, large = (QUICK_SMALL, QUICK_LARGE) if run.quick else (SMALL, LARGE)
    with scratch() as folder:
        in_child(sample_base, folder / "base")
        measured = _report_alone if options.report_only else _steps
        before, big, after = (measured(folder / "base", resources) for resources in (small, large, small))
    for step, work in big.items():
        least = [_per_row(one[step]) for one in (before, after)]
        yield Figure(f"{step}, a row of {work.result:,}", "µs/row", [_per_row(work)],
                     f"a row of {before[step].result:,}", least, SAME_RATE,
                     facts={"seconds": work.seconds, "peak_mb": work.peak_mb,
                            "their_seconds": [one[step].seconds for one in (before, after)]})


def _per_row(spent: Spent) -> float:
    return spent.seconds / spent.result * 1e6


def _steps(base: Path, resources: int) -> dict[str, Spent]:
    """Do each step with an operation of so many resources, on a server of its own; results are the rows."""
    with scratch() as folder:
        out = folder / "out"
        rows = in_child(make_rows, RandomParameters(count=resources), base, out).result
        with running_server(folder / "neo4j", open_snapshot(base), page_cache=PAGE_CACHE) as site:
            works = {"load offline": partial(in_child, load_offline, base, out, site.address),
                     "validate": partial(in_child, validate_it, out, site.address),
                     "report": partial(in_child, report, base, out),
                     "roll back": partial(in_child, roll_back, out, site.address)}
            spent = {step: work() for step, work in works.items()}
    return {step: Spent(rows, one.seconds, one.peak_mb) for step, one in spent.items()}


def _report_alone(base: Path, resources: int) -> dict[str, Spent]:
    with scratch() as folder:
        rows = in_child(make_rows, RandomParameters(count=resources), base, folder).result
        spent = in_child(report, base, folder)
    return {"report": Spent(rows, spent.seconds, spent.peak_mb)}


def load_offline(base: Path, out: Path, address: Address) -> None:
    """Load the newest operation, for a process of its own."""
    load(newest_bundle(out), address, mode="offline", base=base)


def validate_it(out: Path, address: Address) -> None:
    """Validate it likewise."""
    validate(out, newest_bundle(out).manifest.operation_id, address)


def report(base: Path, out: Path) -> None:
    """Report on it likewise."""
    report_on(newest_bundle(out), base).as_document()


def roll_back(out: Path, address: Address) -> None:
    """Roll it back likewise."""
    rollback(out, newest_bundle(out).manifest.operation_id, address)
