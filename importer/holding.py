"""Holds what a load or rollback must have for itself from begin to end: a server, a database; knows no stages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

from importer.ledger import clear_leftovers
from importer.lock import Lock, check_free, hold_lock
from importer.servers.target import Target
from importer.settle import settle
from importer.store import hold
from synthgen.database import Address, connect, open_driver, translated


@contextmanager
def hold_database(address: Address, operation_id: str, lock: Lock | None = None) -> Iterator[Lock]:
    """Hold the lock on a database, with a driver of its own; `lock` itself when the caller has it already.

    What a run left that was killed at its very end goes first.

    Raises:
        LockedError: Another live run holds it.
        UnreachableError, NotAllowedError, UsageError, SynthError: As `synthgen.database.connect`; what the block itself
            raises is not translated.
    """
    if lock is not None:
        yield lock
        return
    with open_driver(address) as driver, ExitStack() as held:
        with translated(address):
            taken = held.enter_context(hold_lock(driver, address.database, operation_id))
            clear_leftovers(taken)
        yield taken


def check_unheld(address: Address) -> None:
    """Make sure that nobody is at work on a database whose store will be exchanged, and its lock with it.

    Who comes later is noticed when the store is exchanged, since he writes.

    Raises:
        LockedError: Another live run holds it.
        UnreachableError, NotAllowedError, UsageError, SynthError: As `synthgen.database.connect`.
    """
    with connect(address) as driver:
        check_free(driver, address.database)


@contextmanager
def hold_server(target: Target | None) -> Iterator[None]:
    """Be the only one at work on a target; an offline load that was interrupted is settled first.

    For other servers the lock in the database does the same.
    """
    with hold(target) if target is not None else nullcontext():
        if target is not None:
            settle(target, start=True)
        yield
