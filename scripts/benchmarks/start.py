"""Cold starts: whole commands, from the start of the process to its end, beside a bare Python and Typer alone."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import Figure
from benchmarks.ground import Run, sample_base, scratch
from benchmarks.measuring import command, in_child, in_turns

HELP_SECONDS, GENERATE_SECONDS = 0.3, 1.0
TIMES = {False: 21, True: 5}
COUNT = 1_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:  # noqa: ARG001 - as of all parts
    """Measure `--help` of both programs, and the smallest real work."""
    helps = {f"{name} --help": ["-m", f"{name}.cli", "--help"] for name in ("synthgen", "importer")}
    floors = {"python -c pass": ["-c", "pass"], "python -c 'import typer'": ["-c", "import typer"]}
    commands = {**helps, **floors}
    found = in_turns(TIMES[run.quick], *(lambda one=one: _command(one) for one in commands.values()))
    took = dict(zip(commands, found, strict=True))
    for name in helps:
        yield Figure(name, "s", took[name], "limit", [HELP_SECONDS], 1.0)
        for floor in floors:
            yield Figure(name, "s", took[name], floor, took[floor])
    with scratch() as folder:
        in_child(sample_base, folder / "base")
        generate = ["-m", "synthgen.cli", "generate", "--strategy", "random", "--count", str(COUNT)]
        places = {"SYNTHGEN_OUT": str(folder / "out"), "SYNTHGEN_BASE": str(folder / "base")}
        ours, bare = in_turns(TIMES[run.quick], lambda: _command(generate, places), lambda: _command(["-c", "pass"]))
    yield Figure(f"synthgen generate --count {COUNT:,}", "s", ours, "limit", [GENERATE_SECONDS], 1.0)
    yield Figure(f"synthgen generate --count {COUNT:,}", "s", ours, "python -c pass", bare)


def _command(arguments: Sequence[str], settings: Mapping[str, str] | None = None) -> float:
    return command(arguments, settings).seconds
