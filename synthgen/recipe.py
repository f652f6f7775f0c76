"""All that the bytes of an operation depend on, as data and as JSON: who has it can think it out again, anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthgen.errors import BundleError, UsageError
from synthgen.files import file_digest
from synthgen.metadata import Stamp
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters
from synthgen.privacy.request import Privacy
from synthgen.scenarios.shipped import scenario_file
from synthgen.sources import parse_source
from synthgen.templates.file import parse_template
from synthgen.templates.template import Template

_KINDS: Mapping[str, type[Parameters]] = {
    "template": TemplateParameters, "scenario": ScenarioParameters, "random": RandomParameters,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One operation, as it was asked for.

    Attributes:
        parameters: What is to be made.
        stamp: What will mark it.
        seed: Of everything drawn.
        base: The snapshot's folder.
        snapshot: The snapshot's digest.
        profile: The profile, as `Profile.as_document` gives it.
        privacy: How much of the base may be seen.
    """

    parameters: Parameters
    stamp: Stamp
    seed: int
    base: Path
    snapshot: str
    profile: Mapping[str, Any]
    privacy: Privacy

    def as_document(self) -> dict[str, Any]:
        """Give it as a table for JSON; `recipe_from` reads it.

        Raises:
            UsageError: A file that it names cannot be read.
        """
        parameters, file = self.parameters, None
        if isinstance(parameters, TemplateParameters) and parameters.template is not None:
            template = parameters.template
            told = template.counts if isinstance(template, Template) else dict(template)
            document = template.document if isinstance(template, Template) else {}
            given = {**asdict(replace(parameters, template=None)), "template": {"counts": told}}
            if document:
                given["template"] = {"document": json.loads(json.dumps(document, default=str))}
        else:
            given = asdict(parameters)
        if isinstance(parameters, ScenarioParameters) and (path := scenario_file(parameters.scenario)) is not None:
            given["scenario"] = str(path.absolute())
            file = _digest(path)
        return {"made_by": version("synthgen"), "strategy": self.stamp.strategy, "parameters": given,
                "scenario_digest": file, "stamp": asdict(self.stamp), "seed": self.seed,
                "base": str(self.base.absolute()), "snapshot": self.snapshot, "profile": dict(self.profile),
                "privacy": asdict(self.privacy)}


def recipe_from(document: Any) -> Recipe:
    """Read a recipe.

    Raises:
        BundleError: It was written by another version, whose parts would not fit to ours, or it is damaged.
        UsageError: A scenario's file is not what it was.
    """
    try:
        if (made_by := document["made_by"]) != version("synthgen"):
            raise BundleError(f"the operation was begun by synthgen {made_by}, and this is {version('synthgen')}",
                              hint="go on with that version, or discard what is there and generate anew")
        parameters = _parameters(document["strategy"], dict(document["parameters"]))
        if isinstance(parameters, ScenarioParameters) and document["scenario_digest"] is not None \
                and _digest(Path(parameters.scenario)) != document["scenario_digest"]:
            raise UsageError(f"{parameters.scenario} is not what it was when the operation was begun",
                             hint="put it back as it was, or discard what is there and generate anew")
        return Recipe(parameters=parameters, stamp=Stamp(**document["stamp"]), seed=document["seed"],
                      base=Path(document["base"]), snapshot=document["snapshot"], profile=document["profile"],
                      privacy=Privacy(**document["privacy"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"what was asked for is not readable: {error!r}",
                          hint="discard what is there, and generate anew") from error


def _parameters(strategy: str, given: dict[str, Any]) -> Parameters:
    if "resource_types" in given:
        given["resource_types"] = tuple(given["resource_types"])
    if (told := given.get("template")) is not None:
        given["template"] = told["counts"] if "counts" in told else parse_template(
            parse_source(json.dumps(told["document"], default=str), said="the template", suffix=".json"))
    return _KINDS[strategy](**given)


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}",
                         hint="put it back where it was") from error
