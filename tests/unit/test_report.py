"""The report of an operation: what it judges, its document, and its page in a headless browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from synthgen.bundle.manifest import read_manifest
from synthgen.bundle.read import Bundle, find_bundle, read_nodes, read_relationships
from synthgen.cli import app
from synthgen.errors import BundleError, SynthError, UsageError
from synthgen.fidelity.judgement import Status, targets_of
from synthgen.fidelity.page import page_of
from synthgen.fidelity.report import Report, report_on
from synthgen.generate import generate
from synthgen.graph import END, START, Graph, NodeTable, RelationshipTable
from synthgen.output import run_cli
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters
from synthgen.sample import sample_tenant
from synthgen.snapshot.read import open_snapshot
from synthgen.snapshot.write import write_snapshot

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
VM = "Microsoft.Compute/virtualMachines"
HEADLINES = {"type_mix", "pattern_mix", "pattern_validity", "pattern_coverage", "degree", "joint_degree", "properties",
             "pairs"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """An out folder with a small sample tenant as base."""
    folder = tmp_path_factory.mktemp("fidelity") / "out"
    write_snapshot(sample_tenant(resources=400, seed=2), folder / "base", created_at=NOW.isoformat(), source={},
                   profile="azure")
    return folder


def made(out: Path, parameters: Parameters, number: int = 0) -> Bundle:
    """Generate an operation, once."""
    path = out / "operations" / f"scale-20260131T120000-{number:08x}"
    if path.exists():
        return Bundle(path, read_manifest(path))
    return generate(parameters, base=out / "base", out=out, seed=0, now=NOW, unique=number)


@pytest.fixture(scope="module")
def doubled(out) -> Report:
    """The report of a template that doubles the base."""
    return report_on(made(out, TemplateParameters(scale_factor=2.0), 1), out / "base")


def statuses(report: Report) -> dict[str, Status]:
    return {one.measurement.measure.key: one.status for one in report.judged}


def test_a_whole_copy_meets_every_target(doubled):
    """Types, patterns, degrees, properties and pairs of a copy are the base's; the verdict says so."""
    met = {key for key, status in statuses(doubled).items() if status is Status.MET}
    assert met == HEADLINES
    assert doubled.verdict == "All 8 headline measures met their target."
    assert {one.measurement.outcome.score for one in doubled.judged if one.target is not None} == {1.0}


def test_the_ceiling_is_what_halves_of_the_base_reach(doubled):
    """Chance alone costs something: no measure that can differ between halves has a ceiling of 1, and none is 0."""
    ceilings = {one.measurement.measure.key: one.measurement.ceiling for one in doubled.judged}
    assert all(0.3 < ceilings[key] < 1 for key in HEADLINES)
    assert ceilings["identical_rows"] is None


def test_the_document_holds_everything(doubled):
    """It is JSON; each measure has score, target, ceiling, threshold, status, formula, source and its worst parts."""
    document = json.loads(json.dumps(doubled.as_document()))
    assert document["passed"] is True
    assert document["operation_id"] == doubled.bundle.manifest.operation_id
    assert document["against"]["digest"] == doubled.against.digest
    assert {one["key"] for one in document["measures"]} >= HEADLINES
    for one in document["measures"]:
        assert {"score", "ceiling", "target", "threshold", "status", "formula", "source", "worst"} <= set(one)


def test_what_falls_short_is_missed(out):
    """A bundle whose patterns the base does not have misses validity, whatever chance does; the verdict names it."""
    bundle = made(out, TemplateParameters(scale_factor=2.0), 1)
    groups = [replace(group, type="OTHERWISE") if group.type == "LOCATED_IN" else group
              for group in bundle.manifest.relationship_groups]
    report = report_on(Bundle(bundle.path, replace(bundle.manifest, relationship_groups=tuple(groups))), out / "base")
    assert {key for key, status in statuses(report).items() if status is Status.MISSED} >= {
        "pattern_mix", "pattern_validity", "pattern_coverage"}
    assert "pattern validity" in report.verdict
    assert report.as_document()["passed"] is False


