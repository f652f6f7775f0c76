"""Turns what was asked for on the command line into parameters; knows no graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen.errors import UsageError
from synthgen.parameters import (
    STRATEGIES,
    Parameters,
    RandomParameters,
    ScenarioParameters,
    TemplateParameters,
    read_random_config,
)
from synthgen.scenarios.parameters import check_parameters
from synthgen.scenarios.shipped import find_scenario
from synthgen.templates.file import read_template

_BELONGS_TO = {
    "scale_factor": {"template"}, "target_count": {"template"}, "template_file": {"template"},
    "count": {"random"}, "config": {"random"}, "density": {"random"}, "relationships": {"random"},
    "scenario": {"scenario"}, "param": {"scenario"},
    "resource_type": {"template", "random"}, "tenant_id": {"template", "random", "scenario"},
    "include_synthetic": {"template", "random"}, "source_ids": {"template"},
    "into_tenant": {"template", "random"}, "variation": {"template", "random"}, "rewire": {"template"},
}
DEFAULT_SEED = 0


def parameters_from(*, strategy: str, seed: int | None, **options: Any) -> tuple[Parameters, int]:
    """Turn the options of `generate` into one strategy's parameters and a seed.

    Raises:
        UsageError: The strategy is unknown, an option belongs to another one, one is missing, or a file is not fit.
    """
    if strategy not in STRATEGIES:
        raise UsageError(f"there is no strategy {strategy!r}", hint="choose one of " + ", ".join(STRATEGIES))
    for name, owners in _BELONGS_TO.items():
        # A 0 was given, too; an option that was left out is None, False or an empty list.
        left_out = options[name] is None or options[name] is False or options[name] == []
        if not left_out and strategy not in owners:
            raise UsageError(f"--{name.replace('_', '-')} does not belong to the {strategy} strategy",
                             hint="it belongs to " + " and ".join(sorted(owners)))
    shared = {"resource_types": tuple(options["resource_type"] or ()), "tenant": options["tenant_id"],
              "into_tenant": options["into_tenant"],
              "include_synthetic": options["include_synthetic"], "variation": options["variation"] or 0.0}
    match strategy:
        case "template":
            template = read_template(options["template_file"]) if options["template_file"] else None
            return TemplateParameters(
                scale_factor=options["scale_factor"], target_count=options["target_count"], template=template,
                rewire=options["rewire"] or 0.0, **shared), seed or DEFAULT_SEED
        case "scenario":
            if options["scenario"] is None:
                raise UsageError("the scenario strategy needs --scenario", hint="such as --scenario hub-spoke")
            params = read_params(options["param"] or [])
            # What is wrong with a file is said before the base is read.
            check_parameters(find_scenario(options["scenario"]), params)
            return ScenarioParameters(scenario=options["scenario"], parameters=params,
                                      tenant=options["tenant_id"]), seed or DEFAULT_SEED
        case _:
            return _random(options, shared, seed)


def _random(options: Mapping[str, Any], shared: Mapping[str, Any], seed: int | None) -> tuple[Parameters, int]:
    config = read_random_config(Path(options["config"])) if options["config"] else {}
    if options["count"] is None:
        raise UsageError("the random strategy needs --count", hint="such as --count 100000")
    density = options["density"] if options["density"] is not None else config.get("relationship_density")
    parameters = RandomParameters(
        count=options["count"], distribution=config.get("resource_type_distribution"), density=density,
        relationships=options["relationships"], **shared,
    )
    return parameters, seed if seed is not None else config.get("seed", DEFAULT_SEED)


def read_params(texts: list[str]) -> dict[str, str | int]:
    """Read `key=value` texts.

    Raises:
        UsageError: A text has no `=`, or a key comes twice.
    """
    values: dict[str, str | int] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"--param {text!r} is not key=value", hint="such as --param spoke_count=5")
        if key in values:
            raise UsageError(f"--param {key} is given twice", hint="give each key once")
        values[key] = value
    return values
