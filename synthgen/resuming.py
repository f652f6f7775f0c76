"""Goes on with what a generate left unfinished; knows no terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synthgen.admission import Generated, recorded
from synthgen.bundle.making import make_here
from synthgen.bundle.read import open_bundle, operations_folder
from synthgen.bundle.unfinished import Unfinished, discard, find_unfinished
from synthgen.bundle.write import Engine
from synthgen.events import QUIET, Stream
from synthgen.generate import prepare_again
from synthgen.recipe import recipe_from
from synthgen.work import working


def resume_generate(
    out: Path, operation_id: str | None = None, *, now: Callable[[], str], engine: Engine = make_here,
    events: Stream = QUIET,
) -> Generated:
    """Make the parts that are missing of an operation whose generating was stopped.

    Limits were asked when it was begun, and are not asked again.

    Args:
        out: The out folder.
        operation_id: Which one; the only one there is when None.
        now: Gives the time, ISO 8601 in UTC.
        engine: Makes the parts.
        events: Told how far it is.

    Raises:
        UsageError: None is unfinished, or more than one and none is named.
        LockedError: Another run is at work on it.
        SynthError: As `synthgen.generate.generate`; or base, files or program are not what they were.
    """
    unfinished = find_unfinished(out, operation_id)
    final = operations_folder(out) / unfinished.operation_id
    if final.exists():  # what was stopped was the clearing up
        discard(unfinished)
        return Generated(open_bundle(final), None)
    recipe = recipe_from(unfinished.request().get("recipe"))
    with working(events, "generate", unfinished.operation_id) as work:
        prepared = prepare_again(recipe, work.events.progress)
        bundle = prepared.write(out, work, engine, _files(unfinished))
        cost = work.performance
    return recorded(bundle, prepared, out, seconds=cost.seconds, peak_bytes=cost.client_peak_bytes, at=now(),
                    resumed=True)


def _files(unfinished: Unfinished) -> str | None:
    """Give the URL that an operation's files go to a folder under."""
    return None if unfinished.files_at is None else unfinished.files_at.removesuffix(f"/{unfinished.operation_id}")
