"""Wrong use of the command `synthgen` is answered well: the right exit code, what and where, a way out, nothing left.

The command is run as a person's shell runs it, through its entry point; where the process itself matters, as a child.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from synthgen import cli
from synthgen.bundle import write
from synthgen.snapshot.write import write_snapshot
from tests.graphs import CREATED_AT, Draft
from tests.growths import OPERATION, files_of
from tests.tiny import VM, tiny_graph

COMMANDS = ("sample", "export", "profile", "plan", "generate", "resume", "report")
FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.argv = ["synthgen", *sys.argv[2:]]
from synthgen.cli import main
main()
"""


@dataclass(frozen=True)
class Answer:
    """What a run of the command said."""

    exit_code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in an empty folder with the tiny tenant in `out/base` and nothing else configured."""
    write_snapshot(tiny_graph(), tmp_path / "out" / "base", created_at=CREATED_AT, source={}, profile="azure")
    monkeypatch.chdir(tmp_path)
    for name in ("SYNTHGEN_OUT", "SYNTHGEN_BASE", "SYNTHGEN_PROFILE", "SYNTHGEN_HOME", "SYNTHGEN_CONFIG", "NEO4J_URI",
                 "NEO4J_USER", "NEO4J_PASSWORD", "NEO4J_PASSWORD_FILE", "NEO4J_DATABASE", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["synthgen", *arguments])
        capfd.readouterr()
        try:
            cli.main()
            code: Any = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return Answer(code, *capfd.readouterr())

    return run


def left_behind(folder: Path) -> list[str]:
    """List what is there besides the base and files that a test wrote."""
    return sorted(path.relative_to(folder).as_posix() for path in (folder / "out").rglob("*")
                  if "base" not in path.relative_to(folder).parts and path.name != "operations")


TEMPLATE = ("generate", "--strategy", "template")
RANDOM = ("generate", "--strategy", "random")
SCENARIO = ("generate", "--strategy", "scenario")

WRONG: list[tuple[tuple[str, ...], str]] = [
    ((*TEMPLATE, "--scale-factor", "2", "--engine", "spark"), "there is no engine 'spark'"),
    ((*TEMPLATE, "--scale-factor", "2", "--workers", "2"), "--workers is for --engine dask"),
    ((*TEMPLATE, "--scale-factor", "2", "--engine", "local", "--scheduler", "x"), "--scheduler is for --engine dask"),
    ((*TEMPLATE, "--scale-factor", "2", "--engine", "dask", "--workers", "0"), "--workers '0' means nothing"),
    ((*TEMPLATE, "--scale-factor", "2", "--engine", "dask", "--workers", "8-1"), "--workers '8-1' means nothing"),
    ((*TEMPLATE, "--scale-factor", "2", "--engine", "dask", "--workers", "2", "--scheduler", "tcp://x:1"),
     "--workers is for a local cluster"),
    (("resume",), "no operation in"),
    (("resume", "scale-20260131T120000-00000000", "--discard"), "no operation in"),
    ((*TEMPLATE,), "needs a size"),
    ((*TEMPLATE, "--scale-factor", "1.0"), "--scale-factor 1 makes nothing"),
    ((*TEMPLATE, "--scale-factor", "1"), "must be above 1"),
    ((*TEMPLATE, "--scale-factor", "0"), "--scale-factor 0 makes nothing"),
    ((*TEMPLATE, "--scale-factor", "-3"), "--scale-factor -3 makes nothing"),
    ((*TEMPLATE, "--scale-factor", "nan"), "--scale-factor nan makes nothing"),
    ((*TEMPLATE, "--scale-factor", "inf"), "--scale-factor inf makes nothing"),
    ((*TEMPLATE, "--scale-factor", "1.001"), "makes no resource"),
    ((*TEMPLATE, "--scale-factor", "ten"), "Invalid value for '--scale-factor'"),
    ((*TEMPLATE, "--target-count", "0"), "--target-count 0 makes nothing"),
    ((*TEMPLATE, "--target-count", "-1"), "--target-count -1 makes nothing"),
    ((*TEMPLATE, "--target-count", "5", "--scale-factor", "2"), "--target-count stands alone"),
    ((*TEMPLATE, "--scale-factor", "2", "--resource-type", "Microsoft.Compute/virtualMachine"), f"did you mean {VM}"),
    ((*TEMPLATE, "--scale-factor", "2", "--resource-type", ""), "no resource of type ''"),
    ((*TEMPLATE, "--scale-factor", "2", "--tenant-id", "nobody"), "there is no tenant 'nobody'"),
    ((*TEMPLATE, "--scale-factor", "2", "--anonymise", "--source-ids", "raw"), "would give away what"),
    ((*TEMPLATE, "--scale-factor", "2", "--fewest-owners", "3"), "--fewest-owners is for --anonymise"),
    ((*TEMPLATE, "--scale-factor", "2", "--anonymise", "--fewest-owners", "0"), "--fewest-owners 0 means nothing"),
    ((*TEMPLATE, "--scale-factor", "2", "--source-ids", "md5"), "--source-ids 'md5' means nothing"),
    ((*RANDOM, "--count", "5", "--source-ids", "none"), "--source-ids does not belong to the random strategy"),
    ((*RANDOM,), "needs --count"),
    ((*RANDOM, "--count", "0"), "--count 0 makes nothing"),
    ((*RANDOM, "--count", "-5"), "--count -5 makes nothing"),
    ((*RANDOM, "--count", "1.5"), "Invalid value for '--count'"),
    ((*RANDOM, "--count", "5", "--density", "1.5"), "relationship_density is 1.5, outside 0…1"),
    ((*RANDOM, "--count", "5", "--density", "-0.1"), "outside 0…1"),
    ((*RANDOM, "--count", "5", "--density", "nan"), "outside 0…1"),
    ((*RANDOM, "--count", "5", "--density", "1", "--relationships", "5"), "exclude each other"),
    ((*RANDOM, "--count", "5", "--relationships", "-1"), "below 0"),
    ((*RANDOM, "--count", "5", "--relationships", "1000"), "1,000 relationships are more than the"),
    ((*SCENARIO,), "needs --scenario"),
    ((*SCENARIO, "--scenario", "hub"), "hub-spoke"),
    ((*SCENARIO, "--scenario", "hub-spoke", "--param", "spoke_count"), "is not key=value"),
    ((*SCENARIO, "--scenario", "hub-spoke", "--param", "spokes=2"), "spoke_count"),
    ((*SCENARIO, "--scenario", "hub-spoke", "--param", "spoke_count=2", "--param", "spoke_count=3"), "given twice"),
    (("generate", "--strategy", "forest"), "there is no strategy 'forest'"),
    (("generate",), "Missing option '--strategy'"),
    (("generate", "--bogus"), "No such option: --bogus"),
    (("bogus",), "No such command 'bogus'"),
    (("sample", "--out", "x", "--resources", "0"), "Invalid value for '--resources'"),
    ((*RANDOM, "--count", "5", "--now", "today"), "--now 'today' is not a time with a zone"),
    ((*RANDOM, "--count", "5", "--now", "2026-01-31T12:00:00"), "is not a time with a zone"),
    ((*RANDOM, "--count", "5", "--profile", "missing.toml"), "the profile missing.toml cannot be read"),
    *(((*RANDOM, "--count", "5", "--operation-id", id_), "is not an operation id") for id_ in (
        "", "x", "scale-2026-01-31-0123abcd", "scale-20260131T120000-0123ABCD", "scale-20260131T120000-0123abcd/../x",
        "scale-20260131T120000-0123abcd\n", "scale-\u0662\u0660260131T120000-0123abcd")),
]
OTHERS = {
    "template": [("--count", "5"), ("--count", "0"), ("--density", "0.5"), ("--density", "0"), ("--relationships", "0"),
                 ("--config", "c.toml"), ("--scenario", "hub-spoke"), ("--param", "a=1")],
    "random": [("--scale-factor", "2"), ("--scale-factor", "0"), ("--target-count", "0"), ("--template-file", "t.toml"),
               ("--scenario", ""), ("--param", "a=1")],
    "scenario": [("--scale-factor", "2"), ("--count", "0"), ("--resource-type", VM), ("--include-synthetic",),
                 ("--density", "0"), ("--target-count", "3")],
}
WRONG += [(("generate", "--strategy", strategy, *option), f"{option[0]} does not belong to the {strategy} strategy")
          for strategy, options in OTHERS.items() for option in options]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=lambda value: " ".join(value)[:60] if value else "")
def test_wrong_use_is_answered(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, nothing on stdout, what is wrong on stderr, and no file written; no option is ignored in silence."""
    before = files_of(tmp_path)
    answer = run(*arguments)
    assert (answer.exit_code, answer.out) == (2, "")
    assert said in re.sub(r"[│\s]+", " ", answer.err)
    assert "Traceback" not in answer.err
    assert files_of(tmp_path) == before


