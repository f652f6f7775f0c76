"""Reads a database in one state, and notices when it leaves it; knows neither tables nor files.

A commit of data or schema gives the database a new bookmark before anything of it can be seen. A read that is given a
bookmark waits until all of that state can be seen, and ends with the bookmark of the latest state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import neo4j

from synthgen.database import CYPHER_5, Address, translated
from synthgen.errors import ChangedMeanwhileError

RECORDS_IN_FLIGHT = 10


class DatabaseState:
    """A database as it is now: every read sees this state, or fails."""

    def __init__(self, driver: neo4j.Driver, address: Address) -> None:
        self.address = address
        self._driver = driver
        with translated(address):
            self._bookmarks = self._latest(None)
            # A commit under way has its bookmark before it can be seen: the server waits for it here.
            self._latest(self._bookmarks)

    @property
    def bookmark(self) -> frozenset[str]:
        """The mark of this state, another one after every commit."""
        return self._bookmarks.raw_values

    def rows(self, query: str, **parameters: Any) -> Iterator[list[Any]]:
        """Run a query that reads, in Cypher 5, and give its rows as they come; it finds its parameters in `$given`.

        Raises:
            ChangedMeanwhileError: The database was written to by the time of the last row.
        """
        with translated(self.address), self._session(self._bookmarks) as session:
            # In one map: of lists and texts that are parameters themselves the server plans each order of length anew.
            for record in session.run(CYPHER_5 + query, {"given": parameters}):
                yield record.values()
            now = session.last_bookmarks()
        self._require(now)

    def check(self) -> None:
        """Make sure that all rows so far were of this state.

        Raises:
            ChangedMeanwhileError: They may not have been: the database was written to.
        """
        with translated(self.address):
            now = self._latest(self._bookmarks)
        self._require(now)

    def changed(self) -> ChangedMeanwhileError:
        """Say that the database is not in this state any more."""
        return ChangedMeanwhileError(
            f"{self.address.uri}, database {self.address.database!r}, was written to while it was read",
            hint="stop what writes to it and run the command again, or let an export begin again with"
                 " --retries; nothing was kept")

    def _require(self, now: neo4j.Bookmarks) -> None:
        if now.raw_values != self.bookmark:
            raise self.changed()

    def _latest(self, bookmarks: neo4j.Bookmarks | None) -> neo4j.Bookmarks:
        with self._session(bookmarks) as session:
            session.execute_read(lambda transaction: transaction.run("RETURN 1").consume())
            return session.last_bookmarks()

    def _session(self, bookmarks: neo4j.Bookmarks | None) -> neo4j.Session:
        return self._driver.session(database=self.address.database, default_access_mode=neo4j.READ_ACCESS,
                                    bookmarks=bookmarks, fetch_size=RECORDS_IN_FLIGHT)
