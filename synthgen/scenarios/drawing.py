"""Draws a scenario as text: its sites and groups as a tree, with the relationships of each group; knows no numbers."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from synthgen.scenarios.outline import Outline
from synthgen.scenarios.topology import End, Group, Relation, Shared, Site

TIMES = "\N{MULTIPLICATION SIGN}"
_WIDTH = 500


def draw_text(outline: Outline) -> str:
    """Draw a scenario; one line for each group and each relationship, without colours."""
    topology = outline.topology
    tree = Tree(Text(f"{topology.name}: {outline.counts.total:,} nodes"), highlight=False)
    for site in topology.sites:
        branch = tree.add(Text(_site_line(outline, site)))
        branches: dict[str | None, Tree] = {None: branch}
        for group in site.groups:
            above = branches[group.parent]
            branches[group.name] = above.add(Text(_group_line(outline, site, group)))
            for relation, count in zip(topology.relations, outline.ties, strict=True):
                if relation.start == (site.name, group.name) or relation.end == (site.name, group.name):
                    line = _relation_line(relation, (site.name, group.name), count)
                    if line:
                        branches[group.name].add(Text(line))
    if topology.shared:
        branch = tree.add(Text("shared: of the base"))
        for shared in topology.shared:
            branch.add(Text(_shared_line(shared)))
    target = StringIO()
    Console(file=target, width=_WIDTH, color_system=None, legacy_windows=False).print(tree)
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines())


def describe_how(relation: Relation) -> str:
    """Say which nodes a relation ties, in a word or two."""
    if relation.how.of_one_group:
        return f"{relation.how.value} {'within the site' if relation.within else 'of sites'}"
    return relation.how.value


def _site_line(outline: Outline, site: Site) -> str:
    count = outline.counts.sites[site.name]
    container = outline.topology.container if site.contained else None
    facts = [f"{count:,} {TIMES} {container or 'a site'}"]
    if site.environments:
        facts.append(", ".join(site.environments))
    if site.region_each:
        facts.append(f"each in a {outline.topology.region} of its own")
    return f"{site.name}: " + " · ".join(facts)


def _group_line(outline: Outline, site: Site, group: Group) -> str:
    grid = outline.counts.grids[site.name, group.name]
    if isinstance(grid.per_site, tuple):
        each = " + ".join(f"{count:,}" for count in grid.per_site)
    else:
        each = f"{grid.per_site:,}" + (" each" if grid.sites > 1 else "")
    return f"{group.name}: {each} · {group.type or ':'.join(group.labels)}"


def _relation_line(relation: Relation, at: End, count: int) -> str:
    what = f"{relation.type} %s · {describe_how(relation)}, {count:,}"
    if relation.start == relation.end:
        return "↻ " + what % "each other"
    if relation.start == at:
        return ("⇄ " if relation.both else "→ ") + what % _called(relation.end, at)
    # Told at its start, unless that is no group of the scenario or stands in another site.
    return "" if relation.start[0] == at[0] else ("⇄ " if relation.both else "← ") + what % _called(relation.start, at)


def _called(end: End, at: End) -> str:
    return end[1] if end[0] == at[0] else ".".join(end)


def _shared_line(shared: Shared) -> str:
    having = " with " + ", ".join(f"{name} = {text}" for name, text in shared.having.items()) if shared.having else ""
    return f"{shared.name}: {shared.label or shared.type}{having}, one for {_PICKED[shared.pick.value]}"


_PICKED = {"all": "all", "site": "each site", "row": "each node"}
