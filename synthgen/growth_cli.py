"""The commands that make an operation, or say what it would be: options in, one library call, words and data out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from synthgen.engines import names_engine
from synthgen.growth_options import Asked, names_growth
from synthgen.limit_options import LimitOption, YesOption, asker
from synthgen.options import JsonOption, MetricsOption, OutOption, ProgressOption, real_time
from synthgen.output import Output

_EXAMPLE = "\n\nExample: `{}`"


def _scenario_help() -> str:
    # Read from the shipped scenarios, so that what --help says is what is made.
    from synthgen.scenarios.parameters import describe
    from synthgen.scenarios.shipped import scenario_formula, scenario_names, shipped_scenario

    return " ".join(
        f"`{name}` makes {scenario_formula(name)} resources ("
        + "; ".join(describe(parameter) for parameter in shipped_scenario(name).parameters.values()) + ")."
        for name in scenario_names())


GENERATE_HELP = (
             "Generate one operation from the base snapshot: import-format CSV files and a manifest."
             "\n\nStrategies:\n\n"
             "**template** copies the base's resources: --scale-factor F (afterwards the graph holds F times the base's"
             " resources; 10 makes nine copies), or --target-count N, or --template-file F, which says how many of each"
             " type and, if wanted, their names, locations and properties as templates.\n\n"
             "**scenario** builds a topology: --scenario NAME|FILE --param key=value. " + _scenario_help() + "\n\n"
             "**random** makes --count N resources with the base's mix of types, degrees and properties."
             + _EXAMPLE.format("synthgen generate --strategy template --scale-factor 10"))
PLAN_HELP = (
    "Say what `synthgen generate` with the same options would do, before it does: nodes and relationships, bytes of"
    " files and of the database, memory, time, each with its error; whether somebody has to agree, and what is refused."
    " Writes nothing; docs/plan.md explains the fields of --json."
    + _EXAMPLE.format("synthgen plan --strategy template --scale-factor 100"))


@names_growth
def plan(
    *, asked: Asked, limit: LimitOption = None, progress: ProgressOption = None, as_json: JsonOption = False,
) -> None:
    """Say what would be generated."""
    from synthgen.admission import plan_generate
    from synthgen.limits import read_limits

    output = Output(as_json=as_json, progress=progress)
    limits = read_limits(limit or ())
    planned = plan_generate(asked.prepare(output.events.progress), asked.out, limits, files=asked.files)
    output.result(planned.as_document(), planned.text)


RESUME_HELP = (
    "Go on with a `synthgen generate` that was stopped: killed, interrupted, or out of disk. What is made stays, the"
    " parts that are missing are made, and the bytes are those of a run that was not stopped. Without an operation: the"
    " only one that is unfinished." + _EXAMPLE.format("synthgen resume"))


@names_growth
@names_engine
def generate(
    *, asked: Asked, engine: Any, limit: LimitOption = None, yes: YesOption = False,
    metrics_textfile: MetricsOption = None, progress: ProgressOption = None, as_json: JsonOption = False,
) -> None:
    """Generate one operation."""
    from synthgen.admission import generate_if_agreed
    from synthgen.limits import read_limits

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    with output.heeding_notes():
        made = generate_if_agreed(
            asked.stamp, asked.prepare, asked.out, limits=read_limits(limit or ()), agree=asker(output, yes=yes),
            now=real_time, events=output.events, engine=engine, files=asked.files)
    say_generated(output, made)


@names_engine
def resume(
    operation: Annotated[str | None, typer.Argument(help="Operation id.")] = None,
    out: OutOption = None,
    discard: Annotated[bool, typer.Option(
        "--discard", help="Remove what is there of it instead.")] = False,
    *, engine: Any, metrics_textfile: MetricsOption = None, progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a generate."""
    from synthgen.bundle.unfinished import discard as remove
    from synthgen.bundle.unfinished import find_unfinished
    from synthgen.config import out_folder
    from synthgen.resuming import resume_generate

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    if discard:
        unfinished = find_unfinished(out_folder(out), operation)
        remove(unfinished)
        output.result({"operation_id": unfinished.operation_id, "discarded": str(unfinished.path)},
                      f"discarded     {unfinished.path}")
        return
    with output.heeding_notes():
        made = resume_generate(out_folder(out), operation, now=real_time, engine=engine, events=output.events)
    say_generated(output, made)


def say_generated(output: Output, made: Any) -> None:
    """Say what a `synthgen.admission.Generated` is."""
    if made.unrecorded:
        output.say(f"note: what this cost is not on record: {made.unrecorded}")
    bundle = made.bundle
    manifest = bundle.manifest
    counts = manifest.counts
    output.result(
        {"operation_id": manifest.operation_id, "strategy": manifest.strategy, "path": str(bundle.path),
         "seed": manifest.seed, "created_at": manifest.created_at, "counts": manifest.as_document()["counts"],
         "left_out": dict(manifest.left_out), "profile": manifest.profile["name"], "files_at": manifest.files_at},
        f"operation     {manifest.operation_id}\n"
        f"made          {counts.resources:,} resources, {counts.nodes - counts.resources:,} other nodes,"
        f" {counts.relationships:,} relationships\n"
        + "".join(f"left out      {count:,} relationships: {reason}\n"
                  for reason, count in manifest.left_out.items())
        + "".join(f"{said:<13} {', '.join(found)}\n" for said, found in (
            ("new types", manifest.parameters.get("new_types")), ("not used", manifest.parameters.get("not_used")))
            if found)
        + f"profile       {manifest.profile['name']}\n"
        f"bundle        {bundle.path}\n"
        + (f"files         {manifest.files_at}\n" if manifest.files_at else "")
        + f"next          importer load {manifest.operation_id}",
    )
