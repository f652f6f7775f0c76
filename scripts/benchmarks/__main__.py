"""The command line of the measurements: which part, how much of it, and how it is printed; measures nothing."""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from types import ModuleType

from benchmarks.figures import describe_machine, head_lines, table_line

PARTS = {
    "start": "cold starts of commands",
    "generation": "generating by each strategy, beside the fastest writer of the same rows; memory",
    "files": "the import of a bundle's files, beside other ways to write them",
    "offline": "generate and load offline, beside the bare import",
    "online": "online loads, beside a loop by hand, LOAD CSV, and the tool before",
    "export": "an export, beside a bare driver loop",
    "linear": "load, validate, report and rollback of ten times as many rows",
    "hub": "the rollback of a node with very many relationships, beside a delete by hand",
    "scaling": "a load that scales itself, beside every fixed setting of a grid",
}
LONG = ("files", "offline", "export", "linear", "hub", "scaling")
"""What --quick leaves out, unless it is named."""
REPETITIONS = 3


def main() -> None:
    """Measure, and print the table, or JSON."""
    options = _read_arguments()
    if options.part == "fidelity":
        import_module("benchmarks.fidelity").show_all(options)
        return
    from benchmarks.ground import ROOT, Run  # noqa: PLC0415 - so that --help is quick
    from importer.servers.settings import DEFAULT_VERSION  # noqa: PLC0415

    chosen = [part for part in PARTS if not (options.quick and part in LONG)] if options.part is None \
        else [options.part]
    machine = {**describe_machine(ROOT), "Neo4j": DEFAULT_VERSION, "repetitions": options.repetitions,
               "quick": options.quick}
    run = Run(options.quick, options.repetitions)
    if not options.json:
        print(" · ".join(f"{name} {value}" for name, value in machine.items()), "", *head_lines(), sep="\n", flush=True)
    took, documents = {}, []
    for part in chosen:
        began = time.monotonic()
        module = import_module(f"benchmarks.{part}")
        for figure in module.figures(run, options if options.part else _defaults(module)):
            documents.append({"part": part, **figure.as_document()})
            if not options.json:
                print(table_line(figure), flush=True)
        took[part] = time.monotonic() - began
    if options.json:
        print(json.dumps({"machine": machine, "seconds": took, "figures": documents}, indent=2))
    else:
        print("\nmeasured in " + ", ".join(f"{spent:.0f} s ({part})" for part, spent in took.items()), file=sys.stderr)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Speed and memory as ratios to a floor, a peer or a limit, measured in the same run; asserts"
                    " nothing. Without a part all are measured; docs/benchmarks.md says what each figure means.")
    _add_common(parser, quick=False, repetitions=REPETITIONS, json=False)
    parser.set_defaults(part=None)
    parts = parser.add_subparsers(dest="part", metavar="PART")
    for name, about in {**PARTS, "fidelity": "how close graphs stay to their base; scores, no times"}.items():
        one = parts.add_parser(name, help=about, description=about)
        # What is not given after the part is as before it.
        _add_common(one, quick=argparse.SUPPRESS, repetitions=argparse.SUPPRESS, json=argparse.SUPPRESS)
        if name in sys.argv:
            import_module(f"benchmarks.{name}").add_options(one)
    return parser.parse_args()


def _add_common(parser: argparse.ArgumentParser, **defaults: object) -> None:
    parser.add_argument("--quick", action="store_true", default=defaults["quick"], help="small graphs, once")
    parser.add_argument("--repetitions", type=int, default=defaults["repetitions"],
                        help=f"of what is compared ({REPETITIONS})")
    parser.add_argument("--json", action="store_true", default=defaults["json"], help="all of it as one document")


def _defaults(module: ModuleType) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    module.add_options(parser)
    return parser.parse_args([])


if __name__ == "__main__":
    main()
