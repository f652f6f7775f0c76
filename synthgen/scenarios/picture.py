"""Draws a scenario as SVG: a band for each kind of site, a box for each group, arrows between them; knows no numbers.

Nothing overlaps by construction: boxes stand in columns, each arrow ends at a place of its own on the left of its box,
and its words stand before that place in the gap between columns, which is as wide as the longest of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from synthgen.scenarios.drawing import TIMES, describe_how
from synthgen.scenarios.layers import arrange
from synthgen.scenarios.outline import Outline
from synthgen.scenarios.topology import SHARED, End, Relation

_LETTER, _SMALL_LETTER = 7.0, 5.8
"""Widths in pixels, on the safe side, of a letter of 12 and of 10 pixels."""
_LINE, _PORT, _PAD, _HEAD, _GAP = 14, 13, 12, 34, 16
_STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;font-size:12px;fill:#1f2933}"
    ".small{font-size:10px;fill:#52606d}.title{font-size:15px;font-weight:bold}.name{font-weight:bold}"
    ".band{fill:#f5f7fa;stroke:#9aa5b1}.box{stroke:#52606d}.arrow{fill:none;stroke:#7b8794}"
    ".words{font-size:10px;fill:#3e4c59;paint-order:stroke;stroke:#f5f7fa;stroke-width:3px}"
    ".far{stroke:#c05621}.held{stroke-dasharray:2 3}"
)
_COLOURS = ("#dbeafe", "#fde9d3", "#d8f3dc", "#f6d9e6", "#e6dcf7", "#fff3bf", "#d2f1f0", "#e4e7eb")


@dataclass(slots=True)
class _Box:
    """A group in the picture; `ports` are the arrows that end on it, as their words."""

    lines: list[str]
    colour: str
    ports: list[str]
    x: int = 0
    y: int = 0

    @property
    def height(self) -> int:
        return max(len(self.lines) * _LINE + 10, len(self.ports) * _PORT + 6)


@dataclass(frozen=True, slots=True)
class _Arrow:
    """From a box to a port of another one."""

    start: End
    end: End
    port: int
    kind: str
    both: bool = False


class _Picture:
    """The parts of one picture, with their places."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._colours: dict[str, str] = {}
        self.boxes: dict[End, _Box] = {}
        self.arrows: list[_Arrow] = []
        self._add_boxes()
        self._add_arrows()
        words = [line for box in self.boxes.values() for line in box.lines[1:]]
        names = [box.lines[0] for box in self.boxes.values()]
        ports = [port for box in self.boxes.values() for port in box.ports]
        self.width = int(max([110, *(len(text) * _SMALL_LETTER for text in words),
                              *(len(text) * _LETTER for text in names)])) + 16
        self.gap = int(max([40, *(len(text) * _SMALL_LETTER for text in ports)])) + 34
        self.bands: list[tuple[str, int, int]] = []
        self.size = self._place()

    def _colour(self, text: str) -> str:
        return self._colours.setdefault(text, _COLOURS[len(self._colours) % len(_COLOURS)])

    def _add_boxes(self) -> None:
        topology = self._outline.topology
        for site in topology.sites:
            for group in site.groups:
                end = (site.name, group.name)
                grid = self._outline.counts.grids[end]
                kind = group.type or ":".join(group.labels)
                each = (" + ".join(map(str, grid.per_site)) if isinstance(grid.per_site, tuple)
                        else f"{grid.per_site:,}")
                loops = [f"↻ {relation.type}: {describe_how(relation)}" for relation in topology.relations
                         if relation.start == relation.end == end]
                self.boxes[end] = _Box([f"{group.name} {TIMES} {each}", kind.rsplit("/", 1)[-1], *loops],
                                       self._colour(kind.split("/", 1)[0]), [])
        for shared in topology.shared:
            self.boxes[SHARED, shared.name] = _Box([shared.name, shared.label or str(shared.type)], "#ffffff", [])

    def _add_arrows(self) -> None:
        topology = self._outline.topology
        for site in topology.sites:
            for group in site.groups:
                if group.parent is not None:
                    self._add((site.name, group.parent), (site.name, group.name), "contains", "held")
        for relation, count in zip(topology.relations, self._outline.ties, strict=True):
            if relation.start != relation.end:
                kind = "near" if relation.start[0] == relation.end[0] else "far"
                self._add(relation.start, relation.end, _words(relation, count), kind, both=relation.both)

    def _add(self, start: End, end: End, words: str, kind: str, *, both: bool = False) -> None:
        self.arrows.append(_Arrow(start, end, len(self.boxes[end].ports), kind, both))
        self.boxes[end].ports.append(words)

    def _place(self) -> tuple[int, int]:
        outline, topology = self._outline, self._outline.topology
        y, right = 70, 700
        for site in topology.sites:
            count = outline.counts.sites[site.name]
            where = ", ".join(site.environments) or (f"each in its own {topology.region}" if site.region_each else "")
            container = topology.container if site.contained and topology.container is not None else ""
            title = f"{site.name} {TIMES} {count:,} {container}"
            y, right = self._place_band(site.name, f"{title.strip()}  {where}".strip(), y, right)
        if topology.shared:
            y, right = self._place_band(SHARED, "nodes of the base", y, right)
        return right + _PAD, y

    def _place_band(self, site: str, title: str, y: int, right: int) -> tuple[int, int]:
        names = [end[1] for end in self.boxes if end[0] == site]
        inner = [(arrow.start[1], arrow.end[1]) for arrow in self.arrows if arrow.start[0] == arrow.end[0] == site]
        columns = arrange(names, inner)
        heights = [sum(self.boxes[site, name].height + _GAP for name in column) - _GAP for column in columns]
        for place, (column, height) in enumerate(zip(columns, heights, strict=True)):
            at = y + _HEAD + (max(heights) - height) // 2
            for name in column:
                box = self.boxes[site, name]
                box.x, box.y = _PAD + self.gap + place * (self.width + self.gap), at
                at += box.height + _GAP
                right = max(right, box.x + self.width + _PAD)
        bottom = y + _HEAD + max(heights) + _PAD
        self.bands.append((title, y, bottom - y))
        return bottom + _PAD, right


