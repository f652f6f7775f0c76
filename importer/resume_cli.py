"""The command that goes on with a load that was stopped half-way: options in, one library call, words out."""

from __future__ import annotations

from typing import Annotated

import typer

from importer.load_cli import (
    BatchRowsOption,
    ExplainScalingOption,
    ScalingConfigOption,
    ScalingModeOption,
    WritersOption,
)
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
from importer.saying import explaining, say_loaded, say_plan
from importer.settle_cli import settle_first
from synthgen.options import JsonOption, MetricsOption, OutOption, ProgressOption
from synthgen.output import Output

RESUME_HELP = ("Go on with an online load that was stopped half-way: killed, interrupted, or cut off from the database."
               " What is written stays, the rest is written, nothing twice. Without an operation: the newest such load."
               + EXAMPLE.format("importer resume"))


@names_target
def resume(
    operation: Annotated[str | None, typer.Argument(help="Operation id.")] = None,
    out: OutOption = None,
    allow_changed: Annotated[bool, typer.Option(
        "--allow-changed", help="Go on although the base part of the database is not what the snapshot says; by"
        " default as the load was begun.")] = False,
    scaling_mode: ScalingModeOption = None,
    batch_rows: BatchRowsOption = None,
    writers: WritersOption = None,
    scaling_config: ScalingConfigOption = None,
    explain_scaling: ExplainScalingOption = False,
    time_limit: TimeLimitOption = None,
    batch_time_limit: BatchTimeLimitOption = None,
    rate_limit: RateLimitOption = None,
    max_attempts: MaxAttemptsOption = None,
    dry_run: DryRunOption = False,
    *,
    find: Named,
    metrics_textfile: MetricsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a load."""
    from importer.listing import choose_half_way
    from importer.online import OnlineOptions
    from importer.operations import load as load_bundle
    from importer.planning import plan_load
    from importer.resilience import find_resilience
    from importer.scaling.reading import read_scaling
    from synthgen.config import base_folder, out_folder

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    resilience = find_resilience(time_limit=time_limit, batch_time_limit=batch_time_limit, rate_limit=rate_limit,
                                 max_attempts=max_attempts)
    scaling = read_scaling(scaling_mode, batch_rows, writers, scaling_config)
    address, base = find.address(), base_folder(None, out)
    target = find.target_of(address)
    if not dry_run:
        settle_first(output, target)
    bundle = choose_half_way(out_folder(out), address, operation)
    started = bundle.manifest.last("load_started") or {}
    changed, indexes = allow_changed or bool(started.get("allow_changed")), bool(started.get("indexes", True))
    if dry_run:
        say_plan(output, plan_load(bundle, address, mode="online", base=base, target=target, allow_changed=changed,
                                   indexes=indexes))
        return
    done = load_bundle(bundle, address, mode="online", base=base, target=target, allow_changed=changed,
                       indexes=indexes, options=OnlineOptions(scaling, resilience),
                       events=explaining(output) if explain_scaling else output.events)
    say_loaded(output, bundle, "online", address, done)