@pytest.mark.parametrize(("arguments", "code", "kind", "said"), [
    ((*TEMPLATE, "--scale-factor", "1"), 2, "UsageError", "makes nothing"),
    ((*RANDOM, "--count", "5", "--base", "nowhere"), 1, "SnapshotError", "there is no snapshot in"),
    ((*RANDOM, "--count", "1000000001"), 5, "RefusedError", "more than one operation makes"),
    ((*TEMPLATE, "--scale-factor", "1e300"), 5, "RefusedError", "more than one operation makes"),
    (("generate",), 2, "UsageError", "Missing option '--strategy'"),
    ((*RANDOM, "--count", "many"), 2, "UsageError", "Invalid value for '--count'"),
    (("grow",), 2, "UsageError", "No such command 'grow'"),
])
def test_errors_are_data_too(run: Run, arguments: tuple[str, ...], code: int, kind: str, said: str) -> None:
    """With --json stdout is one document that holds the error, its way out and the exit code; words stay on stderr."""
    answer = run(*arguments, "--json")
    assert answer.exit_code == code
    error = answer.document["error"]
    assert (error["kind"], error["exit_code"]) == (kind, code)
    assert said in error["message"]
    assert error["hint"]
    assert f"error: {error['message']}" in answer.err
    assert f"hint: {error['hint']}" in answer.err


