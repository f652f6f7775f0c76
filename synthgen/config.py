"""Where a setting comes from: flag > environment > `synthgen.toml` > default; knows no graph and no server.

`synthgen.toml` stands in the current folder, or `SYNTHGEN_CONFIG` names it:

    out = "out"
    base = "out/base"
    profile = "azure"
    progress = "plain"
    home = "out/neo4j"

    [neo4j]
    uri = "bolt://127.0.0.1:7687"
    user = "neo4j"
    password_file = "secret"
    database = "neo4j"

    [target]
    kind = "installed"
    neo4j_home = "/opt/neo4j"
    neo4j_conf = "/etc/neo4j"
    compose_file = "docker-compose.yml"
    service = "neo4j"

    [metrics]
    textfile = "/var/lib/node_exporter/synthgen.prom"

The tables named in `SECTIONS` are read by whoever they are for; see `section`.
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
    "progress": "SYNTHGEN_PROGRESS",
    "home": "SYNTHGEN_HOME",
    "uri": "NEO4J_URI",
    "user": "NEO4J_USER",
    "password": "NEO4J_PASSWORD",
    "password_file": "NEO4J_PASSWORD_FILE",
    "database": "NEO4J_DATABASE",
    "target": "SYNTHGEN_TARGET",
    "neo4j_home": "SYNTHGEN_NEO4J_HOME",
    "neo4j_conf": "SYNTHGEN_NEO4J_CONF",
    "compose_file": "SYNTHGEN_COMPOSE_FILE",
    "service": "SYNTHGEN_SERVICE",
    "metrics_textfile": "SYNTHGEN_METRICS_TEXTFILE",
    "scaling_config": "SYNTHGEN_SCALING_CONFIG",
    "scaling_mode": "SYNTHGEN_SCALING_MODE",
    "batch_rows": "SYNTHGEN_BATCH_ROWS",
    "writers": "SYNTHGEN_WRITERS",
}
_TABLES = {
    "neo4j": {"uri": "uri", "user": "user", "password_file": "password_file", "database": "database"},
    "target": {"kind": "target", "neo4j_home": "neo4j_home", "neo4j_conf": "neo4j_conf",
               "compose_file": "compose_file", "service": "service"},
    "metrics": {"textfile": "metrics_textfile"},
}
_AT_TOP = {"out", "base", "profile", "progress", "home"}
SECTIONS = ("scaling", "resilience", "limits", "retention")
"""Tables of `synthgen.toml` whose settings belong to one concern each, which also checks them."""


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


def section(name: str) -> dict[str, Any]:
    """Give a table of `synthgen.toml` as it stands there, empty when there is none; raises as `setting`.

    Raises:
        UsageError: It is not a table.
    """
    found = _from_file().get(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"{name} in synthgen.toml is a table, not {found!r}",
                         hint=f"write [{name}] and its settings below it")
    return found


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
    settings: dict[str, Any] = {}
    unknown: list[str] = []
    for table, names in _TABLES.items():
        values = document.pop(table, {})
        if not isinstance(values, dict):
            raise UsageError(f"{path}: {table} is a table, not {values!r}",
                             hint=f"write [{table}] and its settings below it")
        if "password" in values:
            raise UsageError(f"{path}: a password does not belong in this file",
                             hint="put it into a file that only you can read and name that as password_file")
        unknown += [f"{table}.{name}" for name in values if name not in names]
        settings |= {names[name]: value for name, value in values.items() if name in names}
    unknown += [name for name in document if name not in _AT_TOP and name not in SECTIONS]
    if unknown:
        known = [*sorted(_AT_TOP), *(f"[{name}]" for name in SECTIONS),
                 *(f"{table}.{name}" for table in _TABLES for name in sorted(_TABLES[table]))]
        raise UsageError(f"{path}: unknown setting {min(unknown)!r}", hint="known: " + ", ".join(known))
    return {**document, **settings}
