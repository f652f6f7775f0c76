"""The command that says what a load would do: options in, a look at files and database, words and data out."""

from __future__ import annotations

from typing import Annotated

import typer

from importer.load_cli import AllowChangedOption, ImportHeapOption, LeaveOutOption, ModeOption
from importer.options import EXAMPLE, Named, names_target
from synthgen.limit_options import LimitOption
from synthgen.options import BaseOption, JsonOption, OutOption, ProgressOption
from synthgen.output import Output

PLAN_HELP = ("Say what `importer load` with the same options would do, before it does: nodes and relationships, bytes"
             " of the database, memory, time, each with its error; what was loaded this month where there is a quota;"
             " whether somebody has to agree, and what is refused. Changes nothing; docs/plan.md explains the fields of"
             " --json. Without an operation: the newest that is not loaded."
             + EXAMPLE.format("importer plan --mode offline"))


@names_target
def plan(
    operation: Annotated[str | None, typer.Argument(help="Operation id.")] = None,
    mode: ModeOption = "online",
    out: OutOption = None,
    base: BaseOption = None,
    allow_changed: AllowChangedOption = False,
    heap: ImportHeapOption = "2g",
    leave_out_schema: LeaveOutOption = None,
    limit: LimitOption = None,
    *,
    find: Named,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what would be loaded."""
    from importer.admission import plan_of_load
    from importer.explain import explain
    from importer.planning import choose_bundle, plan_load
    from importer.requests import check_mode
    from synthgen.config import base_folder, out_folder
    from synthgen.errors import RefusedError
    from synthgen.limits import read_limits

    output = Output(as_json=as_json, progress=progress)
    limits, checked = read_limits(limit or ()), check_mode(mode)
    bundle = choose_bundle(out_folder(out), operation)
    address = find.address()
    stages, reasons = [], []
    try:
        stages = plan_load(bundle, address, mode=checked, base=base_folder(base, out), target=find.target_of(address),
                           allow_changed=allow_changed, heap=heap, leave_out=leave_out_schema or ())
    except RefusedError as error:
        reasons = [error.message]
    planned = plan_of_load(bundle, stages, address, mode=checked, limits=limits, other_reasons=reasons)
    output.result({**planned.as_document(), "stages": explain(stages)}, planned.text)
