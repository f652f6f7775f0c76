"""Which server's store is meant, where it lies, and what is done to files: without any server."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from importer.servers.compose import Compose
from importer.servers.containers import Service
from importer.servers.folders import Folders
from importer.servers.installed import Installed
from importer.servers.local_target import LocalTarget
from importer.servers.neo4j_conf import read_folders
from importer.servers.target import Layout, Make, Move, Remove, Write
from importer.servers.targets import TargetOptions, find_target
from synthgen.database import Address
from synthgen.errors import RefusedError, ServerError, UsageError

ELSEWHERE = Address("bolt://127.0.0.1:1", "neo4j", "x")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """No setting of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SYNTHGEN_", "NEO4J_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path) -> Path:
    """A home with the two programs, a neo4j.conf and a data folder."""
    made = tmp_path / "home"
    for folder in ("bin", "conf", "data"):
        (made / folder).mkdir(parents=True)
    for program in ("neo4j", "neo4j-admin"):
        (made / "bin" / program).touch(mode=0o755)
    (made / "conf" / "neo4j.conf").write_text("# server.directories.data=/no\n", encoding="utf-8")
    return made


def test_a_server_elsewhere_has_no_store_to_exchange(tmp_path):
    """Without a target only the local server's address has one."""
    assert find_target(ELSEWHERE) is None
    assert isinstance(find_target(Address("bolt://127.0.0.1:1", "neo4j", "x", home=tmp_path)), LocalTarget)


def test_the_kind_is_told_by_what_is_named(home, monkeypatch):
    """A flag, environment or file; a flag's kind outdoes theirs; NEO4J_HOME counts only when the kind is said."""
    assert isinstance(find_target(ELSEWHERE, TargetOptions(neo4j_home=home)), Installed)
    monkeypatch.setenv("NEO4J_HOME", str(home))
    assert find_target(ELSEWHERE) is None
    assert isinstance(find_target(ELSEWHERE, TargetOptions(target="installed")), Installed)
    Path("synthgen.toml").write_text(f'[target]\nneo4j_home = "{home}"\n', encoding="utf-8")
    assert isinstance(find_target(ELSEWHERE), Installed)
    monkeypatch.setenv("SYNTHGEN_COMPOSE_FILE", "none.yml")
    with pytest.raises(UsageError, match="two kinds"):
        find_target(ELSEWHERE)
    assert isinstance(find_target(ELSEWHERE, TargetOptions(neo4j_home=home)), Installed)
    with pytest.raises(UsageError, match=r"none\.yml is not a file"):
        find_target(ELSEWHERE, TargetOptions(target="compose"))


@pytest.mark.parametrize(("options", "said"), [
    (TargetOptions(target="kubernetes"), "not a kind of server"),
    (TargetOptions(target="installed"), "home of the installed Neo4j is not known"),
    (TargetOptions(target="compose"), "compose file is not known"),
    (TargetOptions(neo4j_home=Path("none")), "no bin/neo4j"),
])
def test_a_target_that_is_not_named_well(options, said):
    """What is wrong, and the option that mends it."""
    with pytest.raises(UsageError, match=said) as caught:
        find_target(ELSEWHERE, options)
    assert caught.value.hint


def test_the_local_servers_address_is_not_that_of_another_target(home):
    """Who forgets NEO4J_URI is told so; the local server is not mistaken for the one that is named."""
    with pytest.raises(UsageError, match="local server's address"):
        find_target(Address("bolt://127.0.0.1:1", "neo4j", "x", home=home), TargetOptions(neo4j_home=home))


