"""The commands `synthgen scenarios …`: what scenarios there are, what one comes to, whether a file is fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.errors import UsageError
from synthgen.options import JsonOption
from synthgen.output import Output

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown",
                  help="Look at scenarios, those that are shipped and your own.")
ScenarioArgument = Annotated[str, typer.Argument(
    metavar="NAME|FILE", help="The name of a shipped scenario, or the path of a TOML, YAML or JSON file.")]


@app.command("list", help="List the shipped scenarios, each with its formula and its parameters."
                          "\n\nExample: `synthgen scenarios list`")
def list_scenarios(as_json: JsonOption = False) -> None:
    """List the shipped scenarios."""
    from synthgen.scenarios.outline import summary
    from synthgen.scenarios.shipped import scenario_names, shipped_scenario

    found = [summary(shipped_scenario(name)) for name in scenario_names()]
    Output(as_json=as_json).result({"scenarios": found}, "\n\n".join(_listed(item) for item in found))


@app.command(help="Show a scenario: parameters, formula, counts, and a drawing of its topology."
                  "\n\nExample: `synthgen scenarios show hub-spoke --param spoke_count=5 --svg hub-spoke.svg`")
def show(
    scenario: ScenarioArgument,
    param: Annotated[list[str] | None, typer.Option(help="key=value; repeatable.")] = None,
    svg: Annotated[Path | None, typer.Option(help="File to write the drawing to as a picture.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a scenario."""
    from synthgen.files import write_text
    from synthgen.requests import read_params
    from synthgen.scenarios.drawing import draw_text
    from synthgen.scenarios.outline import outline_of
    from synthgen.scenarios.picture import draw_svg
    from synthgen.scenarios.shipped import find_scenario

    outline = outline_of(find_scenario(scenario), read_params(param or []))
    document = outline.as_document()
    if svg is not None:
        try:
            write_text(svg, draw_svg(outline))
        except OSError as error:
            raise UsageError(f"{svg} cannot be written: {error.strerror}", path=str(svg),
                             hint="name a file in a folder that is there") from error
    Output(as_json=as_json).result(
        {**document, "svg": None if svg is None else str(svg)},
        _listed(document) + f"\n\n{draw_text(outline)}" + ("" if svg is None else f"\n\npicture       {svg}"),
    )


@app.command(help="Check a scenario file: whether it is understood, and whether its groups make what its total says"
                  " with any parameters.\n\nExample: `synthgen scenarios check my/scenario.toml`")
def check(scenario: ScenarioArgument, as_json: JsonOption = False) -> None:
    """Check a scenario."""
    from synthgen.scenarios.checking import check_counts
    from synthgen.scenarios.outline import outline_of
    from synthgen.scenarios.shipped import find_scenario

    topology = find_scenario(scenario)
    tried = check_counts(topology)
    outline = outline_of(topology, {})
    Output(as_json=as_json).result(
        {"name": topology.name, "digest": topology.digest, "formula": topology.total, "tried": tried,
         "total": outline.counts.total, "relationships": sum(outline.ties)},
        f"scenario      {topology.name}\n"
        f"makes         {topology.total}: right with all {tried:,} combinations of parameters that were tried\n"
        f"by default    {outline.counts.total:,} nodes, {sum(outline.ties):,} relationships between groups\n"
        f"next          synthgen scenarios show {scenario}",
    )


def _listed(item: dict[str, Any]) -> str:
    lines = [f"{item['name']}: {item['about']}", f"makes         {item['formula']} = {item['total']:,} nodes"]
    for parameter in item["parameters"]:
        said = ", ".join(parameter["value"]) if isinstance(parameter.get("value"), list) else parameter.get("value")
        shown = parameter.get("default") if said is None else said
        bounds = "" if "names_for" in parameter else f"; {parameter['minimum']:,} to {parameter['maximum']:,}"
        lines.append(f"parameter     {parameter['name']}" + ("" if shown in {None, ""} else f"={shown}")
                     + f" ({parameter['about']}{bounds})")
    return "\n".join(lines)
