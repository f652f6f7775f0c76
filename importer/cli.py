"""The command `importer`: options in, one library call, words and data out; knows no Cypher."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from importer.keeping_cli import CLEANUP_HELP, COMPRESS_HELP, PRUNE_HELP, cleanup, compress, prune, say_indexes
from importer.load_cli import LOAD_HELP, RESTORE_HELP, load, restore
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
from importer.plan_cli import PLAN_HELP, plan
from importer.queries.cli import QUERY_BENCH_HELP, query_bench
from importer.resume_cli import RESUME_HELP, resume
from importer.saying import check_line, list_line, say_digest, say_plan, took
from importer.servers.cli import server
from importer.settle_cli import settle_configured, settle_first
from synthgen.errors import UsageError
from synthgen.options import AddressFinder, JsonOption, MetricsOption, OutOption, ProgressOption, names_database
from synthgen.output import Output, run_cli

app = typer.Typer(
    name="importer", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    help="Load generated operations into Neo4j, validate them there and roll them back.\n\nWithout --uri or NEO4J_URI"
    " all commands use the local server of `importer server start`.\n\nExit codes: 0 done, 1 failed, 2 usage,"
    " 3 validation found something, 4 stopped half-way (the same command goes on), 5 refused,"
    " 10 database not reachable, 11 another run holds the lock, 12 not allowed in, 130 interrupted.",
)
app.command(help=RESTORE_HELP)(restore)
app.command(help=PLAN_HELP)(plan)
app.command(help=LOAD_HELP)(load)
app.command(help=RESUME_HELP)(resume)
app.command(help=PRUNE_HELP)(prune)
app.command(help=COMPRESS_HELP)(compress)
app.command(help=CLEANUP_HELP)(cleanup)
app.command("query-bench", help=QUERY_BENCH_HELP)(query_bench)
app.add_typer(server)


@app.command(help="Check a loaded operation against its manifest, and the base part of the database against its"
             " snapshot's digest. Without an operation: the one loaded last."
             + EXAMPLE.format("importer validate"))
@names_database
def validate(
    operation: Annotated[str | None, typer.Argument(help="Operation id.")] = None,
    out: OutOption = None,
    *,
    find: AddressFinder,
    metrics_textfile: MetricsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate an operation."""
    from importer.operations import validate as validate_operation
    from synthgen.config import out_folder

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    address = find()
    settle_configured(output, address, out)
    checks = validate_operation(out_folder(out), operation, address, events=output.events)
    output.result({"passed": True, "checks": [asdict(check) for check in checks]},
                  "\n".join(map(check_line, checks)) + f"\nall {len(checks)} checks passed")


@app.command(help="Delete an operation from the database: exactly the nodes that are marked with it, with their"
             " relationships. The bundle's files are kept, and are not needed."
             + EXAMPLE.format("importer rollback scale-20260131T120000-0123abcd"))
@names_target
def rollback(
    operation: Annotated[str, typer.Argument(help="Operation id.")],
    out: OutOption = None,
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
    """Roll an operation back."""
    from importer.operations import rollback as rollback_operation
    from importer.planning import plan_rollback
    from importer.resilience import find_resilience
    from synthgen.config import out_folder

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    resilience = find_resilience(time_limit=time_limit, batch_time_limit=batch_time_limit, rate_limit=rate_limit,
                                 max_attempts=max_attempts)
    address = find.address()
    target = find.target_of(address)
    if dry_run:
        say_plan(output, plan_rollback(out_folder(out), operation, address, target=target))
        return
    settle_first(output, target)
    done = rollback_operation(out_folder(out), operation, address, target=target, resilience=resilience,
                              events=output.events)
    output.result({"operation_id": operation, **took(done)},
                  f"rolled back   {operation}\n"
                  f"deleted       {done.facts['nodes']:,} nodes, {done.facts['relationships']:,} relationships\n"
                  f"took          {done.total_seconds:.1f} s")


@app.command("list", help="List the operations that files and database know, and what became of each; or the indexes"
             " that loads created." + EXAMPLE.format("importer list --json"))
@names_database
def list_(
    out: OutOption = None,
    files_only: Annotated[bool, typer.Option("--files-only", help="Do not ask the database.")] = False,
    indexes: Annotated[bool, typer.Option(
        "--indexes", help="List the product's own indexes in the database instead.")] = False,
    *,
    find: AddressFinder,
    as_json: JsonOption = False,
) -> None:
    """List operations."""
    from importer.listing import list_operations
    from synthgen.config import out_folder

    output = Output(as_json=as_json)
    if indexes and files_only:
        raise UsageError("--indexes are in a database, and --files-only asks none", hint="leave one of them out")
    address = None if files_only else find()
    if address is not None:
        settle_configured(output, address, out)
    if indexes:
        say_indexes(output, address)
        return
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
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute the digest."""
    from importer.rollback import list_operations_in_database
    from synthgen.database import connect
    from synthgen.snapshot.export import digest_database
    from synthgen.snapshot.read import check_snapshot, open_snapshot, verified_digest

    output = Output(as_json=as_json, progress=progress)
    if snapshot is not None:
        if base_only:
            raise UsageError("--base-only is for a database", hint="leave it out, or leave the snapshot out")
        opened = open_snapshot(snapshot.absolute())
        check_snapshot(opened, output.events.progress)
        say_digest(output, verified_digest(opened), opened.counts["nodes"], opened.counts["relationships"])
        return
    address = find()
    settle_configured(output, address, out)
    with connect(address) as driver:
        without = list(list_operations_in_database(driver, address.database)) if base_only else []
        found = digest_database(driver, address, without=without, progress=output.events.progress)
    say_digest(output, found.digest, found.nodes, found.relationships)


def main() -> None:
    """Run the command."""
    run_cli(app)


if __name__ == "__main__":
    main()
