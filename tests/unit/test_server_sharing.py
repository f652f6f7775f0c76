"""The archive of classes that Neo4j starts quicker from: nothing that is wrong with it keeps a server from starting."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from importer.servers.runtime import LISTING, cache_folder, resolve
from importer.servers.sharing import FOLDER, prepare_sharing, sharing_options


@pytest.fixture
def runtime(monkeypatch, tmp_path):
    """A version of Neo4j whose one jar is none, so that no archive can be made of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jars = cache_folder() / "5.26.30"
    jars.mkdir(parents=True)
    (jars / "a.jar").write_bytes(b"jar")
    (jars / LISTING).write_text('{"a.jar": 3}', encoding="utf-8")
    return resolve("5.26.30")


def archives():
    return sorted((cache_folder() / FOLDER).glob("*.jsa"))


def attempts(runtime):
    """Prepare, and give how far that came."""
    reports = []
    prepare_sharing(runtime, progress=lambda _, done, due: reports.append((done, due)))
    return reports


def test_an_archive_that_cannot_be_made_is_tried_once_for_the_same_jars(runtime):
    """Starts go on without; what failed is not repeated at each start, but is with other jars; nothing piles up."""
    assert attempts(runtime) == [(0, 2)]
    assert sharing_options(runtime) == []
    assert attempts(runtime) == []
    os.utime(runtime.jars / "a.jar", (1, 1))
    assert attempts(runtime) == [(0, 2)]
    assert [path.stat().st_size for path in archives()] == [0]


def test_each_java_keeps_its_own_until_it_is_gone(runtime, tmp_path):
    """Two virtual environments that use the same jars in turns do not make the archive anew at each turn."""
    home = tmp_path / "other java"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_bytes(b"")
    (home / "release").write_text("JAVA_VERSION", encoding="utf-8")
    other = replace(runtime, java=home / "bin" / "java")
    assert [attempts(one) for one in (runtime, other, runtime, other)] == [[(0, 2)], [(0, 2)], [], []]
    assert len(archives()) == 2
    shutil.rmtree(home)
    os.utime(runtime.jars / "a.jar", (1, 1))
    assert attempts(runtime) == [(0, 2)]
    assert len(archives()) == 1
    assert len(list((cache_folder() / FOLDER).glob("5.26.30-*"))) == 2


def test_java_starts_without_an_archive_that_is_spoilt(runtime):
    """A file that is no archive is passed over without a word on stdout."""
    prepare_sharing(runtime)
    [archive] = (cache_folder() / FOLDER).glob("*.jsa")
    archive.write_bytes(b"no archive" * 1000)
    options = sharing_options(runtime)
    assert f"-XX:SharedArchiveFile={archive}" in options
    done = subprocess.run([str(runtime.java), *options, "-version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_cache_that_cannot_be_written_is_no_hindrance(runtime):
    """Nothing is made where a file stands in the folder's place, and nothing is raised."""
    (cache_folder() / FOLDER).write_bytes(b"")
    assert attempts(runtime) == []
    assert sharing_options(runtime) == []