def test_no_snapshot_says_how_to_get_one(run: Run, tmp_path: Path) -> None:
    """Without a base the answer names the folder and both ways to one."""
    answer = run(*RANDOM, "--count", "5", "--base", "elsewhere")
    assert answer.exit_code == 1
    assert f"there is no snapshot in {tmp_path / 'elsewhere'}" in answer.err
    assert "synthgen export" in answer.err
    assert "synthgen sample" in answer.err


def test_a_damaged_snapshot_makes_nothing(run: Run, tmp_path: Path) -> None:
    """A table with one byte changed is named, and no operation appears."""
    table = tmp_path / "out" / "base" / "nodes-0000.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    answer = run(*RANDOM, "--count", "5")
    assert answer.exit_code == 1
    assert f"{table} is damaged" in answer.err
    assert not left_behind(tmp_path)


def test_the_same_operation_id_twice(run: Run, tmp_path: Path) -> None:
    """An operation id is used once: the second run is refused and the first bundle stays as it is."""
    arguments = (*RANDOM, "--count", "5", "--operation-id", OPERATION)
    first = run(*arguments, "--json")
    assert first.exit_code == 0
    assert first.document["operation_id"] == OPERATION
    before = files_of(tmp_path)
    answer = run(*arguments, "--seed", "9")
    assert answer.exit_code == 2
    assert f"there is already an operation {OPERATION}" in answer.err
    assert files_of(tmp_path) == before


def test_an_operation_of_the_base_is_not_made_again(run: Run, tmp_path: Path) -> None:
    """An operation id that synthetic nodes of the base bear already is taken: a rollback could not tell them apart."""
    draft = Draft()
    draft.add(["Resource"], {"id": "a", "type": "T"})
    draft.add(["Resource"], {"id": "b", "type": "T", "synthetic": True, "scale_operation_id": OPERATION},
              {"synthetic": "BOOLEAN"})
    write_snapshot(draft.graph(), tmp_path / "grown", created_at=CREATED_AT, source={}, profile="azure")
    answer = run(*RANDOM, "--count", "5", "--base", "grown", "--operation-id", OPERATION)
    assert answer.exit_code == 2
    assert f"{OPERATION} is part of the base already" in answer.err
    assert not left_behind(tmp_path)


