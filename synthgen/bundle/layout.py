"""The files of a group of rows: their header, their records, and these read back; knows no manifest and no server.

Import-format CSV as FORMAT.md, "Bundle", says. A base is handed to an import in the same files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from synthgen.bundle.rest import has_column, is_rest, may_have_rest, rest_texts, with_rest
from synthgen.bundle.texts import empty_arrays, from_csv_text, to_csv_text
from synthgen.types import ARRAY_DELIMITER, EMPTY_ARRAYS, REST, TYPES, list_properties

LONG_ROW = 2**21
"""Rows of up to so many bytes need no care of their own: an import that is told nothing has a buffer of 4 MiB."""

_NOT_IN_ARGUMENT = re.compile(r"[,:=\x00-\x1f\x7f-\x9f]")
_NEEDS_QUOTES = frozenset(',"\n\r')


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a group's files.

    Attributes:
        ids: Header fields of the columns that number nodes, which come first.
        naming: Header field and text of a column that names labels or type, when no import argument can.
        late_labels: Labels that not even a column can name; each row's JSON does.
        types: The properties.
    """

    ids: tuple[str, ...]
    types: Mapping[str, str]
    naming: tuple[str, str] | None = None
    late_labels: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """The properties that have a column, with their types."""
        return {name: kind for name, kind in self.types.items() if has_column(name)}

    @property
    def has_empty_arrays(self) -> bool:
        """Whether there is a column for the names of empty arrays."""
        return bool(list_properties(self.columns))

    @property
    def has_rest(self) -> bool:
        """Whether there is a column for what CSV has no form for."""
        return bool(self.late_labels) or may_have_rest(self.types)

    def header(self) -> str:
        """Give the header line."""
        fields = self._fields()
        quoted = ('"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES & set(text) else text for text in fields)
        return ",".join(quoted) + "\n"

    def _fields(self) -> list[str]:
        return [*self.ids, *([self.naming[0]] if self.naming else []),
                *(f"{name}:{TYPES[kind].header}" for name, kind in self.columns.items()),
                *([f"{EMPTY_ARRAYS}:string[]"] if self.has_empty_arrays else []),
                *([f"{REST}:string"] if self.has_rest else [])]

    def write(self, path: Path | IO[bytes], frame: pl.DataFrame, ids: Sequence[pl.Series]) -> int:
        """Write rows without a header: the numbers, then the properties of `types`.

        Returns:
            The bytes of the longest row, when that is more than `LONG_ROW`, else 0.
        """
        columns = [*ids, *self.fields(frame)]
        written = pl.DataFrame([series.alias(f"{place}") for place, series in enumerate(columns)])
        written.write_csv(path, include_header=False, quote_style="non_numeric", line_terminator="\n")
        return _longest_row(written)

    def written(self, frame: pl.DataFrame, ids: Sequence[pl.Series]) -> tuple[memoryview, int]:
        """Give what `write` writes, and what it returns."""
        stream = io.BytesIO()
        longest = self.write(stream, frame, ids)
        return stream.getbuffer(), longest

    def fields(self, frame: pl.DataFrame) -> list[pl.Series]:
        """Give what stands behind the numbers in a record, a Series per field: texts, which are quoted, or integers."""
        columns: list[pl.Series] = []
        if self.naming:
            columns.append(pl.repeat(self.naming[1], frame.height, dtype=pl.String, eager=True))
        texts = [to_csv_text(name, kind) if not may_have_rest({name: kind})
                 else pl.when(~is_rest(name, kind)).then(to_csv_text(name, kind))
                 for name, kind in self.columns.items()]
        if self.has_empty_arrays:
            names = [empty_arrays(name, self.types[name]) for name in list_properties(self.columns)]
            joined = pl.concat_str(names, separator=ARRAY_DELIMITER, ignore_nulls=True)
            texts.append(pl.when(joined != "").then(joined))
        columns += frame.select(text.alias(f"{place}") for place, text in enumerate(texts)).get_columns()
        if self.has_rest:
            columns.append(rest_texts(frame, self.types, self.late_labels))
        return columns

    def place_of(self, name: str) -> int:
        """Give the place among the `fields` of a property that has a column."""
        return bool(self.naming) + list(self.columns).index(name)

    def read(self, path: Path, ids: Sequence[str], only: Collection[str] | None = None) -> pl.DataFrame:
        """Read rows back: Int64 columns of the names `ids`, then the properties with their types' dtypes, or some.

        Raises:
            PolarsError, OSError, ValueError, KeyError, TypeError: The file is not what `write` writes.
        """
        # All properties are read as text first: CSV's own idea of a type is not to be trusted with anything.
        names = [*([":naming"] if self.naming else []), *self.columns,
                 *([EMPTY_ARRAYS] if self.has_empty_arrays else []), *([REST] if self.has_rest else [])]
        schema: dict[str, pl.DataType] = {**dict.fromkeys(ids, pl.Int64()), **dict.fromkeys(names, pl.String())}
        wanted = [name for name in self.types if only is None or name in only]
        read = {*ids, *wanted, EMPTY_ARRAYS, REST}
        frame = pl.read_csv(path, has_header=False, schema=schema, glob=False,
                            columns=[place for place, name in enumerate(schema) if name in read])
        typed = frame.select(*ids, *(
            from_csv_text(name, self.types[name]) if has_column(name)
            else pl.lit(None, TYPES[self.types[name]].dtype).alias(name) for name in wanted))
        return with_rest(typed, frame[REST], {name: self.types[name] for name in wanted}) if self.has_rest else typed

    def count_rest(self, path: Path) -> int:
        """Count the rows of a file that say in JSON what CSV has no form for.

        Raises:
            PolarsError, OSError: The file is not what `write` writes.
        """
        if not self.has_rest:
            return 0
        said = pl.read_csv(path, has_header=False, infer_schema=False, glob=False, columns=[len(self._fields()) - 1],
                           raise_if_empty=False)
        return said.height - sum(said.null_count().row(0)) if said.height else 0


def node_layout(space: str, labels: Sequence[str], types: Mapping[str, str]) -> Layout:
    """Give the layout of nodes with these labels, numbered in an ID space."""
    columned = [label for label in labels if not fits_argument(label) and ARRAY_DELIMITER not in label]
    late = tuple(label for label in labels if not fits_argument(label) and ARRAY_DELIMITER in label)
    return Layout((f":ID({space})",), types, (":LABEL", ARRAY_DELIMITER.join(columned)) if columned else None, late)


def relationship_layout(start_space: str, end_space: str, type_: str, types: Mapping[str, str]) -> Layout:
    """Give the layout of relationships of a type whose ends are numbered in ID spaces."""
    return Layout((f":START_ID({start_space})", f":END_ID({end_space})"), types,
                  None if fits_argument(type_) else (":TYPE", type_))


def fits_argument(name: str) -> bool:
    """Say whether a label or a relationship type can be named in an argument of an import."""
    return not _NOT_IN_ARGUMENT.search(name) and name == name.strip()


def _longest_row(written: pl.DataFrame) -> int:
    texts = [pl.col(name) for name, dtype in written.schema.items() if dtype == pl.String()]
    others = written.width - len(texts)
    if not texts or not written.height:
        return 0
    # Quotes are doubled, and each field has two around it and a comma or line end after it; a number has 20 digits.
    around = 3 * len(texts) + 21 * others
    if 2 * sum(length or 0 for length in written.select(text.str.len_bytes().max() for text in texts).row(0)) \
            + around <= LONG_ROW:
        return 0
    lengths = written.select(pl.sum_horizontal(text.str.len_bytes() for text in texts)).to_series()
    long = written.filter(lengths * 2 + around > LONG_ROW)
    if not long.height:
        return 0
    sizes = [text.str.len_bytes() + text.str.count_matches('"', literal=True) + 2 for text in texts]
    sizes += [pl.col(name).cast(pl.String).str.len_bytes() for name, dtype in long.schema.items()
              if dtype != pl.String()]
    longest = int(long.select(pl.sum_horizontal(sizes).max()).item()) + written.width
    return longest if longest > LONG_ROW else 0