@pytest.mark.parametrize(("parameters", "number", "changed", "judged"), [
    (ScenarioParameters(scenario="hub-spoke"), 2, HEADLINES, set()),
    (TemplateParameters(template={VM: 30}), 3, {"type_mix", "pattern_mix", "degree"}, {"pattern_validity", "pairs"}),
    (RandomParameters(count=300, density=0.5), 4, {"degree", "joint_degree"}, {"type_mix", "pattern_validity"}),
    (TemplateParameters(scale_factor=2.0, resource_types=(VM,)), 5, set(), HEADLINES),
])
def test_what_was_asked_for_is_not_judged(out, parameters, number, changed, judged):
    """A scenario, a mix or a density that was asked for is said to be so; other measures are judged as ever."""
    report = report_on(made(out, parameters, number), out / "base")
    found = statuses(report)
    assert {key for key, status in found.items() if status is Status.CHANGED} >= changed
    assert all(found[key] in {Status.MET, Status.NOISE, Status.MISSED} for key in judged)
    assert report.changes


def test_a_new_tenant_is_no_part_of_the_shape(out):
    """Copies under a new tenant are as the base; its own subscriptions stand where the base's shared ones do."""
    report = report_on(made(out, TemplateParameters(scale_factor=2.0, into_tenant="new"), 8), out / "base")
    scores = {one.measurement.measure.key: one.measurement.outcome.score for one in report.judged}
    assert all(scores[key] == 1 for key in ("type_mix", "pattern_mix", "pattern_validity", "degree", "components"))
    assert {"shared_ends", "properties"} <= {key for change in report.changes for key in change.measures}


def test_targets_follow_the_strategy(out):
    """Whole copies are held to more than parts of a copy and random graphs."""
    whole, part, drawn = (targets_of(made(out, parameters, number).manifest) for number, parameters in (
        (1, TemplateParameters(scale_factor=2.0)), (6, TemplateParameters(scale_factor=1.5)),
        (7, RandomParameters(count=400))))
    assert (whole["degree"], part["degree"], drawn["degree"]) == (0.99, 0.95, 0.95)
    assert (whole["joint_degree"], part["joint_degree"], drawn["joint_degree"]) == (0.95, 0.90, 0.90)
    assert set(whole) == set(part) == set(drawn) == HEADLINES


def test_another_base_is_refused(out, tmp_path):
    """Node numbers of one snapshot mean nothing in another; the way out is named."""
    write_snapshot(sample_tenant(resources=50, seed=9), tmp_path / "base", created_at=NOW.isoformat(), source={},
                   profile="azure")
    with pytest.raises(SynthError) as caught:
        report_on(made(out, TemplateParameters(scale_factor=2.0), 1), tmp_path / "base")
    assert "--against" in str(caught.value.hint)


def test_a_damaged_bundle_is_refused(out, tmp_path):
    """A part that is cut off is named."""
    bundle = made(out, TemplateParameters(scale_factor=2.0), 1)
    copied = tmp_path / "operations" / bundle.path.name
    shutil.copytree(bundle.path, copied)
    part = copied / bundle.manifest.node_groups[0].parts[0].file
    part.write_bytes(part.read_bytes()[:-200])
    with pytest.raises(BundleError) as caught:
        report_on(find_bundle(tmp_path, bundle.path.name), out / "base")
    assert part.name in str(caught.value)


def loaded(bundle: Bundle, base: Path, folder: Path) -> Path:
    """Make the snapshot that an export would give after the bundle was loaded: base and operation in one graph."""
    snapshot = open_snapshot(base)
    nodes = [NodeTable(table.labels, table.types, snapshot.read(table)) for table in snapshot.node_tables]
    ties = [RelationshipTable(table.type, table.types, snapshot.read(table)) for table in snapshot.relationship_tables]
    first = {"base": 0, "operation": snapshot.counts["nodes"]}
    for group in bundle.manifest.node_groups:
        frame = pl.concat([read_nodes(bundle, group, part) for part in group.parts])
        nodes.append(NodeTable(group.labels, group.types, frame.drop(":id")))
    for group in bundle.manifest.relationship_groups:
        frame = pl.concat([read_relationships(bundle, group, part) for part in group.parts])
        ties.append(RelationshipTable(group.type, group.types, frame.with_columns(
            pl.col(START) + first[group.start_space], pl.col(END) + first[group.end_space])))
    write_snapshot(Graph(nodes, ties), folder, created_at=NOW.isoformat(), source={}, profile="azure")
    return folder


@pytest.mark.parametrize(("parameters", "number"), [
    (TemplateParameters(scale_factor=1.5), 6), (ScenarioParameters(scenario="hub-spoke"), 2),
    (TemplateParameters(scale_factor=2.0, into_tenant="new"), 8)])
