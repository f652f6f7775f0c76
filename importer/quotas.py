"""What was loaded into a database within a month, from the records of operations, of runs, and of the database itself.

Knows no Cypher. An operation whose bundle is at hand counts by its history: each load that was begun and not undone, so
also one that was killed, or that is under way, and one that was rolled back later. One whose bundle is gone counts by
the record of runs. One that only the database knows was begun elsewhere: it counts in the month of its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from importer.rollback import count_operation, list_operations_in_database
from synthgen.bundle.manifest import Manifest
from synthgen.bundle.read import bundle_folders, open_bundle
from synthgen.database import Address, connect
from synthgen.errors import BundleError
from synthgen.limits import Used
from synthgen.runs import Run, read_runs

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
_PORT = 7687

Place = tuple[str, int, str]
"""Host, port and database: what tells databases apart, however their address is written."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One load of an operation; `at` is when it was begun, or ended, ISO 8601."""

    operation_id: str
    place: Place
    at: str
    nodes: int
    relationships: int


def used_this_month(out: Path, address: Address, *, now: datetime, without: str) -> Used:
    """Sum up what was loaded into a database this month (UTC), without the operation that is to be loaded.

    Raises:
        SynthError: The record of runs cannot be read, or the database cannot be asked.
    """
    manifests = list(_manifests(out))
    known = [load for manifest in manifests for load in loads_in(manifest)]
    known += loads_by_runs(read_runs(out), {manifest.operation_id for manifest in manifests})
    with connect(address) as driver:
        present = list_operations_in_database(driver, address.database)

        def count(operation_id: str) -> tuple[int, int]:
            found = count_operation(driver, address.database, operation_id)
            return found.nodes, found.relationships

        return sum_up(known, {*present} - {without}, count, place=place_of(address.uri, address.database), now=now)


def sum_up(
    known: Iterable[Loaded], present: Iterable[str], count: Callable[[str], tuple[int, int]], *, place: Place,
    now: datetime,
) -> Used:
    """Sum up the loads into one place in the month of `now`.

    Args:
        known: The loads that records know.
        present: The operations that the database holds.
        count: Counts the nodes and relationships of one of these.
        place: Which place.
        now: When; with zone.
    """
    month = f"{now.astimezone(UTC):%Y-%m}"
    here = [load for load in known if load.place == place]
    sizes = [(load.nodes, load.relationships) for load in here if _month(load.at) == month]
    recorded = {load.operation_id for load in here}
    sizes += [count(other) for other in sorted(present) if other not in recorded and _month_of_id(other) == month]
    return Used(month, sum(nodes for nodes, _ in sizes), sum(relationships for _, relationships in sizes))


def loads_in(manifest: Manifest) -> list[Loaded]:
    """Find the loads in an operation's history; one that was gone on with is one, one that was undone is none."""
    loads: list[Loaded] = []
    begun: Mapping[str, Any] | None = None
    counts = manifest.counts

    def add(entry: Mapping[str, Any]) -> None:
        place = place_of(str(entry.get("uri")), str(entry.get("database")))
        loads.append(Loaded(manifest.operation_id, place, str(entry["at"]), counts.nodes, counts.relationships))

    for entry in manifest.history:
        match entry["event"]:
            case "load_started":
                begun = begun or entry
            case "load_failed" if entry.get("undone"):
                begun = None
            case "loaded" | "load_failed" | "rolled_back":
                # Who ran a script could not say when it began.
                if begun is not None or entry["event"] == "loaded":
                    add(begun or entry)
                begun = None
    if begun is not None:
        add(begun)
    return loads


def loads_by_runs(runs: Sequence[Run], without: set[str]) -> list[Loaded]:
    """Find the loads on record, without those of some operations."""
    return [Loaded(run.operation_id, place_of(run.uri, run.database), run.at, run.nodes, run.relationships)
            for run in runs if run.work == "load" and run.operation_id is not None and run.operation_id not in without
            and run.uri is not None and run.database is not None]


def place_of(uri: str, database: str) -> Place:
    """Tell which database an address means: `bolt://localhost` and `neo4j://127.0.0.1:7687` are the same."""
    parts = urlsplit(uri)
    host = (parts.hostname or "").lower()
    return ("localhost" if host in _THIS_MACHINE else host, parts.port or _PORT, database.lower())


def _month(at: str) -> str | None:
    try:
        return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m}"
    except ValueError:
        return None


def _month_of_id(operation_id: str) -> str:
    day = operation_id.removeprefix("scale-")
    return f"{day[:4]}-{day[4:6]}"


def _manifests(out: Path) -> Iterable[Manifest]:
    for folder in bundle_folders(out):
        try:
            yield open_bundle(folder).manifest
        except BundleError:
            # Then the record of runs and the database speak for it.
            continue
