"""Brings the parts of a bundle that lie at a URL here, each compared with the manifest; knows no columns and no server.

What is brought stands in the bundle's folder, as if it had been written there: whoever reads a bundle reads it alike.
A part that is here with the right bytes is not brought again, so that what was stopped goes on, and a store is not
asked when nothing is missing.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

from synthgen.ahead import ahead
from synthgen.bundle.elsewhere import AT_ONCE, Elsewhere
from synthgen.bundle.manifest import Manifest, Part
from synthgen.bundle.read import Bundle, check_files, check_headers, check_part
from synthgen.bundle.stored import TORN, stored_name
from synthgen.errors import BundleError, RefusedError, SynthError
from synthgen.progress import Progress, silent

_LOCK = ".bringing.lock"


def ready_files(bundle: Bundle, progress: Progress = silent) -> None:
    """Make every file of a bundle one that is here and what its manifest says.

    Raises:
        BundleError: Names the first file that is not, here or elsewhere.
        StoreError, RefusedError, SynthError: As `bring_here`.
    """
    if bundle.manifest.files_at is None:
        check_files(bundle, progress)
        return
    check_headers(bundle, progress)
    bring_here(bundle, progress)


def bring_here(bundle: Bundle, progress: Progress = silent) -> None:
    """Bring the parts here that are not here with the right bytes, several at once; nothing where none is elsewhere.

    Raises:
        BundleError: A part is not there, or not what the manifest says.
        StoreError: The store does not give them.
        RefusedError: The disk has no room for them.
        SynthError: The disk is full or not writable. In each case what is here stays, and the same call goes on.
    """
    manifest = bundle.manifest
    if manifest.files_at is None:
        return
    try:
        with FileLock(bundle.path / _LOCK, mode=0o644):
            for torn in bundle.path.glob(f"{TORN}*"):
                torn.unlink()
            missing = _missing(bundle, progress)
            if missing:
                store = Elsewhere(manifest.files_at)
                _check_there(bundle, store, missing)
                _with_each(missing, lambda part: _bring(bundle, store, part), "bringing files", progress)
    except OSError as error:
        raise SynthError(f"files from {manifest.files_at} cannot be written in {bundle.path}:"
                         f" {error.strerror or error}", path=str(bundle.path), url=manifest.files_at,
                         hint="free space or see who may write there; the same call goes on") from error


def remove_elsewhere(manifest: Manifest) -> None:
    """Remove the files at the URL that a manifest names, if it names one.

    Raises:
        StoreError: The store does not do it; the same call goes on.
    """
    if manifest.files_at is not None:
        Elsewhere(manifest.files_at).remove_operation(
            [*(group.header for group in manifest.groups),
             *(stored_name(part.file, manifest.compression) for part in manifest.parts)])


def _missing(bundle: Bundle, progress: Progress) -> list[Part]:
    """Give the parts that are not here with the right bytes, in their order."""
    found: dict[str, bool] = {}

    def look(part: Part) -> None:
        path = bundle.place_of(part)
        try:
            check_part(path, part)
        except BundleError:
            found[part.file] = False

    here = [part for part in bundle.manifest.parts if bundle.place_of(part).exists()]
    _with_each(here, look, "checking files", progress)
    names = {part.file for part in here}
    return [part for part in bundle.manifest.parts if part.file not in names or part.file in found]


def _check_there(bundle: Bundle, store: Elsewhere, missing: Sequence[Part]) -> None:
    """See before any is brought that all are there, and that there is room for them."""
    sizes = store.sizes()
    for part in missing:
        name = stored_name(part.file, bundle.manifest.compression)
        size = sizes.get(name)
        if size is None:
            raise _wrong(store, name, "is missing")
        if bundle.manifest.compression == "none" and size != part.bytes:
            raise _wrong(store, name, f"was changed: it has {size} bytes instead of {part.bytes}")
    needed = sum(sizes[stored_name(part.file, bundle.manifest.compression)] for part in missing)
    free = shutil.disk_usage(bundle.path).free
    if needed > free:
        raise RefusedError(f"the files at {store.url} need {needed / 1e6:,.0f} MB here, and {free / 1e6:,.0f} MB are"
                           f" free in {bundle.path}", hint="free that much, or move the out folder to a larger disk",
                           needed=needed, free=free)


def _bring(bundle: Bundle, store: Elsewhere, part: Part) -> None:
    name = stored_name(part.file, bundle.manifest.compression)
    with tempfile.NamedTemporaryFile(prefix=TORN, suffix=Path(name).suffix, dir=bundle.path, delete=False) as made:
        path = Path(made.name)
    try:
        store.get(name, path)
        try:
            check_part(path, part)
        except BundleError as error:
            raise _wrong(store, name, "was changed: its digest is not the manifest's") from error
        path.chmod(0o644)
        path.replace(bundle.place_of(part))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _with_each(parts: Sequence[Part], work: Callable[[Part], None], phase: str, progress: Progress) -> None:
    """Do something with each part, several at once; the first that fails ends it."""
    for done, _ in enumerate(ahead(work, parts, AT_ONCE), start=1):
        progress(phase, done, len(parts))


def _wrong(store: Elsewhere, name: str, what: str) -> BundleError:
    return BundleError(f"{store.url}/{name} {what}", hint="put back what was there, or generate the operation again",
                       file=name, url=store.url)
