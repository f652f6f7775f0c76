"""Commands start quickly: what only makes, reads or sends rows is not loaded where none are."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("polars", "numpy", "scipy", "pyarrow", "neo4j", "faker", "jpype", "psutil", "fsspec", "s3fs")
PROBE = f"""
import sys
from importlib import import_module
name, *arguments = sys.argv[1:]
sys.argv = [name, *arguments]
try:
    import_module(f"{{name}}.cli").main()
except SystemExit as ended:
    assert not ended.code, ended.code
print("\\nloaded:", *sorted(set({HEAVY!r}) & set(sys.modules)))
"""


@pytest.mark.parametrize("line", ["synthgen", "synthgen generate", "synthgen plan", "synthgen scenarios", "importer",
                                  "importer load", "importer rollback", "importer query-bench"])
def test_help_loads_nothing_heavy(line):
    """It is asked for most often, by people who wait for it."""
    done = subprocess.run([sys.executable, "-c", PROBE, *line.split(), "--help"], capture_output=True, text=True,
                          check=True)
    assert "Usage" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]
