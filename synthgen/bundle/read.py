"""Reads bundles: finds operations, checks their files, gives their rows back typed; knows no server.

A part is read with the types its group declares, so what comes back equals what was written.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from synthgen.ahead import ahead
from synthgen.bundle.layout import Layout, node_layout, relationship_layout
from synthgen.bundle.manifest import (
    ANCHORS,
    MANIFEST,
    Manifest,
    NodeGroup,
    Part,
    RelationshipGroup,
    read_manifest,
    write_manifest,
)
from synthgen.bundle.stored import NOT_READ, SUFFIX, is_compressed, measure, open_stored, stored_name
from synthgen.errors import BundleError, UsageError
from synthgen.files import file_digest, inside
from synthgen.progress import Progress, silent

ID = ":id"
START = ":start"
END = ":end"
UNFINISHED = ".unfinished"
_AT_ONCE = 2
"""While one file is read, the digest of another is computed."""
"""What the name of a folder ends with that a bundle is being written in."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One operation's folder and its manifest."""

    path: Path
    manifest: Manifest

    def place_of(self, part: Part) -> Path:
        """Give the file that a part lies in, which is compressed when the manifest says so; see `.stored`.

        Raises:
            SynthError: As `synthgen.files.inside`.
        """
        return inside(self.path, stored_name(part.file, self.manifest.compression))

    def record(self, event: str, at: str, **facts: Any) -> Bundle:
        """Add an entry to the history, on disk and in what is returned."""
        # The history on disk counts: another run may have written to it since this bundle was opened.
        manifest = read_manifest(self.path)
        updated = replace(manifest, history=(*manifest.history, {"event": event, "at": at, **facts}))
        write_manifest(self.path, updated)
        return Bundle(self.path, updated)


def operations_folder(out: Path) -> Path:
    """Give the folder of all bundles under the out folder."""
    return out / "operations"


def unfinished_folder(out: Path, operation_id: str) -> Path:
    """Give the folder that a bundle stands in while it is written; see `synthgen.bundle.unfinished`."""
    return operations_folder(out) / f".{operation_id}{UNFINISHED}"


def list_bundles(out: Path) -> list[Bundle]:
    """Open every bundle under the out folder, oldest first (by clock, then operation id)."""
    found = [open_bundle(folder) for folder in bundle_folders(out)]
    return sorted(found, key=lambda bundle: (bundle.manifest.created_at, bundle.manifest.operation_id))


def bundle_folders(out: Path) -> list[Path]:
    """Find the folders of all bundles under the out folder, sorted by name; those being written are left out."""
    folders = (path.parent for path in operations_folder(out).glob(f"*/{MANIFEST}"))
    return sorted(folder for folder in folders if not folder.name.startswith("."))


def open_bundle(path: Path) -> Bundle:
    """Open a bundle by its folder.

    Raises:
        BundleError: As `read_manifest`, or the folder bears another operation's name.
    """
    manifest = read_manifest(path)
    if path.resolve().name != manifest.operation_id:
        raise BundleError(f"{path} holds the operation {manifest.operation_id}",
                          hint="give the folder its operation's name again")
    return Bundle(path, manifest)


def find_bundle(out: Path, operation_id: str) -> Bundle:
    """Open a bundle by its operation id.

    Raises:
        UsageError: There is no such operation under `out`, or it is unfinished.
    """
    path = operations_folder(out) / operation_id
    is_name = bool(operation_id) and "/" not in operation_id and not operation_id.startswith(".")
    if is_name and not path.is_dir() and unfinished_folder(out, operation_id).is_dir():
        raise UsageError(f"the operation {operation_id} was not written to its end", operation_id=operation_id,
                         hint=f"`synthgen resume {operation_id}` goes on with it")
    if not is_name or not path.is_dir():
        raise UsageError(f"there is no operation {operation_id!r} in {operations_folder(out)}",
                         hint="`importer list` shows the operations there are", operation_id=operation_id)
    return open_bundle(path)


def newest_bundle(out: Path) -> Bundle:
    """Open the newest bundle under the out folder.

    Raises:
        UsageError: There is none.
    """
    found = list_bundles(out)
    if not found:
        raise UsageError(f"there is no operation in {operations_folder(out)}",
                         hint="run `synthgen generate` first, or name the out folder with SYNTHGEN_OUT")
    return found[-1]


