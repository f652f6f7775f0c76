"""Prints the fidelity table: three graphs, grown in six ways each, and every headline measure; asserts nothing.

A miss is printed as a miss. `--all` shows the measures without a target, too.
"""

import argparse
import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # graphs of another kind are written for the tests

from synthgen.errors import SynthError  # noqa: E402
from synthgen.fidelity.report import report_on  # noqa: E402
from synthgen.generate import generate  # noqa: E402
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters  # noqa: E402
from synthgen.sample import sample_tenant  # noqa: E402
from synthgen.snapshot.write import write_snapshot  # noqa: E402
from tests.kinds.films import film_database  # noqa: E402
from tests.kinds.parts import bill_of_materials  # noqa: E402

CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
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
    bundle = generate(WAYS[way], base=base, out=folder, seed=0, now=CLOCK, unique=0)
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


def main() -> None:
    """Measure everything and print the table, or JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench fidelity", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out template 100 and random 100,000")
    parser.add_argument("--graph", choices=GRAPHS, action="append", help="only this graph; repeatable")
    parser.add_argument("--all", action="store_true", help="also the measures without a target")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = []
    if not options.json:
        print(f"{'':36} {'score':>8} {'target':>8} {'ceiling':>8}  verdict")
    for graph in options.graph or GRAPHS:
        with tempfile.TemporaryDirectory(prefix="synthgen-bench-") as folder:
            for way in WAYS:
                if options.quick and way.endswith("100,000") | way.endswith(" 100"):
                    continue
                try:
                    found.append(measured(graph, way, Path(folder)))
                except SynthError as error:
                    print(f"{graph}, {way}: {error}", file=sys.stderr)
                    continue
                if not options.json:
                    show(found[-1], everything=options.all)
    if options.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