def test_a_setting_below_target_that_means_nothing(tmp_path):
    """It is refused like any other in synthgen.toml, with those that are known."""
    Path("synthgen.toml").write_text('[target]\nhome = "x"\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"target\.home") as caught:
        find_target(ELSEWHERE)
    assert "target.neo4j_home" in caught.value.hint


def test_folders_are_those_of_neo4j_conf(home):
    """Relative to home, absolute, by default; one that a command computes is refused."""
    conf = home / "conf" / "neo4j.conf"
    assert read_folders(home, home / "conf") == (home / "data", home / "data" / "transactions")
    conf.write_text("server.directories.data = my data\nserver.directories.transaction.logs.root=/logs\n",
                    encoding="utf-8")
    assert read_folders(home, home / "conf") == (home / "my data", Path("/logs"))
    conf.write_text("server.directories.data=$(pwd)\n", encoding="utf-8")
    with pytest.raises(UsageError, match="computes"):
        read_folders(home, home / "conf")
    with pytest.raises(UsageError, match="cannot be read"):
        read_folders(home, home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have another user's folder")
def test_another_users_data_folder(home, monkeypatch):
    """Root makes what is that user's; anybody else is refused, with the command to use."""
    os.chown(home / "data", 7474, 7474)
    target = Installed(home, ELSEWHERE)
    target.files.do([Make(target.layout.staging("t")), Write(target.layout.journal, "{}")])
    made = [Path(path) for path in (target.layout.work, target.layout.staging("t"), target.layout.journal)]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(7474, 7474)}
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    with pytest.raises(RefusedError, match="user #7474's") as caught:
        Installed(home, ELSEWHERE)
    assert "sudo -u" in caught.value.hint


def test_steps_on_files(tmp_path):
    """Each does what it says, what is not there is passed over, and the first that fails ends it."""
    files = Folders(tmp_path)
    a, b = tmp_path / "a", tmp_path / "b" / "c"
    files.do([Make(a / "deep"), Write(a / "text", "é\n"), Move(a, b), Move(a, tmp_path / "d"), Remove(tmp_path / "n")])
    assert files.read(b / "text") == "é\n"
    assert files.existing([a, b, b / "deep", tmp_path / "d"]) == {b, b / "deep"}
    files.do([Make(b / "deep" / "er"), Remove(b / "deep")])
    assert not (b / "deep").exists()
    with pytest.raises(ServerError, match="cannot be changed"):
        files.do([Make(b / "text" / "below"), Remove(b)])
    assert files.read(b / "text") == "é\n"
    files.do([Remove(b)])
    assert (files.read(b / "text"), files.existing([b])) == (None, set())


def test_a_folder_that_cannot_be_removed(small_disk):
    """It is said, not passed over: a store that stays where it was would be taken for the new one."""
    with pytest.raises(ServerError, match="cannot be changed"):
        Folders(small_disk).do([Remove(small_disk.parent)])


def test_logs_on_another_disk_are_moved_within_it():
    """A folder can be renamed within its file system only: each part has its new and its old beside it."""
    layout = Layout("graph", Path("/data"), Path("/logs"), Path("/data/.synthgen"), Path("/logs/.synthgen"))
    store, logs = layout.parts("t")
    assert all(path.is_relative_to("/data") for path in (store.in_use, store.staged, store.aside))
    assert all(path.is_relative_to("/logs") for path in (logs.in_use, logs.staged, logs.aside))
    assert layout.import_folders("t") == (Path("/data/.synthgen/staging/t/data"),
                                          Path("/logs/.synthgen/staging/t/data/transactions"))
    assert [store.staged, logs.staged] == [folder / "graph" for folder in (
        layout.import_folders("t")[0] / "databases", layout.import_folders("t")[1])]


def test_files_are_named_as_they_are_called_in_a_container(tmp_path):
    """By the folder that they are in, and by no other whose name begins alike."""
    service = Service(Path("/f.yml"), "neo4j", "p", {}, frozenset({PurePosixPath("/data")}))
    target = Compose(service, ELSEWHERE, tmp_path)
    reads = [tmp_path / "out", tmp_path / "out2"]
    assert [target.place(folder / "a b.csv", reads) for folder in reads] == [
        "/synthgen/0/a b.csv", "/synthgen/1/a b.csv"]


def test_plugins_are_not_fetched_for_each_container():
    """A service that has its image fetch plugins does so for the server alone."""
    service = Service(Path("/f.yml"), "neo4j", "p", {"NEO4J_PLUGINS": '["apoc"]'}, frozenset())
    assert "NEO4J_PLUGINS=" in service.one_off("x", ["true"])
