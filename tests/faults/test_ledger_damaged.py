"""A ledger that somebody damaged: who goes on ends with the right content, or undone, or refused with the way out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from importer import operations
from importer.online import OnlineOptions
from importer.scaling.settings import Scaling
from synthgen.bundle.read import Bundle, find_bundle
from synthgen.errors import LoadFailedError, LockedError, RefusedError
from synthgen.events import Batch, Event, Stream
from synthgen.snapshot.ledger import BATCH_LABEL, LOAD_LABEL
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

OPTIONS = OnlineOptions(Scaling.within((100, 100), (1, 2)))
NODES = 600
STOP_AFTER = 9
"""Batches: all nodes are written then, and some relationships."""

OF_NODES = f"MATCH (b:{BATCH_LABEL} {{kind: 'nodes'}}) WITH b ORDER BY b.from DESC LIMIT 1 "
OF_RELATIONSHIPS = f"MATCH (b:{BATCH_LABEL} {{kind: 'relationships'}}) WITH b ORDER BY b.from LIMIT 1 "
FORGED = f"CREATE (:{BATCH_LABEL} {{operation_id: $o, kind: '%s', group: %d, part: 0, from: %d, rows: %d}})"

UNDONE = {
    "a record of nodes deleted": f"{OF_NODES} DELETE b",
    "a record of relationships deleted": f"{OF_RELATIONSHIPS} DELETE b",
    "fewer rows of nodes": f"{OF_NODES} SET b.rows = b.rows - 1",
    "more rows of nodes": f"{OF_NODES} SET b.rows = b.rows + 1",
    "fewer rows of relationships": f"{OF_RELATIONSHIPS} SET b.rows = b.rows - 10",
    "more rows of relationships": f"{OF_RELATIONSHIPS} SET b.rows = b.rows + 10",
    "rows of relationships of which there are none": f"{OF_RELATIONSHIPS} SET b.from = b.from + 100000",
    "rows that begin before the first": f"{OF_RELATIONSHIPS} SET b.from = -1",
    "ids cut short": f"{OF_NODES} SET b.ids = b.ids[1..]",
    "ids removed": f"{OF_NODES} REMOVE b.ids",
    "ids of other nodes": f"{OF_NODES} MATCH (n:Resource) WHERE n.synthetic IS NULL WITH b, collect(id(n)) AS others"
                          " SET b.ids = others[0..size(b.ids)]",
    "ids given twice": f"{OF_NODES} SET b.ids = [i IN range(0, size(b.ids) - 1) | b.ids[0]]",
    "a record of relationships that says nodes": f"{OF_RELATIONSHIPS} SET b.kind = 'nodes'",
    "a record that is not true": FORGED % ("relationships", 0, 100, 50),
    "a record of a group that there is not": FORGED % ("relationships", 99, 0, 50),
    "a mark that all is written": FORGED % ("complete", 0, 0, 0),
    "all records deleted": f"MATCH (b:{BATCH_LABEL}) DELETE b",
    "a node of the operation deleted": "MATCH (n {scale_operation_id: $o}) WITH n LIMIT 1 DETACH DELETE n",
}
REFUSED = {
    "all records deleted, and a node": f"MATCH (b:{BATCH_LABEL}) DELETE b WITH count(*) AS c"
                                       " MATCH (n {scale_operation_id: $o}) WITH n LIMIT 1 DETACH DELETE n",
    "a mark that a rollback has begun": FORGED % ("rollback", 0, 0, 0),
}
RIGHT = {
    "nothing": "RETURN 1",
    "a record of another operation": f"CREATE (:{BATCH_LABEL} {{operation_id: 'scale-20200101T000000-00000000',"
                                     " kind: 'nodes', group: 0, part: 0, from: 0, rows: 5, ids: [0, 1, 2, 3, 4]})",
    "a record of a kind that nobody knows": FORGED % ("rubbish", 0, 0, 5),
    "the constraint dropped": "DROP CONSTRAINT __synthgen_batch",
    "a lock of nobody": f"CREATE (:{LOAD_LABEL} {{name: 'lock', operation_id: $o, owner: 'elsewhere:1:0',"
                        " since: datetime(), heartbeat: 0})",
    "a lock without a heartbeat": f"CREATE (:{LOAD_LABEL} {{name: 'lock', operation_id: $o, owner: 'elsewhere:1:0'}})",
    "a lock with nothing in it": f"CREATE (:{LOAD_LABEL} {{name: 'lock'}})",
    "a claim with nothing in it": f"CREATE (:{LOAD_LABEL} {{name: 'claim'}})",
}


@dataclass
class Ground:
    """An operation, the database it was stopped half-way in, and the digests that there may be in the end."""

    workshop: Workshop
    bundle: Bundle
    base: str
    loaded: str

    @property
    def operation_id(self) -> str:
        return self.bundle.manifest.operation_id

    def load(self, *, stop_after: int = 0) -> None:
        """Load, or stop after so many batches as Ctrl-C does."""
        seen = [0]

        def listen(event: Event) -> None:
            seen[0] += isinstance(event, Batch)
            if stop_after and seen[0] == stop_after:
                raise RuntimeError("enough")

        operations.load(self.bundle, self.workshop.address, mode="online", base=self.workshop.out / "base",
                        options=OPTIONS, events=Stream(listen))

    def rollback(self) -> None:
        """Take the operation out, whatever there is of it."""
        operations.rollback(self.workshop.out, self.operation_id, self.workshop.address)

    def nodes(self) -> int:
        """Count the operation's nodes."""
        return self.workshop.one("MATCH (n {scale_operation_id: $o}) RETURN count(n)", o=self.operation_id)


