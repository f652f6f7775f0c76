"""Removes bundles that have had their time, and compresses those that stay at rest; decides nothing about which.

A bundle is first taken out of its place whole, by a rename, and then deleted: killed anywhere, a prune leaves each
bundle either whole or out of sight, and the next one deletes what is out of sight. Files of it that lie at a URL go
before its folder, which says where they are.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from importer.ledger import list_ledgers
from importer.retention import Rules, Seen, Verdict, judge, uses_of
from importer.rollback import list_operations_in_database
from synthgen.bundle.bringing import remove_elsewhere
from synthgen.bundle.compression import compress, decompress
from synthgen.bundle.hold import hold_bundle, is_held
from synthgen.bundle.manifest import MANIFEST, read_manifest
from synthgen.bundle.read import Bundle, bundle_folders, find_bundle, open_bundle, operations_folder
from synthgen.database import Address, connect
from synthgen.errors import BundleError, LockedError, RefusedError, StoreError, SynthError, UsageError
from synthgen.files import folder_bytes
from synthgen.progress import Progress, silent

ASIDE = ".pruned."

Boundary = Callable[[str], None]
"""Told before each step that changes something on disk: `rename`, `delete`, `compress`."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a prune does or did.

    Attributes:
        verdicts: What becomes of each bundle, newest first.
        compressed: Operations whose bundles are compressed.
        left_bytes: Bytes that an earlier prune, which was killed, left behind.
        freed_bytes: Bytes that are or were freed altogether, without what compressing brings.
    """

    verdicts: tuple[Verdict, ...]
    compressed: tuple[str, ...]
    left_bytes: int

    @property
    def removed(self) -> list[Verdict]:
        """The bundles that go."""
        return [one for one in self.verdicts if one.remove]

    @property
    def freed_bytes(self) -> int:
        """Bytes that are freed by removing."""
        return self.left_bytes + sum(one.bytes for one in self.removed)


def plan_prune(
    out: Path, rules: Rules, address: Address | None, *, forget_absent: bool = False, now: datetime | None = None
) -> Pruned:
    """Say what a prune would do; changes nothing.

    Args:
        out: The out folder.
        rules: What is kept for its age.
        address: The database that is asked what it holds; None to go by the files alone.
        forget_absent: As `importer.retention.judge`.
        now: The time; by default it is asked.
    """
    held = None if address is None else _held(address)
    seen = [_look(folder) for folder in bundle_folders(out)]
    verdicts = judge(seen, rules, now or datetime.now(UTC), held=held,
                     asked=None if address is None else (address.uri, address.database), forget_absent=forget_absent)
    waiting = {one.operation_id for one in seen if not one.compressed}
    due = [one.operation_id for one in verdicts if one.at_rest and not one.remove and one.operation_id in waiting]
    return Pruned(tuple(verdicts), tuple(due) if rules.compress else (), sum(map(folder_bytes, _left_over(out))))


def prune(
    out: Path, planned: Pruned, *, progress: Progress = silent, on_boundary: Boundary = lambda _: None
) -> Pruned:
    """Do what was planned; a bundle that something has happened to since stays as it is.

    Raises:
        StoreError: A store does not remove files of a bundle. As any other error: what is done is done, and the next
            prune goes on.
        SynthError: A folder cannot be moved or deleted.
    """
    for left in _left_over(out):
        _delete(left)
    due = planned.removed
    kept: dict[str, Verdict] = {}
    for done, verdict in enumerate(due, start=1):
        if not _remove(operations_folder(out) / verdict.operation_id, verdict, on_boundary):
            kept[verdict.operation_id] = replace(verdict, remove=False, reason="something happened to it meanwhile")
        progress("removing bundles", done, len(due))
    compressed = []
    for operation_id in planned.compressed:
        with suppress(LockedError), hold_bundle(operations_folder(out) / operation_id, "prune"):
            bundle = find_bundle(out, operation_id)
            if not uses_of(bundle.manifest.history):
                on_boundary("compress")
                compress(bundle, progress)
                compressed.append(operation_id)
    return Pruned(tuple(kept.get(one.operation_id, one) for one in planned.verdicts), tuple(compressed),
                  planned.left_bytes)


def compress_operation(
    out: Path, operation_id: str, *, undo: bool = False, progress: Progress = silent
) -> tuple[Bundle, int]:
    """Compress one bundle, or decompress it, loaded or not.

    Returns:
        The bundle as it is now, and the bytes that it took before.

    Raises:
        UsageError: There is no such operation.
        LockedError: Another run is at work on it.
        RefusedError: It is being loaded, or was stopped half-way.
        BundleError, SynthError: As `synthgen.bundle.compression.compress`.
    """
    with hold_bundle(find_bundle(out, operation_id).path, "compress"):
        bundle = find_bundle(out, operation_id)
        if bundle.manifest.state in {"loading", "rolling back"}:
            raise RefusedError(f"{operation_id} was stopped half-way", operation_id=operation_id,
                               hint="go on with `importer resume`, or roll it back first")
        before = folder_bytes(bundle.path)
        return (decompress if undo else compress)(bundle, progress), before


def _held(address: Address) -> dict[str, int]:
    with connect(address) as driver:
        begun = dict.fromkeys(list_ledgers(driver, address.database), 0)
        return begun | list_operations_in_database(driver, address.database)


def _look(folder: Path) -> Seen:
    changed_at = datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime, UTC)
    try:
        manifest = open_bundle(folder).manifest
    except BundleError:
        return Seen(folder.name, None, changed_at, folder_bytes(folder))
    return Seen(folder.name, manifest.history, changed_at, folder_bytes(folder), manifest.compression != "none",
                is_held(folder))


def _remove(folder: Path, verdict: Verdict, on_boundary: Boundary) -> bool:
    """Remove a bundle; False when it is not what it was judged by any more, or a run is at work on it."""
    if not folder.exists():
        return False  # another prune was here
    try:
        with hold_bundle(folder, "prune"):
            if _events(folder) != verdict.events:
                return False
            on_boundary("rename")
            aside = _put_aside(folder)
    except LockedError:
        return False
    on_boundary("delete")
    _delete(aside)
    return True


def _put_aside(folder: Path) -> Path:
    try:
        aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=folder.parent))
        try:
            folder.rename(aside / folder.name)
        except OSError:
            aside.rmdir()
            raise
    except OSError as error:
        raise _not_removed(folder, error) from error
    return aside


def _events(folder: Path) -> int | None:
    try:
        return len(read_manifest(folder).history)
    except BundleError:
        return None


def _left_over(out: Path) -> Sequence[Path]:
    return sorted(operations_folder(out).glob(f"{ASIDE}*"))


def _delete(folder: Path) -> None:
    for bundle in folder.iterdir() if folder.is_dir() else ():
        try:
            remove_elsewhere(read_manifest(bundle))
        except BundleError:
            continue  # deleted half-way: its files elsewhere went before
        except (StoreError, UsageError) as error:
            error.hint = f"{error.hint}; the next prune tries again, or remove {folder} and those files by hand"
            raise
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass  # another prune is at the same
    except OSError as error:
        raise _not_removed(folder, error) from error


def _not_removed(folder: Path, error: OSError) -> SynthError:
    return SynthError(f"{error.filename or folder} cannot be removed: {error.strerror or error}",
                      hint="see whose folder it is; the next prune goes on", path=str(folder))
