"""Compresses the parts of a bundle at rest and gives them back byte for byte; knows no columns and no server.

The manifest is what decides: it names either the parts or the compressed ones, and is exchanged whole between the two.
Before that all new files are on disk and read back, after it the old ones go. Killed anywhere, the bundle is one or the
other; files that the manifest does not name are removed by the next call. Where parts lie at a URL, they are brought
here first, what is made of them is put there, and nothing stays here unless something was here before.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from synthgen.bundle.bringing import bring_here
from synthgen.bundle.elsewhere import Elsewhere
from synthgen.bundle.manifest import MANIFEST, Part, read_manifest, write_manifest
from synthgen.bundle.read import Bundle, check_part
from synthgen.bundle.stored import LEVEL, Compression, measure, open_stored, stored_name
from synthgen.errors import StoreError, SynthError
from synthgen.files import inside
from synthgen.progress import Progress, silent

Boundary = Callable[[str], None]
"""Told before each step that changes something on disk: `part`, `manifest`, `remove`."""


def compress(bundle: Bundle, progress: Progress = silent, on_boundary: Boundary = lambda _: None) -> Bundle:
    """Compress a bundle's parts; one that is compressed is left as it is. Nobody else may be at work on it.

    Raises:
        BundleError: Names a part that is not what the manifest says; nothing is changed then.
        StoreError: The store that the parts are in does not give or take them; likewise.
        SynthError: The disk is full or not writable; the bundle is as it was.
    """
    return _store_as("gzip", bundle, progress, on_boundary)


def decompress(bundle: Bundle, progress: Progress = silent, on_boundary: Boundary = lambda _: None) -> Bundle:
    """Give the parts of a bundle their first form again, the same bytes; as `compress`, and raises as it does."""
    return _store_as("none", bundle, progress, on_boundary)


def _store_as(wanted: Compression, bundle: Bundle, progress: Progress, on_boundary: Boundary) -> Bundle:
    files_at = bundle.manifest.files_at
    store = None if files_at is None else Elsewhere(files_at)
    stays_here = store is None or any(bundle.place_of(part).exists() for part in bundle.manifest.parts)
    if bundle.manifest.compression != wanted:
        made: list[Path] = []
        bring_here(bundle, progress)
        try:
            for done, part in enumerate(bundle.manifest.parts, start=1):
                on_boundary("part")
                made.append(inside(bundle.path, stored_name(part.file, wanted)))
                _write(bundle, part, made[-1])
                if store is not None:
                    store.put(made[-1], made[-1].name)
                progress("compressing" if wanted == "gzip" else "decompressing", done, len(bundle.manifest.parts))
            on_boundary("manifest")
            bundle = _exchange(wanted, bundle)
        except BaseException as error:
            # An interrupt may come when the manifest names the new files already.
            if read_manifest(bundle.path).compression != wanted:
                _take_back(made, store)
            if isinstance(error, OSError):
                raise SynthError(f"{error.filename or bundle.path} cannot be written: {error.strerror or error}",
                                 hint="free some space; the bundle is as it was", path=str(bundle.path)) from error
            raise
    on_boundary("remove")
    _remove_unnamed(bundle, store)
    if not stays_here:
        for part in bundle.manifest.parts:
            bundle.place_of(part).unlink(missing_ok=True)
    return bundle


def _take_back(made: Sequence[Path], store: Elsewhere | None) -> None:
    for path in made:
        path.unlink(missing_ok=True)
    if store is not None:
        with suppress(StoreError):  # the next call removes them
            store.remove([path.name for path in made])


def _write(bundle: Bundle, part: Part, path: Path) -> None:
    """Write a part anew under another name, and read it back."""
    check_part(bundle.place_of(part), part)
    with open_stored(bundle.place_of(part)) as source, path.open("wb") as target:
        if bundle.manifest.compression == "none":
            # Neither time nor name: the same part gives the same bytes.
            with gzip.GzipFile("", "wb", LEVEL, target, mtime=0) as squeezed:
                measure(source, squeezed)
        else:
            measure(source, target)
        target.flush()
        os.fsync(target.fileno())
    check_part(path, part)


def _exchange(wanted: Compression, bundle: Bundle) -> Bundle:
    path = bundle.path / MANIFEST
    seen = path.stat()
    updated = replace(read_manifest(bundle.path), compression=wanted)
    write_manifest(bundle.path, updated)
    # By its time a prune tells when something last happened to the operation, and this is nothing.
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    return Bundle(bundle.path, updated)


def _remove_unnamed(bundle: Bundle, store: Elsewhere | None) -> None:
    other: Compression = "none" if bundle.manifest.compression == "gzip" else "gzip"
    names = [stored_name(part.file, other) for part in bundle.manifest.parts]
    for name in names:
        inside(bundle.path, name).unlink(missing_ok=True)
    if store is not None:
        store.remove(names)
