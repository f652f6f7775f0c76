"""Options that several commands share, and how their texts are read; knows no graph and no server."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

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
MetricsOption = Annotated[Path | None, typer.Option(
    "--metrics-textfile", metavar="FILE",
    help="Add what this run costs to a text file for Prometheus; SYNTHGEN_METRICS_TEXTFILE works too.")]

ProgressOption = Annotated[str | None, typer.Option(
    "--progress", metavar="auto|bar|plain|json|none", help="How progress is told on stderr: bars on a terminal, else"
    " plain lines (auto), one JSON object a line, or not at all.")]

AddressFinder = Callable[[], Any]
"""Finds the `synthgen.database.Address` that a command's options mean; see `names_database`."""

DATABASE_OPTIONS = {"uri": UriOption, "user": UserOption, "password_file": PasswordFileOption,
                    "database": DatabaseOption, "home": HomeOption}


def names_database(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a database, in the place of its parameter `find`, which finds it."""
    def make_finder(named: dict[str, Any], out: Path | None) -> AddressFinder:
        from synthgen.database import find_address  # noqa: PLC0415 - a command that only says --help needs no driver

        return functools.partial(find_address, **named, out=out)

    return with_finder(command, DATABASE_OPTIONS, make_finder)


def with_finder(
    command: Callable[..., None], options: Mapping[str, Any],
    make_finder: Callable[[dict[str, Any], Path | None], Any],
) -> Callable[..., None]:
    """Give a command further options in the place of its parameter `find`.

    Args:
        command: The command.
        options: The options by name.
        make_finder: Makes what is given as `find`, of the values of these options and the out folder.
    """
    signature = inspect.signature(command, eval_str=True)
    # `--out` of an export is where the snapshot goes, not the folder that the local server lives in.
    shares_out = "out" in signature.parameters and signature.parameters["out"].annotation == OutOption
    added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
             for name, annotation in options.items()]
    return in_place_of(command, "find", added, lambda named, given: make_finder(
        named, given["out"] if shares_out else None))


def in_place_of(
    command: Callable[..., None], place: str, added: Sequence[inspect.Parameter],
    make: Callable[[dict[str, Any], Mapping[str, Any]], Any],
) -> Callable[..., None]:
    """Give a command further parameters in the place of a keyword-only one.

    Args:
        command: The command.
        place: The parameter's name.
        added: The keyword-only parameters that it gets instead.
        make: Makes what is given in that place, of the values of these and of the command's other parameters.
    """
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())
    at = list(signature.parameters).index(place)

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        named = {one.name: given.pop(one.name) for one in added}
        command(**given, **{place: make(named, given)})

    with_options.__signature__ = signature.replace(  # type: ignore[attr-defined]  # functions may have one
        parameters=[*own[:at], *added, *own[at + 1:]])
    return with_options


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


def real_time() -> str:
    """Give the real clock in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
