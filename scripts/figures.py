"""Measures the product against floors and peers in one run and prints each figure as a ratio; asserts nothing.

Floors and peers:
    generate   the same rows, already in memory, written with the same CSV writer
    offline    bare `neo4j-admin database import` of the same files
    online     a plain loop that sends the same rows in batches of 5,000, one after the other, without ledger or checks
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import neo4j
import polars as pl

from importer.import_files import bundle_files, file_options, write_base
from importer.operations import load, restore, rollback, validate
from importer.servers.local import LocalServer
from importer.servers.local_target import LocalTarget
from importer.servers.versions import Product, import_options
from importer.store import begin, import_aside, put_back
from synthgen.bundle.read import Bundle, layout_of, read_nodes, read_relationships
from synthgen.database import Address, connect, find_address, quote
from synthgen.generate import generate
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from synthgen.sample import sample_tenant
from synthgen.snapshot.read import open_snapshot
from synthgen.snapshot.write import write_snapshot

CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
LOOP_ROWS = 5_000


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Bench:
    """One run: a folder, a server, the sample tenant, and the figures so far."""

    def __init__(self, folder: Path, repetitions: int) -> None:
        self.folder = folder
        self.repetitions = repetitions
        self.base = folder / "base"
        self.figures: list[dict[str, object]] = []
        write_snapshot(sample_tenant(), self.base, created_at=CLOCK.isoformat(), source={}, profile="azure")
        self.server = LocalServer(folder / "neo4j")
        self.server.start(heap="2g")
        self.address = find_address(home=self.server.home)
        restore(open_snapshot(self.base), self.address)

    def note(self, name: str, rows: int, ours: list[float], theirs: list[float], against: str) -> None:
        """Keep one figure: the median of the ratios pair by pair, with their spread."""
        ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
        self.figures.append({
            "figure": name, "rows": rows, "seconds": statistics.median(ours), "rows_per_second": rows / min(ours),
            "against": against, "against_seconds": statistics.median(theirs), "ratio": statistics.median(ratios),
            "ratio_least": min(ratios), "ratio_most": max(ratios),
        })

    def made(self, parameters: Parameters, number: int) -> Bundle:
        """Generate one operation into an out folder of its own."""
        return generate(parameters, base=self.base, out=self.folder / f"out{number}", seed=0, now=CLOCK, unique=number)

    def measure_generate(self, name: str, parameters: Parameters) -> Bundle:
        """Compare generating with writing the same rows from memory."""
        ours, theirs = [], []
        bundle = None
        for number in range(self.repetitions):
            shutil.rmtree(self.folder / "out0", ignore_errors=True)
            ours.append(seconds(lambda: self.made(parameters, 0)))
            bundle = Bundle(self.folder / "out0/operations" / f"scale-{CLOCK:%Y%m%dT%H%M%S}-00000000",
                            _manifest(self.folder / "out0"))
            theirs.append(_write_from_memory(bundle, self.folder / f"floor{number}"))
        counts = bundle.manifest.counts
        self.note(f"generate {name}", counts.nodes + counts.relationships, ours, theirs, "writing rows in memory")
        return bundle

    def measure_offline(self, bundle: Bundle) -> None:
        """Compare an offline load, with all checks and the swap, with the bare import."""
        ours, theirs = [], []
        for _ in range(self.repetitions):
            theirs.append(self._bare_import(bundle))
            ours.append(seconds(lambda: load(bundle, self.address, mode="offline", base=self.base)))
            ours[-1] += seconds(lambda: validate(bundle.path.parent.parent, bundle.manifest.operation_id, self.address))
            rollback(bundle.path.parent.parent, bundle.manifest.operation_id, self.address)
        counts = bundle.manifest.counts
        self.note("load offline and validate", counts.nodes + counts.relationships, ours, theirs, "bare neo4j-admin")

    def measure_online(self, bundle: Bundle) -> None:
        """Compare an online load, with ledger and checks, with a plain loop; then the rollback with that loop too."""
        ours, theirs, back = [], [], []
        out = bundle.path.parent.parent
        for _ in range(self.repetitions):
            theirs.append(_plain_loop(bundle, self.address))
            rollback(out, bundle.manifest.operation_id, self.address)
            ours.append(seconds(lambda: load(bundle, self.address, mode="online", base=self.base)))
            ours[-1] += seconds(lambda: validate(out, bundle.manifest.operation_id, self.address))
            back.append(seconds(lambda: rollback(out, bundle.manifest.operation_id, self.address)))
        counts = bundle.manifest.counts
        rows = counts.nodes + counts.relationships
        self.note("load online and validate", rows, ours, theirs, "plain loop")
        self.note("roll back", rows, back, theirs, "plain loop that loads")

    def _bare_import(self, bundle: Bundle) -> float:
        target = LocalTarget(self.server)
        scratch = begin(target, "bench")
        files = [write_base(open_snapshot(self.base), scratch), bundle_files(bundle)]
        arguments = [*import_options(Product(target.version())), *file_options(files, "2g"),
                     *(argument for one in files for argument in one.arguments)]
        took = seconds(lambda: import_aside(target, arguments, reads=[scratch, bundle.path], heap="2g"))
        put_back(target)
        return took


def _manifest(out: Path) -> object:
    from synthgen.bundle.manifest import read_manifest  # noqa: PLC0415

    return read_manifest(next((out / "operations").iterdir()))


def _write_from_memory(bundle: Bundle, folder: Path) -> float:
    folder.mkdir()
    tables = [(read_nodes(bundle, group, part), layout_of(bundle, group))
              for group in bundle.manifest.node_groups for part in group.parts]
    tables += [(read_relationships(bundle, group, part), layout_of(bundle, group))
               for group in bundle.manifest.relationship_groups for part in group.parts]

    def write() -> None:
        for number, (frame, layout) in enumerate(tables):
            layout.write(folder / f"{number}.csv", frame, frame.get_columns()[:len(layout.ids)])

    took = seconds(write)
    shutil.rmtree(folder)
    return took


def _plain_loop(bundle: Bundle, address: Address) -> float:
    """Load as one would by hand: rows as maps, ends found by a unique property, one batch after the other."""
    nodes = [read_nodes(bundle, group, part) for group in bundle.manifest.node_groups for part in group.parts]
    ids = pl.concat([frame.select(":id", "id") for frame in nodes])
    base = _base_keys(bundle)
    began = time.perf_counter()
    with connect(address) as driver, driver.session(database=address.database) as session:
        for label in ("Resource", "ResourceGroup"):
            session.run(f"CREATE INDEX bench_{label} IF NOT EXISTS FOR (n:{label}) ON (n.id)").consume()
        session.run("CALL db.awaitIndexes()").consume()
        for group, frame in zip(bundle.manifest.node_groups, nodes, strict=True):
            labels = "".join(f":{quote(label)}" for label in group.labels)
            for rows in frame.drop(":id").iter_slices(LOOP_ROWS):
                session.run(f"UNWIND $rows AS row CREATE (n{labels}) SET n = row", rows=rows.to_dicts()).consume()
        for group in bundle.manifest.relationship_groups:
            for part in group.parts:
                _loop_relationships(session, group, read_relationships(bundle, group, part), ids, base)
    took = time.perf_counter() - began
    with connect(address) as driver:
        for label in ("Resource", "ResourceGroup"):
            driver.execute_query(f"DROP INDEX bench_{label} IF EXISTS", database_=address.database)
    return took


def _loop_relationships(session: neo4j.Session, group: object, frame: pl.DataFrame, ids: pl.DataFrame,
                        base: pl.DataFrame) -> None:
    sides = []
    for column, space in ((":start", group.start_space), (":end", group.end_space)):
        keys = ids if space == "operation" else base
        sides.append(frame.select(pl.col(column).alias(":id")).join(keys, on=":id", how="left",
                                                                   maintain_order="left")["id"])
    rows = pl.DataFrame({"a": sides[0], "b": sides[1]})
    for batch in rows.iter_slices(LOOP_ROWS):
        # The labels that these groups of the sample tenant have; a loop by hand knows them.
        start, end, key = {"CONTAINS": ("", "", "id"), "LOCATED_IN": (":Resource", ":Region", "name"),
                           "TAGGED_WITH": (":Resource", ":Tag", "id")}[group.type]
        start = start or (":Subscription" if group.start_space == "base" else ":ResourceGroup|Resource")
        end = end or ":ResourceGroup|Resource"
        session.run(f"UNWIND $rows AS row MATCH (a{start} {{id: row.a}}) MATCH (b{end} {{{key}: row.b}})"
                    f" CREATE (a)-[:{group.type}]->(b)", rows=batch.to_dicts()).consume()


def _base_keys(bundle: Bundle) -> pl.DataFrame:
    snapshot = open_snapshot(bundle.path.parent.parent.parent / "base")
    pieces = []
    for table in snapshot.node_tables:
        key = "name" if table.labels == ("Region",) else "id"
        if key in table.types:
            frame = snapshot.read(table).with_row_index(":id", offset=table.first)
            pieces.append(frame.select(pl.col(":id").cast(pl.Int64), pl.col(key).alias("id")))
    return pl.concat(pieces)


def main() -> None:
    """Measure everything and print the table, or JSON."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100,000 resources instead of a million, once")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    repetitions = 1 if options.quick else options.repetitions
    with tempfile.TemporaryDirectory(prefix="synthgen-bench-") as folder:
        bench = Bench(Path(folder), repetitions)
        try:
            bundle = bench.measure_generate("random", RandomParameters(count=100_000 if options.quick else 1_000_000))
            bench.measure_offline(bundle)
            bundle = bench.measure_generate("template 10x", TemplateParameters(scale_factor=10.0))
            bench.measure_online(bundle)
        finally:
            bench.server.stop()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "polars": pl.__version__,
               "neo4j": bench.server.status().version, "repetitions": repetitions,
               "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    if options.json:
        print(json.dumps({"machine": machine, "figures": bench.figures}, indent=2))
        return
    print(" · ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"{'figure':28} {'rows':>10} {'seconds':>8} {'rows/s':>10}   {'against':24} {'seconds':>8}  ratio  spread")
    for one in bench.figures:
        print(f"{one['figure']:28} {one['rows']:>10,} {one['seconds']:>8.2f} {one['rows_per_second']:>10,.0f}  "
              f" {one['against']:24} {one['against_seconds']:>8.2f} {one['ratio']:>6.2f}"
              f"  {one['ratio_least']:.2f}…{one['ratio_most']:.2f}")


if __name__ == "__main__":
    main()
