"""How a command talks: data to stdout, words and progress to stderr; knows nothing of graphs or databases."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from synthgen.bars import Bars
from synthgen.config import setting
from synthgen.displays import Display, JsonLines, Lines, Terminal, check_form
from synthgen.errors import SynthError, UsageError
from synthgen.events import Stream
from synthgen.interrupts import gentle_interrupts

INTERRUPTED = 130


class Output:
    """Where one command's words go.

    Args:
        as_json: Whether stdout gets one JSON document instead of text.
        progress: How progress is told: `auto`, `bar`, `plain`, `json` or `none`; as the settings say when None.

    Attributes:
        events: The stream that is shown.

    Raises:
        UsageError: `progress`, or what the settings say of it, is none of these.
    """

    # Whoever ends the command says so in the form that the command was asked for.
    latest: ClassVar[Output | None] = None

    def __init__(self, *, as_json: bool = False, progress: str | None = None) -> None:
        self.as_json = as_json
        self._display = make_display(setting("progress", progress) or "auto")
        self._notes = ""
        self.events = Stream(self._display)
        Output.latest = self

    def measured(self, flag: Path | None) -> Self:
        """Have what the work costs added to the text file that the flag or a setting names, if one does.

        Raises:
            UsageError: There can be no such file.
        """
        named = setting("metrics_textfile", flag)
        if named is not None:
            from synthgen.metrics import TextFile  # noqa: PLC0415 - few want it, and its library takes a while

            self.events = Stream(self.events, TextFile(Path(named)))
        return self

    def say(self, text: str) -> None:
        """Print words for a person, to stderr."""
        self._display.say(text)

    def result(self, document: dict[str, Any], text: str) -> None:
        """End the command with its data: `document` as JSON or `text`, to stdout."""
        self.close()
        if self.as_json:
            text = json.dumps(document, indent=2, default=str, ensure_ascii=False)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def failure(self, error: SynthError) -> None:
        """Say an error and its way out to stderr; with `--json` also as the document on stdout."""
        self.close()
        kind = type(error).__name__
        self._display.fail(kind, error.message, error.hint, error.exit_code)
        if self.as_json:
            self.result({"error": {"kind": kind, "message": error.message, "hint": error.hint,
                                   "exit_code": error.exit_code, **error.facts}}, "")

    @contextmanager
    def heeding_notes(self) -> Iterator[None]:
        """Let notes of an interrupt that comes in the block be said with it: Typer loses the exception itself."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            self._notes = "; ".join(getattr(interrupt, "__notes__", ()))
            raise

    def interrupted(self) -> None:
        """Say that the command was interrupted, and the way on, if there is one."""
        self.close()
        self._display.interrupt(INTERRUPTED, self._notes)

    def close(self) -> None:
        """Take the bars off the terminal."""
        self._display.close()


def make_display(form: str) -> Display:
    """Make what tells progress on stderr in a form.

    Raises:
        UsageError: There is no such form.
    """
    checked = check_form(form)
    console = Terminal(stderr=True, highlight=False, force_terminal=True if checked == "bar" else None)
    if checked == "auto":
        checked = "bar" if console.is_terminal and not console.is_dumb_terminal else "plain"
    match checked:
        case "bar":
            return Bars(console, time.monotonic)
        case "plain":
            return Lines(console, time.monotonic)
        case "json":
            return JsonLines(console, time.monotonic, lambda: datetime.now(UTC))
        case _:
            return Display(console)


def run_cli(app: Callable[..., Any]) -> None:
    """Run a typer app as a console script; the one place where errors become words and exit codes."""
    Output.latest = None
    try:
        with gentle_interrupts():
            code = _run(app)
        sys.exit(code)
    except SynthError as error:
        (Output.latest or _unasked()).failure(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        (Output.latest or _unasked()).interrupted()
        sys.exit(INTERRUPTED)


def _unasked() -> Output:
    """Make what speaks when no command got so far."""
    return Output(as_json="--json" in sys.argv[1:], progress="plain")


def _run(app: Callable[..., Any]) -> int:
    """Run the app and give its exit code; what Typer finds wrong with the call is a usage error like any other."""
    try:
        code = app(standalone_mode=False)
    except Exception as error:
        # Typer does not export the base class of its errors; these two attributes are what makes one.
        exit_code, describe = getattr(error, "exit_code", None), getattr(error, "format_message", None)
        if not isinstance(exit_code, int) or describe is None:
            raise
        if not describe():  # help was shown instead
            return exit_code
        command = getattr(getattr(error, "ctx", None), "command_path", Path(sys.argv[0]).name)
        raise UsageError(describe(), hint=f"`{command} --help` says what it takes") from error
    if code == INTERRUPTED:  # Typer's own way of saying so
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0
