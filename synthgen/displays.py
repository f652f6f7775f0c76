"""What a command says on stderr: words and, from a stream of events, progress; knows no command and no graph.

Whatever cannot be written any more, because whoever read has gone, is not: the work is not ended for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, get_args

from rich.console import Console

from synthgen.errors import UsageError
from synthgen.events import Event, Phase, Retry, Started, Waiting, as_document
from synthgen.tracking import Tracked, Tracker

Form = Literal["auto", "bar", "plain", "json", "none"]
PLAIN_LINE_SECONDS = 5.0
"""Plain lines: a phase under way, or a wait, is told of at most this often."""
SPANS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
WORTH_TELLING_SECONDS = 1.0


def check_form(text: str) -> Form:
    """Give the form of progress that a text names.

    Raises:
        UsageError: It names none.
    """
    for form in get_args(Form):
        if text == form:
            return form  # type: ignore[no-any-return]  # what `get_args` gives of this Literal
    raise UsageError(f"--progress is {text!r}", hint="give " + ", ".join(get_args(Form)), option="progress", value=text)


class Terminal(Console):
    """Stderr; a pipe that nobody reads any more falls silent."""

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True


class Display:
    """Words only. Is a `synthgen.events.Listener`.

    Args:
        console: Where it writes.
    """

    def __init__(self, console: Console) -> None:
        self.console = console

    def __call__(self, event: Event) -> None:
        """Show an event, where it is shown at all."""

    def say(self, text: str) -> None:
        """Print words for a person."""
        with suppress(OSError):
            self.console.print(text, markup=False, soft_wrap=True)

    def fail(self, kind: str, message: str, hint: str, exit_code: int) -> None:  # noqa: ARG002 - others show all
        """Say how the command failed."""
        self.say(f"error: {message}")
        if hint:
            self.say(f"hint: {hint}")

    def interrupt(self, exit_code: int, hint: str) -> None:  # noqa: ARG002 - likewise
        """Say that the command was interrupted, and the way on, if there is one."""
        self.say("interrupted")
        if hint:
            self.say(f"hint: {hint}")

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lines(Display):
    """A line of words for each phase every few seconds and at its end.

    Args:
        console: Where it writes.
        clock: Gives seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        super().__init__(console)
        self._clock = clock
        self._tracker = Tracker()
        self._said: dict[str, tuple[float, int]] = {}
        self._wait_said = -PLAIN_LINE_SECONDS

    def __call__(self, event: Event) -> None:
        """Print a line if it is time for one."""
        now = self._clock()
        before = self._tracker.view(now)
        tracked = self._tracker.see(event, now)
        match event:
            case Started() if before.work is not None:
                self.say(" ".join(filter(None, (f"{before.work}:", event.work, event.operation_id, "begins"))))
            case Started():
                self._said = {}
            case Phase():
                self._phase(event, tracked, now)
            case Waiting(seconds=seconds) | Retry(trouble="unreachable", delay_s=seconds):
                if (seconds >= WORTH_TELLING_SECONDS or not seconds) and now - self._wait_said >= PLAIN_LINE_SECONDS:
                    self._wait_said = now
                    self.say(waiting_words(tracked))

    def _phase(self, event: Phase, tracked: Tracked, now: float) -> None:
        said_at, done = self._said.get(event.phase, (now, -1))
        if event.done < done:
            said_at = now
        over = event.due > 0 and event.done >= event.due
        if done == event.done if over else now - said_at < PLAIN_LINE_SECONDS:
            self._said[event.phase] = (said_at, event.done)
            return
        self._said[event.phase] = (now, event.done)
        words = [rate_words(tracked), left_words(tracked), retry_words(tracked), waiting_words(tracked)]
        if over:
            took = tracked.elapsed_seconds
            words = [f"took {span(took)}" if took >= WORTH_TELLING_SECONDS else "", retry_words(tracked)]
        counted = f"{event.phase}: {event.done:,}" + (f" of {event.due:,}" if event.due else "")
        self.say(", ".join(filter(None, (counted, *words))))


class JsonLines(Display):
    """One JSON object a line: each event, and what is said beside them.

    Args:
        console: Where it writes.
        clock: Gives seconds.
        now: Gives the time, with zone.
    """

    def __init__(self, console: Console, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        super().__init__(console)
        self._clock = clock
        self._now = now
        self._tracker = Tracker()

    def __call__(self, event: Event) -> None:
        """Print an event as a line; a phase with its rate and remaining time."""
        tracked = self._tracker.see(event, self._clock())
        figures = {}
        if isinstance(event, Phase):
            figures = {"rows_per_second": _rounded(tracked.rows_per_second),
                       "remaining_seconds": _rounded(tracked.remaining_seconds)}
        self._print({**as_document(event), **figures})

    def say(self, text: str) -> None:
        """Print words as the event `said`."""
        self._print({"event": "said", "text": text})

    def fail(self, kind: str, message: str, hint: str, exit_code: int) -> None:
        """Print how the command failed as the event `error`."""
        self._print({"event": "error", "kind": kind, "message": message, "hint": hint, "exit_code": exit_code})

    def interrupt(self, exit_code: int, hint: str) -> None:
        """Print that as the event `error`, too."""
        self.fail("KeyboardInterrupt", "interrupted", hint, exit_code)

    def _print(self, document: dict[str, Any]) -> None:
        line = json.dumps({**document, "at": self._now().isoformat(timespec="milliseconds")}, ensure_ascii=False)
        with suppress(OSError):
            self.console.file.write(line + "\n")
            self.console.file.flush()


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 3)


def span(seconds: float) -> str:
    """Give a time as a person says it: `8 s`, `2 min 5 s`, `3 h 20 min`."""
    whole = round(seconds)
    for large, large_name, small, small_name in SPANS:
        if whole >= large:
            count, rest = divmod(whole, large)
            return f"{count} {large_name}" + (f" {rest // small} {small_name}" if rest // small else "")
    return f"{whole} s"


def rate_words(tracked: Tracked) -> str:
    """Give the rate in rows/s; nothing where other things than rows are counted."""
    if tracked.rows_per_second is None or not tracked.counts_rows:
        return ""
    return f"{tracked.rows_per_second:,.0f} rows/s"


def left_words(tracked: Tracked) -> str:
    """Give the remaining time, if it is known."""
    return "" if tracked.remaining_seconds is None else f"{span(tracked.remaining_seconds)} left"


def retry_words(tracked: Tracked) -> str:
    """Give the number of further tries, if there were any."""
    return f"{tracked.retries:,} retries" if tracked.retries > 1 else "1 retry" if tracked.retries else ""


def waiting_words(tracked: Tracked) -> str:
    """Say what is waited for, if anything is."""
    if tracked.waiting_for is None:
        return ""
    seconds = tracked.waiting_seconds
    return f"waiting for {tracked.waiting_for}" + ("" if seconds is None else f", {span(max(1, seconds))}")
