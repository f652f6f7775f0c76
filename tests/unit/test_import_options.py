"""What an import is told of the files it reads: a buffer that each row fits, and is fast for files of their size."""

from pathlib import Path

import polars as pl
import pytest

from importer.import_files import ImportFiles, file_options
from synthgen.bundle.layout import node_layout
from synthgen.errors import RefusedError

LAYOUT = node_layout("base", ["Resource"], {"name": "STRING"})
SMALL = ["--read-buffer-size=256k"]


def files(folder: Path, *texts: str) -> ImportFiles:
    path = folder / "rows.csv"
    rows = pl.DataFrame({"name": texts}, schema={"name": pl.String})
    longest = LAYOUT.write(path, rows, [pl.Series(range(len(texts)))])
    return ImportFiles(("--nodes=rows.csv",), longest, ((path, LAYOUT, path.stat().st_size),))


def test_small_files_are_read_with_a_small_buffer(tmp_path: Path) -> None:
    """An import waits for each file that does not fill the buffer of its own size."""
    assert file_options([files(tmp_path, *["a name"] * 100_000)], "256m") == SMALL


def test_big_files_are_read_with_the_buffer_of_an_import_itself(tmp_path: Path) -> None:
    """With the small one they take longer."""
    assert file_options([files(tmp_path, *["a" * 1000] * 5000)], "256m") == []


@pytest.mark.parametrize("text", ["a" * 200_000, '"' * 100_000, "a\n" * 100_000, '\n"' * 70_000])
def test_a_row_that_a_small_buffer_could_cut_is_not_read_with_one(tmp_path: Path, text: str) -> None:
    """Quotes are doubled, and line ends in quotes end no row: the whole row has to fit."""
    assert file_options([files(tmp_path, "a", text, "b")], "256m") == []
    assert file_options([files(tmp_path, *[text[:1000]] * 200)], "256m") == SMALL


def test_a_row_longer_than_any_buffer_of_an_import_itself_is_told_of(tmp_path: Path) -> None:
    """The buffer is a mebibyte larger than the row, and needs its heap."""
    long = files(tmp_path, "a", "b" * 3_000_000)
    assert file_options([long], "256m") == ["--read-buffer-size=4m"]
    with pytest.raises(RefusedError, match="needs 96m of heap, not 64m"):
        file_options([long], "64m")
