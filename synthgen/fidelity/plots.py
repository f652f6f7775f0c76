"""The report's plots: what lies over what, base and synthetic; knows counted graphs and matplotlib, no page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, MultipleLocator, NullLocator

from synthgen.fidelity.counted import Counted
from synthgen.fidelity.degrees import degree_histograms
from synthgen.fidelity.distances import COUNT
from synthgen.fidelity.drawing import BASE_COLOUR, SYNTHETIC_COLOUR, drawn, svg_of
from synthgen.fidelity.measures import Pair
from synthgen.fidelity.neighbourhoods import Neighbourhood, middle_kind, neighbourhood
from synthgen.fidelity.property_plots import property_panels

TYPES_SHOWN = 20
CELLS_SHOWN = 16
PANELS = 4
FEW_DEGREES = 10
"""An axis of so few degrees has a mark at each."""
LONGEST_NAME = 34
_PALETTE = ("#1f5fa8", "#d9730d", "#3a8f5c", "#a63d57", "#7257a3", "#8c6d31", "#2596a8", "#c45fa0", "#6b7785",
            "#b5a000")
_SHARED_COLOUR = "#c9d1d9"


def short(name: str) -> str:
    """Shorten a kind's name to what tells it apart: the end of `Microsoft.Network/virtualNetworks`."""
    text = name.split("/", 1)[1] if "/" in name else name
    return drawn(text if len(text) <= LONGEST_NAME else "…" + text[-LONGEST_NAME + 1:])


def all_plots(pair: Pair) -> dict[str, str]:
    """Draw every plot: name → `<svg>` element."""
    return {
        "types": type_bars(pair), "degrees": degree_curves(pair), "patterns": pattern_maps(pair),
        "neighbourhoods": neighbourhood_drawings(pair), "values": property_panels(pair),
    }


def type_bars(pair: Pair) -> str:
    """Draw the shares of the most frequent kinds of both graphs as pairs of bars."""
    both = _shares(pair.base.kinds, "kind").join(_shares(pair.other.kinds, "kind"), on="kind", how="full",
                                                 coalesce=True, suffix="_other")
    both = both.with_columns(pl.col("share", "share_other").fill_null(0.0))
    top = both.sort(pl.col("share") + pl.col("share_other"), "kind", descending=[True, False]).head(TYPES_SHOWN)
    names = [short(pair.kind(code)) for code in top["kind"]]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(len(names))
        axes.barh(places - 0.2, top["share"] * 100, 0.38, color=BASE_COLOUR, label="base")
        axes.barh(places + 0.2, top["share_other"] * 100, 0.38, color=SYNTHETIC_COLOUR, label="synthetic")
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlabel("% of nodes")
        axes.legend(loc="lower right")

    return svg_of("types", draw, 7.2, 1.0 + 0.26 * len(names), "Shares of node types in base and synthetic graph")


def _shares(histogram: pl.DataFrame, key: str) -> pl.DataFrame:
    return histogram.select(key, (pl.col(COUNT) / pl.col(COUNT).sum()).alias("share"))


