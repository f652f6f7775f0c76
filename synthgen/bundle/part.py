"""Makes one part of a bundle, on its own: its rows, its file, and what the manifest needs to know of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from synthgen.bundle.manifest import Part, Space
from synthgen.bundle.marks import Seen, seen_in
from synthgen.bundle.outline import Outline, PartOutline, RelationshipsOutline
from synthgen.files import file_digest, new_digest
from synthgen.graph import END, START

TORN = ".part."
"""What the names of files begin with that are being written, or were when their writer was killed."""


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
        folder: Where their files go.
        recipe: From which the same outline can be thought out elsewhere; None when nobody can.
    """

    outline: Outline
    numbers: Sequence[int]
    folder: Path
    recipe: Mapping[str, Any] | None = None


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
