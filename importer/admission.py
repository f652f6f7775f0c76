"""Asks before it loads: what a load would do and cost, and whether limits and quotas let it; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from importer.quotas import used_this_month
from importer.stages import ImportAside, Mode, Stage, WriteOnline
from synthgen.admission import Agree, held_at_once
from synthgen.bundle.read import Bundle
from synthgen.costs import Estimate, Rates, Size, database_bytes
from synthgen.database import Address
from synthgen.errors import RefusedError
from synthgen.limits import Judgement, Limits, judge, require_admission
from synthgen.performance import Performance
from synthgen.plan import Plan
from synthgen.runs import learn_from, read_runs, record_run, run_of

Admit = Callable[[Sequence[Stage]], None]
"""Is given the stages of a load before the first of them runs; raises when it may not be."""

# Set by hand after a few loads of the sample tenant on two cores that had other work as well: where to begin, until the
# runs on record say better.
SECONDS = {
    ("load", "online"): Rates(3.0, 1e-4, 5e-5, 0, 3e-5),
    ("load", "offline"): Rates(30.0, 2e-5, 1e-5, 1e-8, 5e-5),
    ("validate", None): Rates(1.5, 2e-5, 1e-5, 0, 3e-5),
    ("rollback", None): Rates(1.0, 4e-5, 2e-5),
}
MEMORY = {"online": Rates(240e6, 1500, 150, 0, 300), "offline": Rates(240e6, 200, 50, 0, 800)}


def plan_of_load(
    bundle: Bundle, stages: Sequence[Stage], address: Address, *, mode: Mode, limits: Limits,
    other_reasons: Sequence[str] = (),
) -> Plan:
    """Say what a load would do and whether limits and quotas let it; one that was begun before just goes on.

    Args:
        bundle: The operation.
        stages: What `importer.planning.plan_load` gave; empty when it refused.
        address: The database.
        mode: How it would be loaded.
        limits: How much may be.
        other_reasons: Why it was refused.

    Raises:
        SynthError: The record of runs cannot be read, or the database cannot be asked.
    """
    manifest, out = bundle.manifest, out_of(bundle)
    counts, size = manifest.counts, size_of(bundle, stages)
    runs = read_runs(out)
    models = {work: learn_from(runs, work, kind, rates, uri=address.uri) for (work, kind), rates in SECONDS.items()
              if kind in {None, mode}}
    memory = learn_from(runs, "load", mode, MEMORY[mode], what="peak_bytes", uri=address.uri, counting=held_at_once)
    used, judgement = None, Judgement(other_reasons=tuple(other_reasons))
    # It was agreed to when it was begun.
    goes_on = bool(stages) and (manifest.is_half_loaded(address.uri, address.database) or not begins_something(stages))
    if not goes_on:
        if limits.has_quota:
            used = used_this_month(out, address, now=datetime.now(UTC), without=manifest.operation_id)
        judgement = judge(limits, nodes=counts.nodes, relationships=counts.relationships, bytes_=size.bytes, used=used,
                          other_reasons=other_reasons)
    return Plan(
        work="load", kind=mode, operation_id=manifest.operation_id, resources=counts.resources, nodes=counts.nodes,
        relationships=counts.relationships, base_nodes=int(manifest.snapshot["nodes"]),
        base_relationships=int(manifest.snapshot["relationships"]), file_bytes=Estimate(size.bytes, 0.0),
        database_bytes=database_bytes(counts.nodes, counts.relationships, size.bytes),
        memory_bytes=memory.estimate(held_at_once(size)), seconds=models["load"].estimate(size),
        learned_from=models["load"].runs,
        further={work: models[work].estimate(size) for work in ("validate", "rollback")}, limits=limits, used=used,
        judgement=judgement, details={"goes_on": goes_on},
    )


def admit_if_agreed(
    bundle: Bundle, address: Address, *, mode: Mode, limits: Limits, agree: Agree | None
) -> Admit:
    """Give what asks whether a load may be; see `synthgen.limits.require_admission`."""
    def admit(stages: Sequence[Stage]) -> None:
        plan = plan_of_load(bundle, stages, address, mode=mode, limits=limits)
        require_admission(plan.judgement, f"loading {plan.operation_id} {mode}", agree=agree)

    return admit


def ask_first(
    bundle: Bundle, address: Address, plan: Callable[[], Sequence[Stage]], *, mode: Mode, limits: Limits,
    agree: Agree | None,
) -> Admit:
    """Ask whether a load may be before anything is held for it: somebody may think about that for an hour.

    Args:
        bundle: The operation.
        address: The database.
        plan: Builds the stages.
        mode: How it would be loaded.
        limits: How much may be.
        agree: See `synthgen.limits.require_admission`.

    Returns:
        What looks again when the load holds its database: at what others did meanwhile.

    Raises:
        RefusedError: As `synthgen.limits.require_admission`.
    """
    try:
        stages = plan()
    except RefusedError:
        # Who is at work there now may be why: the load itself finds out, and asks then.
        return admit_if_agreed(bundle, address, mode=mode, limits=limits, agree=agree)
    admit_if_agreed(bundle, address, mode=mode, limits=limits, agree=agree)(stages)
    return admit_if_agreed(bundle, address, mode=mode, limits=limits, agree=lambda _: True)


def admit_all(stages: Sequence[Stage]) -> None:
    """Ask nobody."""


def size_of(bundle: Bundle, stages: Sequence[Stage] = ()) -> Size:
    """Give how much there is to load: an offline load reads all operations that are there as well as the base."""
    manifest = bundle.manifest
    imported = next((stage for stage in stages if isinstance(stage, ImportAside)), None)
    others = [other.manifest.counts for other in imported.bundles if other != bundle] if imported is not None else []
    base = int(manifest.snapshot["nodes"]) + int(manifest.snapshot["relationships"])
    return Size(manifest.counts.nodes, manifest.counts.relationships, sum(part.bytes for part in manifest.parts),
                base + sum(counts.nodes + counts.relationships for counts in others))


def out_of(bundle: Bundle) -> Path:
    """Give the out folder that a bundle is in."""
    return bundle.path.parent.parent


def note_run(
    out: Path, work: str, size: Size, address: Address, cost: Performance, *, operation_id: str,
    seconds: float | None = None, mode: Mode | None = None, resumed: bool = False,
) -> dict[str, str]:
    """Put what work has cost on record; gives `unrecorded`, and why, when that could not be done.

    `seconds` are those of the work, where somebody was asked as well.
    """
    unrecorded = record_run(out, run_of(
        work, size, kind=mode, operation_id=operation_id, seconds=cost.seconds if seconds is None else seconds,
        peak_bytes=cost.client_peak_bytes, at=datetime.now(UTC).isoformat(timespec="seconds"), uri=address.uri,
        database=address.database, resumed=resumed))
    return {} if unrecorded is None else {"unrecorded": unrecorded}


def begins_something(stages: Sequence[Stage]) -> bool:
    """Say whether stages write anything of the operation: what is left to do of a load may be to record its end."""
    return any(isinstance(stage, WriteOnline | ImportAside) for stage in stages)
