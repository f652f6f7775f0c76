"""The commands that put something into a database, restore and load: options in, one library call, words out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from importer.options import (
    EXAMPLE,
    BatchTimeLimitOption,
    DryRunOption,
    MaxAttemptsOption,
    Named,
    RateLimitOption,
    TimeLimitOption,
    names_target,
)
from importer.saying import explaining, left_out_line, note_line, say_loaded, say_plan, say_script, took
from importer.settle_cli import settle_first
from synthgen.limit_options import LimitOption, YesOption, asker
from synthgen.options import BaseOption, JsonOption, MetricsOption, OutOption, ProgressOption
from synthgen.output import Output

ModeOption = Annotated[str, typer.Option(help="offline or online.")]
AllowChangedOption = Annotated[bool, typer.Option(
    "--allow-changed", help="Load although the base part of the database is not what the snapshot says; offline, the"
    " snapshot replaces it and the changes are lost.")]
EmitOption = Annotated[str | None, typer.Option(
    "--emit-script", metavar="sh|ps1",
    help="Write the commands as a script, for whoever looks after the server, and do nothing else.")]
FolderOption = Annotated[Path | None, typer.Option(
    "--script-folder", help="Where the script goes, with all it needs; by default a folder under scripts in the out"
    " folder.")]
LeaveOutOption = Annotated[list[str] | None, typer.Option(
    "--leave-out-schema", metavar="NAME", help="Do without an index or constraint of the snapshot; may be repeated.")]
IndexesOption = Annotated[bool, typer.Option(
    "--indexes/--no-indexes", help="Create the indexes by which operations are found, under names of our own, where the"
    " database has none that serve; they go with the last operation.")]
ImportHeapOption = Annotated[str, typer.Option("--heap", help="Java heap of an offline import, such as 2g.")]
ScalingModeOption = Annotated[str | None, typer.Option(
    "--scaling-mode", metavar="horizontal|vertical|hybrid",
    help="online: what adapts itself to the server: writers, the rows of a batch, or both; hybrid by default.")]
BatchRowsOption = Annotated[str | None, typer.Option(
    "--batch-rows", metavar="FEWEST-MOST", help="online: bounds of the rows of a batch; 100-10000 by default.")]
WritersOption = Annotated[str | None, typer.Option(
    "--writers", metavar="FEWEST-MOST", help="online: bounds of the batches at once; 1-5 by default.")]
ScalingConfigOption = Annotated[Path | None, typer.Option(
    "--scaling-config", help="online: JSON or TOML file with all settings of scaling, instead of [scaling] in"
    " synthgen.toml; see docs/scaling.md.")]
ExplainScalingOption = Annotated[bool, typer.Option(
    "--explain-scaling", help="online: say each decision on batch rows and writers, with its reason, as it happens.")]
RESTORE_HELP = ("Put a snapshot into an empty database: offline import, then the schema. The server is the local one,"
             " or an installed or a Compose one that --neo4j-home or --compose-file names."
             + EXAMPLE.format("importer restore out/sample"))


@names_target
def restore(
    snapshot: Annotated[Path, typer.Argument(help="The snapshot's folder.")],
    out: OutOption = None,
    heap: ImportHeapOption = "2g",
    leave_out_schema: LeaveOutOption = None,
    dry_run: DryRunOption = False,
    emit_script: EmitOption = None,
    script_folder: FolderOption = None,
    *,
    find: Named,
    metrics_textfile: MetricsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a base."""
    from importer.operations import restore as restore_snapshot
    from importer.planning import plan_restore
    from synthgen.snapshot.read import open_snapshot

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    opened = open_snapshot(snapshot.absolute())
    if emit_script is not None:
        from importer.scripts.emit import emit_restore
        from importer.scripts.quoting import check_shell
        from synthgen.config import out_folder

        say_script(output, emit_restore(
            opened, find.address, find.said(), shell=check_shell(emit_script),
            folder=script_folder or out_folder(out) / "scripts" / f"restore-{opened.digest[:12]}", heap=heap,
            leave_out=leave_out_schema or (), events=output.events))
        return
    address = find.address()
    target = find.target_of(address)
    if dry_run:
        say_plan(output, plan_restore(opened, address, target, heap=heap, leave_out=leave_out_schema or ()))
        return
    settle_first(output, target)
    done = restore_snapshot(opened, address, target=target, heap=heap, leave_out=leave_out_schema or (),
                            events=output.events)
    output.result({"snapshot": str(opened.path), "digest": opened.digest, "counts": opened.counts, **took(done)},
                  f"{note_line(done)}"
                  f"restored      {opened.counts['nodes']:,} nodes, {opened.counts['relationships']:,} relationships\n"
                  f"{left_out_line(done)}took          {done.total_seconds:.1f} s\nnext          synthgen export")


