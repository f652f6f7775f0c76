"""Generating by each strategy beside its floor, its memory, and whether a row costs the same in a large operation."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.figures import SAME_RATE, Figure
from benchmarks.floor import time_writers, write_again
from benchmarks.ground import Run, count_rows, make_bundle, sample_base, scratch
from benchmarks.measuring import Spent, in_child, in_turns
from synthgen.bundle.read import newest_bundle
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters

SIZES = {False: (1_000_000, 10_000_000), True: (50_000,)}
"""Resources made, in full and with --quick."""
REPEATED_UP_TO = 1_000_000
"""What is larger is measured once."""
RATIO, MOST_MB, FLAT = 2.0, 1_500.0, 1.2
FEW_ROWS, MANY_ROWS = 1_000_000, 100_000_000
"""Between these memory is to be flat."""
BYTES_PER_ROW = 450
"""Of a random bundle, roughly: whether there is room for the large one."""
SPOKE = 100


def hub_spoke(resources: int) -> ScenarioParameters:
    """Ask for hubs and spokes of about so many resources."""
    return ScenarioParameters(scenario="hub-spoke", parameters={"spoke_count": resources // SPOKE,
                                                                "resources_per_spoke": SPOKE})


STRATEGIES: Mapping[str, Callable[[int], Parameters]] = {
    "template": lambda resources: TemplateParameters(target_count=resources),
    "random": lambda resources: RandomParameters(count=resources),
    "scenario": hub_spoke,
}


@dataclass(frozen=True, slots=True)
class Made:
    """What one size of one strategy took: rows, each time that it was made, the bare writer's seconds, its name."""

    rows: int
    ours: list[Spent]
    floor: list[float]
    writer: str
    writers: Mapping[str, float]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Name the options of this part."""
    parser.add_argument("--strategy", choices=STRATEGIES, action="append", help="only this one; repeatable")
    parser.add_argument("--no-100-million", action="store_true",
                        help=f"leave out the bundle of {MANY_ROWS:,} rows, which takes minutes and 45 GB of disk")


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:
    """Measure each strategy at each size; then memory at 1 and 100 million rows."""
    with scratch() as folder:
        in_child(sample_base, folder / "base")
        for name in options.strategy or STRATEGIES:
            made = []
            for resources in SIZES[run.quick]:
                made.append(_make(folder, STRATEGIES[name](resources),
                                  run.times if resources <= REPEATED_UP_TO else 1))
                yield _against_floor(f"generate {name}, {resources:,} resources", made[-1])
            yield from _summary(name, made)
        if not run.quick and not options.no_100_million:
            yield from _flat(folder)


def _against_floor(name: str, made: Made) -> Figure:
    return Figure(name, "s", [one.seconds for one in made.ours], f"{made.writer}, rows in memory", made.floor, RATIO,
                  made.rows, {"writers": dict(made.writers), "peak_mb": [one.peak_mb for one in made.ours]})


def _summary(name: str, made: list[Made]) -> Iterator[Figure]:
    yield Figure(f"generate {name}, most memory", "MB", [max(one.peak_mb for size in made for one in size.ours)],
                 "limit", [MOST_MB], 1.0)
    if len(made) > 1:
        large, small = made[-1], made[0]
        yield Figure(f"generate {name}, a row of {large.rows:,}", "µs/row", _per_row(large),
                     f"a row of {small.rows:,}", _per_row(small), SAME_RATE)


def _per_row(made: Made) -> list[float]:
    return [one.seconds / made.rows * 1e6 for one in made.ours]


def _make(folder: Path, parameters: Parameters, times: int) -> Made:
    """Make an operation and write its rows again from memory, in turns; the first bundle is what is written again."""
    base, out, kept, written = (folder / name for name in ("base", "out", "kept", "written"))
    first = in_child(make_rows, parameters, base, kept)
    try:
        writers = in_child(_try_writers, kept, folder).result
        writer = min(writers, key=writers.get)
        bare = partial(_removing, written, _write_again, kept, written, writer)
        floor = [bare()]
        ours, more = in_turns(times - 1, partial(_removing, out, make_rows, parameters, base, out), bare)
    finally:
        shutil.rmtree(kept)
    return Made(first.result, [first, *ours], [one.result for one in (*floor, *more)], writer, writers)


def _removing(folder: Path, work: Callable[..., object], *arguments: object) -> Spent:
    os.sync()
    try:
        return in_child(work, *arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_rows(parameters: Parameters, base: Path, out: Path) -> int:
    """Generate, for a process of its own; gives the rows."""
    return count_rows(make_bundle(parameters, base, out))


def _try_writers(out: Path, folder: Path) -> dict[str, float]:
    return time_writers(newest_bundle(out), folder)


def _write_again(out: Path, folder: Path, writer: str) -> float:
    return write_again(newest_bundle(out), folder, writer)


def _flat(folder: Path) -> Iterator[Figure]:
    base, out = folder / "base", folder / "out"
    # A trial says how many rows come with a resource.
    per_resource = _removing(out, make_rows, RandomParameters(count=FEW_ROWS // 10), base, out).result / FEW_ROWS * 10
    free = shutil.disk_usage(folder).free
    if free < MANY_ROWS * BYTES_PER_ROW:
        print(f"left out: {MANY_ROWS:,} rows want {MANY_ROWS * BYTES_PER_ROW / 1e9:.0f} GB of disk,"
              f" {free / 1e9:.0f} are free", flush=True)
        return
    few, many = (_removing(out, make_rows, RandomParameters(count=round(rows / per_resource)), base, out)
                 for rows in (FEW_ROWS, MANY_ROWS))
    facts = {"seconds": many.seconds, "rows": many.result}
    yield Figure(f"generate random, memory of {MANY_ROWS:,} rows", "MB", [many.peak_mb], "limit", [MOST_MB], 1.0,
                 facts=facts)
    yield Figure(f"generate random, memory of {MANY_ROWS:,} rows", "MB", [many.peak_mb],
                 f"memory of {FEW_ROWS:,} rows", [few.peak_mb], FLAT, facts=facts)
