"""How much memory a server has in use, where its process can be seen; asks the server nothing."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from importer.servers.state import read_record
from synthgen.database import Address
from synthgen.errors import ServerError


def memory_reader(address: Address) -> Callable[[], int | None] | None:
    """Give what reads the bytes (resident set) of the local server's process; None for another server.

    The reader gives None while the server is down, as it is while stores are exchanged.
    """
    home = address.home
    if home is None:
        return None

    def read() -> int | None:
        try:
            record = read_record(home)
            if record is None or record.pid is None or not record.is_alive():
                return None
            return int(psutil.Process(record.pid).memory_info().rss)
        except (ServerError, OSError, psutil.Error):
            # It ended, or its record was being replaced, between two looks.
            return None

    return read
