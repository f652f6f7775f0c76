"""Every shipped scenario at a tiny size, row for row: a change of a topology, a name or a property is seen here.

Regolded as `test_golden` says. One text a scenario: what was asked and counted, then each file of the bundle.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from synthgen.generate import generate
from synthgen.parameters import ScenarioParameters
from synthgen.scenarios.shipped import scenario_names
from tests.golden.test_golden import EXPECTED, NOW, make_base, operation_id
from tests.growths import files_of

SIZES: dict[str, dict[str, int]] = {
    "data-platform": {"source_count": 2, "stream_count": 1},
    "dev-test-prod": {"resources_per_env": 14},
    "hub-spoke": {"spoke_count": 2, "resources_per_spoke": 6},
    "landing-zone": {"zone_count": 1, "resources_per_zone": 10, "policy_count": 2},
    "microservices": {"pool_count": 1, "namespace_count": 2, "service_count": 3},
    "multi-region": {"region_count": 3, "resources_per_region": 12},
    "three-tier": {"web_count": 1, "app_count": 2, "database_count": 2},
}


def told(name: str, folder: Path) -> str:
    """Generate one scenario and tell it as a text."""
    bundle = generate(ScenarioParameters(scenario=name, parameters=SIZES[name]), base=make_base(folder),
                      out=folder / "out", seed=42, now=NOW, unique=0, operation_id=operation_id("scenario"))
    manifest = json.loads((bundle.path / "manifest.json").read_text())
    asked = {key: manifest[key] for key in ("parameters", "counts")}
    files = {file: content.decode() for file, content in files_of(bundle.path).items() if file != "manifest.json"}
    return "".join(f"--- {file}\n{text}" for file, text in
                   {"asked": json.dumps(asked, indent=1) + "\n", **files}.items())


def test_every_shipped_scenario_is_golden() -> None:
    """A scenario that is added is added here."""
    assert sorted(SIZES) == scenario_names()


@pytest.mark.parametrize("name", SIZES)
def test_scenarios_are_what_they_were(name: str, tmp_path: Path) -> None:
    """The same rows as at the last release."""
    found, file = told(name, tmp_path), EXPECTED / "scenarios" / f"{name}.txt"
    if os.environ.get("SYNTHGEN_REGOLD"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8", newline="\n")
    assert found.splitlines() == file.read_text(encoding="utf-8").splitlines()
