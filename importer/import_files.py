"""What `neo4j-admin database import` is told: the base as CSV, arguments for it and for bundles; starts nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from synthgen.bundle.manifest import NodeGroup, RelationshipGroup
from synthgen.bundle.read import Bundle
from synthgen.bundle.write import csv_header, write_csv
from synthgen.errors import RefusedError
from synthgen.graph import END, START
from synthgen.progress import Progress, silent
from synthgen.snapshot.read import Snapshot

_IN_LIST = re.compile(r"[,:=\r\n]")
_IN_HEADER = re.compile(r"[,:=\r\n{(]")
_IN_PATH = re.compile(r"[,'\"]")


Place = Callable[[Path], str]
"""Says how neo4j-admin is told of a file."""


def absolute(path: Path) -> str:
    """Name a file by its absolute path, because versions differ in where they look for others."""
    return str(path.resolve())


def write_base(
    snapshot: Snapshot, folder: Path, progress: Progress = silent, place: Place = absolute
) -> list[str]:
    """Write a snapshot as import-format CSV and give the import arguments for it.

    Raises:
        RefusedError: A name has no form in import CSV.
    """
    folder.mkdir(parents=True)
    arguments = []
    done, due = 0, int(snapshot.counts["nodes"]) + int(snapshot.counts["relationships"])
    for number, nodes in enumerate(snapshot.node_tables):
        names = [f"base-nodes-{number:04}.header.csv"]
        (folder / names[0]).write_text(csv_header([":ID(base)"], nodes.types), encoding="utf-8")
        first = nodes.first
        for frame in snapshot.batches(nodes):
            names.append(f"base-nodes-{number:04}.part-{len(names) - 1:05}.csv")
            ids = pl.Series(np.arange(first, first + frame.height))
            write_csv(folder / names[-1], frame, [ids], nodes.types)
            first += frame.height
            done += frame.height
            progress("writing the base", done, due)
        arguments.append(_nodes_argument(nodes.labels, nodes.types, [folder / name for name in names], place))
    if not arguments:
        # An import without nodes is refused, one without rows is not.
        (folder / "base-nodes.header.csv").write_text(csv_header([":ID(base)"], {}), encoding="utf-8")
        arguments.append(_nodes_argument((), {}, [folder / "base-nodes.header.csv"], place))
    for number, relationships in enumerate(snapshot.relationship_tables):
        names = [f"base-relationships-{number:04}.header.csv"]
        (folder / names[0]).write_text(csv_header([":START_ID(base)", ":END_ID(base)"], relationships.types),
                                       encoding="utf-8")
        for frame in snapshot.batches(relationships):
            names.append(f"base-relationships-{number:04}.part-{len(names) - 1:05}.csv")
            write_csv(folder / names[-1], frame, [frame[START], frame[END]], relationships.types)
            done += frame.height
            progress("writing the base", done, due)
        arguments.append(_relationships_argument(relationships.type, relationships.types,
                                                 [folder / name for name in names], place))
    return arguments


def bundle_arguments(bundle: Bundle, place: Place = absolute) -> list[str]:
    """Give the import arguments for a bundle's files."""
    return [_group_argument(bundle, group, place) for group in bundle.manifest.groups]


def _group_argument(bundle: Bundle, group: NodeGroup | RelationshipGroup, place: Place) -> str:
    files = [bundle.path / group.header, *(bundle.path / part.file for part in group.parts)]
    if isinstance(group, NodeGroup):
        return _nodes_argument(group.labels, group.types, files, place)
    return _relationships_argument(group.type, group.types, files, place)


def _nodes_argument(labels: Sequence[str], types: Mapping[str, str], files: Sequence[Path], place: Place) -> str:
    _check_names(labels, types)
    return "--nodes=" + (":".join(labels) + "=" if labels else "") + _file_list(files, place)


def _relationships_argument(type_: str, types: Mapping[str, str], files: Sequence[Path], place: Place) -> str:
    _check_names([type_], types)
    return f"--relationships={type_}={_file_list(files, place)}"


def _check_names(listed: Sequence[str], properties: Collection[str]) -> None:
    for name, special in (*((one, _IN_LIST) for one in listed), *((one, _IN_HEADER) for one in properties)):
        if special.search(name) or name != name.strip():
            raise RefusedError(f"the name {name!r} has no form in import CSV",
                               hint="load with --mode online; for a restore or an offline load rename it", name=name)


def _file_list(files: Sequence[Path], place: Place) -> str:
    paths = [place(path) for path in files]
    for path in paths:
        if _IN_PATH.search(path):
            raise RefusedError(f"the path {path} has a comma or a quote, which neo4j-admin cannot read",
                               hint="use an --out folder without them")
    return ",".join(paths)
