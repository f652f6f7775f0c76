"""The command `importer query-bench`: options in, one library call, words, data and a picture out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from importer.options import EXAMPLE
from importer.settle_cli import settle_configured
from synthgen.errors import UsageError
from synthgen.options import (
    AddressFinder,
    BaseOption,
    JsonOption,
    OutOption,
    ProfileOption,
    ProgressOption,
    names_database,
)
from synthgen.output import Output

if TYPE_CHECKING:
    from importer.queries.record import Record
    from importer.queries.shipped import Shipped
    from synthgen.profile import Profile

QUERY_BENCH_HELP = ("Measure how long queries take on the database as it is now, and keep the record; with --compare"
                    " beside earlier ones, such as from before a load. Only queries that read are run. Exit code 1 when"
                    " a query failed." + EXAMPLE.format("importer query-bench --name after --compare before"))


@names_database
def query_bench(
    queries: Annotated[Path | None, typer.Option(
        "--queries", metavar="FILE", help="Your own queries in Cypher, a semicolon after each; by default a set that"
        " fits the base snapshot's profile.")] = None,
    write_queries: Annotated[Path | None, typer.Option(
        "--write-queries", metavar="FILE", help="Write that set into a new file instead, to be changed.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The record's name; by default the time in UTC.")] = None,
    compare: Annotated[list[str] | None, typer.Option(
        "--compare", metavar="NAME|FILE", help="An earlier record to compare with; may be repeated.")] = None,
    show: Annotated[str | None, typer.Option(
        "--show", metavar="NAME|FILE", help="Show this record instead of measuring.")] = None,
    plot: Annotated[Path | None, typer.Option(
        "--plot", metavar="FILE", help="Draw the records into a .png or .svg file.")] = None,
    repetitions: Annotated[int, typer.Option("--repetitions", help="Measured runs of each query.")] = 20,
    warm_up: Annotated[str, typer.Option(
        "--warm-up", metavar="TIME", help="How long queries are run before, each at least once with each of its"
        " parameter sets; 0 for not at all.")] = "10s",
    timeout: Annotated[str, typer.Option(
        "--timeout", metavar="TIME", help="Most that a run may take, such as 2m; 0 for no limit.")] = "30s",
    base: BaseOption = None,
    profile: ProfileOption = None,
    out: OutOption = None,
    *,
    find: AddressFinder,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure queries."""
    from importer.durations import read_duration
    from importer.queries.bench import bench
    from importer.queries.record import Settings, find_record, make_room, new_record_path, write_record
    from importer.queries.statements import read_queries
    from synthgen.config import out_folder
    from synthgen.options import clock

    output = Output(as_json=as_json, progress=progress)
    _refuse_together("--write-queries", write_queries, {
        "--queries": queries, "--show": show, "--name": name, "--compare": compare, "--plot": plot})
    _refuse_together("--show", show, {"--queries": queries, "--name": name, "--base": base, "--profile": profile})
    _refuse_together("--queries", queries, {"--base": base, "--profile": profile})
    if write_queries is not None:
        _write_queries(output, _shipped(_find_profile(base, profile, out)), write_queries)
        return
    folder = out_folder(out)
    if plot is not None:
        from importer.queries.plot import check_plot

        check_plot(plot)
    earlier = [find_record(folder, one) for one in compare or ()]
    if show is not None:
        record = find_record(folder, show)
        _say(output, record, None, earlier, plot)
        return
    settings = Settings(repetitions, read_duration(warm_up, "--warm-up"), read_duration(timeout, "--timeout"))
    at = clock(None)
    path = new_record_path(folder, name if name is not None else f"{at:%Y%m%dT%H%M%S}")
    if queries is not None:
        chosen, skipped, profile_name = read_queries(queries), {}, None
    else:
        found = _find_profile(base, profile, out)
        shipped = _shipped(found)
        chosen, skipped, profile_name = shipped.queries, dict(shipped.skipped), found.name
    address = find()
    settle_configured(output, address, out)
    make_room(path)
    record = bench(address, chosen, name=path.stem, at=at, settings=settings, skipped=skipped,
                   queries_file=None if queries is None else str(queries), profile=profile_name,
                   progress=output.events.progress)
    write_record(record, path)
    _say(output, record, path, earlier, plot)
    if record.failed:
        output.say(f"error: {len(record.failed)} of {len(record.queries)} queries failed: {', '.join(record.failed)}")
        raise typer.Exit(1)


def _refuse_together(option: str, value: object, others: Mapping[str, object]) -> None:
    """Refuse what an option would make no use of."""
    for other, given in others.items():
        if value is not None and given:
            raise UsageError(f"{option} and {other} do not go together", hint="leave one of them out")


def _find_profile(base: Path | None, named: str | None, out: Path | None) -> Profile:
    """Find the profile: of the base snapshot or, where there is none, the one that an option or setting names.

    Raises:
        UsageError: There is neither.
    """
    from synthgen.config import base_folder, setting
    from synthgen.generate import find_profile
    from synthgen.profile import AZURE, read_profile
    from synthgen.snapshot.read import open_snapshot

    chosen, folder = setting("profile", named), base_folder(base, out)
    if (folder / "snapshot.json").exists():
        return find_profile(open_snapshot(folder), chosen)
    if chosen == "azure":
        return AZURE
    if chosen is not None and chosen != "auto":
        return read_profile(Path(chosen))
    raise UsageError(f"there is no snapshot in {folder} that says which nodes are resources",
                     hint="run `synthgen export`, or give --profile azure or a TOML file, or your own --queries")


def _shipped(profile: Profile) -> Shipped:
    from importer.queries.shipped import shipped_queries

    return shipped_queries(profile)


def _write_queries(output: Output, shipped: Shipped, path: Path) -> None:
    from importer.queries.statements import queries_text
    from synthgen.files import write_text

    if path.exists():
        raise UsageError(f"{path} exists already", hint="name another file, or remove it")
    try:
        write_text(path, queries_text(shipped.queries))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}",
                         hint="name a file in a folder that is there") from error
    output.result({"path": str(path), "queries": [query.name for query in shipped.queries],
                   "skipped": dict(shipped.skipped)},
                  "\n".join([f"wrote         {path}: {len(shipped.queries)} queries",
                             *(f"skipped       {name}: {reason}" for name, reason in shipped.skipped.items()),
                             f"next          importer query-bench --queries {path}"]))


def _say(output: Output, record: Record, path: Path | None, earlier: list[Record], plot: Path | None) -> None:
    """Say a record and its comparisons, and draw them."""
    from importer.queries.comparison import compare
    from importer.queries.table import comparison_table, record_table

    compared = [compare(before, record) for before in earlier]
    if plot is not None:
        from importer.queries.plot import draw_records

        draw_records([*earlier, record], plot)
    made = {name: str(one) for name, one in (("record", path), ("plot", plot)) if one is not None}
    words = "\n".join(f"{name:13} {one}" for name, one in made.items())
    output.result({**record.as_document(), "record": None, "plot": None, **made,
                   "compared": [one.as_document() for one in compared]},
                  "\n\n".join(filter(None, [record_table(record), *map(comparison_table, compared), words])))
