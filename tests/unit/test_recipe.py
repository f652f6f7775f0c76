"""A recipe is read back as what it was, through JSON; one that is not ours, or whose files changed, is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import BundleError, UsageError
from synthgen.generate import prepare, prepare_again
from synthgen.metadata import Stamp
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters
from synthgen.privacy.request import Privacy
from synthgen.recipe import Recipe, recipe_from
from synthgen.templates.file import read_template
from tests.golden.test_golden import make_base
from tests.growths import NOW, OPERATION
from tests.tiny import VM

TEMPLATE = f"""
metadata: {{made: 2026-01-31}}
resources:
- {{type: {VM}, count: 3, template: {{name_pattern: "vm-{{index}}"}}, properties: {{size: 5}}}}
"""


def recipes(folder: Path) -> dict[str, Parameters]:
    (folder / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    return {
        "factor": TemplateParameters(scale_factor=3.0, variation=0.5, rewire=0.25, include_synthetic=True),
        "counts": TemplateParameters(template={VM: 2}, resource_types=(VM,)),
        "file": TemplateParameters(template=read_template(folder / "template.yaml"), scale_factor=2.0),
        "random": RandomParameters(count=10, distribution={VM: 2.0}, density=0.75, into_tenant="new"),
        "scenario": ScenarioParameters(scenario="dev-test-prod", parameters={"resources_per_env": 4}),
    }


def asked(parameters: Parameters, base: Path, **more: Any) -> Recipe:
    strategy = {TemplateParameters: "template", RandomParameters: "random", ScenarioParameters: "scenario"}
    stamp = Stamp(OPERATION, strategy[type(parameters)], NOW)
    return prepare(parameters, stamp, base=base, seed=7, **more).recipe


@pytest.mark.parametrize("name", ["factor", "counts", "file", "random", "scenario"])
@pytest.mark.parametrize("privacy", [Privacy(), Privacy(anonymise=True, fewest_owners=2)], ids=["plain", "anonymous"])
def test_what_is_read_back_is_thought_out_alike(name: str, privacy: Privacy, tmp_path: Path) -> None:
    """Whoever reads it, on whatever machine, comes to the same rows."""
    base = make_base(tmp_path)
    recipe = asked(recipes(tmp_path)[name], base, privacy=privacy)
    document = json.loads(json.dumps(recipe.as_document()))
    again = recipe_from(document)
    assert json.loads(json.dumps(again.as_document())) == document
    first, second = prepare_again(recipe), prepare_again(again)
    for blocks, others in ((first.growth.nodes, second.growth.nodes),
                           (first.growth.relationships, second.growth.relationships)):
        assert [block.rows for block in blocks] == [block.rows for block in others]
        assert all(block.make(0, block.rows).equals(other.make(0, other.rows))
                   for block, other in zip(blocks, others, strict=True))


def test_a_scenario_file_that_changed_is_refused(tmp_path: Path) -> None:
    """Half of the parts would be of one scenario and half of another."""
    shipped = Path("synthgen/scenarios/three-tier.toml").read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(shipped, encoding="utf-8")
    document = asked(ScenarioParameters(scenario=str(file)), make_base(tmp_path)).as_document()
    recipe_from(document)
    file.write_text(shipped + "\n# changed\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not what it was"):
        recipe_from(document)
    file.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        recipe_from(document)


@pytest.mark.parametrize("damage", [
    {"made_by": "0.0.1"}, {"parameters": {"count": 1, "what": 2}}, {"strategy": "none"}, {"stamp": None},
    {"privacy": {"anonymise": 1, "x": 2}}, {"parameters": 5},
], ids=str)
def test_a_recipe_that_is_not_ours_is_refused(damage: dict[str, Any], tmp_path: Path) -> None:
    """Another version's, or a damaged one; never a traceback."""
    document = asked(RandomParameters(count=5), make_base(tmp_path)).as_document()
    with pytest.raises(BundleError, match="begun by" if "made_by" in damage else "not readable"):
        recipe_from({**document, **damage})
