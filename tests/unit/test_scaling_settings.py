"""The settings of scaling: bounds, files, flags and the environment."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
import tomli_w

from importer import ScaleUpService
from importer.scaling.reading import read_scaling
from importer.scaling.settings import TABLES, TRIGGERS, BatchRows, Policy, Replicas, Scaling, Triggers, bounds_of
from synthgen.errors import UsageError

NUMBERS = [(table, one) for table, shape in TABLES.items() for one in fields(shape) if bounds_of(one) is not None]
EVERYTHING = {
    "mode": "vertical",
    "replicas": {"min_replicas": 2, "max_replicas": 4, "target_replicas": 3},
    "batch": {"min_rows": 200, "max_rows": 5000, "target_rows": 1000},
    "triggers": {"latency_threshold": 2.5, "transient_error_threshold": 0.2, "server_memory_threshold": 0.8,
                 "client_memory_threshold": 0.7, "cpu_threshold": 0.9, "evaluation_period": 2.0,
                 "cooldown_period": 30.0},
    "policy": {"triggers": ["latency", "cpu"], "priority_triggers": ["cpu"], "scale_up_factor": 2.0,
               "scale_down_factor": 0.75, "scale_up_threshold": 0.7, "scale_down_threshold": 0.9, "least_gain": 0.1,
               "exploration_share": 0.01},
}
READ = Scaling(
    "vertical", Replicas(2, 4, 3), BatchRows(200, 5000, 1000), Triggers(2.5, 0.2, 0.8, 0.7, 0.9, 2.0, 30.0),
    Policy(("latency", "cpu"), ("cpu",), 2.0, 0.75, 0.7, 0.9, 0.1, 0.01))


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(tmp_path, document, suffix="json"):
    path = tmp_path / f"scaling.{suffix}"
    path.write_text(json.dumps(document, indent=1) if suffix == "json" else tomli_w.dumps(document), "utf-8")
    return path


def test_json_and_toml_and_synthgen_toml_say_the_same(tmp_path):
    """Each setting there is arrives, from each kind of file."""
    assert {name: set(table) for name, table in EVERYTHING.items() if name != "mode"} == {
        name: {one.name for one in fields(shape)} for name, shape in TABLES.items()}
    for suffix in ("json", "toml"):
        assert read_scaling(file=written(tmp_path, EVERYTHING, suffix)) == READ
    (tmp_path / "synthgen.toml").write_text(tomli_w.dumps({"scaling": EVERYTHING}), "utf-8")
    assert read_scaling() == READ


def test_without_anything_it_is_the_default():
    """Hybrid, 100 to 10,000 rows, one to five writers."""
    assert read_scaling() == Scaling()
    assert (Scaling().mode, Scaling().batch.min_rows, Scaling().batch.max_rows) == ("hybrid", 100, 10_000)
    assert (Scaling().replicas.min_replicas, Scaling().replicas.max_replicas) == (1, 5)


def test_flag_beats_environment_beats_file(tmp_path, monkeypatch):
    """The order of all settings; a file that is named takes the place of the table in `synthgen.toml`."""
    (tmp_path / "synthgen.toml").write_text('[scaling]\nmode = "vertical"\n[scaling.batch]\nmin_rows = 300\n', "utf-8")
    file = written(tmp_path, {"mode": "horizontal", "batch": {"max_rows": 900}})
    assert read_scaling().batch == BatchRows(min_rows=300)
    assert read_scaling(file=file) == Scaling("horizontal", batch=BatchRows(max_rows=900))
    monkeypatch.setenv("SYNTHGEN_SCALING_CONFIG", str(file))
    monkeypatch.setenv("SYNTHGEN_SCALING_MODE", "hybrid")
    monkeypatch.setenv("SYNTHGEN_BATCH_ROWS", "400-800")
    monkeypatch.setenv("SYNTHGEN_WRITERS", "2")
    assert read_scaling() == Scaling("hybrid", Replicas(2, 2), BatchRows(400, 800))
    assert read_scaling("vertical", "500", "1-3") == Scaling("vertical", Replicas(1, 3), BatchRows(500, 500))


def test_a_flag_that_narrows_takes_the_target_along(tmp_path):
    """A file's target that a flag shuts out becomes the nearest bound."""
    file = written(tmp_path, EVERYTHING)
    narrowed = read_scaling(batch_rows="100-700", writers="4-5", file=file)
    assert (narrowed.batch.start, narrowed.replicas.start) == (700, 4)


@pytest.mark.parametrize(("table", "setting"), NUMBERS, ids=lambda one: getattr(one, "name", one))
def test_every_number_has_bounds(table, setting, tmp_path):
    """What lies outside, is no number or not whole is refused: file, line, setting, value and bounds are said."""
    least, most = bounds_of(setting)
    for wrong in (least - 1, most + 1, "3", True, [1], *([least + 0.5] if isinstance(least, int) and most > 600
                                                         and "rows" in setting.name else [])):
        with pytest.raises(UsageError) as refused:
            read_scaling(file=written(tmp_path, {table: {setting.name: wrong}}))
        assert "scaling.json:3: " in refused.value.message
        assert f"scaling.{table}.{setting.name} cannot be {wrong!r}" in refused.value.message
        assert f"from {least:,} to {most:,}" in refused.value.hint
    shape = TABLES[table]
    others = {"min_replicas": "max_replicas", "min_rows": "max_rows", "scale_up_threshold": "scale_down_threshold"}
    for right in (least, most):
        shape(**{setting.name: right, **({others[setting.name]: most} if setting.name in others else {}),
                 **({"scale_up_threshold": least} if setting.name == "scale_down_threshold" and right == least
                    else {})})


