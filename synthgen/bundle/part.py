"""Makes one part of a bundle, on its own: its rows, its file, and what the manifest needs to know of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from synthgen.bundle.elsewhere import Elsewhere
from synthgen.bundle.manifest import Part, Space
from synthgen.bundle.marks import Seen, seen_in
from synthgen.bundle.outline import Outline, PartOutline, RelationshipsOutline
from synthgen.bundle.stored import TORN
from synthgen.files import file_digest, new_digest
from synthgen.graph import END, START

Ends = tuple[tuple[Space, Seen], ...]
"""What relationships end at: import ids of the operation, node numbers of the base; one or more for each."""


@dataclass(frozen=True, slots=True)
class Made:
    """A part that was made.

    Attributes:
        number: Its place among the parts of the outline.
        part: As the manifest has it.
        ends: What its relationships end at.
    """

    number: int
    part: Part
    ends: Ends


@dataclass(frozen=True, slots=True)
class Due:
    """Parts that are to be made.

    Attributes:
        outline: What they are parts of.
        numbers: Which of its parts.
        folder: Where their files go, unless `files_at` says where.
        recipe: From which the same outline can be thought out elsewhere; None when nobody can.
        files_at: The URL of the operation's folder that their files go to; None for `folder`.
        known: Parts that an earlier run made, by number: they are made again only when their files are not that.
    """

    outline: Outline
    numbers: Sequence[int]
    folder: Path
    recipe: Mapping[str, Any] | None = None
    files_at: str | None = None
    known: Mapping[int, Part] = field(default_factory=dict)


def give_part(outline: Outline, number: int, folder: Path, files_at: str | None, known: Part | None) -> Made:
    """Give a part whose file is where it belongs: as an earlier run made it, or made now; arguments as in `Due`.

    Raises:
        OSError: The disk is full or not writable.
        StoreError: The store at the URL does not give or take it.
    """
    if files_at is None:
        found = None if known is None else find_made(outline, number, folder, known)
        return found or make_part(outline, number, folder)
    store = Elsewhere(files_at)
    with tempfile.TemporaryDirectory(prefix="synthgen-") as own:
        here = Path(own)
        if known is not None and store.size_of(known.file) == known.bytes:
            store.get(known.file, here / known.file)
            found = find_made(outline, number, here, known)
            if found is not None:
                return found
        made = make_part(outline, number, here)
        store.put_part(here / made.part.file, made.part.file)
        return made


def make_part(outline: Outline, number: int, folder: Path) -> Made:
    """Make a part and write its file into a folder; the same outline and number give the same bytes.

    The file appears whole: two that make the same part at once, since one of them was given up, do no harm.

    Raises:
        OSError: The disk is full or not writable.
    """
    wanted = outline.parts[number]
    descriptor, name = tempfile.mkstemp(prefix=TORN, dir=folder)
    os.close(descriptor)
    path = Path(name)
    try:
        longest, digest, ends = _write(path, wanted)
        part = Part(wanted.file, wanted.stop - wanted.start, path.stat().st_size, longest, digest)
        path.chmod(0o644)
        path.replace(folder / wanted.file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Made(number, part, ends)


def _write(path: Path, wanted: PartOutline) -> tuple[int, str, Ends]:
    """Write a part's file; give the length of its longest row, as `Layout.write`, its digest, and what it ends at."""
    longest, digest = 0, new_digest()
    ends: list[tuple[Space, Seen]] = []
    with path.open("wb") as stream:
        for stretch in wanted.group.written(wanted.start, wanted.stop):
            stream.write(stretch.octets)
            digest.update(stretch.octets)
            longest = max(longest, stretch.longest)
            ends += _ends(wanted, stretch.ends)
    return longest, digest.hexdigest(), tuple(ends)


def find_made(outline: Outline, number: int, folder: Path, part: Part) -> Made | None:
    """Give a part that was made before as `make_part` gave it; None when its file is not what was made then."""
    path = folder / part.file
    if not path.is_file() or path.stat().st_size != part.bytes or file_digest(path) != part.digest:
        return None
    wanted = outline.parts[number]
    if not isinstance(wanted.group, RelationshipsOutline):
        return Made(number, part, ())
    read = wanted.group.layout.read(path, [START, END], only=())
    return Made(number, part, _ends(wanted, [read[START], read[END]]))


def _ends(wanted: PartOutline, columns: Sequence[pl.Series]) -> Ends:
    if not isinstance(wanted.group, RelationshipsOutline):
        return ()
    block = wanted.group.blocks[0]
    return tuple((space, seen_in(numbers.to_numpy()))
                 for space, numbers in zip((block.start_space, block.end_space), columns, strict=True))