def check_files(bundle: Bundle, progress: Progress = silent) -> None:
    """Check every file of a bundle against its manifest: there, of its length, of its digest.

    Raises:
        BundleError: Names the first file that is not what the manifest says.
    """
    parts = bundle.manifest.parts
    check_headers(bundle, progress, beside=len(parts))
    headers = len(bundle.manifest.header_digests)
    checked = ahead(lambda part: check_part(bundle.place_of(part), part), parts, _AT_ONCE)
    for done, _ in enumerate(checked, start=headers + 1):
        progress("checking files", done, headers + len(parts))


def check_headers(bundle: Bundle, progress: Progress = silent, beside: int = 0) -> None:
    """Check the headers and `anchors.csv`, which lie beside the manifest; `beside` more files are due after them.

    Raises:
        BundleError: As `check_files`.
    """
    digests = bundle.manifest.header_digests
    for done, (name, digest) in enumerate(digests.items(), start=1):
        _check_header(inside(bundle.path, name), name, digest)
        progress("checking files", done, len(digests) + beside)


def _check_header(path: Path, name: str, digest: str) -> None:
    if not path.is_file():
        raise _damaged(path, name, "is missing")
    if file_digest(path) != digest:
        raise _damaged(path, name, "is damaged: its digest is not the manifest's")


def check_part(path: Path, part: Part) -> None:
    """Check that a file, compressed or not, holds exactly a part's bytes.

    Raises:
        BundleError: It does not.
    """
    name = part.file + SUFFIX if is_compressed(path) else part.file
    if not path.is_file():
        raise _damaged(path, name, "is missing")
    if not is_compressed(path) and path.stat().st_size != part.bytes:
        raise _damaged(path, name, f"is damaged: {path.stat().st_size} bytes instead of {part.bytes}")
    try:
        with open_stored(path) as stream:
            size, digest = measure(stream)
    except NOT_READ as error:
        raise _damaged(path, name, f"is damaged: {error}") from error
    if size != part.bytes:
        raise _damaged(path, name, f"is damaged: it holds {size} bytes instead of {part.bytes}")
    if digest != part.digest:
        raise _damaged(path, name, "is damaged: its digest is not the manifest's")


def _damaged(path: Path, name: str, what: str) -> BundleError:
    return BundleError(f"{path} {what}", hint="generate the operation again", file=name)


def read_nodes(bundle: Bundle, group: NodeGroup, part: Part, only: Collection[str] | None = None) -> pl.DataFrame:
    """Read a part of nodes: `:id` (Int64 import id), then the properties with their types' dtypes, or some."""
    return _read(bundle, group, part, [ID], only)


def read_relationships(
    bundle: Bundle, group: RelationshipGroup, part: Part, only: Collection[str] | None = None
) -> pl.DataFrame:
    """Read a part of relationships: `:start`, `:end` (Int64), then the properties with their types' dtypes, or some."""
    return _read(bundle, group, part, [START, END], only)


def read_anchors(bundle: Bundle) -> pl.DataFrame:
    """Read the base nodes that relationships end on: `node` (Int64 node number), `digest` (32 hex digits)."""
    path = inside(bundle.path, ANCHORS)
    try:
        return pl.read_csv(path, schema={"node": pl.Int64(), "digest": pl.String()})
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BundleError(f"{path} cannot be read: {error}", hint="generate the operation again",
                          file=ANCHORS) from error


def layout_of(bundle: Bundle, group: NodeGroup | RelationshipGroup) -> Layout:
    """Give the layout of a group's files."""
    operation_id = bundle.manifest.operation_id
    if isinstance(group, NodeGroup):
        return node_layout(operation_id, group.labels, group.types)
    start, end = (space if space == "base" else operation_id for space in (group.start_space, group.end_space))
    return relationship_layout(start, end, group.type, group.types)


def _read(
    bundle: Bundle, group: NodeGroup | RelationshipGroup, part: Part, ids: list[str], only: Collection[str] | None
) -> pl.DataFrame:
    path = bundle.place_of(part)
    try:
        frame = layout_of(bundle, group).read(path, ids, only)
    except (pl.exceptions.PolarsError, OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is not what the manifest says: {error}", hint="generate the operation again",
                          file=part.file) from error
    if frame.height != part.rows:
        raise BundleError(f"{path} has {frame.height} rows instead of {part.rows}", hint="generate the operation again",
                          file=part.file)
    return frame
