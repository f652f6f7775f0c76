"""Options that several commands share, and how their texts are read; knows no graph."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from synthgen.errors import UsageError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder of everything generated; ./out by default.")]
BaseOption = Annotated[Path | None, typer.Option(
    "--base", help="The base snapshot; base in the out folder by default.")]
ProfileOption = Annotated[str | None, typer.Option(
    "--profile", help="azure, auto, or a TOML file; by default the snapshot's, or auto.")]
UriOption = Annotated[str | None, typer.Option(
    "--uri", help="bolt:// or neo4j:// address; the local server by default.")]
UserOption = Annotated[str | None, typer.Option("--user", help="Database user; neo4j by default.")]
PasswordFileOption = Annotated[Path | None, typer.Option(
    "--password-file", help="File with the password; NEO4J_PASSWORD works too.")]
DatabaseOption = Annotated[str | None, typer.Option("--database", help="Database name; neo4j by default.")]
HomeOption = Annotated[Path | None, typer.Option(
    "--home", help="The local server's folder; neo4j in the out folder by default.")]


def clock(text: str | None) -> datetime:
    """Read `--now`, else SOURCE_DATE_EPOCH, else the real clock in UTC, to the second.

    Raises:
        UsageError: The text is not ISO 8601 with a zone, or the variable is not a number of seconds.
    """
    if text is not None:
        try:
            given = datetime.fromisoformat(text)
        except ValueError:
            given = None
        if given is None or given.tzinfo is None:
            raise UsageError(f"--now {text!r} is not a time with a zone", hint="such as 2026-01-31T12:00:00+00:00")
        return given
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch:
        try:
            return datetime.fromtimestamp(int(epoch), UTC)
        except (ValueError, OverflowError, OSError):
            raise UsageError(f"SOURCE_DATE_EPOCH is {epoch!r}", hint="it is a number of seconds since 1970") from None
    return datetime.now(UTC).replace(microsecond=0)
