"""The command `synthgen`: options in, one library call, words and data out; knows no graph."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from synthgen.fidelity.cli import report
from synthgen.options import (
    AddressFinder,
    BaseOption,
    JsonOption,
    MetricsOption,
    OutOption,
    ProfileOption,
    ProgressOption,
    clock,
    names_database,
)
from synthgen.output import Output, run_cli
from synthgen.scenarios.cli import app as scenarios

app = typer.Typer(
    name="synthgen", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    help="Grow a property graph: read the base graph from Neo4j, generate a marked, realistic operation as CSV files"
    " that Neo4j imports.\n\nExit codes: 0 done, 1 failed, 2 usage, 5 refused, 10 database not reachable,"
    " 12 not allowed in, 130 interrupted.\n\nSettings: flag > environment (SYNTHGEN_OUT, SYNTHGEN_BASE,"
    " SYNTHGEN_PROFILE, NEO4J_URI, …) > synthgen.toml > default.",
)
app.add_typer(scenarios, name="scenarios")
EXAMPLE = "\n\nExample: `{}`"


def _scenario_help() -> str:
    # Read from the shipped scenarios, so that what --help says is what is made.
    from synthgen.scenarios.parameters import describe
    from synthgen.scenarios.shipped import scenario_formula, scenario_names, shipped_scenario

    return " ".join(
        f"`{name}` makes {scenario_formula(name)} resources ("
        + "; ".join(describe(parameter) for parameter in shipped_scenario(name).parameters.values()) + ")."
        for name in scenario_names())


@app.command(help="Write a made-up Azure tenant as a snapshot, to try everything without a database of one's own."
             + EXAMPLE.format("synthgen sample --out out/sample"))
def sample(
    out: Annotated[Path, typer.Option(help="Folder of the new snapshot.")],
    resources: Annotated[int, typer.Option(help="How many :Resource nodes.", min=1)] = 4092,
    seed: Annotated[int, typer.Option(help="Another seed, another tenant.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Write the sample tenant."""
    from synthgen.sample import sample_tenant
    from synthgen.snapshot.write import write_snapshot

    output = Output(as_json=as_json)
    # The tenant is made up, and so is its clock: the same arguments give the same snapshot.
    snapshot = write_snapshot(sample_tenant(resources=resources, seed=seed), out.absolute(), profile="azure",
                              created_at="2026-01-01T00:00:00+00:00",
                              source={"sample": {"resources": resources, "seed": seed}})
    _say_snapshot(output, snapshot)


@app.command(help="Read the whole base graph from Neo4j into a snapshot. Writes that happen meanwhile are noticed:"
             " the export fails then, or begins again with --retries."
             + EXAMPLE.format("synthgen export --out out/base"))
