"""Where the parts of a file that a user wrote stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.errors import UsageError
from synthgen.sources import parse_source, read_source

TOML = '''a = 1
[p.q]
b = """
c = 2
[[x]]
"""
[[x]]
n = 1
[[x.y]]
m = 1
[[x.y]]
m = 2  # [[x]]
[[x]]
"n" = 2
[x.z."d.e"]
k = 1
[[x.y]]
m = 3
'''
YAML = """a: 1
x:
  - n: 1
    y: [{m: 1},
        {m: 2}]
  - {n: 2}
"""
JSON = '{"a": 1,\n "x": [{"n": 1},\n  {"n": 2}]}'


def test_lines_of_toml() -> None:
    """Tables, tables in lists of tables, and keys; what stands in a text of several lines is no part."""
    source = parse_source(TOML, said="f.toml", suffix=".toml")
    assert source.document["x"][1]["y"] == [{"m": 3}]
    assert {place: source.lines[place] for place in (
        ("a",), ("p", "q"), ("p", "q", "b"), ("x", 0), ("x", 0, "y", 1, "m"), ("x", 1), ("x", 1, "n"),
        ("x", 1, "z", "d.e", "k"), ("x", 1, "y", 0, "m"))} == {
        ("a",): 1, ("p", "q"): 2, ("p", "q", "b"): 3, ("x", 0): 7, ("x", 0, "y", 1, "m"): 12, ("x", 1): 13,
        ("x", 1, "n"): 14, ("x", 1, "z", "d.e", "k"): 16, ("x", 1, "y", 0, "m"): 18}
    assert source.at("x", 1, "nothing") == "f.toml:13"
    assert source.at("nothing") == "f.toml"


@pytest.mark.parametrize(("text", "suffix", "place", "line"), [
    (YAML, ".yaml", ("x", 0, "y", 1, "m"), 5), (YAML, ".yml", ("x", 1), 6), (JSON, ".json", ("x", 1, "n"), 3),
])
def test_lines_of_yaml_and_json(text: str, suffix: str, place: tuple, line: int) -> None:
    """Each key and each element of a list has its line."""
    source = parse_source(text, said="f", suffix=suffix)
    assert source.at(*place) == f"f:{line}"


def test_what_yaml_would_swallow_is_said() -> None:
    """A key that comes twice, of which YAML itself would take the last."""
    with pytest.raises(UsageError, match="f:3: 'n' is given twice"):
        parse_source("n: 1\nm: 2\nn: 3\n", said="f", suffix=".yaml")


def test_aliases_do_not_explode() -> None:
    """A file whose aliases would unfold into billions of values, or for ever, is refused at once; others are fine."""
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    with pytest.raises(UsageError, match="f:8: its aliases stand for more than 10,000,000 values"):
        parse_source("l0: &l0 [1]\n" + levels, said="f", suffix=".yaml")
    for text in ("a: &a {b: *a}\n", "a: &a\n  b:\n    - *a\n", "a: &a [[*a]]"):
        with pytest.raises(UsageError, match="an alias stands for what it is part of"):
            parse_source(text, said="f", suffix=".yaml")
    shared = "x: &x {n: 1, m:}\na:\n  - *x\n  - <<: *x\n    n: 2\nb: *x\nc: [*x, {d: *x}]\ne:\n"
    assert parse_source(shared, said="f", suffix=".yaml").document["c"][1]["d"] == {"n": 1, "m": None}


def test_the_digest_is_that_of_the_text(tmp_path: Path) -> None:
    """Another text, another digest; the path does not matter."""
    digests = []
    for name, text in (("a.toml", "a = 1"), ("b.toml", "a = 1"), ("c.toml", "a = 2")):
        (tmp_path / name).write_text(text)
        digests.append(read_source(tmp_path / name).digest)
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 64
