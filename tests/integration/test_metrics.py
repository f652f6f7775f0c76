"""Loads and rollbacks on the real server say what they cost: in the history, as JSON, and for Prometheus."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from synthgen.bundle.read import find_bundle
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j


def samples_of(path: Path) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {(sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(path.read_text("utf-8")) for sample in family.samples}


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> None:
    """A small tenant, planted and exported."""
    plant_sample(workshop)


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_what_a_load_and_its_rollback_cost(workshop: Workshop, base: None, mode: str) -> None:
    """The same in the history and in `--json`; the file counts each command."""
    textfile = workshop.out / f"{mode}.prom"
    named = ("--metrics-textfile", str(textfile))
    workshop.do("synthgen export --replace", *named)
    operation = workshop.do("synthgen generate --strategy template --scale-factor 3", *named)["operation_id"]
    loaded = workshop.do(f"importer load --mode {mode}", operation, *named)
    workshop.do("importer validate", operation, *named)
    deleted = workshop.do("importer rollback", operation, *named)

    manifest = find_bundle(workshop.out, operation).manifest
    rows = manifest.counts.nodes + manifest.counts.relationships
    for event, said in (("loaded", loaded["performance"]), ("rolled_back", deleted["performance"])):
        kept = (manifest.last(event) or {})["performance"]
        assert kept["rows"] == said["rows"] == rows
        assert 0 < kept["seconds"] <= said["seconds"] + 1e-6
        assert kept["client_peak_bytes"] > 10_000_000
        assert kept["server_peak_bytes"] > 50_000_000
        assert bool(kept["batches"]) == (event == "rolled_back" or mode == "online")
        if kept["batches"]:
            assert kept["latency"]["count"] == kept["batches"]
            assert 0 < kept["latency"]["p50"] <= kept["latency"]["p99"] <= kept["latency"]["max"] * 1.01

    found = samples_of(textfile)
    for work in ("export", "generate", "load", "validate", "rollback"):
        assert found["scaling_jobs_completed_total", frozenset({("work", work)})] == 1
        assert ("scaling_jobs_failed_total", frozenset({("work", work)})) not in found
    done = {("work", "load"), ("mode", mode), ("outcome", "done")}
    assert found["scaling_operations_total", frozenset(done)] == 1
    for work in ("generate", "load", "validate", "rollback"):
        assert found["scaling_rows_total", frozenset({("work", work)})] == rows
    batches = loaded["performance"]["batches"]
    assert found.get(("scaling_checkpoints_saved_total", frozenset()), 0) == batches


def test_work_that_is_refused_counts(workshop: Workshop, base: None) -> None:
    """And a file that is not ours is refused before anything is done."""
    operation = workshop.do("synthgen generate --strategy random --count 20")["operation_id"]
    workshop.do("importer load", operation)
    textfile = workshop.out / "refused.prom"
    assert workshop.run("importer load", operation, "--metrics-textfile", str(textfile)).code == 5
    found = samples_of(textfile)
    refused = {("work", "load"), ("mode", "online"), ("outcome", "refused")}
    assert found["scaling_operations_total", frozenset(refused)] == 1
    assert found["scaling_jobs_failed_total", frozenset({("work", "load")})] == 1
    textfile.write_text("mine\n", "utf-8")
    assert workshop.run("importer rollback", operation, "--metrics-textfile", str(textfile)).code == 2
    assert textfile.read_text("utf-8") == "mine\n"
    assert workshop.one("MATCH (n) WHERE n.scale_operation_id = $o RETURN count(n)", o=operation) > 0
    workshop.do("importer rollback", operation)
