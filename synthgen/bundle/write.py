"""Writes bundles: any growth as import-format CSV and a manifest; knows no server and not how the parts are made.

CSV as FORMAT.md, "Bundle", says; its parts go into its folder or to a URL. A bundle appears whole or not at all. One
that was stopped half-way is kept beside the others, and the same call goes on with the parts that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synthgen.bundle.bringing import bring_here
from synthgen.bundle.elsewhere import Elsewhere
from synthgen.bundle.making import make_here
from synthgen.bundle.manifest import ANCHORS, Manifest, NodeGroup, RelationshipGroup, read_manifest
from synthgen.bundle.manifest import write_manifest as _write_manifest
from synthgen.bundle.marks import Marks
from synthgen.bundle.outline import NodesOutline, Outline, RelationshipsOutline, header_file, outline_of
from synthgen.bundle.part import Due, Made
from synthgen.bundle.read import Bundle, open_bundle, operations_folder
from synthgen.bundle.stored import TORN
from synthgen.bundle.unfinished import Unfinished, being_written
from synthgen.errors import StoreError
from synthgen.files import file_digest
from synthgen.growth import Growth
from synthgen.metadata import Stamp
from synthgen.progress import Progress, silent
from synthgen.snapshot.digest import hex_digests

Engine = Callable[[Due], Iterator[Made]]
"""Makes parts, and gives each as soon as its file is there, in any order. Whatever it raises ends the writing."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the manifest says of how an operation came about; see FORMAT.md for each field."""

    stamp: Stamp
    seed: int
    snapshot: Mapping[str, Any]
    profile: Mapping[str, Any]
    anchor_digests: npt.NDArray[np.uint64] = field(repr=False)


def write_bundle(
    growth: Growth, origin: Origin, out: Path, progress: Progress = silent, *,
    check: Callable[[Bundle], None] | None = None, recipe: Mapping[str, Any] | None = None, engine: Engine = make_here,
    files: str | None = None,
) -> Bundle:
    """Write a growth as the bundle of one operation under `out`; it appears whole or not at all.

    Args:
        growth: What is made.
        origin: Where it came from.
        out: The out folder.
        progress: Told how many nodes and relationships are written.
        check: Is given the bundle before it appears; when it raises, nothing is left behind.
        recipe: What `synthgen.recipe` needs to think the growth out again; kept while the bundle is unfinished.
        engine: Makes the parts.
        files: The URL under which headers and parts go into a folder with the operation's id; None when they go into
            the bundle's.

    Raises:
        UsageError: The operation id is taken, or unfinished since something else was asked for under it, or other files
            are at the URL.
        LockedError: Another run is at work on it.
        StoppedHalfwayError: It could not be written to its end; what was made is kept, and the same call goes on.
        SynthError: Nothing could be written, and nothing was left.
    """
    final = operations_folder(out) / origin.stamp.operation_id
    outline = outline_of(growth, origin.stamp)
    request = {"outline": outline.digest(), "seed": origin.seed, "snapshot": origin.snapshot, "recipe": recipe}
    if files is not None:
        request["files_at"] = f"{files}/{origin.stamp.operation_id}"
    with being_written(final, request) as unfinished:
        _Writing(unfinished, outline, origin, progress).run(engine, recipe)
        if check is not None:
            made = Bundle(unfinished.files, read_manifest(unfinished.files))
            bring_here(made, progress)
            check(made)
    return open_bundle(final)


class _Writing:
    def __init__(self, unfinished: Unfinished, outline: Outline, origin: Origin, progress: Progress) -> None:
        self._unfinished = unfinished
        self._folder = unfinished.files
        self._outline = outline
        self._origin = origin
        self._files_at = unfinished.files_at
        self._progress = progress
        self._parts: list[Made | None] = [None] * len(outline.parts)
        self._rows = {"nodes": 0, "relationships": 0}
        self._marks = {"operation": Marks(outline.node_rows), "base": Marks(len(origin.anchor_digests))}

    def run(self, engine: Engine, recipe: Mapping[str, Any] | None) -> None:
        for group in self._outline.groups:
            (self._folder / header_file(group)).write_text(group.layout.header(), encoding="utf-8")
        recorded = self._unfinished.parts()
        known = {part.number: recorded[part.file] for part in self._outline.parts if part.file in recorded}
        numbers = range(len(self._outline.parts))
        for made in engine(Due(self._outline, numbers, self._folder, recipe, self._files_at, known)):
            if known.get(made.number) != made.part:
                self._unfinished.record(made.part)
            self._take(made)
        for torn in self._folder.glob(f"{TORN}*"):
            torn.unlink()
        if self._files_at is not None:
            self._end_elsewhere(Elsewhere(self._files_at))
        self._write_anchors()
        self._write_manifest()

    def _end_elsewhere(self, store: Elsewhere) -> None:
        """Put the headers there, and see that what all parts were said to be is there."""
        for group in self._outline.groups:
            store.put(self._folder / header_file(group), header_file(group))
        store.remove_torn()
        sizes = store.sizes()
        for made in self._parts:
            if made is not None and sizes.get(made.part.file) != made.part.bytes:
                raise StoreError(f"{store.url}/{made.part.file} was put there, and is not there with all its bytes",
                                 hint="see that each worker reaches the same store by this URL", url=store.url)

    def _take(self, made: Made) -> None:
        self._parts[made.number] = made
        for space, seen in made.ends:
            self._marks[space].add(seen)
        kind = "nodes" if isinstance(self._outline.parts[made.number].group, NodesOutline) else "relationships"
        self._rows[kind] += made.part.rows
        due = self._outline.node_rows if kind == "nodes" else self._outline.relationship_rows
        self._progress(f"writing {kind}", self._rows[kind], due)

    def _write_anchors(self) -> None:
        nodes = self._marks["base"].numbers()
        pl.DataFrame({"node": nodes, "digest": hex_digests(self._origin.anchor_digests[nodes])},
                     schema={"node": pl.Int64, "digest": pl.String}).write_csv(self._folder / ANCHORS)

    def _write_manifest(self) -> None:
        outline, stamp, growth = self._outline, self._origin.stamp, self._outline.growth
        parts: dict[str, list[Any]] = {}
        for planned, made in zip(outline.parts, self._parts, strict=True):
            if made is None:
                raise AssertionError(f"no part {planned.file} was made")
            parts.setdefault(planned.group.name, []).append(made.part)

        def files(group: NodesOutline | RelationshipsOutline) -> dict[str, Any]:
            return {"types": group.layout.types, "rows": group.rows, "header": header_file(group),
                    "parts": tuple(parts.get(group.name, ()))}

        headers = [ANCHORS, *(header_file(group) for group in outline.groups)]
        _write_manifest(self._folder, Manifest(
            operation_id=stamp.operation_id, strategy=stamp.strategy, parameters=growth.parameters,
            seed=self._origin.seed, created_at=stamp.created_at, snapshot=self._origin.snapshot,
            profile=self._origin.profile,
            counts=outline.counts(isolated=outline.node_rows - self._marks["operation"].met()),
            left_out=growth.left_out,
            node_groups=tuple(NodeGroup(labels=group.blocks[0].labels, first=group.first, **files(group))
                              for group in outline.nodes),
            relationship_groups=tuple(
                RelationshipGroup(type=group.blocks[0].type, start_space=group.blocks[0].start_space,
                                  end_space=group.blocks[0].end_space, **files(group))
                for group in outline.relationships),
            header_digests={name: file_digest(self._folder / name) for name in headers},
            history=({"event": "generated", "at": stamp.created_at},),
            files_at=self._files_at,
        ))
