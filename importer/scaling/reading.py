"""Reads the settings of scaling: flag > environment > file > default; knows no database."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from importer.scaling.settings import TABLES, Mode, Scaling, bounds_of
from synthgen.config import section, setting
from synthgen.errors import UsageError, shown
from synthgen.sources import read_source

_FLAGS = {"batch_rows": "--batch-rows", "writers": "--writers"}
_EXAMPLES = {"batch_rows": "100-10000", "writers": "1-5"}
Where = Callable[..., str]
"""Says where the setting with these names, from the outside, stands."""


def read_scaling(
    mode: str | None = None, batch_rows: str | None = None, writers: str | None = None, file: Path | None = None
) -> Scaling:
    """Find out how a load may adapt itself.

    Args:
        mode: What `--scaling-mode` says, or else SYNTHGEN_SCALING_MODE.
        batch_rows: What `--batch-rows` says, such as `100-10000` or one number for both, or else SYNTHGEN_BATCH_ROWS.
        writers: What `--writers` says, likewise, or else SYNTHGEN_WRITERS.
        file: What `--scaling-config` names, or else SYNTHGEN_SCALING_CONFIG: JSON or TOML. It takes the place of
            `[scaling]` in `synthgen.toml`.

    Raises:
        UsageError: A value is wrong or a name unknown; says where it stands.
    """
    named = setting("scaling_config", file)
    if named is not None:
        source = read_source(Path(named))
        scaling = scaling_from(source.document, source.at)
    else:
        scaling = scaling_from(section("scaling"), lambda *_: "[scaling] of synthgen.toml")
    wanted = setting("scaling_mode", mode)
    if wanted is not None:
        scaling = _flagged("--scaling-mode", wanted, lambda: replace(scaling, mode=cast("Mode", wanted)))
    for name, text in (("batch_rows", setting("batch_rows", batch_rows)), ("writers", setting("writers", writers))):
        if text is not None:
            scaling = _flagged(_FLAGS[name], text, partial(_narrowed, scaling, name, text))
    return scaling


def scaling_from(document: Mapping[str, Any], at: Where) -> Scaling:
    """Check a document of `mode` and the tables of `TABLES`; what it does not say is as by default.

    Raises:
        UsageError: As `read_scaling`.
    """
    _check_names(document, ["mode", *TABLES], at)
    given: dict[str, Any] = {"mode": document["mode"]} if "mode" in document else {}
    for name, shape in TABLES.items():
        table = document.get(name, {})
        if not isinstance(table, dict):
            raise UsageError(f"{at(name)}: scaling.{name} is a table, not {shown(table)}",
                             hint=f"it has {', '.join(one.name for one in fields(shape))}")
        _check_names(table, [one.name for one in fields(shape)], at, name)
        lists = {one.name for one in fields(shape) if bounds_of(one) is None}
        given[name] = _made(shape, {key: tuple(value) if key in lists and isinstance(value, list) else value
                                    for key, value in table.items()}, at)
    return cast("Scaling", _made(Scaling, given, at))


def _made(shape: type[Any], given: Mapping[str, Any], at: Where) -> Any:
    try:
        return shape(**given)
    except UsageError as error:
        place = str(error.facts["setting"]).split(".")[1:]
        raise UsageError(f"{at(*place)}: {error.message}", hint=error.hint, **error.facts) from None


def _check_names(table: Mapping[str, Any], known: list[str], at: Where, *place: str) -> None:
    for name in table:
        if name not in known:
            said = ".".join(("scaling", *place, name))
            raise UsageError(f"{at(*place, name)}: there is no setting {said}", hint="known: " + ", ".join(known),
                             setting=said)


def _flagged(flag: str, text: str, make: Callable[[], Scaling]) -> Scaling:
    try:
        return make()
    except UsageError as error:
        raise UsageError(f"{flag} {text}: {error.message}", hint=error.hint, **error.facts) from None


def _narrowed(scaling: Scaling, name: str, text: str) -> Scaling:
    found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text.strip())
    if not found:
        raise UsageError("this is not a number or two with a dash between them", hint=f"such as {_EXAMPLES[name]}")
    return scaling.narrowed(**{name: (int(found[1]), int(found[2] or found[1]))})
