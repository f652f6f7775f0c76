"""The settings of resilience: where they come from, what they may be, and that they are documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from importer.durations import read_duration, say_duration
from importer.resilience import CircuitBreaker, Resilience, Retries, find_resilience, read_resilience
from synthgen.errors import UsageError

PAGE = (Path(__file__).parents[2] / "docs" / "resilience.md").read_text(encoding="utf-8")
FILE = """
[resilience]
time_limit = "10m"
batch_time_limit = 20
rate_limit = 5000

[resilience.retries]
patience = "2m"
max_attempts = 7
first_delay = "100ms"

[resilience.circuit_breaker]
failures = 3
open = "1.5s"
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A `synthgen.toml` that is in force."""
    monkeypatch.delenv("SYNTHGEN_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "synthgen.toml"


def test_the_file_is_read(file):
    """Each setting of the file, the rest by default."""
    file.write_text(FILE, encoding="utf-8")
    assert find_resilience() == Resilience(
        600.0, 20.0, rate_limit=5000, retries=Retries(120.0, 7, 0.1), circuit_breaker=CircuitBreaker(3, 1.5))


def test_flags_are_stronger_than_the_file(file):
    """What is not given by a flag stays the file's."""
    file.write_text(FILE, encoding="utf-8")
    found = find_resilience(time_limit="90s", batch_time_limit="0", rate_limit=0, max_attempts=2)
    assert (found.time_limit_s, found.batch_time_limit_s, found.rate_limit) == (90.0, 0.0, 0)
    assert found.retries == Retries(120.0, 2, 0.1)
    assert found.circuit_breaker == CircuitBreaker(3, 1.5)


def test_without_anything_the_defaults_hold(file):
    """A minute of patience, as ever; no limit of time or rate for the whole."""
    found = find_resilience()
    assert found == Resilience()
    assert (found.retries.patience_s, found.retries.max_attempts) == (60.0, 0)
    assert (found.time_limit_s, found.rate_limit) == (0.0, 0.0)


@pytest.mark.parametrize(("table", "named"), [
    ({"patience": 3}, "patience"),
    ({"retries": {"patience": -1}}, "patience"),
    ({"retries": {"patience": "soon"}}, "patience"),
    ({"retries": {"patience": float("nan")}}, "patience"),
    ({"retries": {"max_attempts": 1.5}}, "max_attempts"),
    ({"retries": {"max_attempts": True}}, "max_attempts"),
    ({"retries": {"factor": 0.5}}, "factor"),
    ({"retries": {"jitter": 1.1}}, "jitter"),
    ({"retries": {"jitter": "much"}}, "jitter"),
    ({"retries": 3}, "retries"),
    ({"circuit_breaker": {"failures": 0}}, "failures"),
    ({"circuit_breaker": {"trials": 0}}, "trials"),
    ({"circuit_breaker": {"closed": 1}}, "closed"),
    ({"rate_limit": -5}, "rate_limit"),
    ({"rate_limit": float("inf")}, "rate_limit"),
    ({"time_limit": "10 minutes"}, "time_limit"),
    ({"batch_time_limit": None}, "batch_time_limit"),
], ids=str)
def test_what_is_wrong_is_named(table, named):
    """An unknown setting, or a value out of its range, is a usage error that names it and the way out."""
    with pytest.raises(UsageError, match=named) as wrong:
        read_resilience(table)
    assert wrong.value.hint


def test_an_unknown_setting_lists_the_known_ones():
    """Who mistypes finds the right word in the message."""
    with pytest.raises(UsageError) as wrong:
        read_resilience({"rate": 3})
    for name in ("rate_limit", "time_limit", "[resilience.retries]"):
        assert name in wrong.value.hint


@pytest.mark.parametrize(("text", "seconds"), [
    ("90s", 90), ("10m", 600), ("1.5h", 5400), ("500ms", 0.5), ("1d", 86_400), ("3", 3), (" 2 m ", 120), (7, 7),
    ("0", 0),
])
def test_times_are_read(text, seconds):
    """With units as people write them; seconds without."""
    assert read_duration(text, "--time-limit") == seconds


@pytest.mark.parametrize("text", ["", "-5s", "ten", "5 years", "1m30s", True, None, -1, float("inf")])
def test_what_is_no_time_is_a_usage_error(text):
    """The message shows what is one."""
    with pytest.raises(UsageError, match="--time-limit") as wrong:
        read_duration(text, "--time-limit")
    assert "90s" in wrong.value.hint


@pytest.mark.parametrize(("seconds", "text"), [(90, "90s"), (600, "10m"), (0.5, "0.5s"), (7200, "2h"), (0, "0s")])
def test_times_are_said_as_they_are_read(seconds, text):
    """What a message says can be given back."""
    assert say_duration(seconds) == text
    assert read_duration(text, "x") == seconds


@pytest.mark.parametrize("settings", [Resilience(), Retries(), CircuitBreaker()], ids=lambda each: type(each).__name__)
def test_every_setting_is_documented_with_its_default(settings):
    """docs/resilience.md has a row for each, and the default in it is true."""
    for each in fields(settings):
        default = getattr(settings, each.name)
        if isinstance(default, int | float):
            name = each.name.removesuffix("_s")
            shown = say_duration(default) if each.name.endswith("_s") and default else f"{default:g}"
            [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
            assert f"| {shown} |" in row, row
