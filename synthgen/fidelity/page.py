"""Writes the fidelity report as one HTML page that needs nothing else; knows no measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from synthgen.errors import SynthError
from synthgen.fidelity.judgement import Judged, Status
from synthgen.fidelity.report import Report
from synthgen.files import write_text

_ORDER = (Status.MISSED, Status.NOISE, Status.MET, Status.CHANGED, Status.SHOWN, Status.EMPTY)
_MARKS = {Status.MISSED: "missed", Status.NOISE: "noise", Status.MET: "met", Status.CHANGED: "changed",
          Status.SHOWN: "shown", Status.EMPTY: "shown"}


def page_of(report: Report) -> str:
    """Give the page; the same report gives the same bytes."""
    # Matplotlib takes a second to import, and only a page needs it.
    from synthgen.fidelity.plots import all_plots  # noqa: PLC0415

    environment = Environment(loader=PackageLoader("synthgen.fidelity"), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(figure=_figure, percent=_percent, mark=_MARKS.__getitem__, compact=_compact)
    plots = {name: Markup(svg) for name, svg in all_plots(report.pair).items()}  # noqa: S704 - matplotlib escapes texts
    return environment.get_template("page.html").render(
        report=report, document=report.as_document(), plots=plots, manifest=report.bundle.manifest,
        headlines=[one for one in report.judged if one.target is not None],
        measures=sorted(report.judged, key=_worst_first), Status=Status)


def _worst_first(one: Judged) -> tuple[int, float]:
    score = one.measurement.outcome.score
    reach = one.threshold if one.threshold is not None else 1.0
    return _ORDER.index(one.status), (score if score is not None else 1.0) - reach


def _figure(value: float | None) -> str:
    """Cut a score to four digits: what misses a target must not look as if it met it."""
    return "–" if value is None else f"{int(value * 10_000) / 10_000:.4f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{int(value * 1000) / 10:.1f} %"


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def write_page(report: Report, path: Path) -> None:
    """Write the page to a file; it appears whole, in place of an older one.

    Raises:
        SynthError: It cannot be written there.
    """
    text = page_of(report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise SynthError(f"{path} cannot be written: {error.strerror or error}",
                         hint="choose another file with --out", path=str(path)) from error
