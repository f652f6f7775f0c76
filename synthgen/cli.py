"""The command `synthgen`: options in, one library call, words and data out; knows no graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.fidelity.cli import report
from synthgen.growth_cli import GENERATE_HELP, PLAN_HELP, RESUME_HELP, generate, plan, resume
from synthgen.options import (
    AddressFinder,
    BaseOption,
    JsonOption,
    MetricsOption,
    OutOption,
    ProfileOption,
    ProgressOption,
    clock,
    names_database,
    real_time,
)
from synthgen.output import Output, run_cli
from synthgen.scenarios.cli import app as scenarios

app = typer.Typer(
    name="synthgen", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    help="Grow a property graph: read the base graph from Neo4j, generate a marked, realistic operation as CSV files"
    " that Neo4j imports.\n\nExit codes: 0 done, 1 failed, 2 usage, 4 stopped half-way, 5 refused, 10 database not"
    " reachable, 11 locked, 12 not allowed in, 130 interrupted.\n\nSettings: flag > environment (SYNTHGEN_OUT,"
    " SYNTHGEN_BASE, SYNTHGEN_PROFILE, NEO4J_URI, …) > synthgen.toml > default.",
)
app.add_typer(scenarios, name="scenarios")
EXAMPLE = "\n\nExample: `{}`"


@app.command(help="Write a made-up Azure tenant as a snapshot, to try everything without a database of one's own."
             + EXAMPLE.format("synthgen sample --out out/sample"))
def sample(
    out: Annotated[Path, typer.Option(help="Folder of the new snapshot.")],
    resources: Annotated[int, typer.Option(help="How many :Resource nodes.", min=1)] = 4092,
    seed: Annotated[int, typer.Option(help="Another seed, another tenant.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Write the sample tenant."""
    from synthgen.sample import sample_tenant
    from synthgen.snapshot.write import write_snapshot

    output = Output(as_json=as_json)
    # The tenant is made up, and so is its clock: the same arguments give the same snapshot.
    snapshot = write_snapshot(sample_tenant(resources=resources, seed=seed), out.absolute(), profile="azure",
                              created_at="2026-01-01T00:00:00+00:00",
                              source={"sample": {"resources": resources, "seed": seed}})
    _say_snapshot(output, snapshot)


@app.command(help="Read the whole base graph from Neo4j into a snapshot. Writes that happen meanwhile are noticed:"
             " the export fails then, or begins again with --retries."
             + EXAMPLE.format("synthgen export --out out/base"))
@names_database
def export(
    out: Annotated[Path | None, typer.Option(help="Folder of the new snapshot; out/base by default.")] = None,
    profile: ProfileOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a snapshot that is there already.")] = False,
    retries: Annotated[int, typer.Option(
        min=0, help="How often to begin again when the database was written to meanwhile.")] = 0,
    *,
    find: AddressFinder,
    metrics_textfile: MetricsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export the base graph."""
    from synthgen.config import base_folder, out_folder, setting
    from synthgen.costs import Size
    from synthgen.generate import profile_for_export
    from synthgen.monitor import PerformanceMonitor
    from synthgen.runs import record_run, run_of
    from synthgen.snapshot.export import export_snapshot

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    address = find()
    with PerformanceMonitor("export") as monitor:
        snapshot = export_snapshot(
            address, base_folder(out), now=clock(None), profile=profile_for_export(setting("profile", profile)),
            replace=replace, retries=retries, events=output.events,
        )
    cost, size = monitor.performance, Size(snapshot.counts["nodes"], snapshot.counts["relationships"])
    unrecorded = record_run(out_folder(), run_of(
        "export", size, seconds=cost.seconds, peak_bytes=cost.client_peak_bytes, at=real_time(), uri=address.uri,
        database=address.database))
    if unrecorded is not None:
        output.say(f"note: what this cost is not on record: {unrecorded}")
    _say_snapshot(output, snapshot)


@app.command(help="Show which part each label set of the base snapshot plays, under the profile that `generate` would"
             " use, as a TOML file that `--profile` takes; `--write` writes it, to be corrected by hand."
             + EXAMPLE.format("synthgen profile --write films.toml"))
def profile(
    base: BaseOption = None,
    out: OutOption = None,
    profile: ProfileOption = None,
    write: Annotated[Path | None, typer.Option("--write", help="A new TOML file for the profile.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the profile, and write it."""
    from synthgen.config import base_folder, setting
    from synthgen.generate import find_profile
    from synthgen.profile import profile_text, roles_in, write_profile
    from synthgen.snapshot.read import open_snapshot

    output = Output(as_json=as_json)
    snapshot = open_snapshot(base_folder(base, out))
    found = find_profile(snapshot, setting("profile", profile))
    if write is not None:
        write_profile(found, write)
    roles = roles_in(found, ((table.labels, table.rows) for table in snapshot.node_tables))
    output.result(
        {"profile": found.as_document(), "written": None if write is None else str(write),
         "label_sets": [{"labels": list(labels), "role": role.value, "nodes": nodes} for labels, role, nodes in roles]},
        profile_text(found) + "\n"
        + "\n".join(f"# {role.value:<10} {nodes:>11,}  {':'.join(labels)}" for labels, role, nodes in roles))


app.command(help=GENERATE_HELP)(generate)
app.command(help=PLAN_HELP)(plan)
app.command(help=RESUME_HELP)(resume)
app.command(help="Measure how close an operation stayed to its base, and write a page that shows it: mixes, patterns,"
            " degrees, structure, properties, each beside what two halves of the base reach."
            + EXAMPLE.format("synthgen report --out report.html"))(report)


def _say_snapshot(output: Output, snapshot: Any) -> None:
    counts = snapshot.counts
    output.result(
        {"path": str(snapshot.path), "digest": snapshot.digest, "counts": counts, "operations": snapshot.operations,
         "source": snapshot.source},
        f"snapshot      {snapshot.path}\n"
        f"holds         {counts['nodes']:,} nodes, {counts['relationships']:,} relationships,"
        f" {len(snapshot.schema)} indexes and constraints\n"
        f"digest        {snapshot.digest}",
    )


def main() -> None:
    """Run the command."""
    run_cli(app)


if __name__ == "__main__":
    main()
