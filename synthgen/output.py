"""How a command talks: data to stdout, words and progress to stderr; knows nothing of graphs or databases."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from synthgen.config import setting
from synthgen.errors import SynthError, UsageError
from synthgen.events import Event, Phase, Stream
from synthgen.interrupts import gentle_interrupts

INTERRUPTED = 130
PLAIN_LINE_SECONDS = 5.0
"""Off a terminal, a phase under way prints a line at most this often."""


class Output:
    """Where one command's words go.

    Args:
        as_json: Whether stdout gets one JSON document instead of text.

    Attributes:
        events: The stream that is shown.
    """

    # There is one terminal: whoever ends the command takes the bars off it, also when another put them there.
    _bars: ClassVar[Bars | None] = None

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._console = Console(stderr=True, highlight=False)
        self._tasks: dict[str, TaskID] = {}
        self._said_at: dict[str, float] = {}
        self._finished: set[str] = set()
        self.events = Stream(self._see)

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
        self._console.print(text, markup=False, soft_wrap=True)

    def progress(self, phase: str, done: int, due: int) -> None:
        """Show progress: bars on a terminal, plain lines elsewhere. Is a `synthgen.progress.Progress`."""
        if self._console.is_terminal:
            self._show_bar(phase, done, due)
        else:
            self._print_line(phase, done, due)

    def _see(self, event: Event) -> None:
        if isinstance(event, Phase):
            self.progress(event.phase, event.done, event.due)

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
        self.say(f"error: {error.message}")
        if error.hint:
            self.say(f"hint: {error.hint}")
        if self.as_json:
            self.result({"error": {"kind": type(error).__name__, "message": error.message, "hint": error.hint,
                                   "exit_code": error.exit_code, **error.facts}}, "")

    def close(self) -> None:
        """Take the bars off the terminal."""
        if Output._bars is not None:
            Output._bars.stop()
            Output._bars = None
            self._tasks.clear()

    def _show_bar(self, phase: str, done: int, due: int) -> None:
        if Output._bars is None:
            self._tasks.clear()
            Output._bars = Bars(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                                TimeElapsedColumn(), console=self._console)
            Output._bars.start()
        if phase not in self._tasks:
            self._tasks[phase] = Output._bars.add_task(phase, total=due or None)
        Output._bars.update(self._tasks[phase], completed=done, total=due or None)

    def _print_line(self, phase: str, done: int, due: int) -> None:
        now = time.monotonic()
        said_at = self._said_at.setdefault(phase, now)
        finished = due > 0 and done >= due
        if finished and phase not in self._finished:
            self._finished.add(phase)
        elif finished or now - said_at < PLAIN_LINE_SECONDS:
            return
        self._said_at[phase] = now
        self.say(f"{phase}: {done:,}" + (f" of {due:,}" if due else ""))


def run_cli(app: Callable[..., Any]) -> None:
    """Run a typer app as a console script; the one place where errors become words and exit codes."""
    output = Output(as_json="--json" in sys.argv[1:])
    try:
        with gentle_interrupts():
            code = _run(app)
        sys.exit(code)
    except SynthError as error:
        output.failure(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        output.close()
        output.say("interrupted")
        sys.exit(INTERRUPTED)


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
