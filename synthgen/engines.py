"""Which engine makes the parts of a bundle, and its options; knows no growth."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from synthgen.errors import UsageError
from synthgen.options import in_place_of

ENGINES = ("local", "dask")
_WORKERS = re.compile(r"([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?")


def names_engine(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `find_engine`, in the place of its parameter `engine`, which is what they mean."""
    added = list(inspect.signature(find_engine, eval_str=True).parameters.values())
    return in_place_of(command, "engine", added, lambda named, _: find_engine(**named))


def find_engine(
    *,
    engine: Annotated[str | None, typer.Option(
        help="What makes the parts: local, which is this process and the default, or dask, which is many; the bytes"
        " are the same. docs/engines.md says more.")] = None,
    scheduler: Annotated[str | None, typer.Option(
        help="dask: the address of a scheduler, such as tcp://10.0.0.1:8786; workers of its own by default.")] = None,
    workers: Annotated[str | None, typer.Option(
        help="dask: how many workers, such as 4, or 1-8 to begin and stop them as there is work.")] = None,
) -> Any:
    """Find the engine that is meant; each parameter is an option.

    Raises:
        UsageError: There is no such engine, an option belongs to another one, or its package is not installed.
    """
    if engine not in {None, *ENGINES}:
        raise UsageError(f"there is no engine {engine!r}", hint="choose one of " + ", ".join(ENGINES))
    if engine != "dask":
        for name, value in (("scheduler", scheduler), ("workers", workers)):
            if value is not None:
                raise UsageError(f"--{name} is for --engine dask", hint="add --engine dask, or leave it out")
        from synthgen.bundle.making import make_here  # noqa: PLC0415 - --help needs none of it

        return make_here
    bounds = None
    if workers is not None:
        found = _WORKERS.fullmatch(workers)
        bounds = None if found is None else (int(found[1]), int(found[2] or found[1]))
        if bounds is None or bounds[0] > bounds[1]:
            raise UsageError(f"--workers {workers!r} means nothing", hint="such as 4, or 1-8")
    from synthgen.dask_engine import DaskEngine  # noqa: PLC0415 - likewise

    return DaskEngine(scheduler, bounds)
