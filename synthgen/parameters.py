"""What one `generate` is asked for, as data, and the files it may come from; knows no graph and no server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import UsageError
from synthgen.sources import read_source
from synthgen.templates.template import Template

STRATEGIES = ("template", "scenario", "random")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateParameters:
    """See `synthgen.strategies.template.grow_template`."""

    scale_factor: float | None = None
    target_count: int | None = None
    template: Template | Mapping[str, int] | None = None
    resource_types: tuple[str, ...] = ()
    tenant: str | None = None
    into_tenant: str | None = None
    include_synthetic: bool = False
    variation: float = 0.0
    rewire: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioParameters:
    """See `synthgen.strategies.scenario.grow_scenario`; `scenario` is a shipped one's name or the path of a file."""

    scenario: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomParameters:
    """See `synthgen.strategies.random.grow_random`."""

    count: int
    distribution: Mapping[str, float] | None = None
    density: float | None = None
    relationships: int | None = None
    resource_types: tuple[str, ...] = ()
    tenant: str | None = None
    into_tenant: str | None = None
    include_synthetic: bool = False
    variation: float = 0.0


Parameters = TemplateParameters | ScenarioParameters | RandomParameters


def read_document(path: Path) -> Mapping[str, Any]:
    """Read a table from a TOML, JSON or YAML file, by its suffix.

    Raises:
        UsageError: It cannot be read, its suffix says none of these, or its text is not what the suffix says.
    """
    return read_source(path).document


def read_random_config(path: Path) -> dict[str, Any]:
    """Read a random strategy's config: `resource_type_distribution`, `relationship_density`, `seed`.

    Raises:
        UsageError: As `read_document`, or a name or the kind of a value is wrong.
    """
    return check_random_config(read_document(path), str(path))


def check_random_config(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Check a random strategy's config and give it back.

    Raises:
        UsageError: A name is unknown or a value is of the wrong kind.
    """
    kinds = {"resource_type_distribution": dict, "relationship_density": (int, float), "seed": int}
    for key, value in document.items():
        if key not in kinds:
            raise UsageError(f"{where}: unknown name {key!r}", hint="known: " + ", ".join(kinds))
        if isinstance(value, bool) or not isinstance(value, kinds[key]):  # type: ignore[arg-type]  # a tuple is fine
            raise UsageError(f"{where}: {key} cannot be {value!r}",
                             hint="resource_type_distribution is a table type → weight, the others are numbers")
    return dict(document)