@pytest.fixture(scope="module")
def loadable(workshop: Workshop) -> Ground:
    """A base and an operation whose load was looked at once, undisturbed."""
    base = plant_sample(workshop, 200)
    operation_id = workshop.do(f"synthgen generate --strategy random --count {NODES} --seed 3")["operation_id"]
    ground = Ground(workshop, find_bundle(workshop.out, operation_id), base, "")
    ground.load()
    ground.loaded = workshop.digest()
    ground.rollback()
    return ground


@pytest.fixture
def half_way(loadable: Ground) -> Iterator[Ground]:
    """The same, stopped half-way; afterwards a rollback must bring the base back, and leave nothing."""
    with pytest.raises(Exception, match="enough"):
        loadable.load(stop_after=STOP_AFTER)
    assert loadable.nodes() >= NODES
    yield loadable
    if loadable.nodes() or ledger_of(loadable, loadable.operation_id):
        loadable.rollback()
    loadable.workshop.query(f"MATCH (n:{BATCH_LABEL}) WHERE n.operation_id <> $o DELETE n", o=loadable.operation_id)
    assert loadable.workshop.digest() == loadable.base
    assert loadable.workshop.one(f"MATCH (n) WHERE n:{BATCH_LABEL} OR n:{LOAD_LABEL} RETURN count(n)") == 0


def ledger_of(ground: Ground, operation_id: str) -> int:
    """Count an operation's records."""
    return ground.workshop.one(f"MATCH (b:{BATCH_LABEL} {{operation_id: $o}}) RETURN count(b)", o=operation_id)


def damage(ground: Ground, text: str) -> None:
    """Do the damage, and make sure that there was something to damage."""
    with ground.workshop.driver.session(database=ground.workshop.address.database) as session:
        counters = session.run(text, o=ground.operation_id).consume().counters
    assert text == "RETURN 1" or counters.contains_updates or counters.contains_system_updates or (
        counters.constraints_removed)


@pytest.mark.parametrize("what", UNDONE)
def test_a_load_that_cannot_trust_its_ledger_is_undone(half_way, what):
    """Clear words, nothing of the operation is left, the history says so, and loading it anew works."""
    damage(half_way, UNDONE[what])
    with pytest.raises(LoadFailedError) as failed:
        half_way.load()
    assert failed.value.facts["undone"] is True
    assert "ledger" in failed.value.message or what == "all records deleted"
    assert "roll" in failed.value.hint
    assert half_way.workshop.events(half_way.operation_id)[-1] == "load_failed"
    assert (half_way.workshop.digest(), half_way.nodes()) == (half_way.base, 0)
    assert ledger_of(half_way, half_way.operation_id) == 0


@pytest.mark.parametrize("what", REFUSED)
def test_a_load_that_nobody_can_go_on_with_is_refused(half_way, what):
    """Nothing is written, and the error names the rollback, which brings the base back (the fixture looks)."""
    damage(half_way, REFUSED[what])
    before = half_way.workshop.digest()
    for _ in range(2):
        with pytest.raises(RefusedError) as refused:
            half_way.load()
        assert f"importer rollback {half_way.operation_id}" in refused.value.hint
        assert half_way.workshop.digest() == before
    half_way.rollback()


@pytest.mark.parametrize("what", RIGHT)
def test_what_does_no_harm_does_none(half_way, what):
    """The load goes on, and its content is that of an undisturbed one."""
    damage(half_way, RIGHT[what])
    half_way.load()
    assert half_way.workshop.digest() == half_way.loaded
    assert ledger_of(half_way, half_way.operation_id) == 0


def test_a_lock_removed_under_a_load(loadable):
    """The load stops with exit code 11 and writes nothing more; the same call ends it, exactly."""
    seen, known = [0], []

    def remove(event: Event) -> None:
        seen[0] += isinstance(event, Batch)
        if isinstance(event, Batch) and seen[0] == STOP_AFTER:
            loadable.workshop.query(f"MATCH (n:{LOAD_LABEL}) DELETE n")
            known.append(loadable.nodes())

    with pytest.raises(LockedError) as locked:
        operations.load(loadable.bundle, loadable.workshop.address, mode="online", base=loadable.workshop.out / "base",
                        options=OPTIONS, events=Stream(remove))
    assert locked.value.exit_code == 11
    assert known
    loadable.load()
    assert loadable.workshop.digest() == loadable.loaded
    loadable.rollback()
    assert loadable.workshop.digest() == loadable.base
