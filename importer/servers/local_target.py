"""The local server as a target of offline loads; knows no bundle and no Cypher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from importer.servers.admin import AdminTool, info_command, read_last_committed
from importer.servers.folders import Folders
from importer.servers.local import LocalServer
from importer.servers.on_this_machine import OnThisMachine
from importer.servers.runtime import resolve
from importer.servers.target import Layout
from synthgen.database import Address
from synthgen.errors import RefusedError

DATABASE = "neo4j"
LOCK = "load.lock"


class LocalTarget(OnThisMachine):
    """The store of the local server's one database, in its home; as `target.Target`."""

    def __init__(self, server: LocalServer, database: str = DATABASE) -> None:
        self._server = server
        self._asked = database
        home = server.home
        self.name = f"the server in {home}"
        self.layout = Layout(DATABASE, home / "data", home / "data" / "transactions", home, home)
        self.files = Folders(home)
        self.lock_file = home / LOCK

    def check(self) -> None:
        """Make sure that it is asked for the one database it has; as `Target.check`."""
        if self._asked.lower() != DATABASE:
            raise RefusedError(f"of a local server only the database {DATABASE!r} can be exchanged, not"
                               f" {self._asked!r}", hint="use --mode online")

    def version(self) -> str:
        """Give the version that it was last started with."""
        return self._server.status().version

    def is_running(self) -> bool:
        """Say whether its process is there; it may not answer yet."""
        return self._server.status().state != "stopped"

    def start(self) -> None:
        """Start it with the settings of its last start and wait until it lets us in."""
        self._server.start()

    def stop(self) -> None:
        """Stop it cleanly and wait for its end."""
        self._server.stop()

    def last_committed(self) -> int:
        """Give the number of the last transaction in its store, which is at rest."""
        return read_last_committed(
            AdminTool(resolve(self.version()), self._server.home).run(info_command(DATABASE)), self.name)

    def import_full(
        self, token: str, arguments: Sequence[str], *, reads: Sequence[Path], heap: str,  # noqa: ARG002 - all at hand
        on_line: Callable[[str], None], watch: Callable[[], None],
    ) -> str:
        """Run the import with the admin tool of the server's own version; as `Target.import_full`."""
        data, _ = self.layout.import_folders(token)
        admin = AdminTool(resolve(self.version()), self._server.home, heap=heap, data_dir=Path(data))
        return admin.run(["database", "import", "full", DATABASE, *arguments], on_line=on_line, watch=watch)


def find_local_target(address: Address) -> LocalTarget | None:
    """Find the local server that an address is of; None for another server's."""
    return None if address.home is None else LocalTarget(LocalServer(address.home), address.database)