def test_what_is_loaded_scores_as_its_files(out, tmp_path, parameters, number):
    """Measured within a reading of the whole database, an operation has the same scores, and the report says where."""
    bundle = made(out, parameters, number)
    files = report_on(bundle, out / "base").as_document()
    database = report_on(bundle, out / "base", loaded(bundle, out / "base", tmp_path / "loaded")).as_document()
    assert database["measured"] == "database"
    assert [(one["key"], one["score"]) for one in database["measures"]] == [
        (one["key"], pytest.approx(one["score"])) for one in files["measures"]]
    assert database["compared"] == files["compared"]


def test_what_is_not_loaded_is_refused(out):
    """A database without the operation is not measured; the way out is named."""
    with pytest.raises(UsageError) as caught:
        report_on(made(out, TemplateParameters(scale_factor=2.0), 1), out / "base", out / "base")
    assert "--in-database" in str(caught.value.hint)


# ——— the command ———


def test_the_command_writes_page_and_document(out, tmp_path, monkeypatch, capsys):
    """The newest operation by default; `--json` gives one document on stdout, and the page is where `--out` says."""
    newest = made(out, TemplateParameters(scale_factor=2.0), 0xFFFFFFFF)
    monkeypatch.setenv("SYNTHGEN_OUT", str(out))
    page = tmp_path / "of a report.html"
    monkeypatch.setattr("sys.argv", ["synthgen", "report", "--out", str(page), "--json"])
    with pytest.raises(SystemExit) as ended:
        run_cli(app)
    assert ended.value.code in {0, None}
    document = json.loads(capsys.readouterr().out)
    assert document["operation_id"] == newest.manifest.operation_id
    assert document["page"] == str(page)
    assert newest.manifest.operation_id in page.read_text(encoding="utf-8")


# ——— the page ———


class _Addresses(HTMLParser):
    """Collects whatever a page might fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = {"src", "href", "xlink:href", "srcset", "action", "data", "poster", "background"}
        self.found += [value for name, value in attrs if name in names and value]
        assert tag not in {"script", "iframe", "object", "embed"}


@pytest.fixture(scope="module")
def page(doubled) -> str:
    return page_of(doubled)


def test_a_page_repeats(doubled, page):
    """The same report gives the same bytes."""
    assert page_of(doubled) == page


def test_a_page_needs_nothing_else(page):
    """Nothing is fetched: no address but those within the page, no script, no style from elsewhere."""
    addresses = _Addresses()
    addresses.feed(page)
    assert all(address.startswith(("#", "data:")) for address in addresses.found)
    assert not re.search(r"@import|url\((?!#|['\"]?data:)", page)
    assert "default-src 'none'" in page


def test_a_page_holds_every_measure_and_plot(doubled, page):
    """Each measure with its formula, five plots, the verdict."""
    for one in doubled.judged:
        assert one.measurement.measure.title in page.replace("&#39;", "'")
    assert page.count("<svg ") == 5
    assert doubled.verdict in page


def test_texts_of_a_graph_are_no_markup(out):
    """What a graph or a parameter holds is shown, never run."""
    bundle = made(out, TemplateParameters(scale_factor=2.0), 1)
    nasty = "<script>alert(1)</script>"
    manifest = replace(bundle.manifest, parameters={**bundle.manifest.parameters, "tenant": nasty},
                       left_out={nasty: 1})
    report = report_on(Bundle(bundle.path, manifest), out / "base")
    page = page_of(report)
    assert nasty not in page
    assert "&lt;script&gt;" in page


_ITS_MAKERS = (".google.com", ".googleapis.com")
"""A fresh browser looks for updates of its own."""


def browse(text: str, folder: Path) -> tuple[str, list[str], set[str]]:
    """Open a page without a network; give what it became, what the console said, and which hosts were asked for."""
    folder.mkdir()
    file, log = folder / "page.html", folder / "net.json"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
         f"--log-net-log={log}", "--virtual-time-budget=2000", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, check=True, timeout=120)
    hosts = set(re.findall(r'"url":"(?:https?|wss?)://([^"/]*)', log.read_text(encoding="utf-8")))
    return done.stdout, re.findall(r".*CONSOLE.*", done.stderr), hosts


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; scripts/test installs it where it may")
def test_a_page_renders_in_a_browser(page, tmp_path):
    """A headless browser shows all of it, says no error, and asks for no host but its makers' own."""
    _, said, seen = browse('<img src="https://outside.example/x.png"><script>nowhere()</script>', tmp_path / "bad")
    assert said, "an error on the console is seen"
    assert "outside.example" in seen, "a request is seen"
    shown, said, asked = browse(page, tmp_path / "report")
    assert "What was compared" in shown
    assert shown.count("<svg ") == 5
    assert not said
    assert not {host for host in asked if not host.endswith(_ITS_MAKERS)}
