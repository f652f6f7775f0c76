"""Reads `neo4j.conf` of an installed server: where its folders are; changes nothing."""

from __future__ import annotations

import re
from pathlib import Path

from synthgen.errors import UsageError

DATA = "server.directories.data"
TRANSACTIONS = "server.directories.transaction.logs.root"
_LINE = re.compile(r"\s*([A-Za-z][\w.]*)\s*[=:]\s*(.*?)\s*")


def read_folders(home: Path, conf: Path) -> tuple[Path, Path]:
    """Give the data folder and the folder of transaction logs that a server of this home uses, absolute.

    Raises:
        UsageError: There is no `neo4j.conf`, it cannot be read, or a folder in it is computed by a command.
    """
    path = conf / "neo4j.conf"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}",
                         hint="name its folder with --neo4j-conf, or see whose file it is") from error
    settings = {found[1]: found[2].replace("\\\\", "\\") for line in lines if (found := _LINE.fullmatch(line))}
    for name in (DATA, TRANSACTIONS):
        if settings.get(name, "").startswith("$("):
            raise UsageError(f"{path} computes {name}: {settings[name]}",
                             hint="write the folder itself, or load with --emit-script")
    data = (home / settings.get(DATA, "data")).absolute()
    return data, (home / settings.get(TRANSACTIONS, data / "transactions")).absolute()
