"""Records as a picture: times and database hits of each query; knows matplotlib, no server."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from importer.queries.record import QueryRecord, Record
from synthgen.errors import UsageError
from synthgen.fidelity.drawing import BASE_COLOUR, SYNTHETIC_COLOUR, drawn, styled
from synthgen.files import write_bytes

_COLOURS = (BASE_COLOUR, SYNTHETIC_COLOUR, "#3a8f5c", "#a63d57", "#7257a3", "#8c6d31")
_DOTS_PER_INCH = 150


def draw_records(records: Sequence[Record], path: Path) -> None:
    """Draw records, oldest first, into a file: p50 as bars with a line to p95, and database hits, on logarithmic axes.

    Args:
        records: One or more.
        path: A file that ends in .png or .svg; an older one is replaced.

    Raises:
        UsageError: It cannot be written.
    """
    names = list(dict.fromkeys(query.name for record in records for query in record.queries
                               if query.milliseconds is not None))
    stream = io.BytesIO()
    with styled():
        figure = Figure(figsize=(9.6, 1.4 + (0.12 + 0.16 * len(records)) * max(len(names), 1)))
        left, right = figure.subplots(1, 2, sharey=True)
        _bars(left, records, names, _p50)
        _bars(right, records, names, _hits)
        left.set_yticks(range(len(names)), [drawn(name) for name in names])
        left.invert_yaxis()
        left.set_xlabel("milliseconds: p50, with a line to p95")
        right.set_xlabel("database hits")
        figure.legend(handles=[Patch(color=_colour(number), label=f"{drawn(record.name)}: {record.nodes:,} nodes")
                               for number, record in enumerate(records)],
                      loc="outside upper center", ncols=min(len(records), 3))
        figure.savefig(stream, format=path.suffix[1:].lower(), dpi=_DOTS_PER_INCH,
                       metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    try:
        write_bytes(path, stream.getvalue())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}",
                         hint="name a file in a folder that is there") from error


def check_plot(path: Path) -> None:
    """Refuse a file that cannot be drawn into, before anything is measured.

    Raises:
        UsageError: Its name ends neither in .png nor in .svg, or its folder is not there.
    """
    if path.suffix.lower() not in {".png", ".svg"}:
        raise UsageError(f"--plot {path} ends neither in .png nor in .svg", hint="name such a file")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--plot {path}: its folder is not there", hint="make the folder first")


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _p50(query: QueryRecord) -> tuple[float, float] | None:
    times = query.milliseconds
    return None if times is None else (times.p50, times.p95)


def _hits(query: QueryRecord) -> tuple[float, float] | None:
    return None if query.db_hits is None else (query.db_hits, query.db_hits)


def _bars(
    axes: Axes, records: Sequence[Record], names: Sequence[str],
    value: Callable[[QueryRecord], tuple[float, float] | None],
) -> None:
    height = 0.8 / len(records)
    for number, record in enumerate(records):
        found = {query.name: pair for query in record.queries if (pair := value(query)) is not None}
        shown = [(place, *found[name]) for place, name in enumerate(names) if name in found]
        places = [place - 0.4 + height * (number + 0.5) for place, _, _ in shown]
        axes.barh(places, [low for _, low, _ in shown], height * 0.9, color=_colour(number),
                  xerr=[[0.0] * len(shown), [high - low for _, low, high in shown]],
                  error_kw={"elinewidth": 0.8, "ecolor": "#333b44"})
    # Hits may be 0, which has no place on a logarithmic axis.
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(left=0)