FILES: list[tuple[str, str, str, str]] = [
    # option, file name, content, what is said
    ("--config", "c.toml", "a = 1\nb = = 2\n", "line 2"),
    ("--config", "c.json", '{\n"seed": 1,\n}', "line 3"),
    ("--config", "c.yaml", "seed: 1\n  odd: [\n", "line 2"),
    ("--config", "c.yaml", "seed: 2026-13-45\n", "cannot be understood"),
    ("--config", "c.ini", "", "files of kind '.ini' are not read"),
    ("--config", "c.json", "[]", "holds no table"),
    ("--config", "c.yaml", "", "holds no table"),
    ("--config", "c.toml", "sede = 1", "unknown name 'sede'"),
    ("--config", "c.toml", "seed = 1.5", "seed cannot be 1.5"),
    ("--config", "c.toml", "seed = true", "seed cannot be True"),
    ("--config", "c.toml", "relationship_density = 1.5", "relationship_density is 1.5, outside 0…1"),
    ("--config", "c.toml", 'relationship_density = "all"', "relationship_density cannot be 'all'"),
    ("--config", "c.toml", '[resource_type_distribution]\n"Microsoft.Compute/virtualMachine" = 1',
     f"did you mean {VM}"),
    ("--config", "c.toml", f'[resource_type_distribution]\n"{VM}" = -1', "is -1"),
    ("--config", "c.toml", f'[resource_type_distribution]\n"{VM}" = "x"', "is 'x'"),
    ("--config", "c.toml", f'[resource_type_distribution]\n"{VM}" = 0', "all weights are 0"),
    ("--config", "c.toml", "[resource_type_distribution]", "all weights are 0"),
    ("--config", "c.yaml", "resource_type_distribution: {1: 2}", "1 is not a type"),
    ("--template-file", "t.toml", "\nresources = = 1\n", "line 2"),
    ("--template-file", "t.yaml", "resources:\n- type: T\n  count: [", "line 3"),
    ("--template-file", "t.json", "{}", "`resources` is not a list of types"),
    ("--template-file", "t.json", '{"resources": [], "x": 1}', "'x' is not understood"),
    ("--template-file", "t.json", '{"resources": [{"count": 1}]}', "entry 1 of resources has no type"),
    ("--template-file", "t.json", '{"resources": [{"type": "T", "count": -1}]}', "the count of 'T' is -1"),
    ("--template-file", "t.json", '{"resources": [{"type": "T", "count": 1.5}]}', "the count of 'T' is 1.5"),
    ("--template-file", "t.json", '{"resources": [{"type": "T", "count": 1, "sku": "x"}]}', "'sku' is not understood"),
    ("--template-file", "t.json", '{"resources": [{"type": "T", "count": 0}]}', "asks for no resources"),
    ("--template-file", "t.json", '{"resources": [{"type": "Microsoft.Compute/virtualMachine", "count": 1}]}',
     f"did you mean {VM}"),
    ("--profile", "p.toml", "resource_labels = = 1", "line 1"),
    ("--profile", "p.toml", 'resource_label = ["X"]', "no field 'resource_label'"),
    ("--profile", "p.toml", 'resource_labels = "X"', "resource_labels is a list of texts"),
    ("--profile", "p.toml", 'resource_label_sets = ["Film"]', "resource_label_sets is a list of label sets"),
    ("--profile", "p.toml", "resource_label_sets = [1]", "resource_label_sets is a list of label sets"),
    ("--profile", "p.toml", 'resource_labels = ["X"]\nid = 5', "id is a text"),
    ("--profile", "p.toml", 'id = "id"', "nothing says which nodes are resources"),
    ("--profile", "p.toml", 'resource_labels = ["Nobody"]', "no resources to multiply"),
    ("", "synthgen.toml", "\nout = = 1\n", "line 2"),
    ("", "synthgen.toml", 'oot = "x"', "unknown setting 'oot'"),
    ("", "synthgen.toml", '[neo4j]\npassword = "geheim"', "a password does not belong in this file"),
    ("", "synthgen.toml", "neo4j = 5", "neo4j is a table"),
]


@pytest.mark.parametrize(("option", "name", "content", "said"), FILES)
def test_files_that_are_not_fit_are_named(
    run: Run, tmp_path: Path, option: str, name: str, content: str, said: str
) -> None:
    """A config, template, profile or settings file that is wrong: exit code 2, and what is wrong where."""
    (tmp_path / name).write_text(content, "utf-8")
    before = files_of(tmp_path)
    size = ("--strategy", "template") if option == "--template-file" else ("--strategy", "random", "--count", "5")
    answer = run("generate", *size, *((option, name) if option else ()))
    assert (answer.exit_code, answer.out) == (2, "")
    assert said in answer.err
    assert "geheim" not in answer.err
    assert "hint: " in answer.err
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("option", ["--config", "--template-file", "--profile"])
@pytest.mark.parametrize("name", ["missing.toml", "folder.toml", "binary.toml"])
def test_files_that_cannot_be_read_are_named(run: Run, tmp_path: Path, option: str, name: str) -> None:
    """A file that is not there, is a folder, or is no text is a usage error that names it."""
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    size = ("--strategy", "template") if option == "--template-file" else ("--strategy", "random", "--count", "5")
    answer = run("generate", *size, option, name)
    assert answer.exit_code == 2
    assert name in answer.err


