"""The logs of a local server's home folder: their last lines, and why it or its database did not come up."""

from __future__ import annotations

from pathlib import Path

from importer.servers.causes import find_cause, find_failed_start

_SERVER_LOG, _NEO4J_LOG, _DEBUG_LOG = "server.log", "neo4j.log", "debug.log"
TAIL_LINES = 5


def folder_of(home: Path) -> Path:
    """Give the folder of a server's logs."""
    return home / "logs"


def server_log(home: Path) -> Path:
    """Give the log of what our process prints, and Java with it."""
    return folder_of(home) / _SERVER_LOG


def last_lines(home: Path, lines: int) -> dict[str, list[str]]:
    """Give the last lines of each log that there is, by its path."""
    paths = [folder_of(home) / name for name in (_SERVER_LOG, _NEO4J_LOG, _DEBUG_LOG)]
    return {str(path): _tail(path, lines) for path in paths if path.is_file()}


def cause_of(home: Path) -> list[str]:
    """Say why the server did not come up, or else what was logged last."""
    return find_cause(_text(server_log(home))) or _tail(folder_of(home) / _DEBUG_LOG, TAIL_LINES)


def cause_of_database(home: Path) -> list[str]:
    """Say why the server's database did not start when it was tried last, or else what was logged last."""
    path = folder_of(home) / _DEBUG_LOG
    return find_failed_start(_text(path)) or _tail(path, TAIL_LINES)


def _tail(path: Path, lines: int) -> list[str]:
    return _text(path).splitlines()[-lines:]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
