"""Closes connections of sessions whose peer is silent, or to be left; the one place that knows the driver from inside.

A peer that is gone without a word, such as behind a proxy that swallows what it is sent, would hold up a reader until
the server's own hint says so (two minutes by default), or for ever where there is none. The driver cannot be asked to
end a transaction from another thread, but a socket can be closed from anywhere, and the reader then learns it at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import neo4j

AGAIN_S = 1.0


@contextmanager
def closed_after(session: neo4j.Session, seconds: float) -> Iterator[None]:
    """Close the session's connection when the block lasts longer than `seconds`; 0 waits for ever.

    What the block then waits for fails as for any lost connection: `ServiceUnavailable`, `SessionExpired` or
    `IncompleteCommit`.
    """
    if not seconds:
        yield
        return
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(session, seconds, over), name="synthgen-silence", daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


@contextmanager
def closed_on_interrupt(session: neo4j.Session) -> Iterator[None]:
    """Close the session's connection when the block is interrupted, which ends the query that the server is at.

    Else the session would read the rest of its result before it closes, however long that takes.
    """
    try:
        yield
    except KeyboardInterrupt:
        _close(session)
        raise


def _watch(session: neo4j.Session, seconds: float, over: threading.Event) -> None:
    wait = seconds
    while not over.wait(wait):
        _close(session)
        wait = AGAIN_S


def _close(session: neo4j.Session) -> None:
    # While a connection is only being made there is none to close, and that has a limit of its own.
    connection = session._connection  # noqa: SLF001 - the driver has no other way; tests/faults hold it to this one
    if connection is not None:
        connection.kill()  # type: ignore[no-untyped-call]  # likewise