LOAD_HELP = ("Load an operation: offline (neo4j-admin database import into a new store, then a swap; on the local"
             " server, or one that --neo4j-home or --compose-file names) or online (batched writes, any server; goes on"
             " where it stopped). Without an operation: the newest that is not loaded."
             + EXAMPLE.format("importer load --mode offline"))


@names_target
def load(
    operation: Annotated[str | None, typer.Argument(help="Operation id.")] = None,
    mode: ModeOption = "online",
    out: OutOption = None,
    base: BaseOption = None,
    allow_changed: AllowChangedOption = False,
    heap: ImportHeapOption = "2g",
    leave_out_schema: LeaveOutOption = None,
    indexes: IndexesOption = True,
    scaling_mode: ScalingModeOption = None,
    batch_rows: BatchRowsOption = None,
    writers: WritersOption = None,
    scaling_config: ScalingConfigOption = None,
    explain_scaling: ExplainScalingOption = False,
    time_limit: TimeLimitOption = None,
    batch_time_limit: BatchTimeLimitOption = None,
    rate_limit: RateLimitOption = None,
    max_attempts: MaxAttemptsOption = None,
    limit: LimitOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    emit_script: EmitOption = None,
    script_folder: FolderOption = None,
    *,
    find: Named,
    metrics_textfile: MetricsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load an operation."""
    from importer.admission import ask_first, plan_of_load
    from importer.online import OnlineOptions
    from importer.operations import load as load_bundle
    from importer.planning import choose_bundle, plan_load
    from importer.requests import check_mode
    from importer.resilience import find_resilience
    from importer.scaling.reading import read_scaling
    from synthgen.config import base_folder, out_folder
    from synthgen.limits import read_limits

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    resilience = find_resilience(time_limit=time_limit, batch_time_limit=batch_time_limit, rate_limit=rate_limit,
                                 max_attempts=max_attempts)
    limits = read_limits(limit or ())
    checked, scaling = check_mode(mode), read_scaling(scaling_mode, batch_rows, writers, scaling_config)
    bundle = choose_bundle(out_folder(out), operation)
    if emit_script is not None:
        from importer.scripts.emit import emit_load
        from importer.scripts.quoting import check_shell

        say_script(output, emit_load(
            bundle, find.address, find.said(), shell=check_shell(emit_script), mode=checked,
            folder=script_folder or out_folder(out) / "scripts" / bundle.manifest.operation_id,
            base=base_folder(base, out), allow_changed=allow_changed, heap=heap, leave_out=leave_out_schema or (),
            indexes=indexes, events=output.events))
        return
    address = find.address()
    target = find.target_of(address)
    plan = partial(plan_load, bundle, address, mode=checked, base=base_folder(base, out), target=target,
                   allow_changed=allow_changed, heap=heap, leave_out=leave_out_schema or (), indexes=indexes)
    if dry_run:
        stages = plan()
        say_plan(output, stages, plan_of_load(bundle, stages, address, mode=checked, limits=limits))
        return
    settle_first(output, target)
    admit = ask_first(bundle, address, plan, mode=checked, limits=limits, agree=asker(output, yes=yes))
    done = load_bundle(bundle, address, mode=checked, base=base_folder(base, out), target=target,
                       allow_changed=allow_changed, heap=heap, leave_out=leave_out_schema or (), indexes=indexes,
                       options=OnlineOptions(scaling, resilience),
                       events=explaining(output) if explain_scaling else output.events, admit=admit)
    say_loaded(output, bundle, checked, address, done)
