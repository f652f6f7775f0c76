"""Bundles byte for byte: an accidental change of the format, of seeding or of a strategy is seen here.

After a change on purpose (FORMAT.md and its version first, when it is one of the format):

    SYNTHGEN_REGOLD=1 .venv/bin/pytest tests/golden

writes the expected files anew, and `git diff tests/golden` shows what changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synthgen.generate import generate
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters
from synthgen.snapshot.write import write_snapshot
from tests.graphs import CREATED_AT
from tests.growths import files_of
from tests.tiny import VM, tiny_graph

EXPECTED = Path(__file__).parent / "expected"
OPERATIONS: dict[str, Parameters] = {
    "template": TemplateParameters(scale_factor=3.0),
    "part": TemplateParameters(scale_factor=1.5),
    "random": RandomParameters(count=10, distribution={VM: 2, "Microsoft.Network/virtualNetworks/subnets": 1},
                               density=0.75),
    "scenario": ScenarioParameters(scenario="dev-test-prod", parameters={"resources_per_env": 4}),
}
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def make_base(folder: Path) -> Path:
    """Write the tiny tenant; a snapshot's own bytes are Parquet's business, so its fingerprint is not golden."""
    return write_snapshot(tiny_graph(), folder / "base", created_at=CREATED_AT, source={}, profile="azure").path


def operation_id(name: str) -> str:
    return f"scale-20260131T120000-{sorted(OPERATIONS).index(name):08x}"


def make_golden(name: str, folder: Path) -> dict[str, bytes]:
    """Generate one bundle and give its files."""
    bundle = generate(OPERATIONS[name], base=make_base(folder), out=folder / "out", seed=42, now=NOW, unique=0,
                      operation_id=operation_id(name))
    files = files_of(bundle.path)
    fingerprint = str(bundle.manifest.snapshot["fingerprint"]).encode()
    files["manifest.json"] = files["manifest.json"].replace(fingerprint, b"(of the snapshot's files)")
    return files


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_bundles_are_what_they_were(name: str, tmp_path: Path) -> None:
    """The same snapshot, parameters, seed, operation id and clock give the bytes that the last release gave."""
    found = make_golden(name, tmp_path)
    folder = EXPECTED / name
    if os.environ.get("SYNTHGEN_REGOLD"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file, content in found.items():
            (folder / file).write_bytes(content)
    expected = files_of(folder)
    assert sorted(found) == sorted(expected)
    for file, content in expected.items():
        assert found[file].decode() == content.decode(), f"{name}/{file}"


@pytest.mark.parametrize("environment", [
    {"PYTHONHASHSEED": "1", "POLARS_MAX_THREADS": "1", "LC_ALL": "C", "TZ": "Asia/Kolkata"},
    {"PYTHONHASHSEED": "2", "POLARS_MAX_THREADS": "5", "LC_ALL": "C.UTF-8", "TZ": "America/Lima"},
], ids=["one thread", "five threads"])
def test_another_process_makes_the_same_bytes(environment: dict[str, str], tmp_path: Path) -> None:
    """The bytes do not depend on the process: not on its hash seed, threads, locale, time zone or folder."""
    base = make_base(tmp_path)
    command = [sys.executable, "-m", "synthgen.cli", "generate", "--strategy", "template", "--scale-factor", "3",
               "--base", str(base), "--out", "out", "--seed", "42", "--operation-id", operation_id("template"),
               "--now", NOW.isoformat()]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, check=True, capture_output=True)
    found = files_of(tmp_path / "out" / "operations" / operation_id("template"))
    expected = files_of(EXPECTED / "template")
    assert found.keys() == expected.keys()
    assert all(found[file] == content for file, content in expected.items() if file != "manifest.json")
