"""Online loads and rollbacks killed over and over, at seeded moments: the whole operation in the end, or none of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from synthgen.snapshot.ledger import BATCH_LABEL, LOAD_LABEL
from tests.faults.dying_client import Clients, Ended, open_clients
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

SEEDS = 5
KILLS = 10
"""Of loads, and as many of rollbacks, for each seed."""
MOST_RUNS = 60
BY_TIME = 0.2
"""The share of kills that come after some time instead of at a moment of the work."""

OVER = {"load": "is loaded already", "rollback": "is not in"}
"""What is said to whoever goes on with work that was killed after its last step."""


@dataclass
class Ground:
    """What the tests stand on: an operation that is not loaded, the base's digest, and that of an undisturbed load."""

    workshop: Workshop
    clients: Clients
    operation_id: str
    base: str
    loaded: str
    moments: dict[str, int]

    def kill(self, work: str, dice: random.Random) -> Ended:
        """Do the work and kill it somewhere: mostly early, so that one load is killed often."""
        if dice.random() < BY_TIME:
            return self.run(work, after_s=dice.uniform(0.02, 1.0))
        most = self.moments[work]
        return self.run(work, moment=dice.randint(1, most if dice.random() < 0.4 else most // 4))

    def run(self, work: str, **when: float) -> Ended:
        """Do the work, and kill it when it is said."""
        return self.clients.run(work, self.workshop.out, self.operation_id, **when)

    def ends(self, work: str, digest: str, state: str) -> None:
        """Make sure that what is there now is right to the last property, and that nothing else is."""
        assert self.workshop.digest() == digest, work
        assert self.workshop.manifest(self.operation_id)["history"][-1]["event"] == state
        assert left_over(self.workshop) == (0, 0)


def left_over(workshop: Workshop) -> tuple[int, int]:
    """Count the ledger's nodes and constraints."""
    return (workshop.one(f"MATCH (n) WHERE n:{BATCH_LABEL} OR n:{LOAD_LABEL} RETURN count(n)"),
            workshop.one("SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH '__' RETURN count(name)"))


@pytest.fixture(scope="module")
def ground(workshop: Workshop) -> Iterator[Ground]:
    """A small base with an operation that is tied to it; how long its load and rollback are, undisturbed."""
    base = plant_sample(workshop, 100)
    operation_id = workshop.do("synthgen generate --strategy random --count 1500 --seed 7")["operation_id"]
    with open_clients(workshop.address) as clients:
        ground = Ground(workshop, clients, operation_id, base, "", {})
        for work in ("load", "rollback"):
            ended = ground.run(work)
            assert ended.code == 0, ended
            ground.moments[work] = ended.moments
            ground.loaded = ground.loaded or workshop.digest()
        yield ground


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_client_that_is_killed_again_and_again(ground, seed):
    """SIGKILL at ten moments of loads and ten of rollbacks, each gone on with: exactly the operation, or the base."""
    dice = random.Random(seed)  # noqa: S311 - moments, not secrets
    kills = {"load": 0, "rollback": 0}
    for _ in range(MOST_RUNS):
        for work, digest, state in (("load", ground.loaded, "loaded"), ("rollback", ground.base, "rolled_back")):
            ended = Ended(killed=True, code=0, moments=0, message="")
            while ended.killed and kills[work] < KILLS:
                ended = ground.kill(work, dice)
                kills[work] += ended.killed
            if ended.killed:
                ended = ground.run(work)
            assert ended.code == 0 or OVER[work] in ended.message, ended
            ground.ends(work, digest, state)
        if min(kills.values()) >= KILLS:
            break
    assert kills == {"load": KILLS, "rollback": KILLS}
