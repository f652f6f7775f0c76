"""`neo4j-admin database import` and nothing else: the floor of what loads offline; knows no server that runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ground import HEAP
from importer.import_files import ImportFiles, bundle_files, file_options, write_base
from importer.servers.admin import AdminTool
from importer.servers.runtime import resolve
from importer.servers.settings import DEFAULT_VERSION
from importer.servers.versions import Product, import_options
from synthgen.bundle.read import newest_bundle
from synthgen.snapshot.read import open_snapshot


def bare_import(folder: Path, files: Sequence[ImportFiles], *, options: Sequence[str] = ()) -> float:
    """Import files into a new store in `folder`, which is removed again; gives the seconds of the whole command.

    `options` take the place of those of the same name that the product gives.
    """
    named = {option.partition("=")[0] for option in options}
    given = [one for one in (*import_options(Product(DEFAULT_VERSION)), *file_options(files, HEAP))
             if one.partition("=")[0] not in named]
    arguments = [*given, *options, *(argument for one in files for argument in one.arguments)]
    home = folder / "bare"
    tool = AdminTool(resolve(DEFAULT_VERSION), home, heap=HEAP)
    try:
        began = time.perf_counter()
        tool.run(["database", "import", "full", "neo4j", *arguments])
        return time.perf_counter() - began
    finally:
        shutil.rmtree(home)


def import_operation(folder: Path, base: Path, out: Path) -> float:
    """Import a base and the newest operation of an out folder, as an offline load does; gives the import's seconds."""
    written = folder / "base-csv"
    files = [write_base(open_snapshot(base), written), bundle_files(newest_bundle(out))]
    try:
        return bare_import(folder, files)
    finally:
        shutil.rmtree(written)
