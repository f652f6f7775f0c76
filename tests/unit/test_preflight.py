"""What is looked at before an import begins leaves nothing behind, and names what is in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.preflight import check_folders
from importer.servers.admin import read_last_committed
from importer.servers.local import LocalServer
from importer.servers.local_target import LocalTarget
from synthgen.errors import RefusedError, ServerError


@pytest.fixture
def target(tmp_path: Path) -> LocalTarget:
    """The files of a local server that is at rest."""
    for folder in ("databases/neo4j", "transactions/neo4j"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    return LocalTarget(LocalServer(tmp_path))


def paths(folder: Path) -> set[str]:
    """Name all that is below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_look_at_the_folders_leaves_them_as_they_were(target, tmp_path):
    """An empty folder is made, moved and removed again."""
    before = paths(tmp_path)
    check_folders(target)
    assert paths(tmp_path) == before


@pytest.mark.parametrize("place", ["data/databases", "data/transactions"])
def test_a_folder_that_nothing_can_be_moved_into(target, tmp_path, place):
    """A file in the place of a folder, as a stand-in for one that is not ours: refused, named, and nothing is left."""
    (tmp_path / place / "neo4j").rmdir()
    (tmp_path / place).rmdir()
    (tmp_path / place).write_text("in the way", encoding="utf-8")
    before = paths(tmp_path)
    with pytest.raises(RefusedError, match=f"no new store can be put into .*{place} of ") as caught:
        check_folders(target)
    assert caught.value.hint
    assert paths(tmp_path) == before


def test_the_last_transaction_is_read_or_asked_for():
    """It is found among what an image's entrypoint says; nothing is not taken for a number."""
    said = 'Changed password\n{"databaseName":"neo4j","lastCommittedTransaction":"22","recoveryRequired":"false"}\n'
    assert read_last_committed(said, "it") == 22
    with pytest.raises(ServerError, match="does not say which transaction"):
        read_last_committed('{"databaseName":"neo4j"}', "it")
