"""Where a setting comes from: flag > environment > `synthgen.toml` > default; knows no graph and no server.

`synthgen.toml` stands in the current folder, or `SYNTHGEN_CONFIG` names it:

    out = "out"
    base = "out/base"
    profile = "azure"
    home = "out/neo4j"

    [neo4j]
    uri = "bolt://127.0.0.1:7687"
    user = "neo4j"
    password_file = "secret"
    database = "neo4j"
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from synthgen.errors import UsageError

ENVIRONMENT = {
    "out": "SYNTHGEN_OUT",
    "base": "SYNTHGEN_BASE",
    "profile": "SYNTHGEN_PROFILE",
    "home": "SYNTHGEN_HOME",
    "uri": "NEO4J_URI",
    "user": "NEO4J_USER",
    "password": "NEO4J_PASSWORD",
    "password_file": "NEO4J_PASSWORD_FILE",
    "database": "NEO4J_DATABASE",
}
_IN_NEO4J_TABLE = {"uri", "user", "password_file", "database"}
_AT_TOP = {"out", "base", "profile", "home"}


def setting(name: str, flag: str | Path | None = None) -> str | None:
    """Find a setting's text: the flag if given, else environment, else file, else None.

    Raises:
        UsageError: The file is not TOML, or holds a name that means nothing.
    """
    if flag is not None:
        return str(flag)
    from_environment = os.environ.get(ENVIRONMENT[name])
    if from_environment:
        return from_environment
    value = _from_file().get(name)
    return None if value is None else str(value)


def out_folder(flag: Path | None = None) -> Path:
    """Give the folder where everything generated goes; `out` in the current folder by default."""
    return Path(setting("out", flag) or "out").absolute()


def base_folder(flag: Path | None = None, out: Path | None = None) -> Path:
    """Give the base snapshot's folder; `base` in the out folder by default."""
    found = setting("base", flag)
    return Path(found).absolute() if found else out_folder(out) / "base"


def server_home(flag: Path | None = None, out: Path | None = None) -> Path:
    """Give the local server's folder; `neo4j` in the out folder by default."""
    found = setting("home", flag)
    return Path(found).absolute() if found else out_folder(out) / "neo4j"


def _from_file() -> dict[str, Any]:
    named = os.environ.get("SYNTHGEN_CONFIG")
    path = Path(named) if named else Path("synthgen.toml")
    if not path.is_file():
        if named:
            raise UsageError(f"SYNTHGEN_CONFIG names {named!r}, which is not a file", hint="correct or unset it")
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", hint="correct the line it names") from error
    neo4j = document.pop("neo4j", {})
    if not isinstance(neo4j, dict):
        raise UsageError(f"{path}: neo4j is a table, not {neo4j!r}", hint="write [neo4j] and its settings below it")
    if "password" in neo4j:
        raise UsageError(f"{path}: a password does not belong in this file",
                         hint="put it into a file that only you can read and name that as password_file")
    unknown = [*(set(document) - _AT_TOP), *(f"neo4j.{key}" for key in set(neo4j) - _IN_NEO4J_TABLE)]
    if unknown:
        known = [*sorted(_AT_TOP), *(f"neo4j.{key}" for key in sorted(_IN_NEO4J_TABLE))]
        raise UsageError(f"{path}: unknown setting {min(unknown)!r}", hint="known: " + ", ".join(known))
    return {**document, **neo4j}
