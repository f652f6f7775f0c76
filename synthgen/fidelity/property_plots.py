"""The report's plots of property values, base and synthetic over each other; knows counted graphs and matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from synthgen.fidelity.columns import Comparison
from synthgen.fidelity.distances import COUNT, DISTANCE, kolmogorov_smirnov, total_variation
from synthgen.fidelity.drawing import BASE_COLOUR, SYNTHETIC_COLOUR, drawn, svg_of
from synthgen.fidelity.measures import Pair

PANELS = 6
VALUES_SHOWN = 8
LONGEST_VALUE = 22
GREATEST = 1e100
"""An axis holds no greater numbers, and none that are not a number."""


@dataclass(frozen=True, slots=True)
class _Panel:
    name: str
    comparison: Comparison
    base: pl.DataFrame
    other: pl.DataFrame
    distance: float


def property_panels(pair: Pair) -> str:
    """Draw the properties of nodes whose values differ most, all kinds together; nothing when there are none."""
    panels = sorted(_panels(pair), key=lambda panel: (-panel.distance, panel.name))[:PANELS]
    if not panels:
        return ""
    rows = (len(panels) + 1) // 2

    def draw(figure: Figure) -> None:
        for axes, panel in zip(figure.subplots(rows, 2, squeeze=False).flat, panels, strict=False):
            axes.set_title(panel.name)
            (_bars if panel.comparison is Comparison.CATEGORY else _curves)(axes, panel)
        for axes in figure.axes[len(panels):]:
            axes.set_axis_off()
        figure.axes[0].legend(loc="lower right")

    return svg_of("values", draw, 7.2, 2.3 * rows, "Values of properties in base and synthetic graph")


def _panels(pair: Pair) -> list[_Panel]:
    found = []
    for key, comparison in pair.base.reading.nodes.comparisons.items():
        if comparison is Comparison.TEXT:
            continue
        each = [one.rows.values.histogram(key, "value") for one in (pair.base, pair.other)]
        base, other = (None if one is None else one.group_by("value").agg(pl.col(COUNT).sum()) for one in each)
        if base is None or other is None or base.is_empty() or other.is_empty():
            continue
        if comparison is Comparison.CATEGORY:
            distance = total_variation(base, other, ())
        else:
            base, other = (one.filter(pl.col("value").abs() < GREATEST) for one in (base, other))
            distance = kolmogorov_smirnov(base, other, (), "value")
        if base.height and other.height:
            found.append(_Panel(key[0], comparison, base, other, float(distance[DISTANCE].item())))
    return found


def _bars(axes: Axes, panel: _Panel) -> None:
    both = panel.base.join(panel.other, on="value", how="full", coalesce=True, suffix="_other")
    both = both.with_columns((pl.col(name).fill_null(0) / pl.col(name).sum()).alias(name)
                             for name in (COUNT, COUNT + "_other"))
    top = both.sort(pl.col(COUNT) + pl.col(COUNT + "_other"), "value", descending=[True, False]).head(VALUES_SHOWN)
    places = np.arange(top.height)
    axes.barh(places - 0.2, top[COUNT] * 100, 0.38, color=BASE_COLOUR, label="base")
    axes.barh(places + 0.2, top[COUNT + "_other"] * 100, 0.38, color=SYNTHETIC_COLOUR, label="synthetic")
    axes.set_yticks(places, [_short(value) for value in top["value"]])
    axes.invert_yaxis()
    axes.set_xlabel("% of values")


def _short(value: str) -> str:
    return drawn(value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE - 1] + "…") or "(empty)"


def _curves(axes: Axes, panel: _Panel) -> None:
    for frame, colour, width, name in ((panel.base, BASE_COLOUR, 4.0, "base"),
                                       (panel.other, SYNTHETIC_COLOUR, 1.4, "synthetic")):
        ordered = frame.sort("value")
        share = ordered[COUNT].cum_sum() / ordered[COUNT].sum()
        axes.plot(ordered["value"].to_numpy(), share.to_numpy(), drawstyle="steps-post", color=colour, linewidth=width,
                  alpha=0.45 if name == "base" else 1.0, label=name)
    axes.set_ylabel("share of values")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=True, color="#e6eaee", linewidth=0.6)
    if panel.comparison is Comparison.TIME:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _day(seconds)))


def _day(seconds: float) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m")
    except OverflowError:
        return ""
