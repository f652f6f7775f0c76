"""The options that say what an operation is to be, declared once for all commands that take them; knows no graph."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.options import BaseOption, OutOption, ProfileOption, clock, in_place_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        out: The out folder.
        stamp: What will mark it, a `synthgen.metadata.Stamp`.
        prepare: Thinks it out, given a `synthgen.progress.Progress`; gives the `synthgen.generate.Prepared`.
        files: The URL that its files go to; None for the out folder.
    """

    out: Path
    stamp: Any
    prepare: Callable[[Any], Any]
    files: str | None = None


def names_growth(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `read_options`, in the place of its parameter `asked`, which is what they mean."""
    added = list(inspect.signature(read_options, eval_str=True).parameters.values())
    return in_place_of(command, "asked", added, lambda named, _: read_options(**named))


def read_options(
    *,
    strategy: Annotated[str, typer.Option(help="template, scenario or random.")],
    base: BaseOption = None,
    out: OutOption = None,
    files: Annotated[str | None, typer.Option(
        metavar="URL", help="Where the parts go instead of the out folder, in a folder with the operation's id: such as"
        " s3://bucket/prefix, or whatever fsspec knows; docs/engines.md says more.")] = None,
    profile: ProfileOption = None,
    scale_factor: Annotated[float | None, typer.Option(help="template: times the base's resources, above 1.")] = None,
    target_count: Annotated[int | None, typer.Option(help="template: resources to make.")] = None,
    template_file: Annotated[Path | None, typer.Option(
        help="template: TOML, YAML or JSON with `resources`: a list of type, count and, if wanted, template.")] = None,
    count: Annotated[int | None, typer.Option(help="random: resources to make.")] = None,
    config: Annotated[Path | None, typer.Option(
        help="random: TOML, YAML or JSON with resource_type_distribution, relationship_density, seed.")] = None,
    density: Annotated[float | None, typer.Option(
        help="random: 0…1, the share of the relationships that a base of that size would have.")] = None,
    relationships: Annotated[int | None, typer.Option(help="random: their exact number instead.")] = None,
    scenario: Annotated[str | None, typer.Option(
        help="scenario: the name of a shipped one, or the path of a file of yours.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="scenario: key=value; repeatable.")] = None,
    resource_type: Annotated[list[str] | None, typer.Option(
        help="template, random: only resources of this type; repeatable.")] = None,
    tenant_id: Annotated[str | None, typer.Option(
        help="Only this tenant's resources; a scenario: under its subscriptions.")] = None,
    into_tenant: Annotated[str | None, typer.Option(
        help="template, random: put what is made under another tenant of the base, by its id, or under a `new` one; ids"
             " are rewritten to match.")] = None,
    include_synthetic: Annotated[bool, typer.Option(
        "--include-synthetic", help="template, random: multiply what is synthetic already, too.")] = False,
    variation: Annotated[float | None, typer.Option(
        help="template, random: 0…1, the share of properties taken over from another resource of the type; 0 by"
             " default.")] = None,
    rewire: Annotated[float | None, typer.Option(
        help="template: 0…1, the share of relationships whose ends are swapped within their pattern, degrees kept; 0"
             " by default.")] = None,
    anonymise: Annotated[bool, typer.Option(
        "--anonymise", help="Replace names, ids, contacts and tags by made-up ones, generalise what few own, and fail"
        " if an id or name of the base is found in what was made; docs/privacy.md says more.")] = False,
    fewest_owners: Annotated[int | None, typer.Option(
        help="--anonymise: values that at least so many nodes have stay; 5 by default.")] = None,
    source_ids: Annotated[str | None, typer.Option(
        help="template: what template_source_id says: raw, hashed or none; raw by default, hashed with --anonymise.",
    )] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything drawn; 0 by default.")] = None,
    operation_id: Annotated[str | None, typer.Option(
        help="scale-YYYYMMDDTHHMMSS-xxxxxxxx; made up by default.")] = None,
    now: Annotated[str | None, typer.Option(
        help="The operation's clock, ISO 8601 with zone; SOURCE_DATE_EPOCH or the real one by default.")] = None,
) -> Asked:
    """Read the options; each parameter is one.

    Raises:
        UsageError: They do not go together, or one is wrong.
    """
    from synthgen.bundle.elsewhere import find_store  # noqa: PLC0415 - --help needs none of it
    from synthgen.config import base_folder, out_folder, setting  # noqa: PLC0415 - likewise
    from synthgen.generate import prepare, stamp_of  # noqa: PLC0415 - likewise
    from synthgen.privacy.request import Privacy  # noqa: PLC0415 - likewise
    from synthgen.requests import parameters_from  # noqa: PLC0415 - likewise

    parameters, chosen_seed = parameters_from(
        strategy=strategy, scale_factor=scale_factor, target_count=target_count, template_file=template_file,
        count=count, config=config, density=density, relationships=relationships, scenario=scenario, param=param,
        resource_type=resource_type, tenant_id=tenant_id, into_tenant=into_tenant,
        include_synthetic=include_synthetic, variation=variation, rewire=rewire, source_ids=source_ids, seed=seed,
    )
    store = None if files is None else find_store(files)
    stamp = stamp_of(parameters, now=clock(now), unique=secrets.randbits(32), operation_id=operation_id)

    def prepare_asked(progress: Any) -> Any:
        return prepare(
            parameters, stamp, base=base_folder(base, out), seed=chosen_seed, profile=setting("profile", profile),
            privacy=Privacy(anonymise=anonymise, fewest_owners=fewest_owners, source_ids=source_ids),
            progress=progress)

    return Asked(out_folder(out), stamp, prepare_asked, store)
