"""A bundle's files are checked ahead with the same outcome as in their turn, and nothing is brought ahead."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from importer.files_ahead import check_ahead
from synthgen.bundle.check import check_rows
from synthgen.bundle.read import Bundle
from synthgen.errors import BundleError
from synthgen.files import file_digest
from synthgen.progress import silent
from tests.bundles import NodeRows, write_bundle


def bundle_in(folder: Path) -> Bundle:
    return write_bundle(folder, [NodeRows(["Resource"], {"id": "STRING"}, [[f"r{i}"] for i in range(50)])])


def spoil(bundle: Bundle) -> Path:
    """Give two nodes of the bundle one import id; says which file that is."""
    path = bundle.path / bundle.manifest.node_groups[0].parts[0].file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n1,", "\n0,", 1), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    return path


def test_what_is_right_passes_and_progress_is_told(tmp_path, monkeypatch):
    """From the moment on that somebody waits, to the end."""
    told, is_heard = [], threading.Event()

    def checked_when_heard(bundle, progress):
        assert is_heard.wait(60)
        check_rows(bundle, progress)

    monkeypatch.setattr("importer.files_ahead.check_rows", checked_when_heard)
    with check_ahead(bundle_in(tmp_path)) as ahead:
        ahead.await_files(lambda *report: told.append(report))
        is_heard.set()
        ahead.await_rows(lambda *report: told.append(report))
    assert told[-1] == ("checking rows", 50, 50)


def test_a_file_that_is_not_the_manifests_is_told_when_files_are_due(tmp_path):
    """And again when rows are, which nobody has looked at then."""
    bundle = bundle_in(tmp_path)
    path = spoil(bundle)
    with check_ahead(bundle) as ahead:
        for due in (ahead.await_files, ahead.await_rows):
            with pytest.raises(BundleError, match=path.name):
                due(silent)


def test_wrong_rows_in_files_with_right_digests_are_told_when_rows_are_due(tmp_path):
    """Files alone pass."""
    bundle = bundle_in(tmp_path)
    path = spoil(bundle)
    [group] = bundle.manifest.node_groups
    part = replace(group.parts[0], digest=file_digest(path))
    bundle = replace(bundle, manifest=replace(bundle.manifest, node_groups=(replace(group, parts=(part,)),)))
    with check_ahead(bundle) as ahead:
        ahead.await_files(silent)
        with pytest.raises(BundleError, match="the id 0 is there twice"):
            ahead.await_rows(silent)


@pytest.mark.parametrize("check", ["ready_files", "check_rows"])
def test_what_nobody_waits_for_ends_at_once(tmp_path, monkeypatch, check):
    """A bundle of a hundred million rows is not read to its end when the database is locked."""
    ended, is_under_way = [], threading.Event()

    def endless(_, told):
        for _ in range(6000):
            try:
                told("checking", 0, 1)
            except Exception:
                ended.append(True)
                raise
            is_under_way.set()
            time.sleep(0.01)

    monkeypatch.setattr(f"importer.files_ahead.{check}", endless)
    with check_ahead(bundle_in(tmp_path)):
        assert is_under_way.wait(60)
    assert ended == [True]


def test_nothing_is_brought_from_elsewhere_before_it_is_asked_for(tmp_path):
    """That may be gigabytes, which a limit refuses."""
    bundle = bundle_in(tmp_path)
    with check_ahead(replace(bundle, manifest=replace(bundle.manifest, files_at="s3://bucket/operations"))) as ahead:
        assert ahead is None
