"""Turns matplotlib figures into SVG that stands in a page and repeats byte for byte; knows no graph."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

BASE_COLOUR = "#1f5fa8"
SYNTHETIC_COLOUR = "#d9730d"
_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "synthgen", "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"], "font.size": 8.5,  # the one that matplotlib brings: the same on every machine
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#8a94a0", "axes.labelcolor": "#333b44",
    "xtick.color": "#555f6a", "ytick.color": "#333b44", "axes.titlesize": 9.5, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "legend.frameon": True, "legend.framealpha": 0.85, "legend.edgecolor": "none",
    "figure.constrained_layout.use": True,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@contextmanager
def styled() -> Iterator[None]:
    """Let figures made inside look alike; fonts are named and not embedded."""
    with rc_context(_STYLE), warnings.catch_warnings():
        # Letters that this font lacks are the browser's to find in another.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def drawn(text: str) -> str:
    """Make a text of a graph one that is drawn as it is: no formula, and nothing that XML cannot hold."""
    return "".join(sign if sign.isprintable() else "·" for sign in text).replace("$", r"\$")


def svg_of(name: str, draw: Callable[[Figure], None], width: float, height: float, words: str) -> str:
    """Draw a figure of so many inches as an `<svg>` element whose ids begin with its name.

    Args:
        name: Unique within the page.
        draw: Draws on the empty figure.
        width: Inches; in the page it is as wide as there is room.
        height: Inches.
        words: What it shows, for who cannot see it.
    """
    with styled():
        figure = Figure(figsize=(width, height))
        draw(figure)
        stream = io.StringIO()
        FigureCanvasSVG(figure)
        figure.savefig(stream, format="svg", metadata=_NO_METADATA)
    text = stream.getvalue()
    text = text[text.index("<svg"):].strip()
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(|href=")#', rf"\1#{name}-", text)
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{words}" ', text, count=1)
