"""What a load or a rollback would do, after a look at database and files; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.building import (
    build_end_of_load,
    build_offline_load,
    build_online_load,
    build_restore,
    build_rollback,
)
from importer.ledger import Unfinished, list_ledgers
from importer.preflight import find_product
from importer.rollback import count_operation, list_operations_in_database
from importer.servers.local_target import find_local_target
from importer.servers.settings import DEFAULT_VERSION
from importer.servers.target import Target, not_exchangeable
from importer.servers.versions import Product
from importer.settle import refuse_unsettled
from importer.stages import Mode, Stage
from synthgen.bundle.read import Bundle, find_bundle, list_bundles, operations_folder
from synthgen.database import Address, connect
from synthgen.errors import RefusedError, UsageError
from synthgen.snapshot.read import Snapshot, open_snapshot

DEFAULT_HEAP = "2g"


def choose_bundle(out: Path, operation_id: str | None) -> Bundle:
    """Open the operation named, or the newest that is not loaded.

    Raises:
        UsageError: There is none.
    """
    if operation_id is not None:
        return find_bundle(out, operation_id)
    waiting = [bundle for bundle in list_bundles(out) if bundle.manifest.state not in {"loaded", "rolled back"}]
    if not waiting:
        raise UsageError(f"no operation in {operations_folder(out)} waits to be loaded",
                         hint="run `synthgen generate` first, or name one; `importer list` shows them all")
    return waiting[-1]


def plan_load(
    bundle: Bundle, address: Address, *, mode: Mode, base: Path, target: Target | None = None,
    allow_changed: bool = False, heap: str = DEFAULT_HEAP, leave_out: Sequence[str] = (), indexes: bool = True,
) -> list[Stage]:
    """Build the stages of a load, after a look at what is in the database; changes nothing.

    `indexes` says whether the product's own indexes are created, where they are missing.

    Raises:
        RefusedError: The operation is loaded already, or was begun in another way; or the base snapshot is not the one
            that it was made from; or a live operation's bundle is not at hand; or the server cannot do it.
        UsageError: The snapshot has no index or constraint of a name in `leave_out`, or the mode does not touch them.
    """
    if leave_out and mode == "online":
        raise UsageError("an online load leaves indexes and constraints alone", hint="--leave-out-schema is for --mode"
                         " offline")
    operation_id = bundle.manifest.operation_id
    refuse_unsettled(target)
    if mode == "offline":
        check_exchangeable(address, target)
    found = _look(address)
    live = found.live(bundle)
    if (bundle.manifest.state == "loading" and operation_id not in found.begun
            and found.present.get(operation_id) == bundle.manifest.counts.nodes):
        return build_end_of_load(bundle, live, allow_changed=allow_changed, indexes=indexes)
    refuse_rolling_back(operation_id, found.begun)
    _check_not_loaded(bundle, found)
    if mode == "online":
        return build_online_load(bundle, live, allow_changed=allow_changed, indexes=indexes)
    return _plan_offline(bundle, found, base, allow_changed=allow_changed, heap=heap, leave_out=leave_out,
                         indexes=indexes)


def plan_script(
    bundle: Bundle, address: Address | None, *, base: Path, allow_changed: bool = False, heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (), indexes: bool = True,
) -> list[Stage]:
    """Build the stages of an offline load that somebody else will run; as `plan_load`, for any server.

    Without an address the server is taken to be like the snapshot's, and to hold what the bundles' histories say.
    """
    refuse_unsettled(None if address is None else find_local_target(address))
    found = _look(address) if address is not None else _remember(bundle, open_snapshot(base))
    _check_not_loaded(bundle, found)
    return _plan_offline(bundle, found, base, allow_changed=allow_changed, heap=heap, leave_out=leave_out,
                         indexes=indexes)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a database holds: `present` counts each operation's nodes, `begun` are those that an online load began."""

    where: str
    product: Product
    present: Mapping[str, int]
    begun: Mapping[str, Unfinished]

    def live(self, bundle: Bundle) -> list[str]:
        """Name the operations beside a bundle's own and those that are part of its base."""
        own = {*bundle.manifest.snapshot["operations"], bundle.manifest.operation_id}
        return [other for other in self.present if other not in own]


def _look(address: Address) -> _Found:
    with connect(address) as driver:
        return _Found(address.uri, find_product(driver, address),
                      list_operations_in_database(driver, address.database), list_ledgers(driver, address.database))


def _remember(bundle: Bundle, snapshot: Snapshot) -> _Found:
    loaded = [one.manifest for one in list_bundles(bundle.path.parent.parent) if one.manifest.state == "loaded"]
    return _Found("the database", _source_of(snapshot), {one.operation_id: one.counts.nodes for one in loaded}, {})


def refuse_rolling_back(operation_id: str, begun: Mapping[str, Unfinished]) -> None:
    """Refuse to load an operation of which part is deleted already.

    Raises:
        RefusedError: A rollback of it has begun.
    """
    if operation_id in begun and begun[operation_id].rolling_back:
        raise RefusedError(f"a rollback of {operation_id} has begun, so it cannot be loaded on",
                           hint=f"end it with `importer rollback {operation_id}`; then it can be loaded anew",
                           operation_id=operation_id)