def draw_svg(outline: Outline) -> str:
    """Draw a scenario as the text of an SVG file; the same scenario and parameters give the same text."""
    picture = _Picture(outline)
    width, height = picture.size
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}",
                              "width": str(width), "height": str(height), "role": "img"})
    topology = outline.topology
    ET.SubElement(root, "title").text = f"{topology.name}: {topology.about}"
    ET.SubElement(root, "style").text = _STYLE
    marker = ET.SubElement(root, "marker", {"id": "tip", "viewBox": "0 0 8 8", "refX": "8", "refY": "4",
                                            "markerWidth": "7", "markerHeight": "7", "orient": "auto-start-reverse"})
    ET.SubElement(marker, "path", {"d": "M0 0L8 4L0 8z", "fill": "#52606d"})
    ET.SubElement(root, "rect", {"width": str(width), "height": str(height), "fill": "#ffffff"})
    _write(root, _PAD, 26, topology.name, "title")
    values = ", ".join(f"{name} = {value:,}" for name, value in outline.asked.numbers.items())
    total = f"{topology.total} = {outline.counts.total:,} nodes"
    _write(root, _PAD, 46, f"{total}, with {values}" if values else total)
    for title, y, band in picture.bands:
        ET.SubElement(root, "rect", {"x": str(_PAD), "y": str(y), "width": str(width - 2 * _PAD), "height": str(band),
                                     "rx": "8", "class": "band"})
        _write(root, 2 * _PAD, y + 20, title, "name")
    for arrow in picture.arrows:
        _draw_arrow(root, picture.boxes, arrow, picture.width)
    for end, box in picture.boxes.items():
        _draw_box(root, box, picture.width, dashed=end[0] == SHARED)
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _words(relation: Relation, count: int) -> str:
    return f"{relation.type} {TIMES} {count:,}"


def _port(box: _Box, port: int) -> int:
    return box.y + box.height // 2 - (len(box.ports) - 1) * _PORT // 2 + port * _PORT


def _draw_arrow(root: ET.Element, boxes: Mapping[End, _Box], arrow: _Arrow, width: int) -> None:
    start, end = boxes[arrow.start], boxes[arrow.end]
    x, y, to_y = end.x, start.y + start.height // 2, _port(end, arrow.port)
    if start.x < end.x:
        from_x, bend = start.x + width, max(30, (end.x - start.x - width) // 2)
        path = f"M{from_x} {y}C{from_x + bend} {y} {x - bend} {to_y} {x} {to_y}"
    else:  # from the left of a box that stands to the right of its target, or below or above it
        path = f"M{start.x} {y}C{start.x - 40} {y} {x - 50} {to_y} {x} {to_y}"
    shape = {"d": path, "class": f"arrow {arrow.kind}", "marker-end": "url(#tip)"}
    if arrow.both:
        shape["marker-start"] = "url(#tip)"
    ET.SubElement(root, "path", shape)


def _draw_box(root: ET.Element, box: _Box, width: int, *, dashed: bool) -> None:
    shape = {"x": str(box.x), "y": str(box.y), "width": str(width), "height": str(box.height), "rx": "5",
             "class": "box", "fill": box.colour}
    ET.SubElement(root, "rect", {**shape, "stroke-dasharray": "5 3"} if dashed else shape)
    top = box.y + (box.height - len(box.lines) * _LINE) // 2 + 11
    for number, line in enumerate(box.lines):
        _write(root, box.x + 8, top + number * _LINE, line, "small" if number else "name")
    for number, words in enumerate(box.ports):
        _write(root, box.x - 10, _port(box, number) + 3, words, "words", anchor="end")


def _write(root: ET.Element, x: int, y: int, text: str, kind: str = "small", *, anchor: str = "start") -> None:
    place = {"x": str(x), "y": str(y), "class": kind}
    ET.SubElement(root, "text", place if anchor == "start" else {**place, "text-anchor": anchor}).text = text


