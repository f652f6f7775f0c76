"""Progress as bars on a terminal, with rate, remaining time and what is waited for; knows no command and no graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from synthgen.displays import Display, left_words, rate_words, retry_words, span, waiting_words
from synthgen.events import Event, Phase, Started
from synthgen.tracking import Tracked, Tracker

Say = Callable[[Tracked], str]


class Bars(Display):
    """A bar for each phase, and below them how the work goes.

    Args:
        console: The terminal.
        clock: Gives seconds.
        refresh: Whether to draw again and again by itself; else only what `close` leaves is drawn.
    """

    def __init__(self, console: Console, clock: Callable[[], float], *, refresh: bool = True) -> None:
        super().__init__(console)
        self._clock = clock
        self._refresh = refresh
        self._tracker = Tracker()
        self._table: _Table | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        """Take note of an event; a phase that is new gets a bar."""
        now = self._clock()
        before = self._tracker.view(now)
        if isinstance(event, Started) and before.work is None:
            self.close()
        self._tracker.see(event, now)
        match event:
            case Started() if before.work is not None:
                self.say(" ".join(filter(None, (f"{before.work}:", event.work, event.operation_id, "begins"))))
            case Phase():
                with suppress(OSError):
                    self._show(event)

    def close(self) -> None:
        """Leave the bars as they stand."""
        if self._table is not None:
            with suppress(OSError):
                self._table.stop()
            self._table = None
            self._tasks = {}

    def _show(self, event: Phase) -> None:
        if self._table is None:
            self._table = _Table(self.console, self._view, refresh=self._refresh)
            self._table.start()
        if event.phase not in self._tasks:
            self._tasks[event.phase] = self._table.add_task(event.phase, total=event.due or None)
        self._table.update(self._tasks[event.phase], completed=event.done, total=event.due or None)

    def _view(self, phase: str | None = None) -> Tracked:
        return self._tracker.view(self._clock(), phase)


class _Told(ProgressColumn):
    """Words about the phase of a bar."""

    def __init__(self, view: Callable[[str], Tracked], say: Say, *, style: str = "") -> None:
        super().__init__()
        self._view = view
        self._say = say
        self._style = style

    def render(self, task: Task) -> Text:
        return Text(self._say(self._view(task.description)), style=self._style, justify="right", no_wrap=True)


class _Table(Progress):
    """The bars, and a line below them."""

    def __init__(self, console: Console, view: Callable[[str | None], Tracked], *, refresh: bool) -> None:
        self._view = view
        super().__init__(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), _Told(view, _counts),
            _Told(view, rate_words, style="cyan"), _Told(view, _time), console=console, auto_refresh=refresh)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Give what is drawn."""
        yield self.make_tasks_table(self.tasks)
        words = _below(self._view(None))
        if words:
            yield Text(words, style="yellow")


def _counts(tracked: Tracked) -> str:
    return f"{tracked.done:,}" + (f"/{tracked.due:,}" if tracked.due else "")


def _time(tracked: Tracked) -> str:
    if tracked.due and tracked.done >= tracked.due:
        return ""
    return left_words(tracked) or span(tracked.elapsed_seconds)


def _below(tracked: Tracked) -> str:
    setting = "" if tracked.batch_rows is None else (
        f"batches of {tracked.batch_rows:,} rows, {tracked.writers} at once")
    return " · ".join(filter(None, (waiting_words(tracked), retry_words(tracked), setting)))
