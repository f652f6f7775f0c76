"""Each display, event by event: golden lines, a terminal, JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from synthgen.bars import Bars
from synthgen.displays import Display, JsonLines, Lines, Terminal, span
from synthgen.errors import LoadFailedError, UsageError
from synthgen.events import Batch, Finished, Phase, Retry, Scaled, Started, Waiting, as_document
from synthgen.monitor import PerformanceMonitor
from synthgen.output import Output, make_display

ID = "scale-20260131T120000-0123abcd"
COST = PerformanceMonitor("load").performance
LOAD = [
    (0, Started("load", ID, "online")),
    (0, Phase("checking files", 0, 2)), (0, Phase("checking files", 2, 2)),
    (1, Phase("nodes", 500, 10_500)), (2, Batch("nodes", 1_000, 0.9)), (2, Phase("nodes", 1_500, 10_500)),
    (3, Phase("nodes", 2_500, 10_500)), (4, Phase("nodes", 3_500, 10_500)), (5, Phase("nodes", 4_500, 10_500)),
    (6, Phase("nodes", 5_500, 10_500)), (6, Scaled(1_500, 3, "1,000 rows/s: is there more?")),
    (7, Retry("unreachable", 1_000, 4.0, "no route")), (8, Retry("unreachable", 1_000, 4.0, "no route")),
    (9, Waiting("the rate limit", 0.2)),
    (12, Batch("nodes", 1_000, 0.5, 1)), (12, Phase("nodes", 6_500, 10_500)), (13, Phase("nodes", 10_500, 10_500)),
    (14, Started("rollback", ID)), (14, Phase("deleting", 0, 100)), (15, Waiting("another run's transactions", 0)),
    (16, Finished("rollback", ID, None, "done", 2.0, COST)),
    (16, Finished("load", ID, "online", "failed", 16.0, COST, "disk full")),
]


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self):
        """Give the time."""
        return self.now


def run(display, clock, events):
    """Show events at their times."""
    for now, event in events:
        clock.now = float(now)
        display(event)


def console(**options):
    """A console into a string."""
    return Console(file=io.StringIO(), width=100, color_system=None, **options)


def test_plain_lines_are_few_and_say_rate_and_rest():
    """A phase speaks every five seconds and at its end, a wait when it begins, an undoing when it begins."""
    clock, screen = Clock(), console()
    display = Lines(screen, clock)
    run(display, clock, LOAD)
    display.say("note: [bold]no markup[/bold]")
    assert screen.file.getvalue().splitlines() == [
        "checking files: 2 of 2",
        "nodes: 5,500 of 10,500, 1,000 rows/s, 5 s left",
        "waiting for the database, 4 s",
        "nodes: 6,500 of 10,500, 436 rows/s, 9 s left, 2 retries",
        "nodes: 10,500 of 10,500, took 12 s, 2 retries",
        f"load: rollback {ID} begins",
        "waiting for another run's transactions",
        "note: [bold]no markup[/bold]",
    ]


def test_a_phase_that_comes_again_ends_again():
    """The database is read before and after a load: each time has its last line, none twice."""
    clock, screen = Clock(), console()
    again = [(0, Phase("reading nodes", 0, 5)), (0, Phase("reading nodes", 5, 5)), (0, Phase("reading nodes", 5, 5))]
    run(Lines(screen, clock), clock, [*again, *again])
    assert screen.file.getvalue().splitlines() == ["reading nodes: 5 of 5"] * 2


def test_bars_show_counts_rate_rest_and_what_is_waited_for():
    """On a terminal: a bar for each phase; below them waits, retries and the setting."""
    clock, screen = Clock(), console(force_terminal=True)
    display = Bars(screen, clock, refresh=False)
    run(display, clock, LOAD[:12])
    display.close()
    last = screen.file.getvalue().rpartition("\x1b[2K")[2]
    assert [" ".join(line.replace("━", "").replace("╸", "").split()) for line in last.splitlines()][:3] == [
        "checking files 2/2",
        "nodes 5,500/10,500 1,000 rows/s 4 s left",
        "waiting for the database, 4 s · 1 retry · batches of 1,500 rows, 3 at once",
    ]


def test_bars_of_one_work_are_left_when_the_next_begins():
    """A service that exports, generates and loads shows one table after the other; within a load there is only one."""
    clock, screen = Clock(), console(force_terminal=True)
    display = Bars(screen, clock, refresh=False)
    run(display, clock, [*LOAD, (17, Started("validate", ID)), (17, Phase("reading nodes", 3, 3))])
    display.close()
    text = screen.file.getvalue()
    assert f"load: rollback {ID} begins" in text
    left, _, drawn = text.rpartition("\x1b[?25l")  # the cursor is hidden when a table begins
    assert "checking files" in left
    assert "reading nodes" in drawn
    assert "checking files" not in drawn


def test_json_lines_are_the_events():
    """One object a line: the event's attributes, when it was, and for a phase how fast it goes."""
    clock, screen = Clock(), console()
    display = JsonLines(screen, clock, lambda: datetime.fromtimestamp(clock.now, UTC))
    run(display, clock, LOAD)
    display.say("note: b\nc")
    display.fail("LoadFailedError", "disk full", "free some", 1)
    display.interrupt(130, "go on")
    *events, said, failed, interrupted = map(json.loads, screen.file.getvalue().splitlines())
    for line, (now, event) in zip(events, LOAD, strict=True):
        figures = {"rows_per_second": line.get("rows_per_second"), "remaining_seconds": line.get("remaining_seconds")}
        at = {"at": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")}
        assert line == {**as_document(event), **at, **(figures if isinstance(event, Phase) else {})}
    assert [(line["rows_per_second"], line["remaining_seconds"]) for line in events[5:7]] == [(1000, 9), (1000, 8)]
    assert said == {"event": "said", "text": "note: b\nc", "at": "1970-01-01T00:00:16.000+00:00"}
    assert (failed["event"], failed["message"], failed["exit_code"]) == ("error", "disk full", 1)
    assert (interrupted["kind"], interrupted["hint"], interrupted["exit_code"]) == ("KeyboardInterrupt", "go on", 130)


def test_none_says_only_words():
    """No event is shown; what went wrong is."""
    screen = console(force_terminal=True)
    display = Display(screen)
    run(display, Clock(), LOAD)
    assert screen.file.getvalue() == ""
    display.fail("LoadFailedError", "disk full", "free some", 1)
    assert screen.file.getvalue().splitlines() == ["error: disk full", "hint: free some"]


class Gone(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text):
        """Fail."""
        raise BrokenPipeError


@pytest.mark.parametrize("make", [
    Lines, lambda screen, clock: Bars(screen, clock, refresh=False),
    lambda screen, clock: JsonLines(screen, clock, lambda: datetime.now(UTC)), lambda screen, _: Display(screen),
], ids=["plain", "bar", "json", "none"])
def test_a_reader_that_went_away_ends_no_work(make):
    """`importer load --progress json 2>&1 | head -1`: the load goes on."""
    clock = Clock()
    display = make(Terminal(file=Gone(), force_terminal=True), clock)
    run(display, clock, LOAD)
    display.say("a note")
    display.close()


@pytest.mark.parametrize(("form", "terminal", "kind"), [
    ("auto", True, Bars), ("auto", False, Lines), ("bar", False, Bars), ("plain", True, Lines),
    ("json", True, JsonLines), ("none", True, Display)], ids=str)
def test_the_form_that_was_asked_for(form, terminal, kind, monkeypatch):
    """`auto` looks at stderr, the others do not."""
    monkeypatch.setattr(Terminal, "is_terminal", property(lambda _: terminal))
    monkeypatch.setattr(Terminal, "is_dumb_terminal", property(lambda _: False))
    assert type(make_display(form)) is kind


def test_a_dumb_terminal_gets_lines(monkeypatch):
    """Where the cursor cannot move there are no bars."""
    monkeypatch.setattr(Terminal, "is_terminal", property(lambda _: True))
    monkeypatch.setattr(Terminal, "is_dumb_terminal", property(lambda _: True))
    assert type(make_display("auto")) is Lines


def test_flag_before_environment(monkeypatch):
    """SYNTHGEN_PROGRESS is what --progress is not given for; what means nothing is a usage error."""
    monkeypatch.setenv("SYNTHGEN_PROGRESS", "json")
    assert isinstance(Output()._display, JsonLines)
    assert isinstance(Output(progress="plain")._display, Lines)
    monkeypatch.setenv("SYNTHGEN_PROGRESS", "loud")
    with pytest.raises(UsageError) as wrong:
        Output()
    assert "auto, bar, plain, json, none" in wrong.value.hint


def test_a_failure_has_the_commands_form(capsys):
    """With --progress json the error is an object on stderr, with --json one on stdout."""
    Output(as_json=True, progress="json").failure(LoadFailedError("disk full", hint="free some", left=3))
    said = capsys.readouterr()
    assert json.loads(said.err)["message"] == "disk full"
    assert json.loads(said.out)["error"]["left"] == 3


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (125, "2 min 5 s"), (3_600, "1 h"),
    (12_000, "3 h 20 min"), (86_400 * 2 + 3_700, "2 d 1 h")], ids=str)
def test_spans(seconds, text):
    """Two units at most."""
    assert span(seconds) == text