def degree_curves(pair: Pair) -> str:
    """Draw which share of nodes has at least so many relationships: of all nodes, and of the busiest groups."""
    base, other = degree_histograms(pair)
    keys = ("kind", "type", "direction")
    spread = base.group_by(keys).agg(pl.col("degree").max(), (pl.col("degree") * pl.col(COUNT)).sum().alias("ties"))
    groups = spread.filter(pl.col("degree") > 1).sort("ties", *keys, descending=[True, False, False, False])
    panels = [("all relationships of a node", _total(pair.base), _total(pair.other))]
    for row in groups.head(PANELS - 1).iter_rows(named=True):
        chosen = [pl.col(key) == row[key] for key in keys]
        title = f"{short(pair.kind(row['kind']))}, {drawn(pair.type(row['type']))} {row['direction']}"
        panels.append((title, _at_least(base.filter(chosen)), _at_least(other.filter(chosen))))

    def draw(figure: Figure) -> None:
        rows = (len(panels) + 1) // 2
        for axes, (title, one, two) in zip(figure.subplots(rows, 2, squeeze=False).flat, panels, strict=False):
            _curve(axes, title, one, two)
        for axes in figure.axes[len(panels):]:
            axes.set_axis_off()
        if panels[0][1][0].size:
            figure.axes[0].legend(loc="lower left")

    return svg_of("degrees", draw, 7.2, 2.7 * ((len(panels) + 1) // 2), "Degree distributions on logarithmic axes")


Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _total(counted: Counted) -> Curve:
    degree = counted.degree[counted.graph.own]
    found, counts = np.unique(degree, return_counts=True)
    return _at_least(pl.DataFrame({"degree": found, COUNT: counts}))


def _at_least(histogram: pl.DataFrame) -> Curve:
    ordered = histogram.sort("degree")
    counts = ordered[COUNT].to_numpy().astype(np.float64)
    share = counts[::-1].cumsum()[::-1] / max(counts.sum(), 1.0)
    degree = ordered["degree"].to_numpy().astype(np.float64)
    return degree[degree > 0], share[degree > 0]


def _curve(axes: Axes, title: str, base: Curve, other: Curve) -> None:
    axes.set_title(title)
    greatest = max(float(degrees.max(initial=0.0)) for degrees, _ in (base, other))
    if not greatest:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no relationships", ha="center", transform=axes.transAxes)
        return
    # The base is a broad line below, so that both are seen where they are the same.
    axes.plot(*base, drawstyle="steps-pre", color=BASE_COLOUR, linewidth=4, alpha=0.45, label="base")
    axes.plot(*other, drawstyle="steps-pre", color=SYNTHETIC_COLOUR, linewidth=1.4, marker="o", markersize=3,
              label="synthetic")
    least = min(float(shares.min(initial=1.0)) for _, shares in (base, other))
    axes.set(xscale="log", yscale="log", xlim=(0.9, greatest * 1.2), ylim=(min(least / 1.5, 0.08), 1.3))
    if greatest < FEW_DEGREES:
        axes.xaxis.set_major_locator(MultipleLocator(1))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FormatStrFormatter("%d"))
    axes.set_xlabel("relationships, at least")
    axes.set_ylabel("share of nodes")
    axes.grid(visible=True, color="#e6eaee", linewidth=0.6)


def pattern_maps(pair: Pair) -> str:
    """Draw which share of the relationships goes from which kind to which, a map for each graph; none without any."""
    ends = [frame.group_by("start", "end").agg(pl.col(COUNT).sum()) for frame in (pair.base.patterns,
                                                                                  pair.other.patterns)]
    starts, stops = (_most(ends, side) for side in ("start", "end"))
    if not starts:
        return ""
    maps = [_map(frame, starts, stops) for frame in ends]
    least = min((float(one[one > 0].min()) for one in maps if (one > 0).any()), default=1e-3)

    def draw(figure: Figure) -> None:
        pictures = figure.subplots(1, 2, sharey=True)
        for axes, title, one in zip(pictures, ("base", "synthetic"), maps, strict=True):
            image = axes.imshow(np.where(one > 0, one, np.nan), norm=LogNorm(least * 0.999, 1.0), cmap="viridis_r",
                                aspect="auto", interpolation="nearest")
            axes.set_title(title)
            axes.set_xticks(range(len(stops)), [short(pair.kind(code)) for code in stops], rotation=90)
            axes.set_yticks(range(len(starts)), [short(pair.kind(code)) for code in starts])
            axes.set_xlabel("end")
        pictures[0].set_ylabel("start")
        figure.colorbar(image, ax=pictures, label="share of relationships", fraction=0.04)

    return svg_of("patterns", draw, 9.6, 2.6 + 0.24 * len(starts), "Relationship patterns of base and synthetic graph")


def _most(ends: Sequence[pl.DataFrame], side: str) -> list[int]:
    shares = pl.concat([frame.select(side, pl.col(COUNT) / pl.col(COUNT).sum()) for frame in ends])
    top = shares.group_by(side).agg(pl.col(COUNT).sum()).sort(COUNT, side, descending=[True, False])
    return top[side].head(CELLS_SHOWN).to_list()


def _map(ends: pl.DataFrame, starts: list[int], stops: list[int]) -> npt.NDArray[np.float64]:
    found = np.zeros((len(starts), len(stops)))
    total = max(int(ends[COUNT].sum()), 1)
    for start, end, count in ends.select("start", "end", COUNT).iter_rows():
        if start in starts and end in stops:
            found[starts.index(start), stops.index(end)] = count / total
    return found


def neighbourhood_drawings(pair: Pair) -> str:
    """Draw a node of the same kind in each graph with what is around it, two steps far."""
    kind = middle_kind(pair.base)
    found = [(title, one, neighbourhood(one, kind)) for title, one in (("base", pair.base), ("synthetic", pair.other))]
    colours: dict[int, str] = {}
    for _, one, around in found:
        for node in [] if around is None else around.nodes.tolist():
            if one.graph.own[node]:
                colours.setdefault(int(one.graph.kind[node]), _PALETTE[min(len(colours), len(_PALETTE) - 1)])

    def draw(figure: Figure) -> None:
        for axes, (title, one, around) in zip(figure.subplots(1, 2), found, strict=True):
            axes.set_title(f"{title}: around a {short(pair.kind(kind))}")
            axes.set_axis_off()
            axes.set_aspect("equal")
            if around is not None:
                _draw_neighbourhood(axes, one, around, colours)
        named = list(colours)[:len(_PALETTE) - 1]
        handles = [Line2D([], [], marker="o", linestyle="", color=colours[code], label=short(pair.kind(code)))
                   for code in named]
        if len(colours) > len(named):
            handles.append(Line2D([], [], marker="o", linestyle="", color=_PALETTE[-1], label="other types"))
        handles.append(Line2D([], [], marker="s", linestyle="", color=_SHARED_COLOUR, label="shared nodes"))
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)

    return svg_of("neighbourhoods", draw, 7.2, 4.9, "A sample neighbourhood in base and synthetic graph")


