"""Checks a bundle's files while a database is still asked what it holds; knows no database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from importer.beside import Beside, begin
from synthgen.bundle.bringing import ready_files
from synthgen.bundle.check import check_rows
from synthgen.bundle.read import Bundle
from synthgen.progress import Progress


@dataclass(frozen=True, slots=True)
class FilesAhead:
    """The checks of one bundle's files, and then of its rows, under way; nothing is told of them before they are due.

    Whoever has to ask a user first asks meanwhile, and what is refused in between ends them.
    """

    _bundle: Bundle
    _files: Future[None]
    _rows: Beside[None]

    def is_of(self, bundle: Bundle) -> bool:
        """Whether it is this bundle, read again or not, that is checked."""
        return self._bundle.path == bundle.path

    def await_files(self, progress: Progress) -> None:
        """Wait until files are checked; raises as `synthgen.bundle.bringing.ready_files`."""
        self._rows.listen(progress)
        self._files.result()

    def await_rows(self, progress: Progress) -> None:
        """Wait until rows are checked; raises as `await_files` and `synthgen.bundle.check.check_rows`."""
        self._rows.listen(progress)
        self._rows.result()


@contextmanager
def check_ahead(bundle: Bundle) -> Iterator[FilesAhead | None]:
    """Check a bundle's files in the background while the block lasts; not those that have to be brought here first."""
    if bundle.manifest.files_at is not None:
        yield None
        return
    files: Future[None] = Future()

    def check(told: Progress) -> None:
        try:
            ready_files(bundle, told)
        except BaseException as error:
            files.set_exception(error)
            raise
        files.set_result(None)
        check_rows(bundle, told)

    with begin(check) as rows:
        yield FilesAhead(bundle, files, rows)
