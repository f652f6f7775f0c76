"""What our Neo4j is told in `neo4j.conf`; pure text, knows no process and starts nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from importer.servers.logs import folder_of
from synthgen.errors import UsageError

HOST = "127.0.0.1"
DEFAULT_VERSION = "5.26.30"
DEFAULT_PORT = 7687
DEFAULT_HEAP = "1g"
DEFAULT_PAGE_CACHE = "256m"
START_SECONDS = 180.0
STOP_SECONDS = 180.0
_OPEN = "--add-opens=java.base/{}=ALL-UNNAMED"
# What both lines reach for within Java, as the distribution's start scripts open it.
SERVER_OPENS = tuple(map(_OPEN.format, ("java.lang", "java.io", "java.nio", "java.util.concurrent", "sun.nio.ch")))
# With java.io and sun.nio.ch open, too, an import of 5.26 allocates 256 MiB of empty log, whatever its settings say.
ADMIN_OPENS = tuple(map(_OPEN.format, ("java.lang", "java.nio", "java.util.concurrent")))
_SIZE = re.compile(r"[1-9][0-9]{0,6}[kmg]")
_SETTING = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+")
_OURS = ("server.bolt.", "server.http", "server.directories.", "server.default_", "dbms.security.auth_enabled",
         "server.memory.heap", "server.memory.pagecache.size")


def check_size(name: str, size: str) -> str:
    """Give a size such as 512m or 2g in Java's spelling.

    Raises:
        UsageError: It is not such a size.
    """
    if not _SIZE.fullmatch(size.lower()):
        raise UsageError(f"{name} {size!r} is not a size", hint="write it like 512m or 2g")
    return size.lower()


def size_in_bytes(size: str) -> int:
    """Give the bytes of a size in Java's spelling.

    Raises:
        UsageError: As `check_size`.
    """
    checked = check_size("heap", size)
    return int(checked[:-1]) * {"k": 1024, "m": 1024**2, "g": 1024**3}[checked[-1]]


def check_port(port: int) -> int:
    """Give the port back when it is one.

    Raises:
        UsageError: It is not between 1 and 65535.
    """
    if not 1 <= port <= 65535:  # noqa: PLR2004 - the range of ports
        raise UsageError(f"{port} is not a port", hint="choose one between 1024 and 65535", port=port)
    return port


def check_config(config: Mapping[str, str]) -> dict[str, str]:
    """Give further settings back as a dictionary.

    Raises:
        UsageError: A name is not a setting's, a value has more than one line, or a setting is ours to make.
    """
    for name, value in config.items():
        if not _SETTING.fullmatch(name) or "\n" in value or "\r" in value:
            raise UsageError(f"{name!r} with {value!r} is not a Neo4j setting",
                             hint="write it like db.memory.transaction.max=64m")
        if name.startswith(_OURS):
            raise UsageError(f"{name} is set by this program", hint="use --port, --heap, --page-cache or --home")
    return dict(config)


def server_settings(home: Path, *, port: int, page_cache: str) -> dict[str, str]:
    """Make the settings of a server in `home`: Bolt on 127.0.0.1 only, with authentication, and no way out."""
    return {
        **folder_settings(home, home / "data"),
        "server.default_listen_address": HOST,
        "server.default_advertised_address": HOST,
        "server.bolt.enabled": "true",
        "server.bolt.listen_address": f"{HOST}:{port}",
        "server.bolt.advertised_address": f"{HOST}:{port}",
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "dbms.security.auth_enabled": "true",
        "server.memory.pagecache.size": page_cache,
    }


def folder_settings(home: Path, data: Path) -> dict[str, str]:
    """Make the settings that the server and the admin tool share: folders, and how the store's log is kept."""
    return {
        "server.config.strict_validation.enabled": "true",
        "server.directories.data": str(data),
        "server.directories.logs": str(folder_of(home)),
        "server.directories.import": str(home / "import"),
        "server.directories.plugins": str(home / "plugins"),
        "dbms.usage_report.enabled": "false",
        # A test database needs no history to replay; what recovery and a dump need is kept in any case.
        "db.tx_log.rotation.retention_policy": "keep_none",
        "db.tx_log.preallocate": "false",
    }


def conf_text(settings: Mapping[str, str]) -> str:
    r"""Write settings as `neo4j.conf`, a Java properties file in which a backslash escapes."""
    return "".join(f"{name}={value}\n".replace("\\", "\\\\") for name, value in settings.items())
