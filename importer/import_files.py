"""What `neo4j-admin database import` is told: the base as CSV, arguments for it and for bundles; starts nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from importer.servers.settings import size_in_bytes
from importer.servers.versions import Product, import_options
from synthgen.bundle.layout import Layout, fits_argument, node_layout, relationship_layout
from synthgen.bundle.manifest import NodeGroup, RelationshipGroup
from synthgen.bundle.read import Bundle, layout_of
from synthgen.bundle.stored import open_stored
from synthgen.errors import RefusedError
from synthgen.graph import END, START
from synthgen.progress import Progress, silent
from synthgen.snapshot.read import Snapshot, StoredNodes, StoredRelationships
from synthgen.types import TYPES, VECTOR_DELIMITER

_IN_PATH = re.compile(r"[,'\"]")
_MEBI = 2**20
_MOST_BUFFER = 2**31 - 1
_HEAP_PER_BUFFER = 24
"""Tried on both lines: with less heap to a byte of buffer an import runs out of memory."""
_SMALL_BUFFER = 2**18
"""An import waits a tenth of a second for each group that fills no buffer of its own size, which is 4 MiB."""
_SMALL_PER_GROUP = 2**22
"""Measured: with the small buffer 24 groups of 10 MB together took 7.0 s, not 11.9; 24 of 390 MB 25.8 s, not 21.7."""


Place = Callable[[Path], str]
"""Says how neo4j-admin is told of a file."""


def absolute(path: Path) -> str:
    """Name a file by its absolute path, because versions differ in where they look for others."""
    return str(path.resolve())


@dataclass(frozen=True, slots=True)
class ImportFiles:
    """Files that an import is to read together.

    Attributes:
        arguments: One for each group of files.
        longest_row: The bytes of their longest row, when that is more than `synthgen.bundle.layout.LONG_ROW`, else 0.
        parts: Every file of rows, with what columns it has and how many bytes of rows, compressed or not.
    """

    arguments: tuple[str, ...]
    longest_row: int
    parts: tuple[tuple[Path, Layout, int], ...]


def import_arguments(
    snapshot: Snapshot, bundles: Sequence[Bundle], product: Product, *, heap: str, folder: Path,
    progress: Progress = silent, place: Place = absolute,
) -> list[str]:
    """Write a base to `folder`; give all arguments of the import that reads it and bundles. Raises as `write_base`."""
    files = [write_base(snapshot, folder, progress, place), *(bundle_files(bundle, place) for bundle in bundles)]
    return [*import_options(product), *file_options(files, heap),
            *(argument for one in files for argument in one.arguments)]


def file_options(files: Sequence[ImportFiles], heap: str) -> list[str]:
    """Give the import options that depend on what is in the files.

    Args:
        files: All that one import reads.
        heap: Its Java heap, such as `2g`.

    Raises:
        RefusedError: A row is longer than an import can read, or than it can with this heap.
    """
    longest = max((one.longest_row for one in files), default=0)
    # The buffer is counted in characters, of which a row has no more than bytes. An import makes some for each group,
    # so it is told of one only where that it makes by itself is too small.
    buffer = -(-(longest + _MEBI) // _MEBI) * _MEBI
    if buffer > _MOST_BUFFER:
        raise RefusedError(f"a row has {longest:,} bytes, and an import reads none of more than 2 GiB",
                           hint="load with --mode online", longest_row=longest)
    if longest and buffer * _HEAP_PER_BUFFER > size_in_bytes(heap):
        needed = -(-buffer * _HEAP_PER_BUFFER // _MEBI)
        raise RefusedError(f"a row has {longest:,} bytes: to read it an import needs {needed}m of heap, not {heap}",
                           hint=f"give it --heap {needed}m, or load with --mode online", longest_row=longest, heap=heap)
    # Asked of lines that know vectors only: others do not know the option either.
    vectors = any(TYPES[kind].is_vector for one in files for _, layout, _ in one.parts
                  for kind in layout.types.values())
    size = f"{buffer // _MEBI}m" if longest else f"{_SMALL_BUFFER // 1024}k" if _are_small(files) else None
    return [*([f"--read-buffer-size={size}"] if size else []),
            *([f"--vector-delimiter={VECTOR_DELIMITER}"] if vectors else [])]


def _are_small(files: Sequence[ImportFiles]) -> bool:
    """Say whether an import is faster with the small buffer, and each row fits it."""
    parts = [(path, size) for one in files for path, _, size in one.parts]
    groups = sum(len(one.arguments) for one in files)
    return sum(size for _, size in parts) < groups * _SMALL_PER_GROUP and all(
        size <= _SMALL_BUFFER // 2 or _longest_record(path) <= _SMALL_BUFFER // 2 for path, size in parts)


def _longest_record(path: Path) -> int:
    """Give the bytes of the longest record of a file that `Layout.write` wrote."""
    with open_stored(path) as stream:
        text = np.frombuffer(stream.read(), np.uint8)
    # Bytes overflow, which leaves even and odd as they are; a line end after an odd number of quotes is data.
    ends = np.flatnonzero((text == ord("\n")) & (np.cumsum(text == ord('"'), dtype=np.uint8) % 2 == 0))
    return int(np.diff(ends, prepend=-1).max(initial=0))


def write_base(
    snapshot: Snapshot, folder: Path, progress: Progress = silent, place: Place = absolute
) -> ImportFiles:
    """Write a snapshot as import-format CSV.

    Raises:
        RefusedError: The folder's path has no form in an import argument.
    """
    folder.mkdir(parents=True)
    done, due = 0, int(snapshot.counts["nodes"]) + int(snapshot.counts["relationships"])
    arguments, longest = [], 0
    parts: list[tuple[Path, Layout, int]] = []
    for number, table in enumerate(snapshot.tables):
        layout = base_layout(table)
        stem = folder / f"base-{'nodes' if isinstance(table, StoredNodes) else 'relationships'}-{number:04}"
        files = [stem.with_suffix(".header.csv")]
        files[0].write_text(layout.header(), encoding="utf-8")
        for frame, ids in _numbered(snapshot, table):
            files.append(stem.with_suffix(f".part-{len(files) - 1:05}.csv"))
            longest = max(longest, layout.write(files[-1], frame, ids))
            done += frame.height
            progress("writing the base", done, due)
        arguments.append(_argument(table, files, place))
        parts += [(file, layout, file.stat().st_size) for file in files[1:]]
    if not snapshot.node_tables:
        # An import without nodes is refused, one without rows is not.
        nothing = folder / "base-nodes.header.csv"
        nothing.write_text(node_layout("base", (), {}).header(), encoding="utf-8")
        arguments.append(f"--nodes={_file_list([nothing], place)}")
    return ImportFiles(tuple(arguments), longest, tuple(parts))


def _numbered(
    snapshot: Snapshot, table: StoredNodes | StoredRelationships
) -> Iterator[tuple[pl.DataFrame, list[pl.Series]]]:
    first = table.first if isinstance(table, StoredNodes) else 0
    for frame in snapshot.batches(table):
        if isinstance(table, StoredNodes):
            yield frame, [pl.Series(np.arange(first, first + frame.height))]
        else:
            yield frame, [frame[START], frame[END]]
        first += frame.height


def base_layout(table: StoredNodes | StoredRelationships) -> Layout:
    """Give the layout of a base table's files."""
    if isinstance(table, StoredNodes):
        return node_layout("base", table.labels, table.types)
    return relationship_layout("base", "base", table.type, table.types)


