"""Reads how busy this machine and the server are, now and then beside a load; a reading that fails is no failure.

What servers tell over Bolt was tried on Neo4j Community 5.26.30 and 2026.09.0: both have `dbms.queryJmx`, which on
Enterprise needs an administrator; neither has `dbms.listPools`. Of the heap that part counts which outlived several
collections, since what is young is mostly rubbish and goes up and down by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Self

import neo4j
import psutil
from neo4j.exceptions import ClientError, DriverError, Neo4jError

from importer import cypher
from importer.scaling.settings import TriggerName
from importer.scaling.window import Signals

_END_SECONDS = 2.0
READ = "read"


class Sensor:
    """Takes readings in a thread of its own, once per period, from entering to leaving it as a context.

    Args:
        driver: The connection.
        database: The database's name.
        wanted: Which readings are used; others are not taken.
        period_s: Seconds between two readings.

    Attributes:
        signals: The newest readings.
        told: Per reading from outside whether it was `read` or why not.
    """

    def __init__(
        self, driver: neo4j.Driver, database: str, wanted: Collection[TriggerName], period_s: float,
    ) -> None:
        self.signals = Signals()
        self.told: dict[str, str] = {}
        self._driver = driver
        self._database = database
        self._wanted = wanted
        self._period_s = period_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read_on, name="synthgen-signals", daemon=True)

    def __enter__(self) -> Self:
        """Begin to read."""
        if {"server_memory", "client_memory", "cpu"} & set(self._wanted):
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End. A reading that hangs, as on a connection that was cut, is not waited for."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(_END_SECONDS)

    def _read_on(self) -> None:
        psutil.cpu_percent()  # it counts from the call before
        while True:
            self.signals = self.read()
            if self._ended.wait(self._period_s):
                return

    def read(self) -> Signals:
        """Take every reading that is wanted once."""
        memory = self._ask("server_memory", cypher.READ_SERVER_MEMORY)
        client = psutil.virtual_memory().percent / 100 if "client_memory" in self._wanted else None
        busy = None
        if "cpu" in self._wanted:
            busy = max(psutil.cpu_percent() / 100, self._ask("cpu", cypher.READ_SERVER_CPU) or 0.0)
        return Signals(memory, client, busy)

    def _ask(self, name: TriggerName, text: str) -> float | None:
        """Ask the server for a share; what it does not have or does not allow is not asked for again."""
        if name not in self._wanted or self.told.get(name, READ) != READ:
            return None
        try:
            with self._driver.session(database=self._database, default_access_mode=neo4j.READ_ACCESS) as session:
                record = session.run(text).single()
        except ClientError as error:
            self.told[name] = " ".join(str(error.message).split())
            return None
        except (Neo4jError, DriverError, OSError):
            # A server that is away for a while is no news here: the batches meet it, too.
            return None
        share = _share(record.data() if record is not None else {})
        self.told[name] = READ if share is not None else "the server does not tell"
        return share


def _share(found: Mapping[str, Any]) -> float | None:
    used, most = found.get("used"), found.get("most")
    if used is None or not most or used < 0 or most < 0:
        return None
    return float(used) / float(most)
