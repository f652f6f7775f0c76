"""The commands that look after what is kept, prune, compress, cleanup: options in, one library call, words out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.options import EXAMPLE, DryRunOption
from importer.settle_cli import settle_configured
from synthgen.errors import RefusedError, UnreachableError, UsageError
from synthgen.limit_options import asker
from synthgen.options import AddressFinder, JsonOption, OutOption, ProgressOption, names_database
from synthgen.output import Output

if TYPE_CHECKING:
    from importer.prune import Pruned

PRUNE_HELP = ("Remove the bundles of operations that are old and not loaded. One that is loaded, half-way, or was"
              " written as a script stays, however old it is, and so does one that the database holds something of."
              + EXAMPLE.format("importer prune --keep-days 90 --dry-run"))
COMPRESS_HELP = ("Compress the bundle of an operation, or decompress it to the same bytes. Loads read either."
                 + EXAMPLE.format("importer compress scale-20260131T120000-0123abcd"))
CLEANUP_HELP = ("Drop the indexes that loads created in the database, when no operation is left in it. A rollback of"
                " the last operation does the same. What a load that was killed left behind is for its rollback."
                + EXAMPLE.format("importer cleanup"))
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before bundles are removed.")]
FilesOnlyOption = Annotated[bool, typer.Option("--files-only", help="Do not ask the database.")]


@names_database
def prune(
    keep_days: Annotated[int | None, typer.Option(
        "--keep-days", help="Keep operations of which something happened in so many days.")] = None,
    keep_last: Annotated[int | None, typer.Option(
        "--keep-last", help="Keep the so many operations of which something happened last.")] = None,
    compress: Annotated[bool | None, typer.Option(
        "--compress/--no-compress", help="Compress the bundles that stay and are not loaded.")] = None,
    forget_absent: Annotated[bool, typer.Option(
        "--forget-absent", help="What was loaded into this database and is not there any more counts as not loaded:"
        " for databases that were thrown away.")] = False,
    files_only: FilesOnlyOption = False,
    out: OutOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    *,
    find: AddressFinder,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove old bundles."""
    from importer.prune import plan_prune
    from importer.prune import prune as prune_bundles
    from importer.retention import read_rules
    from synthgen.config import out_folder

    output = Output(as_json=as_json, progress=progress)
    rules = read_rules(keep_days=keep_days, keep_last=keep_last, compress=compress)
    if forget_absent and files_only:
        raise UsageError("--forget-absent goes by what the database says, and --files-only does not ask it",
                         hint="leave one of them out")
    address = None if files_only else _reachable(output, find, out, needed=forget_absent)
    folder = out_folder(out)
    planned = plan_prune(folder, rules, address, forget_absent=forget_absent)
    if dry_run:
        output.result(_as_document(planned, dry_run=True), _as_text(planned, "would remove", "would compress"))
        return
    if planned.removed:
        _agree(output, planned, yes=yes)
    done = prune_bundles(folder, planned, progress=output.events.progress)
    output.result(_as_document(done, dry_run=False), _as_text(done, "removed", "compressed"))


def compress(
    operation: Annotated[str, typer.Argument(help="Operation id.")],
    decompress: Annotated[bool, typer.Option("--decompress", help="The other way round.")] = False,
    out: OutOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compress a bundle."""
    from importer.prune import compress_operation
    from synthgen.config import out_folder
    from synthgen.files import folder_bytes

    output = Output(as_json=as_json, progress=progress)
    bundle, before = compress_operation(out_folder(out), operation, undo=decompress, progress=output.events.progress)
    after = folder_bytes(bundle.path)
    compression = bundle.manifest.compression
    output.result({"operation_id": operation, "compression": compression, "bytes_before": before, "bytes": after},
                  f"{operation} is {'compressed' if compression != 'none' else 'not compressed'}:"
                  f" {_size(after)}, before {_size(before)}")


@names_database
def cleanup(
    anyway: Annotated[bool, typer.Option(
        "--anyway", help="Also while operations are in the database: such as before you create a constraint of your own"
        " on the same label and property. The next load creates them again.")] = False,
    out: OutOption = None,
    dry_run: DryRunOption = False,
    *,
    find: AddressFinder,
    as_json: JsonOption = False,
) -> None:
    """Drop the product's own indexes."""
    from importer.cleanup import clean_up

    output = Output(as_json=as_json)
    address = find()
    settle_configured(output, address, out)
    found = clean_up(address, anyway=anyway, dry_run=dry_run)
    lines = [f"{'would drop' if dry_run else 'dropped'} {len(found.dropped)} indexes", *found.dropped]
    if found.kept:
        lines.append(f"kept {len(found.kept)}: the database holds {', '.join(found.operations)}, or records of loads;"
                     " `importer rollback` takes them out, and --anyway drops the indexes nevertheless")
    output.result({"dry_run": dry_run, **asdict(found)}, "\n".join(lines))


def say_indexes(output: Output, address: Any) -> None:
    """List the product's own indexes in a database."""
    from importer.index_upkeep import list_indexes
    from importer.saying import index_line
    from synthgen.database import connect

    with connect(address) as driver:
        found = list_indexes(driver, address)
    output.result({"indexes": [asdict(one) for one in found]}, "\n".join(map(index_line, found)) or "no indexes")


def _reachable(output: Output, find: AddressFinder, out: Path | None, *, needed: bool) -> Any:
    """Find the database; None, with a note, when none answers and it is not needed."""
    from synthgen.database import connect

    try:
        address = find()
        settle_configured(output, address, out)
        with connect(address):
            return address
    except UnreachableError as error:
        if needed:
            raise
        output.say(f"note: no database was asked, the bundles' histories alone decide: {error.message}")
        return None


def _agree(output: Output, planned: Pruned, *, yes: bool) -> None:
    """Have a person agree to what goes.

    Raises:
        RefusedError: Nobody does.
    """
    agree = asker(output, yes=yes)
    if agree is None or not agree(f"{_as_text(planned, 'to remove', 'to compress')}\nRemove these bundles?"):
        raise RefusedError(f"nobody agreed to remove {len(planned.removed)} bundles with"
                           f" {_size(planned.freed_bytes)}", hint="say --yes; --dry-run shows what would go",
                           operations=[one.operation_id for one in planned.removed])


def _as_document(pruned: Pruned, *, dry_run: bool) -> dict[str, Any]:
    return {"dry_run": dry_run, "freed_bytes": pruned.freed_bytes, "left_bytes": pruned.left_bytes,
            "compressed": list(pruned.compressed), "operations": [asdict(one) for one in pruned.verdicts]}


def _as_text(pruned: Pruned, removed: str, compressed: str) -> str:
    lines = [f"{removed if one.remove else 'kept':14} {one.operation_id}  {_size(one.bytes):>10}  {one.reason}"
             for one in pruned.verdicts]
    if pruned.left_bytes:
        lines.append(f"{removed:14} {_size(pruned.left_bytes)} that a prune which was killed had left")
    lines += [f"{compressed:14} {operation_id}" for operation_id in pruned.compressed]
    return "\n".join([*lines, f"{removed:14} {_size(pruned.freed_bytes)} in all"])


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
