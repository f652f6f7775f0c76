"""What a cluster makes is what one process makes; workers that die are survived, and what is wrong is said."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import distributed
import pytest

from synthgen.bundle import outline, unfinished
from synthgen.bundle.part import Due, Made
from synthgen.bundle.unfinished import unfinished_bundles
from synthgen.dask_engine import DaskEngine
from synthgen.errors import StoppedHalfwayError, SynthError
from synthgen.generate import generate
from synthgen.parameters import Parameters, RandomParameters, ScenarioParameters, TemplateParameters
from synthgen.resuming import resume_generate
from tests.golden.test_golden import make_base
from tests.growths import OPERATION, files_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ASKED: dict[str, Parameters] = {
    "template": TemplateParameters(scale_factor=40.0, variation=0.5),
    "random": RandomParameters(count=900),
    "scenario": ScenarioParameters(scenario="dev-test-prod", parameters={"resources_per_env": 50}),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.LocalCluster]:
    """Two workers with two threads each, as a cluster of somebody's own."""
    with local_cluster(n_workers=2, threads_per_worker=2) as started:
        yield started


def local_cluster(**workers: int) -> distributed.LocalCluster:
    return distributed.LocalCluster(dashboard_address="127.0.0.1:0", host="127.0.0.1", **workers)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "PART_ROWS", outline.PartRows(60, 90))


def made(base: Path, out: Path, asked: Parameters, **more: Any) -> dict[str, bytes]:
    bundle = generate(asked, base=base, out=out, seed=5, now=NOW, unique=1, operation_id=OPERATION, **more)
    return files_of(bundle.path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ASKED))
def test_the_bytes_are_those_of_one_process(
    name: str, base: Path, cluster: distributed.LocalCluster, tmp_path: Path
) -> None:
    """Every strategy, every file, manifest and all, although each part was made wherever there was room."""
    alone = made(base, tmp_path / "alone", ASKED[name])
    assert sum(".part-" in file for file in alone) > 8
    assert made(base, tmp_path / "many", ASKED[name], engine=DaskEngine(cluster.scheduler_address)) == alone


@pytest.mark.slow
def test_a_cluster_of_its_own_that_grows_and_shrinks(base: Path, tmp_path: Path) -> None:
    """Without an address the workers are begun for the work and ended with it."""
    alone = made(base, tmp_path / "alone", ASKED["random"])
    assert made(base, tmp_path / "many", ASKED["random"], engine=DaskEngine(None, (1, 2))) == alone


@pytest.mark.slow
def test_a_worker_that_dies_is_survived(base: Path, tmp_path: Path) -> None:
    """Its parts are made by another, whatever it left of them."""
    alone = made(base, tmp_path / "alone", ASKED["random"])
    with local_cluster(n_workers=2, threads_per_worker=1) as own:
        engine = DaskEngine(own.scheduler_address)
        victims = [worker.pid for worker in own.workers.values()]
        killed = []

        def killing(due: Due) -> Iterator[Made]:
            for one in engine(due):
                if not killed:
                    killed.append(victims[0])
                    os.kill(victims[0], signal.SIGKILL)
                yield one

        assert made(base, tmp_path / "many", ASKED["random"], engine=killing) == alone
        assert killed


@pytest.mark.slow
def test_a_cluster_that_is_lost_is_gone_on_without(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it made stays, and another engine makes the rest."""
    monkeypatch.setattr(unfinished, "WORTH_KEEPING", 1)
    alone = made(base, tmp_path / "alone", ASKED["random"])
    own = local_cluster(n_workers=1, threads_per_worker=1)
    engine = DaskEngine(own.scheduler_address)

    def losing(due: Due) -> Iterator[Made]:
        for number, one in enumerate(engine(due)):
            if number == 2:
                own.close()
            yield one

    with pytest.raises(StoppedHalfwayError, match="cluster was lost"):
        made(base, tmp_path / "many", ASKED["random"], engine=losing)
    assert 3 <= len(unfinished_bundles(tmp_path / "many")[0].parts()) < sum(".part-" in file for file in alone)
    bundle = resume_generate(tmp_path / "many", now=lambda: "2026-01-31T12:00:00+00:00").bundle
    assert files_of(bundle.path) == alone


@pytest.mark.slow
def test_what_a_worker_cannot_do_is_said_here(
    base: Path, cluster: distributed.LocalCluster, tmp_path: Path
) -> None:
    """With the worker's own words; nothing is left."""
    def elsewhere(due: Due) -> Iterator[Made]:
        assert due.recipe is not None
        recipe = {**due.recipe, "base": str(tmp_path / "nowhere")}
        return DaskEngine(cluster.scheduler_address)(Due(due.outline, due.numbers, due.folder, recipe))

    with pytest.raises(SynthError, match="nowhere"):
        made(base, tmp_path / "out", ASKED["random"], engine=elsewhere)
    assert not list((tmp_path / "out/operations").iterdir())


def test_a_scheduler_that_does_not_answer(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is in the message."""
    monkeypatch.setattr("synthgen.dask_engine._CONNECT", 1)
    with pytest.raises(SynthError, match=re.escape("no Dask scheduler answers at tcp://127.0.0.1:9")):
        made(base, tmp_path, ASKED["random"], engine=DaskEngine("tcp://127.0.0.1:9"))
    assert not list((tmp_path / "operations").iterdir())
