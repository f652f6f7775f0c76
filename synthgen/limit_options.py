"""Options of commands that ask before they do something big, and how they ask on a terminal; knows no graph."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthgen.output import Output

LimitOption = Annotated[list[str] | None, typer.Option(
    "--limit", metavar="NAME=VALUE", help="Another limit than that of the settings, such as max_nodes=80000000, or"
    " max_nodes=none; may be repeated. docs/plan.md lists them.")]
YesOption = Annotated[bool, typer.Option(
    "--yes", "-y", help="Agree to what is above the thresholds for approval, instead of being asked.")]


def asker(output: Output, *, yes: bool) -> Callable[[str], bool] | None:
    """Give what asks whether somebody agrees: `--yes` does, a person on a terminal may; None where there is neither."""
    if yes:
        return lambda _: True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(question: str) -> bool:
        output.close()
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    return ask
