"""A bundle's files as fields of text, as any reader of CSV sees them; knows no property type.

Readers of rows are lenient: one that is too short is filled up, and a header is not looked at. Here nothing is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow

from synthgen.bundle.layout import LONG_ROW, Layout
from synthgen.bundle.manifest import Part
from synthgen.bundle.read import Bundle
from synthgen.bundle.stored import open_stored
from synthgen.errors import BundleError
from synthgen.files import inside

HINT = "generate the operation again, or correct the file and what the manifest says of it"
# Half of a long row, so that pieces without any need no look at each record.
_BYTES_AT_ONCE = LONG_ROW // 2
_QUOTE = ord('"')


@dataclass(frozen=True, slots=True)
class Places:
    """Where a layout has its columns, from 0; None for those it has not.

    Attributes:
        naming: The column of labels or type.
        properties: Name of each property with a column → its place.
        empty_arrays: The column that names empty arrays.
        rest: The column of JSON.
        width: How many columns there are.
    """

    naming: int | None
    properties: Mapping[str, int]
    empty_arrays: int | None
    rest: int | None
    width: int


def places_of(layout: Layout) -> Places:
    """Say where a layout has its columns."""
    first = len(layout.ids) + bool(layout.naming)
    behind = first + len(layout.columns)
    width = behind + layout.has_empty_arrays + layout.has_rest
    return Places(
        naming=len(layout.ids) if layout.naming else None,
        properties={name: place for place, name in enumerate(layout.columns, start=first)},
        empty_arrays=behind if layout.has_empty_arrays else None, rest=width - 1 if layout.has_rest else None,
        width=width)


def check_header(bundle: Bundle, name: str, layout: Layout) -> None:
    """Check that a header names the columns that the manifest's types say, in their order.

    Raises:
        BundleError: It does not.
    """
    [due] = csv.reader(io.StringIO(layout.header(), newline=""))
    text = inside(bundle.path, name).read_text(encoding="utf-8", errors="replace")
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise file_error(name, f"it cannot be read as CSV: {error}", 1) from error
    if len(found) != 1:
        raise file_error(name, f"it has {len(found)} records, and a header is one", len(found) and 2)
    for ours, theirs in zip_longest(found[0], due):
        if ours != theirs:
            raise file_error(
                name, f"the manifest's types want {'no more columns' if theirs is None else f'the column {theirs!r}'},"
                f" and there is {'none' if ours is None else repr(ours)}", 1, column=theirs, value=ours)


@dataclass(frozen=True, slots=True)
class Fields:
    """Some rows of a part as fields: a String column for each place asked for, named by it, such as `"0"`.

    A field that is nothing at all is null, and a quoted one never is.
    """

    part: Part
    first: int
    frame: pl.DataFrame
    _piece: _Piece

    def refuse(self, row: int, what: str, **facts: Any) -> NoReturn:
        """Say what is wrong with a row, counted from 0 in the frame."""
        place, _ = next(islice(self._piece.records(), row, None))
        raise file_error(self.part.file, what, self._piece.line_at(place), row=self.first + row + 1, **facts)


def read_fields(bundle: Bundle, part: Part, width: int, places: Collection[int]) -> Iterator[Fields]:
    """Read the fields in some places of a part of `width` columns, some rows at a time.

    Raises:
        BundleError: It is no CSV in UTF-8, or a row has other columns than the header, or is longer than the manifest
            says, or there are other rows than said.
    """
    rows, piece = 0, None
    for piece in _pieces(bundle.place_of(part), part):
        frame = _frame(piece, part, width, places)
        yield Fields(part, rows, frame, piece)
        rows += frame.height
    if rows != part.rows:
        line = 1 if piece is None else piece.line_at(len(piece.text))
        raise file_error(part.file, f"it ends after {rows:,} rows, and the manifest says {part.rows:,}", line)


def _frame(piece: _Piece, part: Part, width: int, places: Collection[int]) -> pl.DataFrame:
    names = [f"{place}" for place in range(width)]
    wanted = [f"{place}" for place in sorted(places)]
    reading = arrow.ReadOptions(column_names=names, block_size=len(piece.text) + 1)
    parsing = arrow.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    meaning = arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=wanted,
                                   null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False)
    try:
        return pl.DataFrame(pl.from_arrow(arrow.read_csv(pa.BufferReader(piece.text), reading, parsing, meaning)))
    except pa.ArrowException as error:
        for place, record in piece.records():
            found = 1 + sum(outside.count(b",") for outside in record.split(b'"')[::2])
            if found != width:
                raise file_error(part.file, f"the row has {found} columns, and its header has {width}",
                                 piece.line_at(place)) from error
        raise file_error(part.file, f"it cannot be read as CSV: {error}", piece.line_at(0)) from error


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some whole records of a file, whose first octet is at `offset`."""

    path: Path
    offset: int
    text: bytes

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Give each record with its place in the text."""
        begun, end, quotes = 0, 0, 0
        for line in io.BytesIO(self.text):
            end += len(line)
            quotes += line.count(b'"')
            if quotes % 2 == 0:
                yield begun, self.text[begun:end]
                begun = end
        if begun < end:
            yield begun, self.text[begun:]

    def line_at(self, place: int) -> int:
        """Give the line of an octet of the text."""
        line, left = 1, self.offset + place
        with open_stored(self.path) as stream:
            while block := stream.read(min(left, _BYTES_AT_ONCE)):
                line += block.count(b"\n")
                left -= len(block)
        return line


def _pieces(path: Path, part: Part) -> Iterator[_Piece]:
    """Cut a file into pieces of whole records of which every reader finds the same fields, whatever the data hold."""
    offset, rest, longest = 0, b"", max(LONG_ROW, part.longest_row)
    with open_stored(path) as stream:
        while block := stream.read(max(_BYTES_AT_ONCE, len(rest))):
            text = rest + block
            quotes = _quotes(text)
            end = _end_of_records(text, quotes)
            piece = _Piece(path, offset, text[:end])
            _check_text(piece, quotes[:np.searchsorted(quotes, end)], part)
            offset, rest = offset + end, text[end:]
            if max(end, len(rest)) > longest:
                _check_lengths((piece, _Piece(path, offset, rest)), part, longest)
            if end:
                yield piece
    if rest:
        piece = _Piece(path, offset, rest)
        _check_text(piece, _quotes(rest), part)
        yield piece


def _check_lengths(pieces: Sequence[_Piece], part: Part, longest: int) -> None:
    for piece in pieces:
        for place, record in piece.records():
            if len(record) > longest:
                raise file_error(part.file, f"the row has more than {longest:,} bytes, the most that the manifest says"
                                 " of any, or a quote that none ends", piece.line_at(place))


def _quotes(text: bytes) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.frombuffer(text, np.uint8) == _QUOTE)


def _end_of_records(text: bytes, quotes: npt.NDArray[np.intp]) -> int:
    """Find where the last whole record of a text ends that begins with one."""
    end = len(text)
    while (end := text.rfind(b"\n", 0, end)) >= 0:
        before = int(np.searchsorted(quotes, end))
        if before % 2 == 0:
            break
        end = int(quotes[before - 1])
    return end + 1


def _check_text(piece: _Piece, quotes: npt.NDArray[np.intp], part: Part) -> None:
    """Check that each quote begins a field, ends it, or is one of two that stand for one; and that all is UTF-8."""
    text = np.frombuffer(b"\n" + piece.text + b"\n", np.uint8)
    begins, ends = quotes[::2], quotes[1::2]
    odd = [*begins[~_is_one_of(text[begins], b',\n"')], *ends[~_is_one_of(text[ends + 2], b',\n\r"')]]
    if odd:
        raise file_error(part.file, "a quote stands inside a field, where two of them would mean one, or text stands"
                         " beside the quotes of its field", piece.line_at(int(min(odd))))
    if len(quotes) % 2:
        raise file_error(part.file, "a field has a quote before it and none behind it", piece.line_at(int(quotes[-1])))
    try:
        if not piece.text.isascii():
            piece.text.decode()
    except UnicodeDecodeError as error:
        raise file_error(part.file, f"it is no UTF-8: {error.reason}", piece.line_at(error.start),
                         value=repr(piece.text[error.start:error.end])) from error


def _is_one_of(octets: npt.NDArray[np.uint8], allowed: bytes) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = octets == allowed[0]
    for octet in allowed[1:]:
        found |= octets == octet
    return found


def file_error(file: str, what: str, line: int = 0, **facts: Any) -> BundleError:
    """Say what is wrong with a file; `line` counts from 1, and 0 is none."""
    return BundleError(f"{file}, line {line:,}: {what}" if line else f"{file}: {what}", hint=HINT, file=file,
                       **({"line": line} if line else {}), **facts)
