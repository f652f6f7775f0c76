"""How much memory is free is what machine and container say, whichever is less."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from importer.servers.memory import CACHE, LIMIT, USED, free_memory, least_free

MEMINFO = "MemTotal:       16000000 kB\nMemFree:          100000 kB\nMemAvailable:    8000000 kB\n"


@pytest.mark.parametrize(("limit", "used", "stat", "free"), [
    ("", "", "", 8_192_000_000),
    ("max\n", "5\n", "", 8_192_000_000),
    ("3000000000\n", "2500000000\n", "anon 7\ninactive_file 400000000\nactive_file 1\n", 900_000_000),
    ("3000000000\n", "2500000000\n", "", 500_000_000),
    ("64000000000\n", "2500000000\n", "", 8_192_000_000)])
def test_the_least_counts(limit, used, stat, free):
    """A container's limit counts when it is nearer than the machine's memory; its file cache is free."""
    assert least_free(MEMINFO, limit, used, stat) == free


def test_where_nobody_says_nothing_is_known(tmp_path):
    """Another system than Linux: not a number out of thin air."""
    assert free_memory(tmp_path, tmp_path / "none") is None


def test_a_group_of_a_folder_is_read(tmp_path):
    """The files of a group are those that the kernel writes."""
    for name, text in ((LIMIT, "1000\n"), (USED, "600\n"), (CACHE, "inactive_file 100\n")):
        (tmp_path / name).write_text(text, encoding="ascii")
    assert free_memory(tmp_path, tmp_path / "none") == 500


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="only Linux says how much memory is free")
def test_this_machine_has_memory():
    """Between nothing and all of it."""
    free = free_memory()
    assert free is not None
    assert 0 < free <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
