"""The floor of generating: a bundle's rows, already in memory as the columns of its files, written by a bare writer.

Of several writers that is the fastest whose files hold the same rows. Parts are read and written one after the other,
so that more rows than fit into memory can be written; only the writing is timed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow.csv

from benchmarks.measuring import in_turns, seconds
from synthgen.bundle.layout import Layout
from synthgen.bundle.read import Bundle, layout_of

Writer = Callable[[pl.DataFrame, Path], object]
TRIES = 4


def _polars(quotes: str) -> Writer:
    return lambda frame, path: frame.write_csv(path, include_header=False, quote_style=quotes, line_terminator="\n")


def _sunk(frame: pl.DataFrame, path: Path) -> None:
    frame.lazy().sink_csv(path, include_header=False, quote_style="non_numeric", line_terminator="\n")


def _arrow(frame: pl.DataFrame, path: Path) -> None:
    pyarrow.csv.write_csv(frame.to_arrow(), path, pyarrow.csv.WriteOptions(include_header=False))


WRITERS: dict[str, Writer] = {
    "polars write_csv": _polars("non_numeric"), "polars write_csv, fewer quotes": _polars("necessary"),
    "polars sink_csv": _sunk, "pyarrow write_csv": _arrow,
}


def final_columns(path: Path, layout: Layout) -> pl.DataFrame:
    """Read a part as the columns that are written: numbers of nodes and INTEGER as Int64, everything else as text."""
    # As `Layout.header` has them, with or without columns that no property has.
    fields = layout.header().rstrip("\n").split(",")
    whole = {f"{place}": pl.Int64() if place < len(layout.ids) or field.endswith(":long") else pl.String()
             for place, field in enumerate(fields)}
    return pl.read_csv(path, has_header=False, schema=whole, glob=False).rechunk()


def parts_of(bundle: Bundle) -> Iterator[tuple[Path, Layout]]:
    """Give every part of a bundle with its layout."""
    for group in bundle.manifest.groups:
        layout = layout_of(bundle, group)
        yield from ((bundle.place_of(part), layout) for part in group.parts)


def time_writers(bundle: Bundle, folder: Path) -> dict[str, float]:
    """Give the least seconds of each writer that keeps rows as they are, on the largest parts of both kinds."""
    largest = []
    for groups in (bundle.manifest.node_groups, bundle.manifest.relationship_groups):
        part, group = max(((part, group) for group in groups for part in group.parts), key=lambda one: one[0].bytes)
        largest.append((final_columns(bundle.place_of(part), layout_of(bundle, group)), layout_of(bundle, group)))
    path = folder / "tried.csv"
    took = dict.fromkeys(WRITERS, 0.0)
    for frame, layout in largest:
        tries = in_turns(TRIES, *(partial(_try, name, frame, layout, path) for name in WRITERS))
        for name, found in zip(WRITERS, tries, strict=True):
            took[name] += min(found)
    path.unlink()
    return {name: spent for name, spent in took.items() if spent < math.inf}


def _try(name: str, frame: pl.DataFrame, layout: Layout, path: Path) -> float:
    spent = seconds(lambda: WRITERS[name](frame, path))
    return spent if final_columns(path, layout).equals(frame) else math.inf


def write_again(bundle: Bundle, folder: Path, writer: str) -> float:
    """Write all rows of a bundle into a new folder; gives the seconds of the writing."""
    folder.mkdir()
    spent = 0.0
    for number, (path, layout) in enumerate(parts_of(bundle)):
        frame = final_columns(path, layout)
        # What was written before is brought to the disk now, so that the writing does not pay for it.
        os.sync()
        spent += seconds(lambda: WRITERS[writer](frame, folder / f"{number}.csv"))  # noqa: B023
    return spent
