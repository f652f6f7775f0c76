"""The manifest: what a bundle holds and what became of it; knows files, neither graphs nor servers.

Written and read as FORMAT.md, "Bundle, versions 2 to 4", says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from synthgen.bundle.elsewhere import check_url
from synthgen.bundle.stored import Compression, stored_name
from synthgen.documents import build
from synthgen.errors import BundleError, UsageError
from synthgen.files import inside, write_json
from synthgen.types import check_types

FORMAT = "synthgen-bundle"
FORMAT_VERSION = 4
COMPRESSED_VERSION = 5
"""Of manifests whose parts are compressed: earlier programs would not find the files, and say so by the number."""
ELSEWHERE_VERSION = 6
"""Of manifests whose parts lie at a URL, compressed or not; likewise."""
MANIFEST = "manifest.json"
ANCHORS = "anchors.csv"
Space = Literal["base", "operation"]
_BEGINNINGS = frozenset({"load_started", "rollback_started"})
_ENDS = frozenset({"loaded", "load_failed", "rolled_back"})


@dataclass(frozen=True, slots=True)
class Part:
    """One file of rows.

    Attributes:
        longest_row: The bytes of its longest row, when that is more than `synthgen.bundle.layout.LONG_ROW`, else 0.
        digest: As `synthgen.files.file_digest` gives it.
    """

    file: str
    rows: int
    bytes: int
    longest_row: int
    digest: str


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Parts that share one header and one label set; their nodes' import ids count from `first`."""

    labels: tuple[str, ...]
    types: Mapping[str, str]
    first: int
    rows: int
    header: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class RelationshipGroup:
    """Parts that share one header, one relationship type and the ID spaces of their ends."""

    type: str
    start_space: Space
    end_space: Space
    types: Mapping[str, str]
    rows: int
    header: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """How many relationships of a type go from one label set to another."""

    start: tuple[str, ...]
    type: str
    end: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a bundle holds, counted; `resource_types` counts resources by the profile's type."""

    resources: int
    nodes: int
    relationships: int
    isolated: int
    labels: Mapping[str, int]
    resource_types: Mapping[str, int]
    types: Mapping[str, int]
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is needed to load, validate, resume and roll back an operation with nothing else at hand.

    Attributes:
        files_at: The URL of the folder that parts and headers lie in; None when they lie beside the manifest.
    """

    operation_id: str
    strategy: str
    parameters: Mapping[str, Any]
    seed: int
    created_at: str
    snapshot: Mapping[str, Any]
    profile: Mapping[str, Any]
    counts: Counts
    left_out: Mapping[str, int]
    node_groups: tuple[NodeGroup, ...]
    relationship_groups: tuple[RelationshipGroup, ...]
    header_digests: Mapping[str, str]
    history: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    compression: Compression = "none"
    files_at: str | None = None

    @property
    def groups(self) -> list[NodeGroup | RelationshipGroup]:
        """All groups, nodes first."""
        return [*self.node_groups, *self.relationship_groups]

    @property
    def parts(self) -> list[Part]:
        """All parts of all groups, nodes first."""
        return [part for group in self.groups for part in group.parts]

    @property
    def state(self) -> str:
        """What the operation is now, by the last that happened to it in any database.

        One of `generated`, `scripted`, `loading`, `loaded`, `failed`, `rolling back`, `rolled back`.
        """
        states = {"generated": "generated", "script_emitted": "scripted", "load_started": "loading", "loaded": "loaded",
                  "load_failed": "failed", "rollback_started": "rolling back", "rolled_back": "rolled back"}
        events = [entry["event"] for entry in self.history if entry.get("event") in states]
        return states[events[-1]] if events else "generated"

    def last(self, event: str) -> Mapping[str, Any] | None:
        """Find the newest entry of the history with this event."""
        return next((entry for entry in reversed(self.history) if entry.get("event") == event), None)

    def is_half_loaded(self, uri: str | None = None, database: str | None = None) -> bool:
        """Say whether a load or rollback of it began in a database and, as far as is known, did not end there.

        In any database when none is named. A load that failed and could not be undone did not end.
        """
        ends: dict[tuple[Any, Any], bool] = {}
        for entry in self.history:
            where = entry.get("uri"), entry.get("database")
            if entry["event"] in _BEGINNINGS:
                ends[where] = False
            elif entry["event"] in _ENDS:
                ends[where] = entry.get("undone", True) is True
        return not all(ended for where, ended in ends.items() if uri is None or where == (uri, database))

    def as_document(self) -> dict[str, Any]:
        """Give the manifest as JSON writes it."""
        document = {"format": FORMAT, "format_version": _version_of(self), **asdict(self)}
        # Byte for byte what it was before it was ever compressed, or anything could lie elsewhere.
        if self.compression == "none":
            del document["compression"]
        if self.files_at is None:
            del document["files_at"]
        return document


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` whole into the bundle's folder."""
    write_json(folder / MANIFEST, manifest.as_document())


def read_manifest(folder: Path) -> Manifest:
    """Read and check a bundle's manifest; part files are checked by `synthgen.bundle.read`.

    Raises:
        BundleError: It is missing, not JSON, of another format version, incomplete, or names files outside its folder.
    """
    path = inside(folder, MANIFEST)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{folder} holds no {MANIFEST}", hint="see `importer list` for the operations there are",
                          path=str(folder)) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(f"{path} cannot be read: {error}", hint="generate the operation again") from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise BundleError(f"{path} is not the manifest of a bundle", hint="name the folder of an operation")
    version = document.pop("format_version", None)
    if not isinstance(version, int) or version not in range(FORMAT_VERSION, ELSEWHERE_VERSION + 1):
        raise BundleError(f"{path} has format version {version}; this program reads {FORMAT_VERSION} to"
                          f" {ELSEWHERE_VERSION}",
                          hint="use the version of this program that wrote it, or generate again")
    try:
        manifest = build(Manifest, document)
        for group in manifest.groups:
            check_types(group.types)
        _check_history(manifest.history)
        _check_version(manifest, version)
    except TypeError as error:
        raise BundleError(f"{path} is incomplete or damaged: {error}", hint="generate the operation again") from error
    for name in _file_names(manifest):
        inside(folder, name)
    return manifest


def _version_of(manifest: Manifest) -> int:
    if manifest.files_at is not None:
        return ELSEWHERE_VERSION
    return FORMAT_VERSION if manifest.compression == "none" else COMPRESSED_VERSION


def _check_version(manifest: Manifest, version: int) -> None:
    if version != _version_of(manifest):
        raise TypeError(f"its compression cannot be {manifest.compression!r}, and its files_at"
                        f" {'there' if manifest.files_at else 'missing'}, in format version {version}")
    if manifest.files_at is not None:
        try:
            folder = check_url(manifest.files_at)
        except UsageError as error:
            raise TypeError(error.message) from error
        if not folder.endswith(f"/{manifest.operation_id}"):
            raise TypeError(f"its files_at {folder} is not this operation's")


def _check_history(history: tuple[Mapping[str, Any], ...]) -> None:
    for entry in history:
        if not (isinstance(entry.get("event"), str) and isinstance(entry.get("at"), str)):
            raise TypeError("an entry of its history has no event or no time")


def _file_names(manifest: Manifest) -> list[str]:
    return [ANCHORS, *(group.header for group in manifest.groups),
            *(stored_name(part.file, manifest.compression) for part in manifest.parts)]
