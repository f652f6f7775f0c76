"""Scaling on the real server: what is said, recorded and read, and that a mode leaves the other knob alone."""

from __future__ import annotations

import json
import threading

import neo4j
import polars as pl
import pytest

from importer import cypher
from importer.online import OnlineOptions, load_online
from importer.scaling.settings import TRIGGERS, BatchRows, Policy, Replicas, Scaling, Triggers
from importer.scaling.signals import READ, Sensor
from synthgen.events import Batch, Scaled, Stream
from tests.bundles import NodeRows, RelationshipRows, write_bundle
from tests.planting import plant

pytestmark = pytest.mark.neo4j

# Every batch is too slow for this, so there is something to decide on any machine.
IMPATIENT = Triggers(latency_threshold=0.01, evaluation_period=0.1, cooldown_period=0.0)
NO_ANCHORS = pl.DataFrame(schema={"node": pl.Int64, "id": pl.Int64})


@pytest.fixture(scope="module")
def operation(workshop):
    """The sample tenant in the database, and an operation of its like that waits to be loaded."""
    workshop.do("synthgen sample", "--out", str(workshop.out / "sample"))
    plant(workshop, workshop.out / "sample")
    workshop.do("synthgen export")
    return workshop.do("synthgen generate", "--strategy", "template", "--scale-factor", "3")["operation_id"]


def test_decisions_are_said_as_they_happen_and_kept_in_the_history(workshop, operation):
    """A line each on stderr, a list in the document, the same in the `loaded` entry; without the option no line."""
    config = workshop.out.parent / "scaling.json"
    config.write_text(json.dumps({
        "mode": "vertical", "batch": {"min_rows": 100, "max_rows": 500}, "replicas": {"target_replicas": 2},
        "triggers": {"latency_threshold": 0.01, "evaluation_period": 0.1, "cooldown_period": 0}}), "utf-8")
    answer = workshop.run(f"importer load {operation}", "--scaling-config", str(config), "--explain-scaling", "--json")
    assert answer.code == 0, answer.stderr
    scaling = answer.document["scaling"]
    assert scaling == workshop.manifest(operation)["history"][-1]["scaling"]
    assert (scaling["mode"], scaling["start"]) == ("vertical", {"batch_rows": 500, "writers": 2})
    assert scaling["count"] == len(scaling["decisions"]) > 0
    assert scaling["readings"] == {"server_memory": READ}
    assert {decision["writers"] for decision in scaling["decisions"]} == {2}
    said = [line for line in answer.stderr.splitlines() if line.startswith("scaling: ")]
    assert said == [f"scaling: {one['batch_rows']:,} rows × {one['writers']} writers: {one['reason']}"
                    for one in scaling["decisions"]]
    assert "a batch takes" in said[0]
    workshop.do(f"importer rollback {operation}")
    quiet = workshop.run(f"importer load {operation}", SYNTHGEN_SCALING_CONFIG=str(config))
    assert quiet.code == 0
    assert "scaling" not in quiet.stderr


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "hybrid"])
def test_a_mode_moves_its_own_knob_only(database, tmp_path, mode):
    """What the batches really were: their rows, and how many ran at once."""
    driver, address = database
    count = 12_000
    bundle = write_bundle(tmp_path, [NodeRows(["A"], {"x": "INTEGER"}, [(i,) for i in range(count)])],
                          [RelationshipRows("R", [(i, count - 1 - i) for i in range(count)])], part_rows=count)
    told = []
    scaling = Scaling(mode, Replicas(1, 3, 3), BatchRows(100, 400, 400), IMPATIENT,
                      Policy(priority_triggers=("latency",)))
    result = load_online(bundle, driver, address.database, NO_ANCHORS, options=OnlineOptions(scaling),
                         events=Stream(told.append))
    scaled = [event for event in told if isinstance(event, Scaled)]
    assert scaled
    assert [(one.batch_rows, one.writers) for one in scaled] == [
        (one.batch_rows, one.writers) for one in result.decisions]
    assert ({one.batch_rows for one in scaled} == {400}) is (mode == "horizontal")
    if mode == "vertical":
        assert {one.writers for one in scaled} == {3}
    rows = [event.rows for event in told if isinstance(event, Batch) and event.kind == "nodes"]
    assert sum(rows) == count
    assert (set(rows) == {400}) is (mode == "horizontal")
    assert not any(thread.name == "synthgen-signals" for thread in threading.enumerate())


@pytest.mark.parametrize("line", ["server", "newer_server"])
def test_both_lines_of_servers_can_be_read(line, request):
    """Memory and processors of the server, as shares, over Bolt."""
    address = request.getfixturevalue(line)
    driver = request.getfixturevalue({"server": "server_driver", "newer_server": "newer_driver"}[line])
    sensor = Sensor(driver, address.database, TRIGGERS, 1.0)
    signals = sensor.read()
    assert sensor.told == {"server_memory": READ, "cpu": READ}
    assert 0 < signals.server_memory < 1
    assert 0 < signals.client_memory < 1
    assert 0 <= signals.cpu <= 1


def test_a_server_that_does_not_tell_is_no_failure(server, server_driver, monkeypatch):
    """What is not there is said once and not asked for again; a server that is away is asked again later."""
    monkeypatch.setattr(cypher, "READ_SERVER_MEMORY", "CALL dbms.queryJmxOfOld()")
    sensor = Sensor(server_driver, server.database, ("server_memory",), 1.0)
    assert sensor.read().server_memory is None
    assert "dbms.queryJmxOfOld" in sensor.told["server_memory"]
    monkeypatch.undo()
    assert sensor.read().server_memory is None
    with neo4j.GraphDatabase.driver("bolt://127.0.0.1:9") as nobody:
        away = Sensor(nobody, "neo4j", ("server_memory", "client_memory"), 1.0)
        assert away.read().server_memory is None
        assert away.read().client_memory is not None
    assert away.told == {}
