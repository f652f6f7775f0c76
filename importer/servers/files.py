"""The files that a server's home needs before a start: folders, password, settings; starts nothing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from importer.servers.logs import server_log
from importer.servers.runtime import Runtime
from importer.servers.settings import conf_text, server_settings
from importer.servers.state import Record, unwritable
from synthgen.errors import ServerError
from synthgen.files import write_json

PASSWORD = "password"  # noqa: S105 - the name of the file
PASSWORD_BYTES = 20


def read_password(home: Path) -> str:
    """Read the password of user `neo4j`.

    Raises:
        ServerError: There is none, or it cannot be read.
    """
    path = home / PASSWORD
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ServerError(f"the password file {path} cannot be read: {error.strerror}",
                          hint="put it back; or remove the whole folder and start anew") from error


def write_launch_files(home: Path, runtime: Runtime, record: Record, java_options: Sequence[str] = ()) -> None:
    """Write what the server's process reads when it starts, and the password before the first start of all.

    Args:
        home: The server's folder.
        runtime: The Neo4j to start.
        record: How it is started.
        java_options: Java's options that follow from the runtime; those of the user's environment come later.

    Raises:
        ServerError: The folder cannot be written, or its store has a password that is lost.
    """
    try:
        for name in ("conf", "logs", "import", "data"):
            (home / name).mkdir(exist_ok=True)
        _ensure_password(home)
        settings = {**server_settings(home, port=record.port, page_cache=record.page_cache), **record.config}
        (home / "conf" / "neo4j.conf").write_text(conf_text(settings), encoding="utf-8")
        write_json(home / "conf" / "launch.json", {
            "jars": str(runtime.jars), "jvm_library": str(runtime.jvm_library), "heap": record.heap,
            "java_options": list(java_options)})
        log = server_log(home)
        if log.exists():
            log.replace(log.with_name(f"{log.name}.old"))
    except OSError as error:
        raise unwritable(home, error) from error


def _ensure_password(home: Path) -> None:
    if (home / PASSWORD).exists():
        return
    if (home / "data" / "databases" / "system").exists():
        read_password(home)
    # Of hexadecimal digits only: none is mistaken for an option or a file of arguments on its way into Neo4j.
    temporary = home / f".{PASSWORD}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(PASSWORD_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(home / PASSWORD)
