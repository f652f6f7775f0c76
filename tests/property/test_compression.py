"""What compressed bundles promise: the same rows, the same bytes back, damage named, and no death that spoils one."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthgen.bundle.check import check_rows
from synthgen.bundle.compression import compress, decompress
from synthgen.bundle.manifest import MANIFEST, NodeGroup, read_manifest
from synthgen.bundle.read import Bundle, check_files, open_bundle, read_nodes, read_relationships
from synthgen.errors import BundleError, SynthError
from tests.bundles import NodeRows, RelationshipRows, write_bundle
from tests.property.test_bundle import frames, growth_of, written
from tests.workshop import ROOT

STEPS = ("part", "part", "part", "manifest", "remove")
DYING = """
import os, sys
from pathlib import Path
from synthgen.bundle.compression import compress, decompress
from synthgen.bundle.read import open_bundle
left = int(sys.argv[3])
def die(step):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
{"compress": compress, "decompress": decompress}[sys.argv[2]](open_bundle(Path(sys.argv[1])), on_boundary=die)
"""


def contents(bundle: Bundle) -> dict[str, bytes]:
    """Give every file of a bundle."""
    return {path.name: path.read_bytes() for path in bundle.path.iterdir()}


def small_bundle(out: Path) -> Bundle:
    """A bundle of three parts."""
    return write_bundle(out, [NodeRows(["A"], {"name": "STRING"}, [(f"name {i}",) for i in range(30)])],
                        [RelationshipRows("T", [(i, i + 1) for i in range(20)])], part_rows=20)


@settings(max_examples=40)
@given(frames())
def test_nothing_is_lost_by_compressing(made):
    """Compressed, every reader finds the same rows; afterwards every file, the manifest too, is what it was."""
    with tempfile.TemporaryDirectory() as out:
        bundle = written(growth_of(*made), Path(out))
        before = contents(bundle)
        os.utime(bundle.path / MANIFEST, (1_000_000_000, 1_000_000_000))
        squeezed = compress(bundle)
        assert {name for name in contents(squeezed) if ".part-" in name} == {
            f"{part.file}.gz" for part in bundle.manifest.parts}
        assert squeezed == open_bundle(bundle.path)
        check_files(squeezed)
        check_rows(squeezed)
        for group in bundle.manifest.groups:
            read = read_nodes if isinstance(group, NodeGroup) else read_relationships
            compressed = [read(squeezed, group, part) for part in group.parts]
            assert compress(squeezed) == squeezed
            whole = decompress(squeezed)
            for one, part in zip(compressed, group.parts, strict=True):
                assert_frame_equal(one, read(whole, group, part), check_exact=True)
            squeezed = compress(whole)
        assert contents(decompress(squeezed)) == before
        assert (bundle.path / MANIFEST).stat().st_mtime == 1_000_000_000


def test_the_same_part_compresses_to_the_same_bytes(tmp_path):
    """No time and no name gets in."""
    one, two = (compress(small_bundle(tmp_path / name)) for name in ("one", "two"))
    assert contents(one) == contents(two)
    parts = one.manifest.parts
    assert sum(one.place_of(part).stat().st_size for part in parts) < sum(part.bytes for part in parts)


@settings(max_examples=80)
@given(st.integers(0, 2), st.data())
def test_a_damaged_part_is_named(which, data):
    """Cut, flipped or lengthened: whatever changes the bytes inside is found, with the file's name."""
    with tempfile.TemporaryDirectory() as out:
        bundle = compress(small_bundle(Path(out)))
        part = bundle.manifest.parts[which]
        path = bundle.place_of(part)
        octets = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(octets) - 1))
        if data.draw(st.booleans()):
            octets[place] ^= data.draw(st.integers(1, 255))
        else:
            del octets[place:]
        path.write_bytes(octets)
        try:
            unharmed = gzip.decompress(octets) if octets else b""
        except (OSError, EOFError, ValueError, zlib.error):
            unharmed = b""
        if len(unharmed) == part.bytes:
            # Only what gzip says of time and system was hit: the bytes inside are right.
            check_files(bundle)
            return
        with pytest.raises(BundleError, match=path.name.replace(".", r"\.")) as caught:
            check_files(bundle)
        assert caught.value.facts["file"] == path.name
        with pytest.raises(BundleError):
            decompress(bundle)
        assert read_manifest(bundle.path).compression == "gzip"


@pytest.mark.parametrize("moment", range(len(STEPS)))
@pytest.mark.parametrize("work", ["compress", "decompress"])
def test_a_death_leaves_a_bundle_whole(tmp_path, work, moment):
    """Killed before any step the bundle can be read, as one or the other; the next call ends it and leaves no rest."""
    bundle = small_bundle(tmp_path)
    plain = contents(bundle)
    squeezed = contents(compress(bundle))
    if work == "compress":
        decompress(open_bundle(bundle.path))
    child = subprocess.run([sys.executable, "-c", DYING, str(bundle.path), work, str(moment)], check=False, cwd=ROOT)
    assert child.returncode == 9
    found = open_bundle(bundle.path)
    check_files(found)
    assert (found.manifest.compression == "gzip") == ((work == "compress") == (STEPS[moment] == "remove"))
    ended = (compress if work == "compress" else decompress)(found)
    assert contents(ended) == (squeezed if work == "compress" else plain)


def test_a_full_disk_leaves_the_bundle_as_it_was(tmp_path, monkeypatch):
    """What was written of the new files goes, and the error says what to do."""
    bundle = small_bundle(tmp_path)
    before = contents(bundle)

    def is_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", is_full)
    with pytest.raises(SynthError, match="No space left"):
        compress(bundle)
    assert contents(bundle) == before


def test_a_manifest_that_contradicts_its_version_is_refused(tmp_path):
    """Version 4 has plain parts and version 5 compressed ones, so that older programs refuse what they cannot read."""
    bundle = compress(small_bundle(tmp_path))
    text = (bundle.path / MANIFEST).read_text(encoding="utf-8")
    assert '"format_version": 5' in text
    for wrong in (text.replace('"format_version": 5', '"format_version": 4'), text.replace('"gzip"', '"none"'),
                  text.replace('"gzip"', '"zstd"')):
        (bundle.path / MANIFEST).write_text(wrong, encoding="utf-8")
        with pytest.raises(BundleError, match="compression"):
            open_bundle(bundle.path)