def bundle_files(bundle: Bundle, place: Place = absolute) -> ImportFiles:
    """Name a bundle's files.

    Raises:
        RefusedError: The folder's path has no form in an import argument.
    """
    arguments = [_argument(group, [bundle.path / group.header, *map(bundle.place_of, group.parts)],
                           place)
                 for group in bundle.manifest.groups]
    longest = max((part.longest_row for part in bundle.manifest.parts), default=0)
    parts = ((bundle.place_of(part), layout_of(bundle, group), part.bytes)
             for group in bundle.manifest.groups for part in group.parts)
    return ImportFiles(tuple(arguments), longest, tuple(parts))


def _argument(
    rows: StoredNodes | StoredRelationships | NodeGroup | RelationshipGroup, files: Sequence[Path], place: Place
) -> str:
    kind, names = ("nodes", rows.labels) if isinstance(rows, StoredNodes | NodeGroup) else (
        "relationships", (rows.type,))
    # What does not fit here is named by a column of the files.
    fitting = ":".join(name for name in names if fits_argument(name))
    return f"--{kind}={fitting + '=' if fitting else ''}{_file_list(files, place)}"


def _file_list(files: Sequence[Path], place: Place) -> str:
    paths = [place(path) for path in files]
    for path in paths:
        if _IN_PATH.search(path):
            raise RefusedError(f"the path {path} has a comma or a quote, which neo4j-admin cannot read",
                               hint="use an --out folder without them")
    return ",".join(paths)
