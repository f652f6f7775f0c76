"""Lists what files and database know of operations, those included that were stopped half-way; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from importer.ledger import Unfinished, list_ledgers
from importer.lock import find_worker
from importer.planning import refuse_rolling_back
from importer.rollback import list_operations_in_database
from synthgen.bundle.hold import is_held
from synthgen.bundle.manifest import Manifest
from synthgen.bundle.read import Bundle, bundle_folders, find_bundle, open_bundle, operations_folder
from synthgen.bundle.unfinished import unfinished_bundles
from synthgen.database import Address, connect
from synthgen.errors import BundleError, RefusedError
from synthgen.files import folder_bytes

HALF_WAY = "half-way"
UNFINISHED = "unfinished"
ROLLING_BACK = "rolling back"


@dataclass(frozen=True, slots=True)
class Listed:
    """One operation as files and database know it.

    Attributes:
        nodes_in_database: None when no database was asked.
        bytes: What its files take on disk; None when there are none.
        compressed: Whether its parts are compressed.
        files_at: The URL of the folder that they lie in; None when that is `path`.
    """

    operation_id: str
    strategy: str | None
    state: str
    resources: int | None
    nodes: int | None
    relationships: int | None
    nodes_in_database: int | None
    path: str | None
    bytes: int | None = None
    compressed: bool = False
    files_at: str | None = None


@dataclass(frozen=True, slots=True)
class _Present:
    """What a database knows: nodes by operation, ledgers by operation, and which operation a live run is at work on."""

    nodes: Mapping[str, int]
    ledgers: Mapping[str, Unfinished]
    worked_on: str | None


def list_operations(out: Path, address: Address | None) -> list[Listed]:
    """List the operations that files or database know, oldest first."""
    present = None if address is None else _look(address)
    listed = [_listed(folder, present) for folder in bundle_folders(out)]
    listed += [Listed(one.operation_id, None, "generating" if is_held(one.path) else UNFINISHED, None, None, None,
                      None if present is None else 0, str(one.path), folder_bytes(one.path))
               for one in unfinished_bundles(out)]
    listed.sort(key=lambda one: one.operation_id)
    if present is None:
        return listed
    known = {one.operation_id for one in listed}
    return listed + [
        Listed(operation_id, None, _state_there(operation_id, present) or "in the database only", None, None, None,
               present.nodes.get(operation_id, 0), None)
        for operation_id in sorted({*present.nodes, *present.ledgers} - known)]


def choose_half_way(out: Path, address: Address, operation_id: str | None) -> Bundle:
    """Open the bundle whose load into a database was stopped half-way: the one named, or the newest such load.

    Raises:
        RefusedError: There is none, or a rollback of it has begun, or its bundle is not at hand.
        UsageError: There is no such operation.
    """
    with connect(address) as driver:
        ledgers = list_ledgers(driver, address.database)
    where = f"{address.uri}, database {address.database!r}"
    waiting = [bundle for bundle in _readable(out) if _is_half_way(bundle.manifest, address, ledgers)]
    if operation_id is not None:
        refuse_rolling_back(operation_id, ledgers)
        found = next((bundle for bundle in waiting if bundle.manifest.operation_id == operation_id), None)
        if found is not None:
            return found
        if operation_id in ledgers and not (operations_folder(out) / operation_id).is_dir():
            raise _without_bundle(operation_id, out, where)
        raise RefusedError(
            f"no load of {operation_id} was stopped half-way in {where}: it is"
            f" {find_bundle(out, operation_id).manifest.state}", operation_id=operation_id,
            hint="`importer list` shows what became of each operation, `importer load` begins a load")
    if waiting:
        return max(waiting, key=_begun_at)
    for other in ledgers:
        refuse_rolling_back(other, ledgers)
        raise _without_bundle(other, out, where)
    raise RefusedError(f"no load was stopped half-way in {where}",
                       hint="`importer list` shows what became of each operation, `importer load` begins a load")


def _is_half_way(manifest: Manifest, address: Address, ledgers: Mapping[str, Unfinished]) -> bool:
    if manifest.operation_id in ledgers:
        return not ledgers[manifest.operation_id].rolling_back
    return manifest.state == "loading" and _is_online(manifest) and manifest.is_half_loaded(
        address.uri, address.database)


def _is_online(manifest: Manifest) -> bool:
    return (manifest.last("load_started") or {}).get("mode") == "online"


def _begun_at(bundle: Bundle) -> str:
    return str((bundle.manifest.last("load_started") or {}).get("at", bundle.manifest.created_at))


def _without_bundle(operation_id: str, out: Path, where: str) -> RefusedError:
    return RefusedError(
        f"the load of {operation_id} was stopped half-way in {where}, but its bundle is not in"
        f" {operations_folder(out)}", operation_id=operation_id,
        hint=f"name its folder with --out, or take it out with `importer rollback {operation_id}`, which needs none")


def _readable(out: Path) -> Iterator[Bundle]:
    for folder in bundle_folders(out):
        try:
            yield open_bundle(folder)
        except BundleError:
            # One damaged bundle must not hide the others; commands with its name say what is wrong with it.
            continue


def _look(address: Address) -> _Present:
    with connect(address) as driver:
        return _Present(list_operations_in_database(driver, address.database),
                        list_ledgers(driver, address.database), find_worker(driver, address.database))


def _listed(folder: Path, present: _Present | None) -> Listed:
    nodes = None if present is None else present.nodes.get(folder.name, 0)
    try:
        manifest = open_bundle(folder).manifest
    except BundleError:
        return Listed(folder.name, None, "damaged", None, None, None, nodes, str(folder), folder_bytes(folder))
    counts = manifest.counts
    return Listed(manifest.operation_id, manifest.strategy, _state(folder, manifest, present), counts.resources,
                  counts.nodes, counts.relationships, nodes, str(folder), folder_bytes(folder),
                  compressed=manifest.compression != "none", files_at=manifest.files_at)


def _state(folder: Path, manifest: Manifest, present: _Present | None) -> str:
    there = None if present is None else _state_there(manifest.operation_id, present)
    if there is not None:
        return there
    if manifest.state == "loading" and _is_online(manifest):
        worked_on = is_held(folder) or (present is not None and present.worked_on == manifest.operation_id)
        return "loading" if worked_on else HALF_WAY
    # A script that was run cannot tell the history.
    if manifest.state == "scripted" and present is not None and (
            present.nodes.get(manifest.operation_id) == manifest.counts.nodes):
        return "loaded"
    return manifest.state


def _state_there(operation_id: str, present: _Present) -> str | None:
    """Say what the ledger knows of an operation; None when that is nothing."""
    ledger = present.ledgers.get(operation_id)
    if ledger is None:
        return None
    if ledger.rolling_back:
        return ROLLING_BACK
    return "loading" if present.worked_on == operation_id else HALF_WAY
