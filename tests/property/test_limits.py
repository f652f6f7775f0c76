"""Limits judge as they say: what is over is named with by how much, and what is not is let be."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import RefusedError, UsageError
from synthgen.limits import NAMES, Limits, Used, judge, read_limits, require_admission

amounts = st.integers(0, 10**6)
all_limits = st.builds(Limits, **dict.fromkeys(NAMES, st.none() | amounts))
sizes = st.fixed_dictionaries({"nodes": amounts, "relationships": amounts, "bytes_": amounts})
used_before = st.none() | st.builds(Used, st.just("2026-11"), amounts, amounts)
EVERYTHING = Limits(**dict.fromkeys(NAMES))


def over(limits: Limits, size: dict[str, int], used: Used | None) -> set[str]:
    """Say which limits are exceeded, in the plainest way."""
    values = {
        "max_nodes": size["nodes"], "max_relationships": size["relationships"], "max_bytes": size["bytes_"],
        "auto_approval_nodes": size["nodes"], "auto_approval_relationships": size["relationships"],
    }
    if used is not None:
        values |= {"quota_nodes": size["nodes"] + used.nodes,
                   "quota_relationships": size["relationships"] + used.relationships}
    set_ = asdict(limits)
    return {name for name, value in values.items() if set_[name] is not None and value > set_[name]}


@given(all_limits, sizes, used_before)
def test_exactly_what_is_over_is_named(limits, size, used):
    """With the value, the limit and their difference; thresholds for approval apart from limits."""
    judged = judge(limits, **size, used=used)
    expected = over(limits, size, used)
    assert {one.limit for one in judged.exceeded} == {name for name in expected if not name.startswith("auto")}
    assert {one.limit for one in judged.to_approve} == {name for name in expected if name.startswith("auto")}
    assert judged.is_within_limits == (not judged.exceeded)
    for one in (*judged.exceeded, *judged.to_approve):
        assert one.allowed == getattr(limits, one.limit)
        assert one.value - one.by == one.allowed
        assert f"{one.by:,} more than {one.limit}" in one.text
    assert len(judged.rejection_reasons) == len(judged.exceeded)


@given(all_limits, sizes, used_before, st.sampled_from([None, True, False]))
def test_who_agrees_is_let_through_within_limits(limits, size, used, answer):
    """Nobody can agree to more than a limit, and nobody is asked for what is below the threshold."""
    judged = judge(limits, **size, used=used)
    asked = []

    def agree(question: str) -> bool:
        asked.append(question)
        return bool(answer)

    allowed = not judged.exceeded and (not judged.to_approve or answer is True)
    if allowed:
        require_admission(judged, "loading it", agree=None if answer is None else agree)
    else:
        with pytest.raises(RefusedError) as refused:
            require_admission(judged, "loading it", agree=None if answer is None else agree)
        assert refused.value.exit_code == 5
        assert {one["limit"] for one in refused.value.facts["exceeded"]} == {
            one.limit for one in judged.exceeded or judged.to_approve}
        assert refused.value.hint
    assert bool(asked) == (not judged.exceeded and bool(judged.to_approve) and answer is not None)


@given(sizes, used_before)
def test_without_limits_all_is_allowed(size, used):
    """`none` everywhere is no limit at all."""
    judged = judge(EVERYTHING, **size, used=used)
    assert not judged.exceeded
    assert not judged.to_approve


def test_another_reason_refuses_as_well():
    """A disk that is too small is no limit of anybody's, but the work is refused."""
    judged = judge(EVERYTHING, nodes=1, relationships=1, bytes_=1, other_reasons=["the disk is full"])
    assert judged.is_within_limits
    with pytest.raises(RefusedError, match="the disk is full"):
        require_admission(judged, "generating it", agree=lambda _: True)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """An empty folder without settings, to write some into."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(f"SYNTHGEN_{name.upper()}", raising=False)
    monkeypatch.delenv("SYNTHGEN_CONFIG", raising=False)
    return tmp_path / "synthgen.toml"


def test_a_flag_comes_before_the_environment_and_that_before_the_file(settings, monkeypatch):
    """As all settings; what nobody sets is the default."""
    settings.write_text('[limits]\nmax_nodes = 1\nmax_bytes = 2\nquota_nodes = 3\nmax_relationships = "none"\n')
    monkeypatch.setenv("SYNTHGEN_MAX_NODES", "10")
    monkeypatch.setenv("SYNTHGEN_MAX_BYTES", "20")
    found = read_limits(["max_nodes=1_000", "quota_relationships=7"])
    assert found == Limits(max_nodes=1000, max_bytes=20, quota_nodes=3, max_relationships=None, quota_relationships=7)


@pytest.mark.parametrize("text", ["max_node = 1", 'max_nodes = "many"', "max_nodes = -1", "max_nodes = 1.5",
                                  "max_nodes = true"])
def test_a_setting_that_is_none_is_said(settings, text):
    """A misspelt limit must not be no limit."""
    settings.write_text(f"[limits]\n{text}\n")
    with pytest.raises(UsageError, match=r"\[limits\]"):
        read_limits()


@pytest.mark.parametrize("flag", ["max_nodes", "max_node=1", "max_nodes=", "max_nodes=-3", "max_nodes=1e6"])
def test_a_flag_that_is_none_is_said(settings, flag):
    """Likewise."""
    with pytest.raises(UsageError, match="--limit"):
        read_limits([flag])


def test_a_variable_that_is_none_is_said(settings, monkeypatch):
    """Likewise."""
    monkeypatch.setenv("SYNTHGEN_QUOTA_NODES", "a lot")
    with pytest.raises(UsageError, match="SYNTHGEN_QUOTA_NODES"):
        read_limits()
