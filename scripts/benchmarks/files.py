"""How long neo4j-admin takes for the files of a bundle, and for the same rows in other files; knows no server.

What has fewer columns than what we write cannot say all that a bundle has to say; it shows what the rest costs.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks.bare import bare_import
from benchmarks.figures import Figure
from benchmarks.floor import WRITERS, final_columns
from benchmarks.generation import make_rows
from benchmarks.ground import Run, sample_base, scratch
from benchmarks.measuring import in_child, in_turns
from importer.import_files import bundle_files, write_base
from synthgen.bundle.layout import Layout
from synthgen.bundle.manifest import NodeGroup, RelationshipGroup
from synthgen.bundle.read import Bundle, layout_of, newest_bundle
from synthgen.metadata import REQUIRED
from synthgen.parameters import RandomParameters
from synthgen.snapshot.read import open_snapshot

RESOURCES = {False: 1_000_000, True: 100_000}
SMALL_PART, LARGE_PART = 20_000, 10**9
WRITER = "polars write_csv"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a group as they stand in its files.

    Attributes:
        group: What the manifest says of it.
        fields: The header's fields.
        parts: The rows of each part, columns as the fields.
    """

    group: NodeGroup | RelationshipGroup
    fields: list[str]
    parts: list[pl.DataFrame]

    @property
    def argument(self) -> str:
        """How an import is told of it, before its files."""
        if isinstance(self.group, NodeGroup):
            return f"--nodes={':'.join(self.group.labels)}"
        return f"--relationships={self.group.type}"


Change = Callable[[Table], Table]


def as_it_is(table: Table) -> Table:
    """Change nothing."""
    return table


@dataclass(frozen=True, slots=True)
class Other:
    """Another way to write the rows.

    Attributes:
        change: Gives a group's rows in that way.
        writer: Of `floor.WRITERS`.
        gzip_level: How much they are compressed; 0 for not at all.
        options: What else the import is told.
        quick: Whether it is measured with --quick, too.
    """

    change: Change = as_it_is
    writer: str = WRITER
    gzip_level: int = 0
    options: tuple[str, ...] = ()
    quick: bool = False


def in_parts(table: Table, rows: int) -> Table:
    """Cut the rows into parts of so many."""
    whole = pl.concat(table.parts)
    return replace(table, parts=list(whole.iter_slices(min(rows, max(whole.height, 1)))))


def with_texts(table: Table, made: str) -> Table:
    """Make the operation's import ids texts of a form such as `n{}`; those of the base stay numbers."""
    ids = [f"{place}" for place, field in enumerate(table.fields)
           if field.startswith(":") and "ID(" in field and not field.endswith("(base)")]
    return replace(table, parts=[part.with_columns(pl.format(made, one) for one in ids) for part in table.parts])


def without(table: Table, names: Sequence[str] | None) -> Table:
    """Leave out properties; all of them when None are named."""
    kept = [place for place, field in enumerate(table.fields)
            if field.startswith(":") or (names is not None and field.rpartition(":")[0] not in names)]
    return replace(table, fields=[table.fields[place] for place in kept],
                   parts=[part.select(f"{place}" for place in kept) for part in table.parts])


LONG_ID = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/group/providers/Microsoft.X/things/{}"
OTHERS = {
    "gzip, level 6 (importer compress)": Other(gzip_level=6, quick=True),
    "gzip, level 1": Other(gzip_level=1),
    f"parts of {SMALL_PART:,} rows": Other(partial(in_parts, rows=SMALL_PART), quick=True),
    "one part for each group": Other(partial(in_parts, rows=LARGE_PART)),
    "import ids as short texts": Other(partial(with_texts, made="n{}"), options=("--id-type=string",)),
    "import ids as long as resource ids": Other(partial(with_texts, made=LONG_ID), options=("--id-type=string",),
                                                quick=True),
    "quotes only where needed": Other(writer="polars write_csv, fewer quotes"),
    "without the four marks": Other(partial(without, names=REQUIRED)),
    "without any property": Other(partial(without, names=None)),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:  # noqa: ARG001 - as of all parts
    """Measure the import of a random operation's files against each alternative, in turns."""
    with scratch() as folder:
        base, out = folder / "base", folder / "out"
        in_child(sample_base, base)
        rows = in_child(make_rows, RandomParameters(count=RESOURCES[run.quick]), base, out).result
        others = {name: other for name, other in OTHERS.items() if other.quick or not run.quick}
        places = {name: folder / f"other-{number}" for number, name in enumerate(others)}
        sizes = [in_child(_write, out, place, others[name]).result for name, place in places.items()]
        ours, *theirs = in_turns(
            run.times, partial(_bare, folder, None, ()),
            *(partial(_bare, folder, place, others[name].options) for name, place in places.items()))
    for name, size, took in zip(others, sizes, theirs, strict=True):
        yield Figure("import of the files as they are", "s", ours, f"{name}, {size / 1e6:,.0f} MB", took, rows=rows)


def _bare(folder: Path, changed: Path | None, options: Sequence[str]) -> float:
    return in_child(_import, folder, changed, options).result


def _import(folder: Path, changed: Path | None, options: Sequence[str]) -> float:
    written = folder / "base-csv"
    base, files = write_base(open_snapshot(folder / "base"), written), bundle_files(newest_bundle(folder / "out"))
    if changed is not None:
        # The rest stays, so that an import is told the same of its buffers.
        arguments = (changed / "arguments").read_text(encoding="utf-8").splitlines()
        files = replace(files, arguments=tuple(arguments))
    try:
        return bare_import(folder, [base, files], options=options)
    finally:
        shutil.rmtree(written)


def _write(out: Path, folder: Path, other: Other) -> int:
    """Write the newest bundle's rows in another way, and what an import is told of them; gives the bytes."""
    folder.mkdir()
    bundle = newest_bundle(out)
    arguments, size = [], 0
    for number, group in enumerate(bundle.manifest.groups):
        table = other.change(_table(bundle, group, layout_of(bundle, group)))
        paths = [folder / f"{number}.header.csv"]
        paths[0].write_text(",".join(table.fields) + "\n", encoding="utf-8")
        for frame in table.parts:
            path = folder / f"{number}.{len(paths):05}.csv"
            WRITERS[other.writer](frame, path)
            if other.gzip_level:
                path = _compressed(path, other.gzip_level)
            paths.append(path)
            size += path.stat().st_size
        arguments.append(f"{table.argument}={','.join(map(str, paths))}")
    (folder / "arguments").write_text("\n".join(arguments), encoding="utf-8")
    return size


def _table(bundle: Bundle, group: NodeGroup | RelationshipGroup, layout: Layout) -> Table:
    return Table(group, layout.header().rstrip("\n").split(","),
                 [final_columns(bundle.place_of(part), layout) for part in group.parts])


def _compressed(path: Path, level: int) -> Path:
    to = path.with_name(path.name + ".gz")
    with path.open("rb") as rows, gzip.open(to, "wb", compresslevel=level) as packed:
        shutil.copyfileobj(rows, packed)
    path.unlink()
    return to
