"""The command `synthgen report`: options in, the fidelity report out as page and document; knows no measure."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from synthgen.options import AddressFinder, JsonOption, ProgressOption, clock, names_database
from synthgen.output import Output


@names_database
def report(
    operation: Annotated[str | None, typer.Argument(help="The operation's id; the newest by default.")] = None,
    against: Annotated[Path | None, typer.Option(
        help="The base snapshot to compare with; base in the out folder by default.")] = None,
    out: Annotated[Path | None, typer.Option(
        help="The page's file; reports/OPERATION.html in the out folder by default.")] = None,
    in_database: Annotated[bool, typer.Option(
        "--in-database", help="Measure what was loaded instead of the files; the database is only read.")] = False,
    *,
    find: AddressFinder,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure an operation and write its report."""
    from synthgen.bundle.read import find_bundle, newest_bundle
    from synthgen.config import base_folder, out_folder
    from synthgen.fidelity.page import write_page
    from synthgen.fidelity.report import report_on
    from synthgen.snapshot.export import export_snapshot

    output = Output(as_json=as_json, progress=progress)
    folder = out_folder()
    bundle = newest_bundle(folder) if operation is None else find_bundle(folder, operation)
    page = folder / "reports" / f"{bundle.manifest.operation_id}.html" if out is None else out.absolute()
    with tempfile.TemporaryDirectory(prefix="synthgen-") as temporary:
        loaded = None
        if in_database:
            loaded = Path(temporary) / "database"
            export_snapshot(find(), loaded, now=clock(None), events=output.events)
        found = report_on(bundle, base_folder(against), loaded, output.events.progress)
    write_page(found, page)
    document = found.as_document()
    lines = [f"{one['title']:34} {_figure(one['score']):>8} {_figure(one['target']):>8} {_figure(one['ceiling']):>8}"
             f"  {one['status']}" for one in document["measures"]]
    output.result(
        {**document, "page": str(page)},
        "\n".join([f"{'measure':34} {'score':>8} {'target':>8} {'ceiling':>8}  verdict", *lines, "",
                   *(f"changed       {change.reason}" for change in found.changes),
                   f"verdict       {found.verdict}", f"page          {page}"]))


def _figure(value: float | None) -> str:
    # Cut, not rounded: what misses a target must not look as if it met it.
    return "" if value is None else f"{int(value * 10_000) / 10_000:.4f}"
