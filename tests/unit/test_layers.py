"""Who may import whom, held by reading every module's imports; nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.relative_to(ROOT).as_posix() for package in ("synthgen", "importer")
                 for path in (ROOT / package).rglob("*.py"))
CORE = [name for name in MODULES if name.startswith("synthgen/")]
MAY_KNOW_NEO4J = {"synthgen/database.py", "synthgen/snapshot/content.py", "synthgen/snapshot/export.py",
                  "synthgen/snapshot/schema.py", "synthgen/snapshot/state.py"}
MAY_KNOW_STORES = {"synthgen/bundle/elsewhere.py"}
MAY_KNOW_THE_CLOCK = {"synthgen/growth_options.py", "synthgen/interrupts.py", "synthgen/metrics.py",
                      "synthgen/monitor.py", "synthgen/options.py", "synthgen/output.py"}
"""The command-line layer: `options` reads the clock, `growth_options` makes up operation ids, `output` times its own
words, and `interrupts` how long somebody has waited. `monitor` measures what work costs and `metrics` says when, which
no byte depends on."""
CLOCKS_AND_DICE = {"time", "random", "secrets", "uuid", "numpy.random"}
CLOCK_CALLS = {"now", "utcnow", "today"}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Give line and full name of everything imported, at the top, inside functions or by name at run time."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield node.lineno, str(module)
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in names)
            case ast.ImportFrom(lineno=line):
                yield line, "(relative)"
            case ast.Call(func=ast.Name(id="__import__") | ast.Attribute(attr="import_module")):
                yield node.lineno, "(at run time)"


def of_package(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def imports_of(source: str, package: str) -> list[str]:
    """Say where a source imports a package, or something that cannot be told."""
    return [f"line {line}: {name}" for line, name in imported(source)
            if of_package(name, package) or name.startswith("(")]


def clocks_and_dice_in(source: str) -> list[str]:
    """Say where a source reads a clock or throws dice of its own."""
    found = [f"line {line}: {name}" for line, name in imported(source)
             if any(of_package(name, module) for module in CLOCKS_AND_DICE)]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] in {"datetime", "date"} \
                and node.attr in CLOCK_CALLS:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.Attribute) and node.attr in {"random", "urandom", "getrandom"} \
                and ast.unparse(node.value) in {"np", "numpy", "os"}:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", CORE)
def test_synthgen_never_imports_importer(name: str) -> None:
    """The direction is one: what makes graphs knows nothing of what loads them."""
    assert not imports_of(read(name), "importer")


@pytest.mark.parametrize("name", sorted(set(CORE) - MAY_KNOW_NEO4J))
def test_only_few_know_neo4j(name: str) -> None:
    """Of synthgen only the reading of the base graph knows the driver."""
    assert not imports_of(read(name), "neo4j")


@pytest.mark.parametrize("name", sorted(set(MODULES) - MAY_KNOW_STORES))
def test_only_one_knows_object_stores(name: str) -> None:
    """What else lies at a URL is said in our words."""
    assert not [name for _, name in imported(read(name)) for package in ("fsspec", "s3fs", "botocore")
                if of_package(name, package)]


@pytest.mark.parametrize("name", sorted(set(CORE) - MAY_KNOW_THE_CLOCK))
def test_the_core_has_no_clock_and_no_dice(name: str) -> None:
    """Clock and randomness are arguments, so that bytes repeat; only the command line has its own."""
    assert not clocks_and_dice_in(read(name))


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_its_job(name: str) -> None:
    """A stranger learns from the first line of each file what it is for."""
    text = ast.get_docstring(ast.parse(read(name)))
    assert text
    assert text.splitlines()[0].endswith((".", ":", "?"))


def test_the_exceptions_are_still_needed() -> None:
    """A file that may know more does, or it loses the right."""
    assert all(imports_of(read(name), "neo4j") for name in MAY_KNOW_NEO4J)
    assert all(imports_of(read(name), "fsspec") for name in MAY_KNOW_STORES)
    assert all(clocks_and_dice_in(read(name)) for name in MAY_KNOW_THE_CLOCK)


BAD_IMPORTS = ["import importer", "import importer.api as x", "from importer import load",
               "def f():\n    import importer", "from importer.api import y", "if True:\n    from importer import z",
               "from . import importer",
               "__import__('importer')", "import importlib\nimportlib.import_module('importer')"]
BAD_CLOCKS = ["import time", "from time import time", "import random", "from random import Random", "import secrets",
              "import uuid", "from uuid import uuid4", "from datetime import datetime\nx = datetime.now()",
              "import datetime\nx = datetime.datetime.utcnow()", "from datetime import date\ndate.today()",
              "import numpy as np\nnp.random.default_rng()", "from numpy import random", "import os\nos.urandom(8)"]
GOOD = ["import importers", "from synthgen.importer_names import x", "x = 'import importer'", "import datetime",
        "from datetime import UTC, datetime\nx = datetime.fromisoformat('')",
        "from synthgen.strategies.random import a", "x.now()", "import timeit_not"]


@pytest.mark.parametrize("source", BAD_IMPORTS)
def test_a_bad_import_is_seen(source: str) -> None:
    """The check itself can fail."""
    assert imports_of(source, "importer")


@pytest.mark.parametrize("source", BAD_CLOCKS)
def test_a_clock_is_seen(source: str) -> None:
    """The check itself can fail."""
    assert clocks_and_dice_in(source)


@pytest.mark.parametrize("source", GOOD)
def test_good_sources_pass(source: str) -> None:
    """Names that only look alike are no imports."""
    assert not imports_of(source, "importer")
    assert not clocks_and_dice_in(source)
