"""docs/scenarios.md: its examples are run as they stand there, its reference is whole, its pictures are up to date."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from synthgen.base import Base
from synthgen.cli import main
from synthgen.generate import find_profile
from synthgen.parameters import ScenarioParameters
from synthgen.scenarios import parsing
from synthgen.scenarios.outline import outline_of
from synthgen.scenarios.picture import draw_svg
from synthgen.scenarios.shipped import scenario_formula, scenario_names, shipped_scenario
from synthgen.scenarios.topology import PLACEHOLDERS, How, Pick
from tests.graphs import stored
from tests.growths import grown_base, made_by, make_bundle
from tests.tiny import tiny_graph
from tests.unit.test_scenario_files import films

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "scenarios.md").read_text(encoding="utf-8")
BRANCHES, FESTIVAL = (re.search(rf"```{suffix}\n(.*?)```", TEXT, re.DOTALL)[1] for suffix in ("toml", "yaml"))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples as files, to work in."""
    (tmp_path / "branches.toml").write_text(BRANCHES)
    (tmp_path / "festival.yaml").write_text(FESTIVAL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_worked_example_works(written: Path) -> None:
    """The branch offices are made as they stand in the text, with the numbers that it says."""
    with grown_base(tiny_graph()) as (base, _, folder):
        parameters = ScenarioParameters(scenario="branches.toml", parameters={"branches": 3, "machines": 4})
        bundle = make_bundle(base, parameters, folder)
        made = made_by(bundle)
    assert len(made.resources) == 4 + 3 * (3 + 3 * 4)
    counts = bundle.manifest.counts
    assert counts.isolated == 0
    assert {type_: counts.types[type_] for type_ in ("CONNECTED_TO", "PEERED_WITH", "USES_NIC", "TAGGED_WITH")} == {
        "CONNECTED_TO": 3, "PEERED_WITH": 2, "USES_NIC": 12, "TAGGED_WITH": 12}
    assert len({node.properties["id"] for node in made.nodes}) == len(made.nodes)


def test_the_festival_works_in_a_graph_that_is_no_azure(written: Path) -> None:
    """The festival is made in a graph of films under an inferred profile."""
    with stored(films().graph()) as snapshot:
        base = Base(snapshot, find_profile(snapshot, "auto"))
        parameters = ScenarioParameters(scenario="festival.yaml", parameters={"films": 4})
        bundle = make_bundle(base, parameters, written / "out")
    assert bundle.manifest.counts.labels == {"Film": 8, "Person": 30}
    assert bundle.manifest.counts.types == {"DIRECTED": 24, "RATED": 24, "KNOWS": 6, "FOLLOWS": 4, "IN_GENRE": 8}


def shown(before: str) -> str:
    """Give the indented block that follows a line of the text."""
    return re.search(re.escape(before) + r"\n+((?:    .*\n)+)", TEXT)[1].replace("    ", "", 1).replace("\n    ", "\n")


def test_what_check_answers_is_what_the_text_says(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word, for the example and for the example with a wrong total."""
    monkeypatch.setattr(sys, "argv", ["synthgen", "scenarios", "check", "branches.toml"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == shown("    synthgen scenarios check branches.toml\n")
    (written / "branches.toml").write_text(BRANCHES.replace("(3 + 3 *", "(2 + 3 *"))
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.splitlines()[0] == shown(
        "`check` counts with the smallest, the largest and many drawn values of every parameter. Had the total said\n"
        "`4 + branches * (2 + 3 * machines)`, it would answer").strip()


@pytest.mark.parametrize("line", re.findall(r"^    (synthgen scenarios .*?)(?:  +#.*)?$", TEXT, re.MULTILINE))
def test_command_lines_work(
    line: str, written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What the page shows can be typed."""
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert capsys.readouterr().out


def test_the_reference_is_whole() -> None:
    """Every key that a file may have, every way of tying and every placeholder is told; nothing else is."""
    source = Path(parsing.__file__).read_text(encoding="utf-8")
    keys = set(re.findall(r'\b(?:table|below)\.\w+\("(\w+)"', source)) | {"name", "from", "to"}
    assert len(keys) > 30
    told = set(re.findall(r"`\"?([a-z_$]+)\"?`", TEXT)) | set(re.findall(r"`([a-z_]+) =", TEXT))
    assert keys <= told
    for item in (*How, *Pick):
        assert f"`{item.value}`" in TEXT or f'`"{item.value}"`' in TEXT
    assert {name[1:] for name in told if name.startswith("$")} == PLACEHOLDERS


@pytest.mark.parametrize("name", scenario_names())
def test_pictures_are_up_to_date(name: str) -> None:
    """Each shipped scenario has a picture and its formula on the page; `show --svg` makes the picture anew."""
    assert (DOCS / "scenarios" / f"{name}.svg").read_text(encoding="utf-8") == draw_svg(
        outline_of(shipped_scenario(name), {}))
    assert f"![{name}](scenarios/{name}.svg)" in TEXT
    assert f"`{scenario_formula(name)}`" in TEXT
