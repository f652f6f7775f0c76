"""Writes the folder of a script: the import's files, Cypher, arguments and the script itself; asks no server.

Beside `load.sh` or `load.ps1`, which is a template of the same name with a block of values in it, and `README.txt`:
`arguments`, what neo4j-admin is told, with a mark in the place of the folder; `*.cypher`; the import's files in `base`
and `operations/<operation id>`; and `checksums` of all of these, as `sha256sum --check` reads them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from importer.import_files import ImportFiles, bundle_files, file_options, write_base
from importer.scripts.quoting import QUOTE, Shell
from importer.scripts.script import Script
from importer.scripts.server import Planned
from importer.servers.admin import argument_text
from importer.servers.versions import Product, import_options
from synthgen.bundle.read import Bundle
from synthgen.errors import RefusedError
from synthgen.files import inside
from synthgen.progress import Progress, silent

MARK = "@folder@"
CHECKSUMS = "checksums"
_VALUES = "# @values@\n"
_COMMANDS = "# @commands@\n"
_FURTHER_OPTIONS = ("--verbose",)
"""Without it 5.26 does not say which row of which file was at fault."""


def write_folder(
    script: Script, folder: Path, shell: Shell, server: Planned, *, progress: Progress = silent
) -> None:
    """Write everything that the script needs into an empty folder.

    Args:
        script: What the script does.
        folder: Where; nothing in it refers to this place.
        shell: Which script is written.
        server: The server that it is for.
        progress: Told while the base is written.

    Raises:
        RefusedError: There is what import CSV has no form for, and no statement of cypher-shell could set.
    """
    mark = MARK
    while mark in _names(script):
        mark = f"@{mark}"
    written = _write_imports(script, folder, mark, progress)
    options = [*import_options(script.product), *file_options(written, script.heap), *_FURTHER_OPTIONS]
    arguments = [argument for one in written for argument in one.arguments]
    (folder / "arguments").write_text(argument_text([*options, *arguments]), encoding="utf-8")
    for name, statements in script.cypher.items():
        (folder / name).write_text("".join(f"{one}\n" for one in statements), encoding="ascii")
    given = {**_values(script), "mark": mark, **server.values}
    path = folder / f"load.{shell}"
    # Windows PowerShell takes a script for one in the system's old encoding unless it begins with this mark.
    path.write_text(_fill(shell, server.commands, given), encoding="utf-8-sig" if shell == "ps1" else "utf-8")
    path.chmod(0o755)
    words = {"runner": server.runner, "variables": server.variables, "digest": script.snapshot.digest,
             "run": {"sh": "./load.sh", "ps1": "powershell -ExecutionPolicy Bypass -File load.ps1"}[shell],
             "digest_command": "importer digest --base-only" if script.operation_id else "importer digest"}
    (folder / "README.txt").write_text(_template("README.txt").format(**given, **words), encoding="utf-8")
    _write_checksums(folder)


def _write_imports(script: Script, folder: Path, mark: str, progress: Progress) -> list[ImportFiles]:
    def place(path: Path) -> str:
        return f"{mark}/{path.relative_to(folder).as_posix()}"

    written = [write_base(script.snapshot, folder / "base", progress, place),
               *(bundle_files(_bring(bundle, folder), place) for bundle in script.bundles)]
    _refuse_rest(folder, written)
    return written


def _refuse_rest(folder: Path, written: Sequence[ImportFiles]) -> None:
    """Refuse what is set after an import by reading JSON, which no Cypher of ours can."""
    for path, layout, _ in (part for one in written for part in one.parts):
        rows = layout.count_rest(path)
        if rows:
            raise RefusedError(
                f"{rows:,} rows of {path.relative_to(folder)} hold names or values that import CSV has no form for"
                ' (docs/offline.md, "As a script"), and a script could not set them afterwards',
                hint="load without --emit-script", file=str(path.relative_to(folder)), rows=rows)


def _bring(bundle: Bundle, folder: Path) -> Bundle:
    """Link or copy the files that an import reads."""
    manifest = bundle.manifest
    brought = folder / "operations" / manifest.operation_id
    brought.mkdir(parents=True)
    sources = [*(inside(bundle.path, group.header) for group in manifest.groups), *map(bundle.place_of, manifest.parts)]
    for source in sources:
        try:
            os.link(source.resolve(), brought / source.name)
        except OSError:
            # Another disk, or one without links.
            shutil.copyfile(source, brought / source.name)
    return Bundle(brought, manifest)


def _names(script: Script) -> str:
    """Give all that stands in the arguments beside places."""
    tables, groups = script.snapshot.tables, [group for one in script.bundles for group in one.manifest.groups]
    return "\n".join(name for one in (*tables, *groups)
                     for name in (one.labels if hasattr(one, "labels") else [one.type]))


def _values(script: Script) -> dict[str, str]:
    return {
        "title": script.title,
        "counts": f"{script.nodes:,} nodes and {script.relationships:,} relationships",
        "heap_planned": script.heap,
        "version_planned": script.product.version,
        "version_pattern": _pattern(script.product),
        "needed_bytes": str(script.needed_bytes),
        "checks_before": str(len(script.before)),
        "checks_after": str(len(script.after)),
        "steps": " ".join(script.steps),
        "state_hint": "roll it back first: importer rollback" if script.operation_id else "take an empty database",
        "next": f"importer validate {script.operation_id}" if script.operation_id else "importer digest",
    }


def _pattern(product: Product) -> str:
    """Give a pattern, as shells read them, for the versions of the same line: they want the same arguments."""
    year = product.version.partition(".")[0]
    return f"{year}.*" if len(year) > 1 else f"{product.line.since[0]}.{product.line.since[1]}.*"


def _fill(shell: Shell, commands: str, values: Mapping[str, str]) -> str:
    quote = QUOTE[shell]
    assigned = "".join(
        f"{name.upper()}={quote(value)}\n" if shell == "sh" else f"${name.title().replace('_', '')} = {quote(value)}\n"
        for name, value in values.items())
    text = _template(f"load.{shell}").replace(_COMMANDS, _template(f"{commands}.{shell}"))
    return text.replace(_VALUES, assigned)


def _template(name: str) -> str:
    return (files("importer.scripts") / "templates" / name).read_text(encoding="utf-8")


def _write_checksums(folder: Path) -> None:
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    (folder / CHECKSUMS).write_text("".join(lines), encoding="ascii")
