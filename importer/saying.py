"""What commands say of what was or would be done, in words and as data; does nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.index_upkeep import OwnIndex
    from importer.listing import Listed
    from importer.operations import Done
    from importer.scripts.emit import Emitted
    from importer.stages import Stage
    from importer.validate import Check
    from synthgen.bundle.read import Bundle
    from synthgen.database import Address
    from synthgen.events import Stream
    from synthgen.output import Output
    from synthgen.plan import Plan


def took(done: Done) -> dict[str, Any]:
    """Give the seconds of each stage and what is for the record, as data."""
    return {"seconds": done.total_seconds, "stages": [{"stage": name, "seconds": took} for name, took in done.seconds],
            **done.facts, "performance": done.performance.as_document()}


def note_line(done: Done) -> str:
    """Give the notes on the server and on the record of runs, if there are any, in a line each."""
    return "".join(f"note          {said}{done.facts[name]}\n" for name, said in (
        ("note", ""), ("unrecorded", "what this cost is not on record: ")) if name in done.facts)


def left_out_line(done: Done) -> str:
    """Name the indexes and constraints that were left out, if there are any, in a line."""
    names = done.facts.get("left_out_schema")
    return f"left out      {', '.join(names)}\n" if names else ""


def indexes_line(done: Done) -> str:
    """Say what became of the product's own indexes, if any were needed, in a line or more."""
    found = done.facts.get("indexes")
    if found is None:
        return ""
    served = f", {len(found['served'])} are served by yours" if found["served"] else ""
    failed = "".join(f"note          index {name} was left out: {reason}\n" for name, reason in found["failed"].items())
    return f"indexes       {len(found['created'])} created{served}\n{failed}"


def index_line(one: OwnIndex) -> str:
    """Give one of the product's own indexes as a line."""
    size = "-" if one.bytes is None else f"{one.bytes / 1e6:,.1f} MB"
    state = one.state if one.state != "POPULATING" else f"{one.state} {one.percent:.0f} %"
    return f"{state:16} {size:>10}  {one.name}" + (f"  {one.failure}" if one.failure else "")


def say_loaded(output: Output, bundle: Bundle, mode: str, address: Address, done: Done) -> None:
    """Say what is loaded now, and what is next."""
    counts, operation_id = bundle.manifest.counts, bundle.manifest.operation_id
    output.result(
        {"operation_id": operation_id, "mode": mode, "uri": address.uri, "database": address.database,
         "nodes": counts.nodes, "relationships": counts.relationships, "resources": counts.resources, **took(done)},
        f"{note_line(done)}loaded        {operation_id} {mode}\n"
        f"holds         {counts.resources:,} resources, {counts.nodes - counts.resources:,} other nodes,"
        f" {counts.relationships:,} relationships\n"
        f"{left_out_line(done)}{indexes_line(done)}took          {done.total_seconds:.1f} s\n"
        f"next          importer validate {operation_id}",
    )


def say_digest(output: Output, digest: str, nodes: int, relationships: int) -> None:
    """Say a digest."""
    output.result({"digest": digest, "nodes": nodes, "relationships": relationships}, digest)


def say_plan(output: Output, stages: Sequence[Stage], plan: Plan | None = None) -> None:
    """Say what stages would do, what an import cannot carry over when there is one, and what limits say of it."""
    from importer.explain import explain, find_limits  # noqa: PLC0415 - a command that only says --help needs none

    lines, limits = explain(stages), find_limits(stages)
    numbered = [f"{number}. {line}" for number, line in enumerate(lines, start=1)]
    listed = [f"- {limit.what}: {limit.becomes}; {limit.way_out}" for limit in limits]
    output.result({"stages": lines, "not_carried": [asdict(limit) for limit in limits],
                   **({"plan": plan.as_document()} if plan is not None else {})},
                  "\n".join([*numbered, *(["not carried over by an import:", *listed] if listed else []),
                             *([plan.text] if plan is not None else [])]))


def say_script(output: Output, emitted: Emitted) -> None:
    """Say where a script is and what is next."""
    if not emitted.checked:
        output.say("note: no database was reached, so only files were checked; the script checks the database itself")
    output.result(
        {"script": str(emitted.path), "version": emitted.version, "database_checked": emitted.checked},
        f"script        {emitted.path}\nfor           Neo4j {emitted.version}\n"
        f"next          move {emitted.path.parent} to the server's machine; README.txt in it tells the rest")


def check_line(check: Check) -> str:
    """Give one check as a line."""
    return f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.found}"


def list_line(one: Listed | None) -> str:
    """Give one operation as a line of a table; the heads of its columns for None."""
    if one is None:
        return (f"{'operation':32} {'strategy':9} {'state':12} {'resources':>11} {'nodes':>11} {'in database':>12}"
                f" {'on disk':>12}")
    count = [f"{value:,}" if value is not None else "-" for value in (one.resources, one.nodes, one.nodes_in_database)]
    size = "-" if one.bytes is None else f"{one.bytes / 1e6:,.1f} MB" + (" gz" if one.compressed else "")
    elsewhere = "" if one.files_at is None else f"  files: {one.files_at}"
    return (f"{one.operation_id:32} {one.strategy or '-':9} {one.state:12} {count[0]:>11} {count[1]:>11}"
            f" {count[2]:>12} {size:>12}{elsewhere}")


def explaining(output: Output) -> Stream:
    """Give a stream that is shown as always, and besides says each decision on batch rows and writers."""
    from synthgen.events import Event, Scaled, Stream  # noqa: PLC0415 - as above

    def say(event: Event) -> None:
        if isinstance(event, Scaled):
            output.say(f"scaling: {event.batch_rows:,} rows × {event.writers} writers: {event.reason}")

    return Stream(output.events, say)