def test_types_that_only_others_have_are_said(run: Run, tmp_path: Path) -> None:
    """A count for a type that only another tenant's or synthetic resources have is refused, never dropped."""
    draft = Draft()
    draft.add(["Resource"], {"id": "a", "type": "A", "tenant_id": "t1"})
    draft.add(["Resource"], {"id": "b", "type": "B", "tenant_id": "t2"})
    draft.add(["Resource"], {"id": "c", "type": "C", "synthetic": True, "tenant_id": "t1"}, {"synthetic": "BOOLEAN"})
    write_snapshot(draft.graph(), tmp_path / "two", created_at=CREATED_AT, source={}, profile="azure")
    for type_ in "BC":
        entries = [{"type": "A", "count": 2}, {"type": type_, "count": 3}]
        (tmp_path / "t.json").write_text(json.dumps({"resources": entries}), "utf-8")
        (tmp_path / "c.json").write_text(json.dumps({"resource_type_distribution": {"A": 1, type_: 1}}), "utf-8")
        for asked in ((*TEMPLATE, "--template-file", "t.json"), (*RANDOM, "--count", "4", "--config", "c.json")):
            answer = run(*asked, "--base", "two", "--tenant-id", "t1")
            assert answer.exit_code == 2
            assert f"none of the resources chosen is of type '{type_}'" in answer.err
    answer = run(*TEMPLATE, "--template-file", "t.json", "--base", "two", "--resource-type", "A", "--json")
    assert answer.document["counts"]["resource_types"] == {"A": 2}
    answer = run(*RANDOM, "--count", "4", "--config", "c.json", "--base", "two", "--resource-type", "A", "--json")
    assert answer.document["counts"]["resource_types"] == {"A": 4}
    answer = run(*TEMPLATE, "--template-file", "t.json", "--base", "two", "--resource-type", "B")
    assert (answer.exit_code, "asks for nothing of type 'B'" in answer.err) == (2, True)


def test_a_flag_counts_more_than_a_file(run: Run, tmp_path: Path) -> None:
    """Settings come from flag, then environment, then file, then default; the seed too, even 0."""
    (tmp_path / "c.toml").write_text("seed = 5\nrelationship_density = 0.0", "utf-8")
    config = (*RANDOM, "--count", "5", "--config", "c.toml", "--json")
    assert run(*config).document["seed"] == 5
    assert run(*config, "--seed", "0").document["seed"] == 0
    assert run(*config).document["counts"]["relationships"] == 0
    assert run(*config, "--density", "1").document["counts"]["relationships"] > 0
    assert run(*RANDOM, "--count", "5", "--json").document["seed"] == 0
    (tmp_path / "synthgen.toml").write_text('base = "nowhere"', "utf-8")
    assert run(*RANDOM, "--count", "5").exit_code == 1
    assert run(*RANDOM, "--count", "5", "--base", "out/base").exit_code == 0


