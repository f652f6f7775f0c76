"""From a sample tenant to a validated operation, offline, beside the bare import of the same files.

A load ends with the checks that `importer validate` makes; what the command takes afterwards is told for itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.bare import import_operation
from benchmarks.figures import Figure
from benchmarks.generation import make_rows
from benchmarks.ground import Run, make_bundle, running_server, sample_base, scratch
from benchmarks.measuring import in_child, in_turns
from importer.operations import load, validate
from synthgen.database import Address
from synthgen.parameters import Parameters, RandomParameters
from synthgen.snapshot.read import open_snapshot

RESOURCES = {False: 1_000_000, True: 50_000}
RATIO = 1.4

Stages = list[tuple[str, float]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:  # noqa: ARG001 - as of all parts
    """Measure generate, load and validate in one go, on a server that has only the sample tenant."""
    asked = RandomParameters(count=RESOURCES[run.quick])
    with scratch() as folder:
        base, out = folder / "base", folder / "out"
        in_child(sample_base, base)
        rows = in_child(make_rows, asked, base, out).result
        ours, bare = in_turns(run.times, partial(_whole_job, folder, asked),
                              lambda: in_child(import_operation, folder, base, out).result)
    for name, left_out in (("generate, load offline", ["validate"]), ("load offline", ["generate", "validate"]),
                           ("load offline, validate once more", ["generate"])):
        took = [sum(spent for stage, spent in stages if stage not in left_out) for stages in ours]
        yield Figure(name, "s", took, "bare neo4j-admin, same files", bare,
                     RATIO if left_out == ["validate"] else None, rows, {"stages": ours})


def _whole_job(folder: Path, asked: Parameters) -> Stages:
    """Do all of it on a new server; gives each stage's seconds."""
    base = folder / "base"
    with scratch() as place, running_server(place / "neo4j", open_snapshot(base)) as site:
        return in_child(grow_offline, asked, base, place / "out", site.address).result


def grow_offline(asked: Parameters, base: Path, out: Path, address: Address) -> Stages:
    """Generate, load and validate, for a process of its own; gives each stage's seconds."""
    began = time.perf_counter()
    bundle = make_bundle(asked, base, out)
    generated = time.perf_counter()
    done = load(bundle, address, mode="offline", base=base)
    if not all(check.passed for check in done.checks) or not done.checks:
        raise RuntimeError(f"not validated: {done.checks}")
    loaded = time.perf_counter()
    validate(out, bundle.manifest.operation_id, address)
    validated = time.perf_counter()
    stages = [(name, took) for name, took in done.seconds]
    stages.append(("the rest of the load", loaded - generated - done.total_seconds))
    return [("generate", generated - began), *stages, ("validate", validated - loaded)]
