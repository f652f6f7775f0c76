"""Texts in scripts: whatever a text holds, the shell reads it as it was; the scripts are ones that a shell can read."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.building import build_restore
from importer.scripts.folder import write_folder
from importer.scripts.quoting import QUOTE, check_shell, in_ascii, literal, quote_ps1
from importer.scripts.script import build_script
from importer.scripts.server import plan_server
from importer.servers.targets import TargetOptions
from importer.servers.versions import Product
from synthgen.errors import UsageError
from synthgen.snapshot.write import write_snapshot
from tests.tiny import tiny_graph

NASTY = ["", " ", "'", "''", "a'b", '"', "$HOME", "${x}", "$(false)", "`false`", "\\", "\\'", "!!", "~", "*", "-n", "#",
         ";", "a\nb", "a\r\nb\n", "\t", "%", "^", "&", "|", "Ärger 😀 имя", "\u2018a\u2019 \u201ab\u201b",
         "@args", "@{x=1}", "--%"]
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
PS1_QUOTES = "'\u2018\u2019\u201a\u201b"
SERVERS = {
    "home": TargetOptions("installed", neo4j_home=Path("/a 'home'/$x `y`"), neo4j_conf=Path("/etc/neo4j")),
    "compose": TargetOptions("compose", compose_file=Path("/a 'project'/$x/c.yml"), service="graph"),
}
KINDS = [(shell, commands) for shell in QUOTE for commands in SERVERS]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@given(given_texts=st.lists(TEXTS, min_size=1, max_size=40))
@settings(max_examples=15)
def test_a_text_is_one_word_of_sh_and_as_it_was(shell, given_texts):
    """A real shell gives each text back, byte by byte."""
    words = " ".join(map(QUOTE["sh"], given_texts))
    said = subprocess.run([shell, "-c", f"printf '%s\\0' {words}"], capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == given_texts


def read_ps1(text: str) -> str:
    """Read one word in single quotes as PowerShell's language specification, 2.3.5.2, says."""
    assert text[0] in PS1_QUOTES
    found, at = "", 1
    while text[at] not in PS1_QUOTES or text[at + 1:at + 2] in tuple(PS1_QUOTES):
        found += text[at]
        at += 2 if text[at] in PS1_QUOTES else 1
    assert at == len(text) - 1, "it ends before its end"
    return found


@given(TEXTS)
@settings(max_examples=200)
def test_a_text_is_one_word_of_powershell_and_as_it_was(text):
    """By the rules of the language: no PowerShell is at hand to ask."""
    assert read_ps1(quote_ps1(text)) == text


@given(TEXTS)
@settings(max_examples=100)
def test_cypher_in_a_file_is_ascii_without_line_ends(text):
    """So no encoding of whoever reads the file can change it, and each statement has a line of its own."""
    assert in_ascii(text).isascii()
    written = literal(text)
    assert written.isascii()
    assert written.isprintable()
    assert written[0] == written[-1] == "'"


def test_other_shells_are_refused():
    """With the ones that there are."""
    assert [check_shell("sh"), check_shell("ps1")] == ["sh", "ps1"]
    with pytest.raises(UsageError) as refused:
        check_shell("zsh")
    assert "ps1" in refused.value.hint


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[tuple[str, str], Path]:
    """A restore as a script for each shell and each kind of server."""
    folder = tmp_path_factory.mktemp("scripts")
    snapshot = write_snapshot(tiny_graph(), folder / "base", created_at="2026-01-01T00:00:00+00:00", source={},
                              profile="auto")
    made = {kind: folder / "-".join(kind) for kind in KINDS}
    for (shell, commands), place in made.items():
        place.mkdir()
        script = build_script(build_restore(snapshot, Product("2026.09.0"), heap="1g"))
        write_folder(script, place, shell, plan_server(SERVERS[commands], None))
    return made


@pytest.mark.parametrize("commands", SERVERS)
def test_the_sh_script_has_nothing_that_shellcheck_minds(folders, commands):
    """No word is split, no variable unset, no result overlooked."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed; it is one of the extra [dev]")
    # Values stand in single quotes, with quotes and dollars in them, and that is what they are to do.
    path = folders["sh", commands] / "load.sh"
    checked = subprocess.run(["shellcheck", "--exclude", "SC2016,SC2089,SC2090", str(path)], capture_output=True,
                             text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("commands", SERVERS)
def test_the_powershell_script_is_powershell(folders, commands):
    """As far as a grammar tells: no part of it is unreadable, and it begins with the mark that says UTF-8."""
    powershell = pytest.importorskip("tree_sitter_powershell", reason="it is one of the extra [dev]")
    tree_sitter = pytest.importorskip("tree_sitter", reason="it is one of the extra [dev]")
    text = (folders["ps1", commands] / "load.ps1").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    parser = tree_sitter.Parser(tree_sitter.Language(powershell.language()))
    assert not parser.parse(text[3:]).root_node.has_error
    assert parser.parse(text[3:].replace(b"finally {", b"finally ")).root_node.has_error


@pytest.mark.parametrize(("shell", "commands"), KINDS)
def test_the_folder_names_all_that_a_script_uses(folders, shell, commands):
    """What template and README name is in the folder, the values are in the script, and the place is a mark."""
    folder, planned = folders[shell, commands], plan_server(SERVERS[commands], None)
    assert {path.name for path in folder.iterdir()} == {
        f"load.{shell}", "README.txt", "arguments", "checksums", "state.cypher", "schema.cypher", "afterwards.cypher",
        "after.cypher", "base"}
    text = (folder / f"load.{shell}").read_text(encoding="utf-8-sig")
    assert "# @" not in text
    for name, value in {**planned.values, "version_planned": "2026.09.0", "version_pattern": "2026.*"}.items():
        spelled = f"{name.upper()}=" if shell == "sh" else f"${name.title().replace('_', '')} = "
        assert f"\n{spelled}{QUOTE[shell](value)}\n" in text
    readme = (folder / "README.txt").read_text(encoding="utf-8")
    assert all(name in text and name in readme for name in re.findall(r"\b[A-Z][A-Z0-9_]+(?= \(|,)", planned.variables))
    arguments = (folder / "arguments").read_text(encoding="utf-8")
    assert str(folder) not in arguments
    assert '"--path-pattern-style=none"\n' in arguments
    assert '"--nodes=Region=@folder@/base/base-nodes-' in arguments


@pytest.mark.parametrize("name", ["load.sh", "home.sh", "compose.sh", "load.ps1", "home.ps1", "compose.ps1"])
def test_no_password_is_written_or_passed_as_an_argument(name):
    """It goes from the environment or a prompt to cypher-shell's environment, and docker's, and nowhere else."""
    text = (files("importer.scripts") / "templates" / name).read_text(encoding="utf-8")
    assert not [line for line in text.splitlines() if " -p " in line or "--password" in line]
