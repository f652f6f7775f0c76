"""How a Neo4j database is reached and how its errors become ours; knows no graph and no file format."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import neo4j
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConnectionAcquisitionTimeoutError,
    DatabaseUnavailable,
    DriverError,
    Forbidden,
    Neo4jError,
    ResultFailedError,
    ServiceUnavailable,
    SessionExpired,
)

from synthgen.config import server_home, setting
from synthgen.errors import NotAllowedError, RefusedError, SynthError, UnreachableError, UsageError

DEFAULT_DATABASE = "neo4j"
OLDEST_SERVER = (5, 26)
LOAD_JOURNAL = "load.json"
"""In the local server's folder while an offline load of the importer is under way, or after it was killed."""
CONNECT_SECONDS = 10.0
ACQUIRE_SECONDS = 15.0
"""For a connection with its handshake, which a peer that is there but silent never ends."""
IDLE_SECONDS = 10.0
"""A connection that nobody used for so long is tried before it is used again."""
CYPHER_5 = "CYPHER 5 "
"""Before a statement: it is in Cypher 5, which both server lines read and which has internal ids."""
_BROKEN_DOWN = frozenset({
    "Neo.DatabaseError.Transaction.TransactionLogError",
    "Neo.DatabaseError.Transaction.TransactionCommitFailed",
    "Neo.DatabaseError.Transaction.TransactionStartFailed",
})
BROKEN_DOWN_HINT = "see the server's log; make room if its disk is full, then restart it"
_URI = re.compile(r"(bolt|neo4j)(\+s|\+ssc)?://")
_VERSION = re.compile(r"(\d+)\.(\d+)")
_URI_HINT = "use bolt://host:port or neo4j://host:port"


@dataclass(frozen=True, slots=True)
class Address:
    """Which database, and as whom.

    Attributes:
        uri: Bolt or neo4j URI.
        home: The local server's folder when the address is that server's, else None.
    """

    uri: str
    user: str
    password: str = field(repr=False)
    database: str = DEFAULT_DATABASE
    home: Path | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself.

    Attributes:
        version: Such as 5.26.30 or 2026.09.0.
        edition: `community` or `enterprise`.
        dialects: The versions of Cypher that it speaks, oldest first.
    """

    version: str
    edition: str
    dialects: tuple[str, ...] = ("5",)

    def __str__(self) -> str:
        return f"Neo4j {self.version} {self.edition.capitalize()}"


def find_address(
    *,
    uri: str | None = None,
    user: str | None = None,
    password_file: Path | None = None,
    database: str | None = None,
    home: Path | None = None,
    out: Path | None = None,
) -> Address:
    """Find the database meant: flags, environment, `synthgen.toml`, or the local server under the out folder.

    A `home` that is given is the local server's, whatever the environment says.

    Raises:
        UsageError: Both an address and a local server are given, a password is missing, or its file cannot be read.
        UnreachableError: Nothing is configured and there is no local server.
    """
    name = setting("database", database) or DEFAULT_DATABASE
    if uri is not None and home is not None:
        raise UsageError("--uri and --home name two databases", hint="give one of them")
    chosen = None if home is not None else setting("uri", uri)
    if chosen is None:
        return _local_address(server_home(home, out), name)
    password = _read_password(setting("password_file", password_file)) or setting("password")
    if password is None:
        raise UsageError(f"no password for {chosen}", hint="set NEO4J_PASSWORD, or give --password-file")
    return Address(chosen, setting("user", user) or "neo4j", password, name)


def _local_address(home: Path, database: str) -> Address:
    state = home / "server.json"
    if not state.is_file():
        raise UnreachableError(
            f"no database is configured and there is no local server in {home}",
            hint="run `importer server start`, or set NEO4J_URI, NEO4J_USER and NEO4J_PASSWORD",
        )
    uri = json.loads(state.read_text(encoding="utf-8"))["uri"]
    password = _read_password(str(home / "password"))
    if password is None:
        raise UsageError(f"{home} has no password file", hint="remove the folder and run `importer server start`")
    return Address(uri, "neo4j", password, database, home)


def _read_password(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(f"the password file {path} cannot be read: {error.strerror}",
                         hint="correct the path or its permissions") from error


@contextmanager
def connect(address: Address) -> Iterator[neo4j.Driver]:
    """Open a driver, sure that the database answers; translate what goes wrong inside the block.

    Raises:
        RefusedError: The server is too old.
        UnreachableError, NotAllowedError, UsageError, SynthError: As `translated` says.
    """
    with translated(address), open_driver(address) as driver:
        yield driver


@contextmanager
def open_driver(address: Address) -> Iterator[neo4j.Driver]:
    """Open a driver as `connect` does; what goes wrong in the block may not be the database's, and is left alone."""
    # The driver knows http as well, which needs packages that it does not bring.
    if not _URI.match(address.uri):
        raise UsageError(f"{address.uri!r} is not a usable address", hint=_URI_HINT)
    with translated(address), _usable(address):
        driver = neo4j.GraphDatabase.driver(
            address.uri,
            auth=(address.user, address.password),
            connection_timeout=CONNECT_SECONDS,
            connection_acquisition_timeout=ACQUIRE_SECONDS,
            liveness_check_timeout=IDLE_SECONDS,
            keep_alive=True,
            notifications_min_severity="OFF",
            user_agent="synthgen",
        )
    with driver:
        # Not `execute_query`, which would try for half a minute before it says that nobody is there.
        with translated(address), _usable(address), driver.session(
            database=address.database, default_access_mode=neo4j.READ_ACCESS
        ) as session:
            _check_version(address, session.run("RETURN 1").consume().server.agent)
        yield driver


