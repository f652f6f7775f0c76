"""Online loads beside a loop by hand, beside a server that reads the files itself, and beside the tool that was before.

Ours is the whole `load`: files and rows checked, base compared, ledger kept, result counted and compared; once with the
product's own indexes, as it is by default, and once without, as the others, which make none and check nothing; and the
loop once more with the same indexes made after it, so that both leave the same in the database. Between two loads the
operation is rolled back. Beside seconds there are processor seconds of client and server together, which say more on a
machine with other work.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil

from benchmarks.figures import SAME_RATE, Figure
from benchmarks.ground import REPEATED, Run, Site, count_rows, grown, make_bundle, running_server, sample_base, scratch
from benchmarks.loop import ROWS, SESSIONS, Hand
from benchmarks.measuring import command, in_child, in_turns
from benchmarks.serverside import CONFIG, ServerSide
from importer import ScaleUpService
from importer.index_upkeep import create_indexes
from importer.indexes import needed_indexes
from importer.online import OnlineOptions
from importer.operations import load, rollback
from importer.scaling.settings import Scaling
from synthgen.bundle.read import Bundle, newest_bundle, open_bundle
from synthgen.database import connect
from synthgen.parameters import Parameters, RandomParameters, TemplateParameters
from synthgen.profile import profile_from_document
from synthgen.sample import sample_tenant
from synthgen.snapshot.read import open_snapshot

PAGE_CACHE = "1g"
"""Its indexes grow from load to load for want of a checkpoint: all of them have room."""
FACTOR = 10.0
TOOL_SECONDS, TOOL_RATIO = 11.5, 0.25
"""The best time of the tool that was before for fewer than half of what template 10x is here; once recorded."""
OPERATIONS = ("template", "random")
RESOURCES = 93_000
"""With three relationships for each node: 100,000 nodes and 300,000 relationships."""
WARM_UPS = {False: 3, True: 0}
SETTINGS = ((1, 3_000), (2, 1_000), (2, 2_000), (2, 3_000), (2, 5_000), (2, 10_000), (3, 2_000), (4, 2_000))


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds and processor seconds of one load, and the seconds of each of our stages."""

    seconds: float
    processor: float
    stages: dict[str, float]