@names_database
def export(
    out: Annotated[Path | None, typer.Option(help="Folder of the new snapshot; out/base by default.")] = None,
    profile: ProfileOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a snapshot that is there already.")] = False,
    retries: Annotated[int, typer.Option(
        min=0, help="How often to begin again when the database was written to meanwhile.")] = 0,
    *,
    find: AddressFinder,
    metrics_textfile: MetricsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export the base graph."""
    from synthgen.config import base_folder, setting
    from synthgen.generate import profile_for_export
    from synthgen.snapshot.export import export_snapshot

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    snapshot = export_snapshot(
        find(), base_folder(out), now=clock(None), profile=profile_for_export(setting("profile", profile)),
        replace=replace, retries=retries, events=output.events,
    )
    _say_snapshot(output, snapshot)


@app.command(help="Show which part each label set of the base snapshot plays, under the profile that `generate` would"
             " use, as a TOML file that `--profile` takes; `--write` writes it, to be corrected by hand."
             + EXAMPLE.format("synthgen profile --write films.toml"))
def profile(
    base: BaseOption = None,
    out: OutOption = None,
    profile: ProfileOption = None,
    write: Annotated[Path | None, typer.Option("--write", help="A new TOML file for the profile.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the profile, and write it."""
    from synthgen.config import base_folder, setting
    from synthgen.generate import find_profile
    from synthgen.profile import profile_text, roles_in, write_profile
    from synthgen.snapshot.read import open_snapshot

    output = Output(as_json=as_json)
    snapshot = open_snapshot(base_folder(base, out))
    found = find_profile(snapshot, setting("profile", profile))
    if write is not None:
        write_profile(found, write)
    roles = roles_in(found, ((table.labels, table.rows) for table in snapshot.node_tables))
    output.result(
        {"profile": found.as_document(), "written": None if write is None else str(write),
         "label_sets": [{"labels": list(labels), "role": role.value, "nodes": nodes} for labels, role, nodes in roles]},
        profile_text(found) + "\n"
        + "\n".join(f"# {role.value:<10} {nodes:>11,}  {':'.join(labels)}" for labels, role, nodes in roles))


@app.command(help="Generate one operation from the base snapshot: import-format CSV files and a manifest."
             "\n\nStrategies:\n\n"
             "**template** copies the base's resources: --scale-factor F (afterwards the graph holds F times the base's"
             " resources; 10 makes nine copies), or --target-count N, or --template-file F, which says how many of each"
             " type and, if wanted, their names, locations and properties as templates.\n\n"
             "**scenario** builds a topology: --scenario NAME|FILE --param key=value. " + _scenario_help() + "\n\n"
             "**random** makes --count N resources with the base's mix of types, degrees and properties."
             + EXAMPLE.format("synthgen generate --strategy template --scale-factor 10"))
def generate(
    strategy: Annotated[str, typer.Option(help="template, scenario or random.")],
    base: BaseOption = None,
    out: OutOption = None,
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
    metrics_textfile: MetricsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Generate one operation."""
    from synthgen.config import base_folder, out_folder, setting
    from synthgen.generate import generate as generate_bundle
    from synthgen.privacy.request import Privacy
    from synthgen.requests import parameters_from

    output = Output(as_json=as_json, progress=progress).measured(metrics_textfile)
    parameters, chosen_seed = parameters_from(
        strategy=strategy, scale_factor=scale_factor, target_count=target_count, template_file=template_file,
        count=count, config=config, density=density, relationships=relationships, scenario=scenario, param=param,
        resource_type=resource_type, tenant_id=tenant_id, into_tenant=into_tenant,
        include_synthetic=include_synthetic, variation=variation, rewire=rewire, source_ids=source_ids, seed=seed,
    )
    bundle = generate_bundle(
        parameters, base=base_folder(base, out), out=out_folder(out), seed=chosen_seed, now=clock(now),
        unique=secrets.randbits(32), operation_id=operation_id, profile=setting("profile", profile),
        privacy=Privacy(anonymise=anonymise, fewest_owners=fewest_owners, source_ids=source_ids),
        events=output.events,
    )
    manifest = bundle.manifest
    counts = manifest.counts
    output.result(
        {"operation_id": manifest.operation_id, "strategy": manifest.strategy, "path": str(bundle.path),
         "seed": manifest.seed, "created_at": manifest.created_at, "counts": manifest.as_document()["counts"],
         "left_out": dict(manifest.left_out), "profile": manifest.profile["name"]},
        f"operation     {manifest.operation_id}\n"
        f"made          {counts.resources:,} resources, {counts.nodes - counts.resources:,} other nodes,"
        f" {counts.relationships:,} relationships\n"
        + "".join(f"left out      {count:,} relationships: {reason}\n"
                  for reason, count in manifest.left_out.items())
        + "".join(f"{said:<13} {', '.join(found)}\n" for said, found in (
            ("new types", manifest.parameters.get("new_types")), ("not used", manifest.parameters.get("not_used")))
            if found)
        + f"profile       {manifest.profile['name']}\n"
        f"bundle        {bundle.path}\n"
        f"next          importer load {manifest.operation_id}",
    )


app.command(help="Measure how close an operation stayed to its base, and write a page that shows it: mixes, patterns,"
            " degrees, structure, properties, each beside what two halves of the base reach."
            + EXAMPLE.format("synthgen report --out report.html"))(report)


def _say_snapshot(output: Output, snapshot: Any) -> None:
    counts = snapshot.counts
    output.result(
        {"path": str(snapshot.path), "digest": snapshot.digest, "counts": counts, "operations": snapshot.operations,
         "source": snapshot.source},
        f"snapshot      {snapshot.path}\n"
        f"holds         {counts['nodes']:,} nodes, {counts['relationships']:,} relationships,"
        f" {len(snapshot.schema)} indexes and constraints\n"
        f"digest        {snapshot.digest}",
    )


def main() -> None:
    """Run the command."""
    run_cli(app)


if __name__ == "__main__":
    main()
