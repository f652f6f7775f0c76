"""THE pipeline: base snapshot and parameters in, bundle out; knows no server, and no clock but the one it is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from synthgen.base import Base
from synthgen.bundle.making import make_here
from synthgen.bundle.read import Bundle
from synthgen.bundle.write import Engine, Origin, write_bundle
from synthgen.errors import SnapshotError, UsageError
from synthgen.events import QUIET, Stream
from synthgen.growth import Growth
from synthgen.inference import choose_profile
from synthgen.metadata import Stamp, check_operation_id, operation_id_of
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters
from synthgen.privacy.anonymise import anonymise
from synthgen.privacy.gate import refuse_leaks
from synthgen.privacy.request import AS_IT_IS, Privacy
from synthgen.privacy.source_ids import with_source_ids
from synthgen.profile import AZURE, Profile, profile_from_document, read_profile
from synthgen.progress import Progress, silent
from synthgen.recipe import Recipe
from synthgen.scenarios.shipped import find_scenario, scenario_names
from synthgen.snapshot.read import Snapshot, check_snapshot, digest_of, open_snapshot
from synthgen.strategies.random import grow_random
from synthgen.strategies.scenario import grow_scenario
from synthgen.strategies.template import grow_template
from synthgen.templates.template import Template
from synthgen.tenancy import NEW
from synthgen.work import Work, working


@dataclass(frozen=True, slots=True)
class Prepared:
    """One operation that is thought out, so that its rows can be counted; none of them is made yet.

    Attributes:
        base: The base graph.
        growth: What will be made.
        check: Is given the bundle before it appears.
        recipe: How it was asked for.
    """

    base: Base
    growth: Growth
    check: Callable[[Bundle], None] | None
    recipe: Recipe

    @property
    def stamp(self) -> Stamp:
        """What will mark its nodes."""
        return self.recipe.stamp

    def write(self, out: Path, work: Work, engine: Engine = make_here, files: str | None = None) -> Bundle:
        """Make it and write it as a bundle under `out`; it appears in `operations/<operation id>`, whole or not at all.

        `engine` and `files` are as `synthgen.bundle.write.write_bundle` has them.

        Raises:
            StoppedHalfwayError: It could not be written to its end; what was made is kept, and the same call, or
                `resume`, goes on.
            SynthError: The disk is not fit, the operation id is taken, or ids or names of the base stand in what was to
                be anonymous; nothing is left behind.
        """
        origin = origin_of(self.base, self.stamp, self.recipe.seed, self.growth.resource_label_sets)
        bundle = write_bundle(self.growth, origin, out, work.events.progress, check=self.check,
                              recipe=self.recipe.as_document(), engine=engine, files=files)
        work.monitor.record_items(bundle.manifest.counts.nodes + bundle.manifest.counts.relationships)
        return bundle


def generate(
    parameters: Parameters,
    *,
    base: Path,
    out: Path,
    seed: int,
    now: datetime,
    unique: int,
    operation_id: str | None = None,
    profile: str | None = None,
    privacy: Privacy = AS_IT_IS,
    events: Stream = QUIET,
    engine: Engine = make_here,
    files: str | None = None,
) -> Bundle:
    """Grow the base by one operation and write it as a bundle under `out`, whole or not at all.

    Takes what `stamp_of` and `prepare` take, what makes the parts, and the URL that their files go to, if any. The same
    arguments and snapshot give the same bytes, whatever makes them.

    Raises:
        SynthError: As `stamp_of`, `prepare` and `Prepared.write`.
    """
    stamp = stamp_of(parameters, now=now, unique=unique, operation_id=operation_id)
    with working(events, "generate", stamp.operation_id) as work:
        prepared = prepare(parameters, stamp, base=base, seed=seed, profile=profile, privacy=privacy,
                           progress=work.events.progress)
        return prepared.write(out, work, engine, files)


def stamp_of(parameters: Parameters, *, now: datetime, unique: int, operation_id: str | None = None) -> Stamp:
    """Make what marks each node of an operation.

    Args:
        parameters: What is to be made; its class says by which strategy.
        now: The operation's clock, with zone.
        unique: 32 bits that no other operation has; make up the operation id together with the clock.
        operation_id: Instead of one made up.

    Raises:
        UsageError: The operation id is none.
    """
    return Stamp(check_operation_id(operation_id_of(now, unique) if operation_id is None else operation_id),
                 strategy_of(parameters), now.isoformat())


def prepare(
    parameters: Parameters,
    stamp: Stamp,
    *,
    base: Path,
    seed: int,
    profile: str | None = None,
    privacy: Privacy = AS_IT_IS,
    progress: Progress = silent,
) -> Prepared:
    """Think out one operation; nothing is written.

    Args:
        parameters: What is to be made.
        stamp: What will mark it.
        base: The snapshot's folder.
        seed: Of everything drawn.
        profile: `azure`, `auto`, or the path of a TOML file; the one recorded in the snapshot when None.
        privacy: How much of the base may be seen in the bundle.
        progress: Told while the snapshot is checked.

    Raises:
        SynthError: The snapshot or the parameters are not fit.
    """
    snapshot = open_snapshot(base)
    profile_found = find_profile(snapshot, profile)
    return _think_out(Recipe(parameters=parameters, stamp=stamp, seed=seed, base=base, snapshot=snapshot.digest,
                             profile=profile_found.as_document(), privacy=privacy), snapshot, profile_found, progress)


def prepare_again(recipe: Recipe, progress: Progress = silent) -> Prepared:
    """Think out an operation as it was thought out before, here or elsewhere.

    Raises:
        SynthError: The snapshot is not there, or not the one it was.
    """
    snapshot = open_snapshot(recipe.base)
    if snapshot.digest != recipe.snapshot:
        raise SnapshotError(f"{recipe.base} is not the snapshot from which the operation was begun",
                            hint="put that one back, or discard what is there and generate anew",
                            expected=recipe.snapshot, found=snapshot.digest)
    return _think_out(recipe, snapshot, profile_from_document(recipe.profile, str(recipe.profile["name"])), progress)


def _think_out(recipe: Recipe, snapshot: Snapshot, profile: Profile, progress: Progress) -> Prepared:
    operation_id, privacy, parameters = recipe.stamp.operation_id, recipe.privacy, recipe.parameters
    if operation_id in snapshot.operations:
        raise UsageError(f"the operation {operation_id} is part of the base already",
                         hint="choose another --operation-id, or leave it out", operation_id=operation_id)
    check_snapshot(snapshot, progress)
    graph = Base(snapshot, profile)
    shown, check = graph, None
    if privacy.anonymise:
        shown, parameters, check = _anonymous(graph, parameters, privacy, recipe.seed, progress)
    growth = grow(shown, parameters, operation_id=operation_id, seed=recipe.seed)
    growth = with_source_ids(growth, privacy.source, seed=recipe.seed, operation_id=operation_id)
    growth = replace(growth, parameters={**growth.parameters, **privacy.as_parameters()})
    return Prepared(graph, growth, check, recipe)


def _anonymous(
    base: Base, parameters: Parameters, privacy: Privacy, seed: int, progress: Progress
) -> tuple[Base, Parameters, Callable[[Bundle], None]]:
    """Give an anonymous base, the parameters that mean the same in it, and what checks that nothing leaks from it."""
    asked: Any = parameters
    named = {name: tenant for name in ("tenant", "into_tenant")
             if (tenant := getattr(asked, name, None)) not in {None, NEW}}
    # What is wrong with a tenant is said in the words of who asked, before it gets another id.
    base.resources_of(tenant=named.get("tenant"))
    if "into_tenant" in named:
        base.tenant_nodes(named["into_tenant"])
    anonymous = anonymise(base, seed=seed, fewest_owners=privacy.owners)
    hidden: Parameters = replace(asked, **{name: anonymous.text(tenant) for name, tenant in named.items()})
    own = ""
    if isinstance(parameters, ScenarioParameters) and parameters.scenario in scenario_names():
        own = json.dumps(asdict(find_scenario(parameters.scenario)), default=str)
    if isinstance(parameters, TemplateParameters) and isinstance(parameters.template, Template):
        own = json.dumps(parameters.template.document)
    protected = anonymous.census.protected_beside(own)
    return anonymous.base, hidden, partial(refuse_leaks, protected, progress=progress)


def grow(base: Base, parameters: Parameters, *, operation_id: str, seed: int) -> Growth:
    """Let the strategy meant by the parameters say what it would make; nothing is made yet."""
    match parameters:
        case TemplateParameters():
            return grow_template(
                base, operation_id=operation_id, seed=seed, scale_factor=parameters.scale_factor,
                target_count=parameters.target_count, template=parameters.template,
                resource_types=parameters.resource_types, tenant=parameters.tenant,
                into_tenant=parameters.into_tenant, include_synthetic=parameters.include_synthetic,
                variation=parameters.variation, rewire=parameters.rewire,
            )
        case RandomParameters():
            return grow_random(
                base, operation_id=operation_id, seed=seed, count=parameters.count,
                distribution=parameters.distribution, density=parameters.density,
                relationships=parameters.relationships, resource_types=parameters.resource_types,
                tenant=parameters.tenant, into_tenant=parameters.into_tenant,
                include_synthetic=parameters.include_synthetic, variation=parameters.variation,
            )
        case ScenarioParameters():
            return grow_scenario(
                base, operation_id=operation_id, seed=seed, scenario=parameters.scenario,
                parameters=parameters.parameters, tenant=parameters.tenant,
            )


def strategy_of(parameters: Parameters) -> str:
    """Name the strategy that these parameters are for."""
    match parameters:
        case TemplateParameters():
            return "template"
        case ScenarioParameters():
            return "scenario"
        case RandomParameters():
            return "random"


def origin_of(base: Base, stamp: Stamp, seed: int, label_sets: Sequence[tuple[str, ...]] = ()) -> Origin:
    """Say what a bundle's manifest records of its base; `label_sets` are resources' that its profile does not know."""
    profile = replace(base.profile, resource_label_sets=(*base.profile.resource_label_sets, *label_sets))
    snapshot = base.snapshot
    return Origin(
        stamp=stamp, seed=seed, profile=profile.as_document(), anchor_digests=digest_of(snapshot).node_digests(),
        snapshot={"digest": snapshot.digest, "fingerprint": snapshot.fingerprint, "nodes": snapshot.counts["nodes"],
                  "relationships": snapshot.counts["relationships"], "operations": list(snapshot.operations)},
    )


def find_profile(snapshot: Snapshot, named: str | None) -> Profile:
    """Find the profile: the one named, else the one recorded in the snapshot; `auto` chooses by the graph.

    Raises:
        UsageError: The name is neither `azure` nor `auto` nor a readable profile file.
        SnapshotError: The snapshot records none of these either.
    """
    chosen = named or snapshot.profile
    if isinstance(chosen, dict):
        return profile_from_document(chosen, str(chosen.get("name", "profile")))
    if chosen == "azure":
        return AZURE
    if chosen is None or chosen == "auto":
        return choose_profile(snapshot)
    if not named:
        # A path from a snapshot is not followed: it may come from anywhere.
        raise SnapshotError(f"{snapshot.path} records the profile {chosen!r}, which is none",
                            hint="name one with --profile")
    return read_profile(Path(named))


def profile_for_export(named: str | None) -> Any:
    """Give what a snapshot records of its profile: a name, or the table of a profile file, which may be gone later."""
    if named in {None, "auto", "azure"}:
        return named or "auto"
    return read_profile(Path(str(named))).as_document()