class Routes:
    """One operation, and every way to bring it into a server's database; each ends with its rollback."""

    def __init__(self, site: Site, bundle: Bundle, base: Path) -> None:
        snapshot = open_snapshot(base)
        self.site, self.bundle, self.base = site, bundle, base
        self.out = bundle.path.parent.parent
        self.hand = Hand(bundle, snapshot)
        self.server_side = ServerSide(bundle, snapshot, site.server.home)
        self.indexes = needed_indexes([profile_from_document(bundle.manifest.profile, "the manifest's profile")])
        self.processes = [psutil.Process(), psutil.Process(site.server.status().pid)]

    def ours(self, options: OnlineOptions | None = None, *, indexes: bool = True) -> Took:
        """Load with the product."""
        return self._measured(lambda: dict(load(self.bundle, self.site.address, mode="online", base=self.base,
                                                options=options, indexes=indexes).seconds))

    def by_hand(self, sessions: int = SESSIONS, rows: int = ROWS) -> Took:
        """Load with the loop."""
        return self._measured(lambda: self.hand.load(self.site.address, sessions, rows))

    def by_hand_with_indexes(self) -> Took:
        """Load with the loop, then create the indexes that ours creates, and wait for them."""
        return self._measured(self._by_hand_with_indexes)

    def by_parts(self) -> Took:
        """Let the server read each part in one transaction."""
        return self._measured(lambda: self.server_side.load_by_parts(self.site.address))

    def by_rows(self) -> Took:
        """Let the server read the parts in transactions of so many rows as the loop's."""
        return self._measured(lambda: self.server_side.load_by_rows(self.site.address, ROWS))

    def _by_hand_with_indexes(self) -> None:
        self.hand.load(self.site.address, SESSIONS, ROWS)
        with connect(self.site.address) as driver:
            create_indexes(driver, self.site.address, self.indexes)

    def _measured(self, work: Callable[[], dict[str, float] | None]) -> Took:
        used, began = self._processor_seconds(), time.perf_counter()
        stages = work()
        took = Took(time.perf_counter() - began, self._processor_seconds() - used, stages or {})
        gone = rollback(self.out, self.bundle.manifest.operation_id, self.site.address).facts
        due = self.bundle.manifest.counts
        if (gone["nodes"], gone["relationships"]) != (due.nodes, due.relationships):
            raise RuntimeError(f"loaded were {gone}, not {due.nodes} nodes and {due.relationships} relationships")
        return took

    def _processor_seconds(self) -> float:
        times = [process.cpu_times() for process in self.processes]
        return sum(one.user + one.system for one in times)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Name the options of this part."""
    parser.add_argument("--operation", choices=OPERATIONS, action="append",
                        help="this operation only, not also the other; repeatable")
    parser.add_argument("--settings", action="store_true",
                        help="also with fixed numbers of writers and rows, ours and by hand with the same")


def figures(run: Run, options: argparse.Namespace) -> Iterator[Figure]:
    """Measure the sample tenant made ten times as large, then an operation with three relationships a node."""
    wanted = options.operation or (OPERATIONS[:1] if run.quick else OPERATIONS)
    if "template" in wanted:
        with _prepared(TemplateParameters(scale_factor=FACTOR), dense=False) as (site, folder):
            yield from _in_one_go(site, folder, run)
            yield from _routes(site, folder, "template 10x", run, settings=False)
    if "random" in wanted:
        with _prepared(RandomParameters(count=RESOURCES), dense=True) as (site, folder):
            yield from _routes(site, folder, f"random {RESOURCES:,}", run, settings=options.settings)


@contextmanager
def _prepared(parameters: Parameters, *, dense: bool) -> Iterator[tuple[Site, Path]]:
    """Make base and operation in a folder, and run a server with the base."""
    with scratch() as folder:
        in_child(_prepare, parameters, folder, dense=dense)
        with running_server(folder / "neo4j", open_snapshot(folder / "base"), page_cache=PAGE_CACHE,
                            config={**CONFIG, **REPEATED}) as site:
            yield site, folder


def _routes(site: Site, folder: Path, name: str, run: Run, *, settings: bool) -> Iterator[Figure]:
    for one in in_child(_compare, site, folder, run, settings=settings).result:
        yield replace(one, name=f"{one.name}, {name}")


def _prepare(parameters: Parameters, folder: Path, *, dense: bool) -> None:
    sample_base(folder / "base", grown(sample_tenant()) if dense else sample_tenant())
    make_bundle(parameters, folder / "base", folder / "out")


def _compare(site: Site, folder: Path, run: Run, *, settings: bool) -> list[Figure]:
    """Load in every way in turns, after some that warm the server."""
    # The driver tells each deadlock that it tries again.
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    bundle = newest_bundle(folder / "out")
    routes = Routes(site, bundle, folder / "base")
    for _ in range(WARM_UPS[run.quick]):
        routes.ours()
        routes.by_hand()
    loop = f"loop by hand, {SESSIONS} × {ROWS:,} rows"
    # Leaves in the database what ours leaves; what the bare loop leaves is what ours leaves without indexes.
    same = "loop by hand, then the same indexes"
    others = {loop: routes.by_hand}
    if not run.quick:
        others |= {"LOAD CSV, one transaction a part": routes.by_parts,
                   f"LOAD CSV in transactions of {ROWS:,} rows": routes.by_rows}
        others[same] = routes.by_hand_with_indexes
    bare = [] if run.quick else [partial(routes.ours, indexes=False)]
    ours, *took = in_turns(run.times, routes.ours, *others.values(), *bare)
    found = [_pair("load online", ours, name, theirs, SAME_RATE if name in {loop, same} else None)
             for name, theirs in zip(others, took[:len(others)], strict=True)]
    found += [_pair("load online without indexes", mine, loop, took[0], SAME_RATE) for mine in took[len(others):]]
    for writers, batch in SETTINGS if settings else ():
        fixed = OnlineOptions(Scaling.within((batch, batch), (writers, writers)))
        mine, theirs = in_turns(run.times, partial(routes.ours, fixed), partial(routes.by_hand, writers, batch))
        mine = [replace(one, seconds=one.stages["WriteOnline"]) for one in mine]
        found.append(_pair(f"writing online, {writers} × {batch:,} rows", mine, "loop by hand with the same", theirs))
    return [replace(one, rows=count_rows(bundle)) for one in found]


def _pair(name: str, ours: list[Took], against: str, theirs: list[Took], target: float | None = None) -> Figure:
    facts = {"stages": [one.stages for one in ours], "processor_seconds": [one.processor for one in ours],
             "their_processor_seconds": [one.processor for one in theirs]}
    return Figure(name, "s", [one.seconds for one in ours], against, [one.seconds for one in theirs], target,
                  facts=facts)


def _in_one_go(site: Site, folder: Path, run: Run) -> Iterator[Figure]:
    """Generate, load and validate the sample tenant made ten times as large, as a call and as three commands."""
    call = partial(_grown_online, site, folder / "base", folder / "called")
    call()
    ours: dict[str, Callable[[], tuple[float, int]]] = {"a call": call}
    if not run.quick:
        ours["three commands"] = partial(_three_commands, site, folder / "base", folder / "commanded")
    for name, took in zip(ours, in_turns(run.times, *ours.values()), strict=True):
        yield Figure(f"template 10x: generate, load, validate, {name}", "s", [spent for spent, _ in took],
                     "the tool before, half of it (recorded)", [TOOL_SECONDS], TOOL_RATIO, took[0][1])


def _grown_online(site: Site, base: Path, out: Path) -> tuple[float, int]:
    return in_child(grow_online, site, base, out).result


def grow_online(site: Site, base: Path, out: Path) -> tuple[float, int]:
    """Grow by the one call there is for it, for a process of its own, and roll back; gives seconds and rows."""
    service = ScaleUpService(site.address.uri, password_file=site.server.password_file, out=out, base=base,
                             approve=lambda _: True)
    began = time.perf_counter()
    done = asyncio.run(service.scale_up_template(scale_factor=FACTOR))
    took = time.perf_counter() - began
    if not done.success:
        raise RuntimeError(done.error)
    rollback(out, done.operation_id, site.address)
    return took, count_rows(open_bundle(done.bundle))


def _three_commands(site: Site, base: Path, out: Path) -> tuple[float, int]:
    places = {"SYNTHGEN_OUT": str(out), "SYNTHGEN_BASE": str(base), "SYNTHGEN_HOME": str(site.server.home)}

    def do(*arguments: str) -> float:
        return command(["-m", *arguments], places).seconds

    took = do("synthgen.cli", "generate", "--strategy", "template", "--scale-factor", f"{FACTOR:g}", "--yes")
    took += do("importer.cli", "load", "--mode", "online", "--yes")
    took += do("importer.cli", "validate")
    bundle = newest_bundle(out)
    do("importer.cli", "rollback", bundle.manifest.operation_id)
    return took, count_rows(bundle)
