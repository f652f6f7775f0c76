"""What `synthgen scenarios` promises: list, show with a drawing, check."""

from __future__ import annotations

import json
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from synthgen.cli import main
from synthgen.scenarios.layers import arrange
from synthgen.scenarios.outline import outline_of
from synthgen.scenarios.picture import draw_svg
from synthgen.scenarios.shipped import scenario_names, shipped_scenario
from tests.unit.test_scenario_files import FILMS, SCENARIO, SHARED, STAGES, parse_topology

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command and give its exit code and what it wrote to stdout and stderr."""
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["synthgen", "scenarios", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return command


def test_list(run) -> None:
    """Every shipped scenario, with what it makes by default."""
    code, out, _ = run("list")
    assert code == 0
    assert "makes         15 + spoke_count * resources_per_spoke = 45 nodes" in out
    code, out, _ = run("list", "--json")
    listed = json.loads(out)["scenarios"]
    assert [item["name"] for item in listed] == scenario_names()
    assert all(item["about"] and item["formula"] and item["total"] for item in listed)


def test_show(run, tmp_path: Path) -> None:
    """Counts with the parameters given, and a drawing with each group and each relationship."""
    code, out, _ = run("show", "hub-spoke", "--param", "spoke_count=5", "--svg", str(tmp_path / "x.svg"))
    assert code == 0
    assert "= 65 nodes" in out
    assert "spoke_count=5" in out
    drawing = out[out.index("hub-spoke: 65 nodes"):]
    topology = shipped_scenario("hub-spoke")
    assert all(f"{group.name}: " in drawing for site in topology.sites for group in site.groups)
    assert "⇄ PEERED_WITH spoke.vnet · hub, 10" in drawing
    picture = ET.parse(tmp_path / "x.svg").getroot()  # noqa: S314 - our own picture
    assert {text.text for text in picture.iter(f"{SVG}text")} >= {"USES_SUBNET \N{MULTIPLICATION SIGN} 15"}
    code, out, _ = run("show", "hub-spoke", "--param", "spoke_count=5", "--json")
    document = json.loads(out)
    assert document["total"] == 65
    assert document["containers"] == 6
    assert sum(group["count"] for site in document["sites"] for group in site["groups"]) == 65
    assert {"type": "USES_NIC", "from": "spoke.vm", "to": "spoke.nic", "how": "one-to-one", "both": False,
            "within": False, "count": 10} in document["relationships"]


def test_show_says_what_is_wrong(run, tmp_path: Path) -> None:
    """An unknown scenario, a wrong parameter, a picture that cannot be written."""
    for arguments, said in (
        (("mesh",), "there is no scenario 'mesh'"), (("hub-spoke", "--param", "spokes=1"), "no parameter 'spokes'"),
        (("hub-spoke", "--svg", str(tmp_path / "none" / "x.svg")), "cannot be written"),
        (("a.toml",), "cannot be read"),
    ):
        code, _, err = run("show", *arguments)
        assert code == 2
        assert said in err
        assert "hint: " in err


def test_check(run, tmp_path: Path) -> None:
    """A file that is right says what it makes."""
    file = tmp_path / "mine.toml"
    file.write_text(SCENARIO + SHARED)
    code, out, _ = run("check", str(file), "--json")
    assert code == 0
    assert json.loads(out)["tried"] >= 9
    assert json.loads(out)["formula"] == "n * 2"


@pytest.mark.parametrize(("before", "after", "said"), [
    ("3 * n - n // 2 - n", "3 * n - n // 2 - n // 1 + n // 100", "its total says 300 with n=100"),
    ('count = "rest"', 'count = "max(1, rest)"', "not 1 with n=2"),
    ('total = "3 * n"', 'total = "3 * n + min(1, max(0, n - 60)) * min(1, max(0, 90 - n))"', "with n="),
])
def test_check_finds_contradictions_that_the_default_does_not_show(
    run, tmp_path: Path, before: str, after: str, said: str,
) -> None:
    """A total that is missed with some parameters only is found, with these parameters."""
    file = tmp_path / "mine.toml"
    assert before in STAGES
    file.write_text(STAGES.replace(before, after))
    code, _, err = run("check", str(file))
    assert code == 2
    assert said in " ".join(err.split())
    outline_of(parse_topology(STAGES.replace(before, after)), {})


@pytest.mark.parametrize("name", [*scenario_names(), "films", "stages", "shared"])
def test_nothing_overlaps_in_a_picture(name: str) -> None:
    """Boxes stand apart and in the picture; the words of arrows stand beside boxes, not on them or on each other."""
    own = {"films": (FILMS, ".yaml"), "stages": (STAGES, ".toml"), "shared": (SCENARIO + SHARED, ".toml")}
    topology = parse_topology(*own[name][:1], suffix=own[name][1]) if name in own else shipped_scenario(name)
    text = draw_svg(outline_of(topology, {}))
    root = ET.fromstring(text)  # noqa: S314 - our own picture
    assert text == draw_svg(outline_of(topology, {}))
    width, height = int(root.get("width", "")), int(root.get("height", ""))
    boxes, words = [], []
    for shape in root.iter(f"{SVG}rect"):
        if shape.get("class") == "box":
            x, y, w, h = (int(shape.get(key, "")) for key in ("x", "y", "width", "height"))
            boxes.append((x, y, x + w, y + h))
    for shape in root.iter(f"{SVG}text"):
        if shape.get("class") == "words":
            x, y = int(shape.get("x", "")), int(shape.get("y", ""))
            words.append((x - 6 * len(shape.text or ""), y - 8, x, y + 2))
    groups = sum(len(site.groups) for site in topology.sites) + len(topology.shared)
    assert len(boxes) == groups
    for one, other in combinations([*boxes, *words], 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1], (one, other)
    assert all(x >= 0 and y >= 0 and right <= width and bottom <= height for x, y, right, bottom in [*boxes, *words])


def test_columns() -> None:
    """Arrows lead to the right, circles are cut, what nothing leads to stands close to what it leads to."""
    assert arrange(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")]) == [["a"], ["b"], ["c"]]
    assert arrange(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("d", "c")]) == [["a"], ["b", "d"], ["c"]]
    assert arrange(["a", "b"], []) == [["a", "b"]]
    assert arrange([], []) == []
    chain = [("a", "b"), ("b", "c"), ("c", "d")]
    assert arrange(["a", "b", "c", "d", "e"], [*chain, ("a", "e")], most=3) == [["a"], ["b", "e"], ["c", "d"]]