@pytest.mark.parametrize(("document", "said"), [
    ({"mode": "diagonal"}, "scaling.mode cannot be 'diagonal'"),
    ({"replicas": 3}, "scaling.replicas is a table, not 3"),
    ({"resources": {}}, "there is no setting scaling.resources"),
    ({"batch": {"rows": 5}}, "there is no setting scaling.batch.rows"),
    ({"batch": {"min_rows": 500, "max_rows": 400}}, "scaling.batch.min_rows cannot be 500"),
    ({"batch": {"max_rows": 400, "target_rows": 500}}, "scaling.batch.target_rows cannot be 500"),
    ({"replicas": {"min_replicas": 3, "target_replicas": 2}}, "scaling.replicas.target_replicas cannot be 2"),
    ({"policy": {"triggers": ["latency", "moon"]}}, "scaling.policy.triggers cannot be 'moon'"),
    ({"policy": {"triggers": "latency"}}, "scaling.policy.triggers cannot be 'latency'"),
    ({"policy": {"triggers": ["cpu"], "priority_triggers": ["latency"]}}, "priority_triggers cannot be 'latency'"),
    ({"policy": {"scale_up_threshold": 0.9, "scale_down_threshold": 0.5}}, "scale_up_threshold cannot be 0.9"),
])
def test_what_makes_no_sense_is_a_usage_error(document, said, tmp_path):
    """It says where and what, and the hint has a way out."""
    for suffix in ("json", "toml"):
        with pytest.raises(UsageError) as refused:
            read_scaling(file=written(tmp_path, document, suffix))
        assert said in refused.value.message
        assert f"scaling.{suffix}:" in refused.value.message
        assert refused.value.hint
    (tmp_path / "synthgen.toml").write_text(tomli_w.dumps({"scaling": document}), "utf-8")
    with pytest.raises(UsageError, match=r"synthgen\.toml"):
        read_scaling()


def test_unknown_names_come_with_the_known_ones(tmp_path):
    """The hint lists what could have been meant."""
    with pytest.raises(UsageError) as refused:
        read_scaling(file=written(tmp_path, {"triggers": {"latency": 3}}))
    assert "latency_threshold" in refused.value.hint
    with pytest.raises(UsageError) as refused:
        read_scaling(file=written(tmp_path, {"policy": {"triggers": ["moon"]}}))
    assert all(name in refused.value.hint for name in TRIGGERS)


@pytest.mark.parametrize(("flags", "said"), [
    ({"batch_rows": "99-1000"}, "--batch-rows 99-1000: scaling.batch.min_rows cannot be 99"),
    ({"batch_rows": "100-10001"}, "--batch-rows 100-10001: scaling.batch.max_rows cannot be 10001"),
    ({"batch_rows": "500-400"}, "--batch-rows 500-400: scaling.batch.min_rows cannot be 500"),
    ({"batch_rows": "many"}, "--batch-rows many: "),
    ({"writers": "0-1"}, "--writers 0-1: scaling.replicas.min_replicas cannot be 0"),
    ({"writers": "1-6"}, "--writers 1-6: scaling.replicas.max_replicas cannot be 6"),
    ({"writers": "1-2-3"}, "--writers 1-2-3: "),
    ({"mode": "both"}, "--scaling-mode both: scaling.mode cannot be 'both'"),
])
def test_wrong_flags_are_usage_errors(flags, said):
    """They name the flag."""
    with pytest.raises(UsageError) as refused:
        read_scaling(**flags)
    assert said in refused.value.message
    assert refused.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path):
    """So is one that is neither JSON nor TOML."""
    with pytest.raises(UsageError, match=r"nowhere\.toml"):
        read_scaling(file=tmp_path / "nowhere.toml")
    path = tmp_path / "scaling.json"
    path.write_text("{", "utf-8")
    with pytest.raises(UsageError, match=r"scaling\.json"):
        read_scaling(file=path)


def test_the_service_reads_them_too(tmp_path):
    """From Python `[scaling]` counts as well, and what is wrong there is said before anything is begun."""
    (tmp_path / "synthgen.toml").write_text('[scaling]\nmode = "vertical"\n', "utf-8")
    assert ScaleUpService()._scaling == Scaling("vertical")
    assert ScaleUpService(scaling=READ)._scaling == READ
    (tmp_path / "synthgen.toml").write_text('[scaling]\nmode = "sideways"\n', "utf-8")
    with pytest.raises(UsageError, match="sideways"):
        ScaleUpService()
