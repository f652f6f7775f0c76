"""Two loads, or a load and a rollback, that begin at the same moment: one works, the other is told to wait."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.dying_client import Clients, Ended, open_clients
from tests.faults.test_client_killed import OVER, left_over
from tests.planting import plant_sample
from tests.workshop import Workshop

pytestmark = pytest.mark.neo4j

ROUNDS = 3


@pytest.fixture(scope="module")
def clients(workshop: Workshop) -> Iterator[Clients]:
    """Processes that begin at once."""
    with open_clients(workshop.address) as opened:
        yield opened


@pytest.fixture(scope="module")
def operations(workshop: Workshop) -> list[str]:
    """Two operations on one base, neither loaded."""
    plant_sample(workshop, 100)
    return [workshop.do(f"synthgen generate --strategy random --count 2000 --seed {seed}")["operation_id"]
            for seed in (1, 2)]


@pytest.fixture(scope="module")
def digests(workshop: Workshop, clients: Clients, operations: list[str]) -> list[str]:
    """The digests of the base, with the first operation, and with both, each loaded with nobody else there."""
    found = [workshop.digest()]
    for operation_id in operations:
        assert clients.run("load", workshop.out, operation_id).code == 0
        found.append(workshop.digest())
    for operation_id in operations:
        assert clients.run("rollback", workshop.out, operation_id).code == 0
    assert workshop.digest() == found[0]
    return found


@pytest.fixture
def elsewhere(workshop: Workshop, tmp_path: Path) -> Path:
    """Another working folder with the same base and bundles, as of another machine."""
    return shutil.copytree(workshop.out, tmp_path / "out")


def is_told_to_wait(ended: Ended) -> bool:
    """Say whether it was told that another run is at work; it names that one."""
    return ended.code == 11 and "at work on" in ended.message


def finish(clients: Clients, *works: tuple[str, Path, str]) -> None:
    """Do again what was told to wait, which now works, or is done by the other one."""
    for work in works:
        ended = clients.run(*work)
        assert ended.code == 0 or OVER[work[0]] in ended.message, ended


@pytest.mark.parametrize("places", ["one folder", "two folders"])
def test_the_same_operation_loaded_twice_at_once(workshop, clients, operations, digests, elsewhere, places):
    """One loads it, the other is told to wait; whatever the order, it is there once."""
    work = ("load", workshop.out, operations[0])
    other = ("load", elsewhere if places == "two folders" else workshop.out, operations[0])
    waited = 0
    for _ in range(ROUNDS):
        both = clients.run_together(work, other)
        waited += sum(map(is_told_to_wait, both))
        assert sorted(ended.code for ended in both) in ([0, 11], [0, 5]), both
        assert (workshop.digest(), left_over(workshop)) == (digests[1], (0, 0))
        finish(clients, work, other)
        assert workshop.digest() == digests[1]
        finish(clients, ("rollback", workshop.out, operations[0]))
        assert (workshop.digest(), left_over(workshop)) == (digests[0], (0, 0))
    assert waited


def test_two_operations_loaded_at_once(workshop, clients, operations, digests):
    """One is loaded, the other waits its turn; in the end both are there, each once."""
    works = [("load", workshop.out, operation_id) for operation_id in operations]
    waited = 0
    for _ in range(ROUNDS):
        both = clients.run_together(*works)
        waited += sum(map(is_told_to_wait, both))
        assert sorted(ended.code for ended in both) in ([0, 11], [0, 0]), both
        finish(clients, *works)
        assert (workshop.digest(), left_over(workshop)) == (digests[2], (0, 0))
        finish(clients, *(("rollback", *work[1:]) for work in works))
        assert workshop.digest() == digests[0]
    assert waited


@pytest.mark.parametrize("which", [0, 1], ids=["of the same operation", "of another"])
def test_a_load_and_a_rollback_at_once(workshop, clients, operations, digests, which):
    """What the one does is whole before the other begins."""
    assert clients.run("load", workshop.out, operations[which]).code == 0
    works = [("load", workshop.out, operations[0]), ("rollback", workshop.out, operations[which])]
    both = clients.run_together(*works)
    assert all(ended.code in {0, 11} or OVER["load"] in ended.message for ended in both), both
    assert workshop.digest() in digests
    finish(clients, works[1], works[0])
    assert (workshop.digest(), left_over(workshop)) == (digests[1], (0, 0))
    finish(clients, ("rollback", workshop.out, operations[0]))
    assert workshop.digest() == digests[0]
