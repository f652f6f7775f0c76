"""The command `importer`: options in, one library call, words and data out; knows no Cypher."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from importer.options import Named, names_target
from importer.saying import (
    check_line,
    left_out_line,
    list_line,
    note_line,
    say_digest,
    say_plan,
    say_script,
    took,
)
from importer.servers.cli import server
from synthgen.errors import RefusedError, ServerError, UsageError
from synthgen.options import (
    AddressFinder,
    BaseOption,
    JsonOption,
    OutOption,
    names_database,
)
from synthgen.output import Output, run_cli

if TYPE_CHECKING:
    from importer.servers.target import Target
    from synthgen.database import Address

app = typer.Typer(
    name="importer", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    help="Load generated operations into Neo4j, validate them there and roll them back.\n\nWithout --uri or NEO4J_URI"
    " all commands use the local server of `importer server start`.\n\nExit codes: 0 done, 1 failed, 2 usage,"
    " 3 validation found something, 4 stopped half-way (the same command goes on), 5 refused,"
    " 10 database not reachable, 11 another run holds the lock, 12 not allowed in, 130 interrupted.",
)
app.add_typer(server)
EXAMPLE = "\n\nExample: `{}`"
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
EmitOption = Annotated[str | None, typer.Option(
    "--emit-script", metavar="sh|ps1",
    help="Write the commands as a script, for whoever looks after the server, and do nothing else.")]
FolderOption = Annotated[Path | None, typer.Option(
    "--script-folder", help="Where the script goes, with all it needs; by default a folder under scripts in the out"
    " folder.")]
LeaveOutOption = Annotated[list[str] | None, typer.Option(
    "--leave-out-schema", metavar="NAME", help="Do without an index or constraint of the snapshot; may be repeated.")]
ImportHeapOption = Annotated[str, typer.Option("--heap", help="Java heap of an offline import, such as 2g.")]


@app.command(help="Put a snapshot into an empty database: offline import, then the schema. The server is the local one,"
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
    as_json: JsonOption = False,
) -> None:
    """Restore a base."""
    from importer.operations import restore as restore_snapshot
    from importer.planning import plan_restore
    from synthgen.snapshot.read import open_snapshot

    output = Output(as_json=as_json)
    opened = open_snapshot(snapshot.absolute())
    if emit_script is not None:
        from importer.scripts.emit import emit_restore
        from importer.scripts.quoting import check_shell
        from synthgen.config import out_folder

        say_script(output, emit_restore(
            opened, find.address, find.said(), shell=check_shell(emit_script),
            folder=script_folder or out_folder(out) / "scripts" / f"restore-{opened.digest[:12]}", heap=heap,
            leave_out=leave_out_schema or (), progress=output.progress))
        return
    address = find.address()
    target = find.target_of(address)
    if dry_run:
        say_plan(output, plan_restore(opened, address, target, heap=heap, leave_out=leave_out_schema or ()))
        return
    _settle(output, target)
    done = restore_snapshot(opened, address, target=target, heap=heap, leave_out=leave_out_schema or (),
                            progress=output.progress)
    output.result({"snapshot": str(opened.path), "digest": opened.digest, "counts": opened.counts, **took(done)},
                  f"{note_line(done)}"
                  f"restored      {opened.counts['nodes']:,} nodes, {opened.counts['relationships']:,} relationships\n"
                  f"{left_out_line(done)}took          {done.total_seconds:.1f} s\nnext          synthgen export")


@app.command(help="Load an operation: offline (neo4j-admin database import into a new store, then a swap; on the local"
             " server, or one that --neo4j-home or --compose-file names) or online (batched writes, any server; goes on"
             " where it stopped). Without an operation: the newest that is not loaded."
             + EXAMPLE.format("importer load --mode offline"))
@names_target
def load(
    operation: Annotated[str | None, typer.Argument(help="Operation id.")] = None,
    mode: Annotated[str, typer.Option(help="offline or online.")] = "online",
    out: OutOption = None,
    base: BaseOption = None,
    allow_changed: Annotated[bool, typer.Option(
        "--allow-changed", help="Load although the base part of the database is not what the snapshot says; offline,"
        " the snapshot replaces it and the changes are lost.")] = False,
    heap: ImportHeapOption = "2g",
    leave_out_schema: LeaveOutOption = None,
    batch_rows: Annotated[str, typer.Option(help="online: fewest-most rows of a batch.")] = "100-10000",
    writers: Annotated[str, typer.Option(help="online: fewest-most batches at once.")] = "1-5",
    dry_run: DryRunOption = False,
    emit_script: EmitOption = None,
    script_folder: FolderOption = None,
    *,
    find: Named,
    as_json: JsonOption = False,
) -> None:
    """Load an operation."""
    from importer.operations import load as load_bundle
    from importer.planning import choose_bundle, plan_load
    from importer.requests import check_mode, read_options
    from synthgen.config import base_folder, out_folder

    output = Output(as_json=as_json)
    checked, options = check_mode(mode), read_options(batch_rows, writers)
    bundle = choose_bundle(out_folder(out), operation)
    if emit_script is not None:
        from importer.scripts.emit import emit_load
        from importer.scripts.quoting import check_shell

        say_script(output, emit_load(
            bundle, find.address, find.said(), shell=check_shell(emit_script), mode=checked,
            folder=script_folder or out_folder(out) / "scripts" / bundle.manifest.operation_id,
            base=base_folder(base, out), allow_changed=allow_changed, heap=heap, leave_out=leave_out_schema or (),
            progress=output.progress))
        return
    address = find.address()
    target = find.target_of(address)
    if dry_run:
        say_plan(output, plan_load(bundle, address, mode=checked, base=base_folder(base, out), target=target,
                                    allow_changed=allow_changed, heap=heap, leave_out=leave_out_schema or ()))
        return
    _settle(output, target)
    done = load_bundle(bundle, address, mode=checked, base=base_folder(base, out), target=target,
                       allow_changed=allow_changed, heap=heap, leave_out=leave_out_schema or (), options=options,
                       progress=output.progress)
    counts = bundle.manifest.counts
    operation_id = bundle.manifest.operation_id
    output.result(
        {"operation_id": operation_id, "mode": checked, "uri": address.uri, "database": address.database,
         "nodes": counts.nodes, "relationships": counts.relationships, "resources": counts.resources, **took(done)},
        f"{note_line(done)}loaded        {operation_id} {checked}\n"
        f"holds         {counts.resources:,} resources, {counts.nodes - counts.resources:,} other nodes,"
        f" {counts.relationships:,} relationships\n"
        f"{left_out_line(done)}took          {done.total_seconds:.1f} s\n"
        f"next          importer validate {operation_id}",
    )


@app.command(help="Check a loaded operation against its manifest, and the base part of the database against its"
             " snapshot's digest. Without an operation: the one loaded last."
             + EXAMPLE.format("importer validate"))
@names_database
def validate(
    operation: Annotated[str | None, typer.Argument(help="Operation id.")] = None,
    out: OutOption = None,
    *,
    find: AddressFinder,
    as_json: JsonOption = False,
) -> None:
    """Validate an operation."""
    from importer.operations import validate as validate_operation
    from synthgen.config import out_folder

    output = Output(as_json=as_json)
    address = find()
    _settle_configured(output, address, out)
    checks = validate_operation(out_folder(out), operation, address, progress=output.progress)
    output.result({"passed": True, "checks": [asdict(check) for check in checks]},
                  "\n".join(map(check_line, checks)) + f"\nall {len(checks)} checks passed")


@app.command(help="Delete an operation from the database: exactly the nodes that are marked with it, with their"
             " relationships. The bundle's files are kept, and are not needed."
             + EXAMPLE.format("importer rollback scale-20260131T120000-0123abcd"))
@names_target
def rollback(
    operation: Annotated[str, typer.Argument(help="Operation id.")],
    out: OutOption = None,
    dry_run: DryRunOption = False,
    *,
    find: Named,
    as_json: JsonOption = False,
) -> None:
    """Roll an operation back."""
    from importer.operations import rollback as rollback_operation
    from importer.planning import plan_rollback
    from synthgen.config import out_folder

    output = Output(as_json=as_json)
    address = find.address()
    target = find.target_of(address)
    if dry_run:
        say_plan(output, plan_rollback(out_folder(out), operation, address, target=target))
        return
    _settle(output, target)
    done = rollback_operation(out_folder(out), operation, address, target=target, progress=output.progress)
    output.result({"operation_id": operation, **done.facts, "seconds": done.total_seconds},
                  f"rolled back   {operation}\n"
                  f"deleted       {done.facts['nodes']:,} nodes, {done.facts['relationships']:,} relationships\n"
                  f"took          {done.total_seconds:.1f} s")


@app.command("list", help="List the operations that files and database know, and what became of each."
             + EXAMPLE.format("importer list --json"))
@names_database
def list_(
    out: OutOption = None,
    files_only: Annotated[bool, typer.Option("--files-only", help="Do not ask the database.")] = False,
    *,
    find: AddressFinder,
    as_json: JsonOption = False,
) -> None:
    """List operations."""
    from importer.operations import list_operations
    from synthgen.config import out_folder

    output = Output(as_json=as_json)
    address = None if files_only else find()
    if address is not None:
        _settle_configured(output, address, out)
    listed = list_operations(out_folder(out), address)
    output.result({"operations": [asdict(one) for one in listed]},
                  "\n".join([list_line(None), *map(list_line, listed)]) if listed else "no operations")


@app.command(help="Compute the content digest of the database: of labels, types, properties and who is tied to whom."
             " Two databases with the same content have the same digest. With a snapshot's folder: of its tables, which"
             " must be what was written." + EXAMPLE.format("importer digest"))
@names_database
def digest(
    snapshot: Annotated[Path | None, typer.Argument(
        help="A snapshot's folder, whose digest is computed instead of the database's.")] = None,
    base_only: Annotated[bool, typer.Option("--base-only", help="Without nodes that carry an operation id.")] = False,
    out: OutOption = None,
    *,
    find: AddressFinder,
    as_json: JsonOption = False,
) -> None:
    """Compute the digest."""
    from importer.rollback import list_operations_in_database
    from synthgen.database import connect
    from synthgen.snapshot.export import digest_database
    from synthgen.snapshot.read import check_snapshot, open_snapshot, verified_digest

    output = Output(as_json=as_json)
    if snapshot is not None:
        if base_only:
            raise UsageError("--base-only is for a database", hint="leave it out, or leave the snapshot out")
        opened = open_snapshot(snapshot.absolute())
        check_snapshot(opened, output.progress)
        say_digest(output, verified_digest(opened), opened.counts["nodes"], opened.counts["relationships"])
        return
    address = find()
    _settle_configured(output, address, out)
    with connect(address) as driver:
        without = list(list_operations_in_database(driver, address.database)) if base_only else []
        found = digest_database(driver, address, without=without, progress=output.progress)
    say_digest(output, found.digest, found.nodes, found.relationships)


def _settle_configured(output: Output, address: Address, out: Path | None) -> None:
    from importer.servers.targets import find_target

    try:
        target = find_target(address, out=out)
    except (RefusedError, ServerError) as error:
        # It is there, but not for us: reading needs no right to the store, nor Docker.
        output.say(f"note: not looked whether a load was interrupted: {error.message}")
        return
    _settle(output, target)


def _settle(output: Output, target: Target | None) -> None:
    """Settle what was interrupted before a command looks at the database, and say which database is there."""
    from importer.settle import settle_at

    settled = settle_at(target)
    if settled is not None:
        output.say(settled.text)


def main() -> None:
    """Run the command."""
    run_cli(app)


if __name__ == "__main__":
    main()