def _check_not_loaded(bundle: Bundle, found: _Found) -> None:
    operation_id, due = bundle.manifest.operation_id, bundle.manifest.counts.nodes
    if operation_id not in found.present or operation_id in found.begun:
        return
    nodes = found.present[operation_id]
    if nodes == due:
        raise RefusedError(
            f"{operation_id} is loaded already: {found.where} holds {nodes:,} nodes of it",
            hint="see `importer validate`; to load it anew roll it back first", operation_id=operation_id)
    raise RefusedError(
        f"{found.where} holds {nodes:,} of the {due:,} nodes of {operation_id}, and no ledger that says which",
        hint=f"take them out with `importer rollback {operation_id}`, then load it again", operation_id=operation_id,
        nodes=nodes)


def _plan_offline(
    bundle: Bundle, found: _Found, base: Path, *, allow_changed: bool, heap: str, leave_out: Sequence[str],
    indexes: bool,
) -> list[Stage]:
    halfway = sorted({*found.begun} & {*found.present, bundle.manifest.operation_id})
    if halfway:
        refuse_rolling_back(halfway[0], found.begun)
        raise RefusedError(f"an online load of {halfway[0]} was stopped half-way in {found.where}",
                           hint=f"go on with `importer resume {halfway[0]}`, or roll it back")
    snapshot = _same_snapshot(open_snapshot(base), bundle)
    others = [_live_bundle(bundle.path.parent, other, found.present[other], snapshot) for other in found.live(bundle)]
    return build_offline_load(snapshot, bundle, others, found.product, allow_changed=allow_changed, heap=heap,
                              leave_out=leave_out, indexes=indexes)


def plan_restore(
    snapshot: Snapshot, address: Address, target: Target | None, *, heap: str = DEFAULT_HEAP,
    leave_out: Sequence[str] = (),
) -> list[Stage]:
    """Build the stages of a restore, after a look at the server.

    Raises:
        RefusedError: The server cannot do it.
        UsageError: The snapshot has no index or constraint of a name in `leave_out`.
    """
    refuse_unsettled(target)
    check_exchangeable(address, target)
    return plan_restore_script(snapshot, address, heap=heap, leave_out=leave_out)


def plan_restore_script(
    snapshot: Snapshot, address: Address | None, *, heap: str = DEFAULT_HEAP, leave_out: Sequence[str] = ()
) -> list[Stage]:
    """Build the stages of a restore that somebody else will run; as `plan_restore`, for any server.

    Without an address the server is taken to be like the snapshot's.
    """
    if address is None:
        return build_restore(snapshot, _source_of(snapshot), heap=heap, leave_out=leave_out)
    refuse_unsettled(find_local_target(address))
    with connect(address) as driver:
        return build_restore(snapshot, find_product(driver, address), heap=heap, leave_out=leave_out)


def _source_of(snapshot: Snapshot) -> Product:
    source = snapshot.source
    return Product(source.get("server_version", DEFAULT_VERSION), source.get("edition", "community"))


def _same_snapshot(snapshot: Snapshot, bundle: Bundle) -> Snapshot:
    if snapshot.fingerprint != bundle.manifest.snapshot["fingerprint"]:
        raise RefusedError(
            f"{bundle.manifest.operation_id} was not made from the snapshot in {snapshot.path}",
            hint="name the snapshot that it was made from with --base, or generate again, or load with --mode online",
        )
    return snapshot


def _live_bundle(folder: Path, operation_id: str, nodes: int, snapshot: Snapshot) -> Bundle:
    hint = "export again and generate from the new snapshot, or load with --mode online"
    if not (folder / operation_id).is_dir():
        raise RefusedError(
            f"the database holds {operation_id}, whose bundle is not in {folder}: an offline load would lose it",
            hint=hint, operation_id=operation_id)
    bundle = find_bundle(folder.parent, operation_id)
    if nodes != bundle.manifest.counts.nodes or snapshot.fingerprint != bundle.manifest.snapshot["fingerprint"]:
        raise RefusedError(f"the database holds {nodes:,} nodes of {operation_id}, which its bundle in {folder} cannot"
                           " give back", hint=hint, operation_id=operation_id)
    return bundle


def plan_rollback(
    out: Path, operation_id: str, address: Address, *, target: Target | None = None, begun: bool = False
) -> list[Stage]:
    """Build the stages of a rollback, after a look at what is there.

    Args:
        out: Where its bundle may be.
        operation_id: Of what.
        address: In which database.
        target: As for `plan_load`.
        begun: Whether a run that is dead was at work on it: then nothing may be left, and only that has to be said.

    Raises:
        UsageError: Neither the database nor the files know the operation, or it is not in the database.
    """
    refuse_unsettled(target or find_local_target(address))
    with connect(address) as driver:
        present = count_operation(driver, address.database, operation_id)
        ledgers = list_ledgers(driver, address.database)
    if not present.nodes and operation_id not in ledgers and not begun:
        known = (operations_folder(out) / operation_id).is_dir() and "/" not in operation_id
        raise UsageError(
            f"{operation_id} is not in {address.uri}, database {address.database!r}"
            + ("" if known else f", nor in {operations_folder(out)}"),
            hint="`importer list` shows the operations there are", operation_id=operation_id)
    return build_rollback(operation_id, nodes=present.nodes, relationships=present.relationships)


def check_exchangeable(address: Address, target: Target | None) -> None:
    """Make sure that the store behind an address is one that an import can take the place of.

    Raises:
        RefusedError: There is no target, or its store cannot be exchanged.
    """
    if target is None:
        raise not_exchangeable(address.uri)
    target.check()
