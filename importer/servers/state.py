"""What a home folder remembers of its server, in `server.json`; starts and ends nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from importer.servers.process import is_same
from importer.servers.settings import HOST
from synthgen.errors import ServerError
from synthgen.files import write_json

FILE = "server.json"


@dataclass(frozen=True, slots=True)
class Record:
    """The server of one home folder, as it was last started.

    Attributes:
        home: The folder it was written for; a copy of the folder elsewhere has no running server.
        version: The Neo4j that last opened the store; none older may.
        mark: What `process.find_mark` said of `pid`.
        ready: Whether it has let us in since it was started.
    """

    home: str
    version: str
    port: int
    heap: str
    page_cache: str
    config: dict[str, str] = field(default_factory=dict)
    pid: int | None = None
    mark: str | None = None
    ready: bool = False

    @property
    def uri(self) -> str:
        """Where the server listens."""
        return f"bolt://{HOST}:{self.port}"

    def is_alive(self) -> bool:
        """Say whether the process on record still runs."""
        return self.pid is not None and self.mark is not None and is_same(self.pid, self.mark)


def read_record(home: Path) -> Record | None:
    """Read what a home folder remembers; None when no server was ever started there.

    Raises:
        ServerError: The file is damaged.
    """
    path = home / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        record = Record(**{one.name: document[one.name] for one in fields(Record)})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServerError(f"{path} is damaged: {error}", hint="remove that file; the store stays") from error
    if record.home != str(home):
        return Record(**{**asdict(record), "home": str(home), "pid": None, "mark": None, "ready": False})
    return record


def write_record(home: Path, record: Record) -> None:
    """Write `server.json` whole.

    Raises:
        ServerError: The disk is full or the folder cannot be written.
    """
    try:
        write_json(home / FILE, {**asdict(record), "uri": record.uri})
    except OSError as error:
        raise unwritable(home, error) from error


def unwritable(home: Path, error: OSError) -> ServerError:
    """Make the error for a home that cannot be written."""
    return ServerError(f"{home} cannot be written: {error.strerror or error}",
                       hint="free space, or choose another --home", home=str(home))