def test_a_bad_epoch_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH that is no number of seconds is a usage error; one that is gives the clock."""
    for wrong in ("soon", "1e9", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        answer = run(*RANDOM, "--count", "5")
        assert (answer.exit_code, "SOURCE_DATE_EPOCH" in answer.err) == (2, True)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert run(*RANDOM, "--count", "5", "--json").document["created_at"] == "1970-01-01T00:00:00+00:00"


def test_data_is_on_stdout_and_words_on_stderr(run: Run, tmp_path: Path) -> None:
    """--json prints one document with at least operation_id, path and counts; without it stdout is for reading."""
    answer = run(*TEMPLATE, "--scale-factor", "3", "--json")
    assert answer.exit_code == 0
    document = answer.document
    assert document["counts"]["resources"] == 2 * 6
    assert Path(document["path"]).is_dir()
    assert Path(document["path"]).name == document["operation_id"]
    plain = run(*TEMPLATE, "--scale-factor", "3")
    assert "12 resources" in plain.out
    assert "importer load scale-" in plain.out
    assert run("sample", "--out", "s", "--resources", "20", "--json").document["counts"]["labels"]["Resource"] >= 20


def test_sample_does_not_overwrite(run: Run, tmp_path: Path) -> None:
    """A folder that is there already is left alone."""
    before = files_of(tmp_path)
    answer = run("sample", "--out", "out/base", "--resources", "20")
    assert answer.exit_code == 1
    assert "exists already" in answer.err
    assert files_of(tmp_path) == before


def test_a_profile_is_shown_and_written_once(run: Run, tmp_path: Path) -> None:
    """What is shown is what `--profile` takes; a file that is there already stays as it is."""
    shown = run("profile", "--profile", "auto")
    written = run("profile", "--profile", "auto", "--write", "p.toml", "--json")
    assert (shown.exit_code, written.exit_code) == (0, 0)
    assert shown.out.startswith((tmp_path / "p.toml").read_text("utf-8"))
    assert {"labels": ["Resource"], "role": "resource", "nodes": 6} in written.document["label_sets"]
    (tmp_path / "shown.toml").write_text(shown.out, "utf-8")
    assert run("profile", "--profile", "shown.toml").out == shown.out
    again = run("profile", "--write", "p.toml")
    assert (again.exit_code, "exists already" in again.err) == (2, True)
    assert (run("profile", "--write", "no/such/folder/p.toml").exit_code, left_behind(tmp_path)) == (2, [])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run: Run, command: str) -> None:
    """--help of each command says what it does, shows an example that starts with it, and explains every option."""
    answer = run(command, "--help")
    assert answer.exit_code == 0
    assert re.search(rf"Example: synthgen {command} ", answer.out)
    registered = {info.name or info.callback.__name__: info for info in cli.app.registered_commands if info.callback}
    assert set(registered) == set(COMMANDS), "a new command belongs into COMMANDS"
    options = re.findall(r"--[a-z][a-z-]+", answer.out)
    assert "--json" in options
    assert "<" in answer.out
    assert "_HELP" not in answer.out


def test_help_lists_commands_and_exit_codes(run: Run) -> None:
    """--help of the whole names every command, the exit codes and where settings come from."""
    answer = run("--help")
    assert answer.exit_code == 0
    text = " ".join(answer.out.split())
    assert all(f" {command} " in text for command in COMMANDS)
    assert "0 done, 1 failed, 2 usage" in text
    assert "130 interrupted" in text


@pytest.mark.parametrize("limit", [0, 40, 200, 700, 2000])
@pytest.mark.parametrize("command", [
    ("generate", "--strategy", "template", "--scale-factor", "9"), ("sample", "--out", "new/sample"),
], ids=lambda command: command[0])
def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path, command: tuple[str, ...], limit: int) -> None:
    """When no more can be written, wherever that happens, the answer says so and nothing half-written is left."""
    before = files_of(tmp_path)
    child = subprocess.run([sys.executable, "-c", FULL_DISK, str(limit), *command, "--json"], cwd=tmp_path,
                           capture_output=True, text=True, check=False)
    assert child.returncode == 1, child.stderr
    assert "cannot be written" in json.loads(child.stdout)["error"]["message"]
    assert "Traceback" not in child.stderr
    assert files_of(tmp_path) == before
    assert not list(tmp_path.rglob(".*"))


def test_an_interrupt_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of writing: exit code 130, and no half of a bundle."""
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "hex_digests", interrupted)
    before = files_of(tmp_path)
    answer = run(*TEMPLATE, "--scale-factor", "3")
    assert answer.exit_code == 130
    assert files_of(tmp_path) == before
    assert not left_behind(tmp_path)


def test_a_home_that_is_named_is_meant_whatever_the_environment_says(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag before environment; an address and a home at once are refused."""
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    answer = run("export", "--home", "elsewhere")
    assert answer.exit_code == 10
    assert "no local server in" in answer.err
    assert "elsewhere" in answer.err
    assert run("export").err.count("127.0.0.1:1")
    both = run("export", "--home", "elsewhere", "--uri", "bolt://127.0.0.1:1")
    assert both.exit_code == 2
    assert "--uri and --home" in both.err
