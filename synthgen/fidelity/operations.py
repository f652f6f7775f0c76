"""What of an operation is measured, and against what of its base; reads bundles, knows no server.

The reference is what the operation drew from: the base's resources of the types and the tenant asked for, with their
containers, and the relationships between these and to shared nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from synthgen.base import Base, Mask
from synthgen.bundle.manifest import Manifest
from synthgen.bundle.read import Bundle, read_nodes, read_relationships
from synthgen.containment import Containment
from synthgen.distinct import distinct
from synthgen.errors import UsageError
from synthgen.fidelity.measured import (
    I32,
    Measured,
    Rows,
    Vocabulary,
    identities_of,
    kind_names,
    kinds_of,
    measure_part,
    own_properties,
    rows_of,
)
from synthgen.graph import END, START
from synthgen.metadata import OPERATION_ID
from synthgen.privacy.anonymise import anonymise
from synthgen.profile import Profile, Role
from synthgen.seeding import I64, derive_seed, mix


class Reference:
    """The part of a base that an operation is compared with.

    Attributes:
        own: Resources drawn from, and their containers.
        shared: Shared nodes that their relationships may end on.
        graph: Both as a measured graph.
    """

    def __init__(self, base: Base, manifest: Manifest, kinds: Vocabulary, types: Vocabulary) -> None:
        self._base, self._kinds, self._types = base, kinds, types
        chosen = _drawn_from(base, manifest)
        if not chosen.any():
            raise UsageError("the base holds none of the resources that the operation drew from",
                             hint="name the snapshot that it was generated from with --against")
        self.own: Mask = chosen | (Containment(base).containers_of(chosen) & ~base.synthetic)
        # Resources that were not to be drawn from are left out as ends, too: the operation had no copies of them.
        self.shared: Mask = base.having(Role.SHARED, Role.CONTAINER) & ~base.synthetic & ~self.own
        self.graph = measure_part(base, self.own, self.shared, kinds, types)

    def halves(self, seed: int) -> tuple[Measured, Measured]:
        """Cut the own nodes in two, each by a seeded hash of its number.

        A node keeps its relationships to the other half, so that what differs between halves is chance and not the cut.
        """
        numbers = np.arange(self._base.size, dtype=np.int64)
        first = (mix(numbers, derive_seed(seed, "halves")) >> np.uint64(63)).astype(np.bool_)
        one, other = (measure_part(self._base, self.own & half, self.shared, self._kinds, self._types, beyond=self.own)
                      for half in (first, ~first))
        return one, other


def _drawn_from(base: Base, manifest: Manifest) -> Mask:
    parameters = manifest.parameters
    shown = base
    if parameters.get("anonymise") and parameters.get("tenant_id"):
        # The tenant has the id that it had for the operation: node numbers are the same in both.
        shown = anonymise(base, seed=manifest.seed, fewest_owners=parameters["anonymise"]["fewest_owners"]).base
    chosen = shown.resources_of(tenant=parameters.get("tenant_id"),
                                include_synthetic=bool(parameters.get("include_synthetic")))
    wanted = list(parameters.get("resource_types") or ())
    if asks_for_a_mix(parameters):
        wanted = [type_ for type_ in manifest.counts.resource_types if not wanted or type_ in wanted]
    if wanted:
        chosen &= base.resource_types.is_in(wanted).to_numpy()
    return chosen


def asks_for_a_mix(parameters: Mapping[str, Any]) -> bool:
    """Say whether an operation was given its own numbers per type, by a template file or a distribution."""
    return bool(parameters.get("template") or parameters.get("resource_type_distribution"))


def measure_bundle(bundle: Bundle, base: Base, kinds: Vocabulary, types: Vocabulary) -> Measured:
    """Look at what a bundle makes, and at the base nodes that it is tied to; rows are read from files when asked for.

    Raises:
        UsageError: The bundle was made from another snapshot.
        BundleError: A file is not what the manifest says.
    """
    manifest = bundle.manifest
    if manifest.snapshot.get("fingerprint") != base.snapshot.fingerprint:
        raise UsageError(f"{manifest.operation_id} was generated from another snapshot than {base.snapshot.path}",
                         hint="name the one it was generated from with --against")
    start, end, codes = _relationships(bundle, types)
    made = sum(group.rows for group in manifest.node_groups)
    # Base ends are written as -1 - node number until their places behind the own nodes are known.
    anchors = -1 - distinct(np.concatenate([start[start < 0], end[end < 0]]))[::-1]
    for ends in (start, end):
        ends[ends < 0] = made + np.searchsorted(anchors, -1 - ends[ends < 0])
    kind = np.concatenate([_made_kinds(bundle, base, kinds), kinds_of(base, kinds)[anchors]])
    own = np.zeros(len(kind), np.bool_)
    for group in manifest.node_groups:
        own[group.first:group.first + group.rows] = _is_own(group.labels, manifest, base.profile)
    kept = own[start] | own[end]

    # A new shared node, such as a subscription of a new tenant, is like no other: its number is its identity.
    made_identity = np.where(own[:made], 0, np.arange(1, made + 1)).astype(np.uint64)
    return Measured(
        kinds=kinds, types=types, kind=kind, own=own, shared=~own,
        identity=np.concatenate([made_identity, identities_of(base.nodes)[anchors]]),
        start=start[kept], end=end[kept], type=codes[kept],
        nodes=partial(_node_rows, bundle, base.profile), relationships=partial(_relationship_rows, bundle, kept),
    )


def _node_rows(bundle: Bundle, profile: Profile) -> Iterator[Rows]:
    for group in bundle.manifest.node_groups:
        if not _is_own(group.labels, bundle.manifest, profile):
            continue
        properties = own_properties(group.types)
        for part in group.parts:
            frame = read_nodes(bundle, group, part)
            yield rows_of(frame[":id"].to_numpy(), properties, frame)


def _relationship_rows(bundle: Bundle, kept: Mask) -> Iterator[Rows]:
    first, place = 0, 0
    for group in bundle.manifest.relationship_groups:
        for part in group.parts:
            chosen = np.flatnonzero(kept[first:first + part.rows])
            if group.types:
                numbers = np.arange(place, place + len(chosen), dtype=np.int64)
                yield rows_of(numbers, group.types, read_relationships(bundle, group, part), chosen)
            first, place = first + part.rows, place + len(chosen)


def _is_own(labels: tuple[str, ...], manifest: Manifest, profile: Profile) -> bool:
    """Say whether synthetic nodes of a label set are compared: those of a shared one are ends, as the base's are.

    A scenario's nodes are all compared, whatever part the profile gives their labels.
    """
    return manifest.strategy == "scenario" or profile.role(labels) is not Role.SHARED


def _relationships(bundle: Bundle, types: Vocabulary) -> tuple[I64, I64, I32]:
    groups = bundle.manifest.relationship_groups
    rows = sum(group.rows for group in groups)
    ends = {START: np.empty(rows, np.int64), END: np.empty(rows, np.int64)}
    codes = np.empty(rows, np.int32)
    first = 0
    for group in groups:
        for part in group.parts:
            frame = read_relationships(bundle, group, part, only=())
            for column, space in ((START, group.start_space), (END, group.end_space)):
                numbers = frame[column].to_numpy()
                ends[column][first:first + part.rows] = -1 - numbers if space == "base" else numbers
            codes[first:first + part.rows] = types.code(group.type)
            first += part.rows
    return ends[START], ends[END], codes


def _made_kinds(bundle: Bundle, base: Base, kinds: Vocabulary) -> I32:
    pieces = [np.zeros(0, np.int32)]
    for group in bundle.manifest.node_groups:
        for part in group.parts:
            # Kinds are needed before the rows, whose own reading comes later: here one column is enough.
            frame = read_nodes(bundle, group, part, only=[name for name in group.types if name == base.profile.type])
            pieces.append(kinds.codes(kind_names(group.labels, group.types, frame, base.profile)))
    return np.concatenate(pieces)


def measure_loaded(loaded: Base, manifest: Manifest, kinds: Vocabulary, types: Vocabulary) -> Measured:
    """Look at an operation within a reading of the whole database that it was loaded into.

    Raises:
        UsageError: Nothing of the operation is there.
    """
    own = (loaded.texts(OPERATION_ID) == manifest.operation_id).fill_null(value=False).to_numpy().copy()
    if not own.any():
        raise UsageError(f"nothing of {manifest.operation_id} is in the database",
                         hint="load it first, or leave out --in-database to measure its files")
    for table in loaded.nodes:
        if not _is_own(table.labels, manifest, loaded.profile):
            own[table.numbers] = False
    return measure_part(loaded, own, np.ones(loaded.size, np.bool_), kinds, types)
