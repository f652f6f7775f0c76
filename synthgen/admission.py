"""Asks before it generates: plan, judgement, then the work and its record; knows no server and no terminal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from synthgen.bundle.estimate import estimate_bytes
from synthgen.bundle.making import AT_ONCE, make_here
from synthgen.bundle.outline import PART_ROWS
from synthgen.bundle.read import Bundle
from synthgen.bundle.write import Engine
from synthgen.costs import Estimate, Rates, Size, database_bytes
from synthgen.events import QUIET, Stream
from synthgen.generate import Prepared
from synthgen.limits import Limits, Used, judge, require_admission
from synthgen.metadata import Stamp
from synthgen.plan import Plan, size_text
from synthgen.progress import Progress
from synthgen.runs import learn_from, read_runs, record_run, run_of
from synthgen.work import working

Agree = Callable[[str], bool]
"""Is asked a question about something big, and says whether somebody agrees."""

# Measured on two cores: the sample tenant of 4,092 resources, made a million.
SECONDS = {
    "template": Rates(0.5, 7e-7, 4e-7, 1e-9, 1e-4),
    "random": Rates(0.5, 5e-7, 3e-7, 1e-9, 1e-4),
    "scenario": Rates(0.5, 5e-7, 3e-7, 1e-9, 5e-6),
}
MEMORY = Rates(270e6, 2500, 150, 0, 800)


@dataclass(frozen=True, slots=True)
class Generated:
    """A bundle that was made; `unrecorded` says why what it cost is not on record, None when it is."""

    bundle: Bundle
    unrecorded: str | None


def plan_generate(
    prepared: Prepared, out: Path, limits: Limits, used: Used | None = None, files: str | None = None
) -> Plan:
    """Say what a generate would do and whether limits let it; makes a few rows and writes nothing.

    `used` is what was loaded into the database that the operation is meant for; without it no quota is looked at.
    `files` is the URL that its files go to: then the disk of the out folder needs no room for them.

    Raises:
        SynthError: The record of runs cannot be read.
    """
    growth, snapshot = prepared.growth, prepared.base.snapshot
    strategy = prepared.stamp.strategy
    nodes = sum(block.rows for block in growth.nodes)
    relationships = sum(block.rows for block in growth.relationships)
    size_of_files = estimate_bytes(growth, prepared.stamp)
    base = {kind: int(snapshot.counts[kind]) for kind in ("nodes", "relationships")}
    size = Size(nodes, relationships, round(size_of_files.value), sum(base.values()))
    runs = read_runs(out)
    model = learn_from(runs, "generate", strategy, SECONDS[strategy])
    memory = learn_from(runs, "generate", strategy, MEMORY, what="peak_bytes", counting=held_at_once)
    return Plan(
        work="generate", kind=strategy, operation_id=prepared.stamp.operation_id,
        resources=sum(sum(block.resource_types.values()) for block in growth.nodes), nodes=nodes,
        relationships=relationships, base_nodes=base["nodes"], base_relationships=base["relationships"],
        file_bytes=size_of_files,
        database_bytes=database_bytes(nodes, relationships, size_of_files.value),
        memory_bytes=memory.estimate(held_at_once(size)), seconds=model.estimate(size), learned_from=model.runs,
        limits=limits, used=used,
        judgement=judge(limits, nodes=nodes, relationships=relationships, bytes_=round(size_of_files.value),
                        used=used, other_reasons=_too_full(out, size_of_files) if files is None else (),
                        way_out="free that much there, or name another folder with --out"),
    )


def generate_if_agreed(
    stamp: Stamp, prepare: Callable[[Progress], Prepared], out: Path, *, limits: Limits, agree: Agree | None,
    now: Callable[[], str], used: Used | None = None, events: Stream = QUIET, engine: Engine = make_here,
    files: str | None = None,
) -> Generated:
    """Think an operation out, ask whether it may be, make it, and record what that cost.

    Args:
        stamp: What will mark it.
        prepare: Thinks it out, with that stamp: `synthgen.generate.prepare` with its other arguments.
        out: The out folder.
        limits: How much may be made.
        agree: See `synthgen.limits.require_admission`.
        now: Gives the time, ISO 8601 in UTC.
        used: As in `plan_generate`.
        events: Told how far it is.
        engine: Makes the parts.
        files: The URL that they go to; None for the bundle's folder.

    Raises:
        RefusedError: Limits refuse it, or nobody agreed; nothing was written.
        SynthError: As `synthgen.generate.generate`.
    """
    with working(events, "generate", stamp.operation_id) as work:
        prepared = prepare(work.events.progress)
        plan = plan_generate(prepared, out, limits, used, files)
        asked_at = work.performance.seconds
        require_admission(plan.judgement, f"generating {plan.operation_id}", agree=agree)
        # Somebody may have thought about it for an hour.
        asked = work.performance.seconds - asked_at
        bundle = prepared.write(out, work, engine, files)
        cost = work.performance
    return recorded(bundle, prepared, out, seconds=cost.seconds - asked, peak_bytes=cost.client_peak_bytes, at=now())


def recorded(
    bundle: Bundle, prepared: Prepared, out: Path, *, seconds: float, peak_bytes: int, at: str, resumed: bool = False,
) -> Generated:
    """Put on record what a bundle has cost; see `synthgen.runs.Run`."""
    counts, base = bundle.manifest.counts, prepared.base.snapshot.counts
    made = Size(counts.nodes, counts.relationships, sum(part.bytes for part in bundle.manifest.parts),
                int(base["nodes"]) + int(base["relationships"]))
    return Generated(bundle, record_run(out, run_of(
        "generate", made, kind=prepared.stamp.strategy, operation_id=prepared.stamp.operation_id, seconds=seconds,
        peak_bytes=peak_bytes, at=at, resumed=resumed)))


def held_at_once(size: Size) -> Size:
    """Give what is in memory at once: the base, and a few parts."""
    return Size(min(size.nodes, AT_ONCE * PART_ROWS.nodes),
                min(size.relationships, AT_ONCE * PART_ROWS.relationships), 0, size.base)


def _too_full(out: Path, files: Estimate) -> list[str]:
    there = next(folder for folder in (out, *out.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if files.value / (1 + files.error) <= free:
        return []
    return [f"the files need about {size_text(files)}, and {size_text(Estimate(free, 0))} of disk are free in {there}"]
