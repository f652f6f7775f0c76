"""Servers that are killed or stopped under loads and rollbacks: the same call goes on, and nothing is lost or twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

import pytest

from importer.operations import validate
from synthgen.bundle.read import Bundle
from synthgen.events import Event, Stream
from tests.faults.breakable import Blow, Breakable, breakable, small

pytestmark = pytest.mark.neo4j

RESOURCES = 2000
LOADING = ("reading nodes", "nodes", "relationships")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breakable]:
    """A server that may be killed, for the whole module."""
    with breakable(tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("neo4j")) as opened:
        yield opened


@pytest.fixture(scope="module")
def bundle(broken: Breakable) -> Bundle:
    """The bundle that is loaded and rolled back again and again."""
    return broken.bundle(RESOURCES)


@pytest.fixture(scope="module")
def loaded(broken: Breakable, bundle: Bundle) -> str:
    """The digest after a load that nothing disturbs."""
    broken.load(bundle.manifest.operation_id, small())
    digest = broken.digest()
    broken.rollback(bundle.manifest.operation_id)
    assert (broken.digest(), broken.traces()) == (broken.base, 0)
    return digest


def blow_of(drawn: random.Random, broken: Breakable, phases: tuple[str, ...], *, mend: bool) -> Blow:
    """Draw a moment at which the server is killed; `mend` starts it again at once, while the call waits for it."""
    def deal() -> None:
        broken.kill()
        if mend:
            broken.start()

    return Blow(drawn.choice(phases), drawn.uniform(0, 1), drawn.uniform(0, 0.3), deal)


def one_by_one(blows: list[Blow]) -> Stream:
    """Tell the first blow that has not fallen yet what goes on."""
    def listen(event: Event) -> None:
        waiting = [blow for blow in blows if blow.thread is None]
        if waiting and all(blow.is_over() for blow in blows if blow.thread is not None):
            waiting[0].watch(event)

    return Stream(listen)


@pytest.mark.parametrize(("seed", "mend"), [(0, True), (1, False), (2, True), (3, False)])
def test_a_load_and_a_rollback_whose_server_is_killed(broken, bundle, loaded, seed, mend):
    """SIGKILL at random moments of a load (twice) and of its rollback: each goes on, to the very graph it should be."""
    drawn = random.Random(seed)  # noqa: S311 - moments, not secrets
    operation_id = bundle.manifest.operation_id
    options = small(90 if mend else 1)
    blows = [blow_of(drawn, broken, LOADING, mend=mend) for _ in range(1 + seed % 2)]
    blows.sort(key=lambda blow: (LOADING.index(blow.phase), blow.share))
    ends = broken.go_on(partial(broken.load, operation_id, options, events=one_by_one(blows)))
    assert [blow.is_over() for blow in blows] == [True] * len(blows), blows
    assert mend or ends
    assert (broken.digest(), broken.traces()) == (loaded, 0)
    assert validate(broken.folder, operation_id, broken.address)
    blow = blow_of(drawn, broken, ("deleting",), mend=True)
    broken.go_on(partial(broken.rollback, operation_id, Stream(blow.watch)))
    assert blow.is_over(), blow
    assert (broken.digest(), broken.traces()) == (broken.base, 0)
    events = [entry["event"] for entry in broken.history(operation_id)]
    assert (events[-1], "loaded" in events, "load_failed" in events) == ("rolled_back", True, False)


@pytest.mark.parametrize("seed", range(2))
def test_a_load_whose_server_is_stopped_and_started_again(broken, bundle, loaded, seed):
    """Stopped properly in the midst of a load or rollback, then started on its port: it goes on, and never fails."""
    drawn = random.Random(100 + seed)  # noqa: S311 - moments, not secrets
    operation_id = bundle.manifest.operation_id

    def restart() -> None:
        broken.server.stop()
        broken.start()

    for work, phases in (
        (partial(broken.load, operation_id, small()), ("nodes", "relationships")),
        (partial(broken.rollback, operation_id), ("deleting",)),
    ):
        blow = Blow(drawn.choice(phases), drawn.uniform(0, 0.9), drawn.uniform(0, 0.1), restart)
        broken.go_on(partial(work, events=Stream(blow.watch)))
        assert blow.is_over(), blow
        assert (broken.digest(), broken.traces()) == (loaded if phases[0] == "nodes" else broken.base, 0)
    events = [entry["event"] for entry in broken.history(operation_id)]
    assert (events[-1], "load_failed" in events) == ("rolled_back", False)