@contextmanager
def _usable(address: Address) -> Iterator[None]:
    """Say that an address which the driver, or the resolver of host names, makes nothing of is not usable."""
    try:
        yield
    except (ConfigurationError, ValueError) as error:
        raise UsageError(f"{address.uri!r} is not a usable address: {_first_line(error)}",
                         hint=_URI_HINT) from error


def refuse_half_loaded(address: Address) -> None:
    """Refuse a local server whose store is being exchanged, or was when that was interrupted.

    Raises:
        RefusedError: It is so: which database is there is not settled.
    """
    if address.home is not None and (address.home / LOAD_JOURNAL).exists():
        raise RefusedError(
            f"an offline load is under way on the server in {address.home}, or was interrupted",
            hint="wait for it; if it is dead, `importer server start` settles it and says which database is there",
            home=str(address.home))


def read_version(text: str) -> tuple[int, int] | None:
    """Read the first two numbers of a version such as 5.26.30, 2026.09.0 or 2025.08-aura; None when it has none."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2])) if found else None


def _check_version(address: Address, agent: str) -> None:
    """Refuse a server that is too old; what it calls itself comes with every answer, such as `Neo4j/5.26.30`."""
    version = read_version(agent)
    if version is not None and version < OLDEST_SERVER:
        oldest = "{}.{}".format(*OLDEST_SERVER)
        raise RefusedError(
            f"{address.uri} is {agent}, older than {oldest}",
            hint=f"upgrade it, or start another server from its dump; {oldest} LTS and 2025 or later are supported",
            agent=agent)


def behind(error: BaseException) -> BaseException:
    """Give the failure that an error stands for: a result that cannot be read any more tells why only as its cause."""
    return (error.__cause__ or error) if isinstance(error, ResultFailedError) else error


def does_not_answer(error: BaseException) -> bool:
    """Whether an error says that the database is not there now, and nothing of what was asked."""
    told = behind(error)
    return has_broken_down(told) or isinstance(
        told, ServiceUnavailable | SessionExpired | DatabaseUnavailable | ConnectionAcquisitionTimeoutError | OSError)


def has_broken_down(error: BaseException | None) -> bool:
    """Whether an error says that the database could not write its log, as when its disk is full, until it restarts."""
    return isinstance(error, Neo4jError) and error.code in _BROKEN_DOWN


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn the driver's errors into ours; other exceptions pass."""
    where = f"{address.uri}, database {address.database!r}"
    try:
        yield
    except AuthError as error:
        raise NotAllowedError(f"{where} does not accept user {address.user!r} with this password",
                              hint="check NEO4J_USER and NEO4J_PASSWORD, or --password-file") from error
    except Forbidden as error:
        raise NotAllowedError(f"user {address.user!r} may not do this on {where}: {error.message}",
                              hint="use a user with read and write rights") from error
    except ClientError as error:
        if error.code == "Neo.ClientError.Database.DatabaseNotFound":
            raise UsageError(f"{address.uri} has no database {address.database!r}",
                             hint="see `SHOW DATABASES`; choose one with --database") from error
        if str(error.code).startswith("Neo.ClientError.Security."):
            raise NotAllowedError(f"{where} does not let us in: {error.message}",
                                  hint="check user and password; after several wrong ones wait some seconds") from error
        raise SynthError(f"{where} refused a statement: {error.message}", code=error.code) from error
    except (Neo4jError, DriverError, OSError) as error:
        if has_broken_down(error):
            raise UnreachableError(f"{where} has broken down: {_first_line(error)}",
                                   hint=BROKEN_DOWN_HINT) from error
        if does_not_answer(error):
            raise UnreachableError(
                f"no database answers at {where}: {_first_line(error)}",
                hint="check the address; for the local server run `importer server start`") from error
        raise SynthError(f"{where} failed: {_first_line(error)}") from error


def ask_server(driver: neo4j.Driver, address: Address) -> Server:
    """Ask a server for its version, edition and dialects."""
    with translated(address):
        records = driver.execute_query(
            "CALL dbms.components() YIELD name, versions, edition RETURN name, versions, edition",
            database_=address.database).records
    components = {record["name"]: record for record in records}
    kernel = components["Neo4j Kernel"]
    # Before there was a second version of Cypher nothing said which there are.
    dialects = tuple(components["Cypher"]["versions"]) if "Cypher" in components else ("5",)
    return Server(str(kernel["versions"][0]), str(kernel["edition"]), dialects)


def quote(name: str) -> str:
    """Quote a label, relationship type, property or index name for Cypher; the one place where names are quoted.

    Raises:
        UsageError: The name is empty or holds U+0000, which no name in Neo4j can.
    """
    if not name or "\0" in name:
        raise UsageError(f"{name!r} cannot be a name in Neo4j", hint="names are not empty and hold no U+0000")
    # Cypher reads \uXXXX before it looks for backticks, so a name that holds \u0060 would end the quoting: each
    # backslash is written as an escape itself (the same on 5.26 and 2026.09, in Cypher 5 and Cypher 25).
    return "`" + name.replace("\\", "\\u005C").replace("`", "``") + "`"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
