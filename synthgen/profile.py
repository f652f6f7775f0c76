"""Which labels, types and properties play which part in a graph; knows no files of graphs and no server.

`azure` is built in; for any other graph a profile is inferred (`synthgen.inference`) or written in TOML:

    name = "films"
    resource_labels = ["Film"]       # nodes that may be multiplied carry all of these …
    protected_labels = ["Archive"]   # … and none of these, which are never touched or copied
    protected_types = ["SCANNED_AS"] # relationship types that are never created
    container_labels = ["Studio"]    # copied along with the resources they contain
    containment_types = ["HAS"]      # relationship types from a container to what it contains
    tenant_labels = ["Country"]      # what `--tenant-id` names
    id = "imdb"                      # properties; leave one out when the graph has none such
    type = "genre"
    name_property = "title"
    location = "country"
    tenant = "tenant_id"
    container_names = ["studio"]     # properties that repeat the name of the node's container

All other nodes are shared: copies are tied to them and they are not copied.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

import tomli_w

from synthgen.errors import UsageError
from synthgen.files import write_text


class Role(Enum):
    """The part that a label set plays."""

    RESOURCE = "resource"
    CONTAINER = "container"
    SHARED = "shared"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Profile:
    """The parts that labels, relationship types and properties play; see the module's text for each field."""

    name: str
    resource_labels: tuple[str, ...] = ()
    resource_label_sets: tuple[tuple[str, ...], ...] = ()
    protected_labels: tuple[str, ...] = ()
    protected_types: tuple[str, ...] = ()
    container_labels: tuple[str, ...] = ()
    containment_types: tuple[str, ...] = ()
    tenant_labels: tuple[str, ...] = ()
    id: str | None = None
    type: str | None = None
    name_property: str | None = None
    location: str | None = None
    tenant: str | None = None
    container_names: tuple[str, ...] = ()

    def role(self, labels: Collection[str]) -> Role:
        """Say which part nodes with exactly these labels play."""
        if any(label in self.protected_labels for label in labels):
            return Role.PROTECTED
        if self.resource_labels and all(label in labels for label in self.resource_labels):
            return Role.RESOURCE
        if tuple(sorted(labels)) in self.resource_label_sets:
            return Role.RESOURCE
        if any(label in self.container_labels for label in labels):
            return Role.CONTAINER
        return Role.SHARED

    def as_document(self) -> dict[str, Any]:
        """Give the profile as a table for JSON."""
        return asdict(self)


def roles_in(
    profile: Profile, tables: Iterable[tuple[tuple[str, ...], int]]
) -> list[tuple[tuple[str, ...], Role, int]]:
    """Say which part each label set plays: (labels, role, nodes), resources first and big ones before small ones.

    `tables` are label sets, which may come more than once, with their numbers of nodes.
    """
    sizes: Counter[tuple[str, ...]] = Counter()
    for labels, rows in tables:
        sizes[labels] += rows
    order = list(Role)
    return sorted(((labels, profile.role(labels), nodes) for labels, nodes in sizes.items()),
                  key=lambda row: (order.index(row[1]), -row[2], row[0]))


AZURE = Profile(
    name="azure",
    resource_labels=("Resource",),
    protected_labels=("Original",),
    protected_types=("SCAN_SOURCE_NODE",),
    container_labels=("ResourceGroup",),
    containment_types=("CONTAINS",),
    tenant_labels=("Tenant",),
    id="id",
    type="type",
    name_property="name",
    location="location",
    tenant="tenant_id",
    container_names=("resource_group",),
)


def profile_from_document(document: Mapping[str, Any], where: str) -> Profile:
    """Build a profile from a table of TOML or JSON.

    Raises:
        UsageError: A field is unknown or of the wrong kind, or nothing says which nodes are resources.
    """
    known = {field.name for field in fields(Profile)}
    unknown = sorted(set(document) - known)
    if unknown:
        raise UsageError(f"{where}: a profile has no field {unknown[0]!r}", hint="known: " + ", ".join(sorted(known)))
    values: dict[str, Any] = {"name": Path(where).stem}
    for key, value in document.items():
        values[key] = _field(key, value, where)
    profile = Profile(**values)
    if not profile.resource_labels and not profile.resource_label_sets:
        raise UsageError(f"{where}: nothing says which nodes are resources", hint="set resource_labels")
    return profile


def _field(key: str, value: Any, where: str) -> Any:
    if key in {"name", "id", "type", "name_property", "location", "tenant"}:
        if value is None or isinstance(value, str):
            return value
        raise UsageError(f"{where}: {key} is a text, not {value!r}", hint=f'write {key} = "…"')
    if key == "resource_label_sets":
        if isinstance(value, list | tuple) and all(map(_are_texts, value)):
            return tuple(tuple(sorted(labels)) for labels in value)
        raise UsageError(f"{where}: {key} is a list of label sets, not {value!r}", hint=f'write {key} = [["…"]]')
    if _are_texts(value):
        return tuple(value)
    raise UsageError(f"{where}: {key} is a list of texts, not {value!r}", hint=f'write {key} = ["…"]')


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def read_profile(path: Path) -> Profile:
    """Read a profile from a TOML file.

    Raises:
        UsageError: It cannot be read, is not TOML, or is not a profile.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the profile {path} cannot be read: {error.strerror}",
                         hint="--profile takes azure, auto, or a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", hint="correct the line it names") from error
    return profile_from_document(document, str(path))


def profile_text(profile: Profile) -> str:
    """Give the profile as the TOML that `read_profile` reads; what it leaves open is left out."""
    document = {name: value for name, value in profile.as_document().items() if value is not None and value != ()}
    return tomli_w.dumps(document)


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile to a new TOML file.

    Raises:
        UsageError: The file exists already or cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} exists already", hint="name another file, or remove it", path=str(path))
    try:
        write_text(path, profile_text(profile))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name a file in a folder that is there",
                         path=str(path)) from error
