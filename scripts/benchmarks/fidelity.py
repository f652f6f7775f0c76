"""The fidelity table: three graphs, grown in six ways each, and every headline measure; misses are shown as misses."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from benchmarks.ground import CLOCK, make_bundle, scratch
from synthgen.errors import SynthError
from synthgen.fidelity.report import report_on
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from synthgen.sample import sample_tenant
from synthgen.snapshot.write import write_snapshot
from tests.kinds.films import film_database
from tests.kinds.parts import bill_of_materials

GRAPHS = {"sample tenant": (sample_tenant, "azure"), "films": (film_database, "auto"),
          "bill of materials": (bill_of_materials, "auto")}
WAYS: dict[str, Parameters] = {
    "template 1.3": TemplateParameters(scale_factor=1.3), "template 2": TemplateParameters(scale_factor=2.0),
    "template 10": TemplateParameters(scale_factor=10.0), "template 100": TemplateParameters(scale_factor=100.0),
    "random 4,092": RandomParameters(count=4_092), "random 100,000": RandomParameters(count=100_000),
}


def measured(graph: str, way: str, folder: Path) -> dict[str, object]:
    """Grow one graph in one way and give its report, in short."""
    base = folder / "base"
    if not base.exists():
        make, profile = GRAPHS[graph]
        write_snapshot(make(), base, created_at=CLOCK.isoformat(), source={}, profile=profile)
    bundle = make_bundle(WAYS[way], base, folder)
    try:
        document = report_on(bundle, base).as_document()
    finally:
        shutil.rmtree(bundle.path)
    keys = ("key", "title", "score", "target", "ceiling", "threshold", "status", "worst")
    return {"graph": graph, "way": way, "compared": document["compared"], "verdict": document["verdict"],
            "measures": [{key: one[key] for key in keys} for one in document["measures"]]}


def show(figures: dict[str, object], *, everything: bool) -> None:
    """Print one report as rows of the table."""
    print(f"\n{figures['graph']}, {figures['way']}: {figures['verdict']}")
    for one in figures["measures"]:
        if one["target"] is None and not everything:
            continue
        missed = one["status"] == "missed"
        line = f"  {one['title']:34} {cut(one['score'])} {cut(one['target'])} {cut(one['ceiling'])}  {one['status']}"
        worst = one["worst"][0] if missed and one["worst"] else None
        print(line + (f": {worst['what']} {cut(worst['score'])}" if worst else ""), flush=True)


def cut(value: float | None) -> str:
    """Cut a figure to four digits: what misses a target must not look as if it met it."""
    return " " * 8 if value is None else f"{int(value * 10_000) / 10_000:8.4f}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Name the options of this part."""
    parser.add_argument("--graph", choices=GRAPHS, action="append", help="only this graph; repeatable")
    parser.add_argument("--all", action="store_true", help="also the measures without a target")


def show_all(options: argparse.Namespace) -> None:
    """Measure everything and print the table, or JSON; with `--quick` without the two largest ways."""
    found = []
    if not options.json:
        print(f"{'':36} {'score':>8} {'target':>8} {'ceiling':>8}  verdict")
    for graph in options.graph or GRAPHS:
        with scratch() as folder:
            for way in WAYS:
                if options.quick and way.endswith("100,000") | way.endswith(" 100"):
                    continue
                try:
                    found.append(measured(graph, way, folder))
                except SynthError as error:
                    print(f"{graph}, {way}: {error}", file=sys.stderr)
                    continue
                if not options.json:
                    show(found[-1], everything=options.all)
    if options.json:
        print(json.dumps(found, indent=2))