def _draw_neighbourhood(axes: Axes, counted: Counted, around: Neighbourhood, colours: dict[int, str]) -> None:
    places = _radial(around, counted.graph.shared[around.nodes])
    reach = abs(places).max() + 0.15
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    for start, end in around.ties.tolist():
        axes.plot(places[[start, end], 0], places[[start, end], 1], color="#b4bdc6", linewidth=0.8, zorder=1)
    for position, node in enumerate(around.nodes.tolist()):
        own = bool(counted.graph.own[node])
        x, y = places[position]
        axes.scatter(x, y, s=110 if position == 0 else 42, marker="o" if own else "s", zorder=2,
                     color=colours[int(counted.graph.kind[node])] if own else _SHARED_COLOUR, edgecolors="white",
                     linewidths=0.6)


def _radial(around: Neighbourhood, shared: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Place nodes on rings, those of the outer ring beside the node by which they were reached; shape (nodes, 2).

    Shared nodes of the outer ring stand outside all others, amid those that are tied to them.
    """
    outside = shared & (around.ring > 1)
    children = {position: [child for child in range(1, len(around.nodes))
                           if around.above[child] == position and not outside[child]]
                for position in range(len(around.nodes))}
    inner = children[0]
    widths = np.array([max(1, len(children[child])) for child in inner], np.float64)
    middles = (np.cumsum(widths) - widths / 2) / max(widths.sum(), 1.0) * 2 * np.pi
    places = np.zeros((len(around.nodes), 2))
    for child, angle, width in zip(inner, middles, widths, strict=True):
        places[child] = np.cos(angle), np.sin(angle)
        fan = 2 * np.pi * width / max(widths.sum(), 1.0)
        for number, outer in enumerate(children[child]):
            at = angle + fan * ((number + 0.5) / len(children[child]) - 0.5)
            places[outer] = 1.8 * np.cos(at), 1.8 * np.sin(at)
    radius = 1.4 if not (around.ring[~outside] > 1).any() else 2.2
    for node in np.flatnonzero(outside).tolist():
        tied = np.concatenate([around.ties[around.ties[:, 1] == node, 0], around.ties[around.ties[:, 0] == node, 1]])
        x, y = places[tied].sum(axis=0)
        at = np.arctan2(y, x)
        places[node] = radius * np.cos(at), radius * np.sin(at)
    return places
