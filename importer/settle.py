"""What becomes of an offline load that was killed: ended or undone, recorded and told; knows no stages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from importer.servers.target import Target
from importer.store import DONE, IMPORTING, Journal, forget, hold, read_journal, restore_old
from synthgen.bundle.read import open_bundle
from synthgen.errors import LockedError, RefusedError, SynthError

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an offline load that was interrupted.

    Attributes:
        operation: What was loaded.
        loaded: Whether the database is the new one; else it is the one from before.
        unrecorded: Why that is not in the bundle's history; None when it is, or when there is no bundle.
    """

    operation: str
    loaded: bool
    unrecorded: str | None

    @property
    def text(self) -> str:
        """The same as a sentence."""
        found = f"the new one, {self.operation} is loaded" if self.loaded else "the one from before it"
        history = f" (not in its history: {self.unrecorded})" if self.unrecorded else ""
        return f"note: the offline load of {self.operation} was interrupted; the database is {found}{history}"


def settle(target: Target, *, start: bool) -> Settled | None:
    """End an interrupted load that is past the point of no return, undo any other, and record it; the lock is ours.

    May be interrupted itself: the next one goes on.

    Args:
        target: Where.
        start: Whether the server has to run afterwards; else that is the caller's business.

    Returns:
        What became of it, or None when there was none.
    """
    journal = read_journal(target)
    if journal is None:
        return None
    loaded = journal.step == DONE
    restore_old(target)
    settled = Settled(journal.operation, loaded, _record(journal, loaded=loaded))
    # Before it is forgotten: nobody else would start a server again that we are killed over.
    if start:
        target.start()
    forget(target)
    return settled


def settle_at(target: Target | None, *, start: bool = True) -> Settled | None:
    """Settle what was interrupted on a target, before a command looks at its database.

    A load that is alive and has not swapped yet is let be: the old database is served.

    Args:
        target: Where; None for a server whose store nobody exchanges.
        start: Whether the server has to run afterwards.

    Raises:
        LockedError: A load is alive and swaps the stores, or the server is to be stopped under it.
    """
    if target is None or read_journal(target) is None:
        return None
    try:
        with hold(target):
            return settle(target, start=start)
    except LockedError:
        journal = read_journal(target)
        if start and (journal is None or journal.step == IMPORTING):
            return None
        raise


def refuse_unsettled(target: Target | None) -> None:
    """Refuse where nothing may be changed, not even what was interrupted.

    Raises:
        RefusedError: An offline load is under way, or was interrupted.
    """
    journal = None if target is None else read_journal(target)
    if target is not None and journal is not None:
        raise RefusedError(f"an offline load of {journal.operation} is under way on {target.name}, or was interrupted",
                           hint="wait for it; if it is dead, `importer list` or any other command settles it",
                           operation=journal.operation)


def _record(journal: Journal, *, loaded: bool) -> str | None:
    """Put the end of a load into its bundle's history, unless it is there; gives None, or why it could not be done."""
    if journal.bundle is None:
        return None
    try:
        bundle = open_bundle(Path(journal.bundle))
        if bundle.manifest.state == "loading":
            started = bundle.manifest.last("load_started") or {}
            where = {key: started[key] for key in ("mode", "uri", "database") if key in started}
            further = {} if loaded else {"error": INTERRUPTED, "undone": True}
            bundle.record("loaded" if loaded else "load_failed", datetime.now(UTC).isoformat(timespec="seconds"),
                          **where, **further)
    except SynthError as error:
        return error.message
    except OSError as error:
        return f"{error.filename or journal.bundle}: {error.strerror or error}"
    return None
