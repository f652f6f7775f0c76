"""Makes the parts of a bundle on a Dask cluster, each as a task; knows no manifest.

Each worker thinks the operation out once, from its recipe, and then makes any part of it: what is sent is the recipe
and a number, what comes back is what the manifest needs to know. Workers read the base at the client's path, and write
the files at its paths, too, or at a URL. docs/engines.md says how to use it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

from synthgen.bundle.manifest import Part
from synthgen.bundle.outline import Outline, PartRows, outline_of
from synthgen.bundle.part import Due, Made, give_part
from synthgen.errors import StoppedHalfwayError, SynthError, UsageError
from synthgen.generate import prepare_again
from synthgen.recipe import recipe_from

_CONNECT = 10
"""Seconds to wait for a scheduler's answer."""
_thinking = threading.Lock()


class DaskEngine:
    """Makes parts on a cluster; called as `synthgen.bundle.write.Engine`.

    Args:
        scheduler: Its address; a local cluster, which ends with the work, when None.
        workers: The fewest and the most workers, between which the cluster scales with the work; one a core when None,
            and as many as there are with a scheduler.

    Raises:
        UsageError: The package `distributed` is not installed.
    """

    def __init__(self, scheduler: str | None = None, workers: tuple[int, int] | None = None) -> None:
        try:
            import distributed  # noqa: F401, PLC0415 - an optional dependency
        except ImportError as error:
            raise UsageError("--engine dask needs the package distributed, which is not installed",
                             hint="pip install 'synthgen[dask]'") from error
        if scheduler is not None and workers is not None:
            raise UsageError("--workers is for a local cluster: a scheduler's cluster scales by its own means",
                             hint="leave out --workers or --scheduler")
        self._scheduler = scheduler
        self._workers = workers

    def __call__(self, due: Due) -> Iterator[Made]:
        """Make parts; each comes as soon as it is made.

        Raises:
            StoppedHalfwayError: The cluster, or all workers that tried a part, were lost.
            SynthError: No scheduler answers, or a worker cannot make a part; as its own error.
        """
        import distributed  # noqa: PLC0415 - an optional dependency

        if not due.numbers:
            return
        recipe = json.dumps(due.recipe)
        with ExitStack() as held:
            client = self._client(held)
            futures = client.map(_make, due.numbers, list(map(due.known.get, due.numbers)), recipe=recipe,
                                 part_rows=due.outline.part_rows, outline=due.outline.digest(),
                                 folder=str(due.folder.absolute()), files_at=due.files_at, pure=False)
            try:
                for future in distributed.as_completed(futures):
                    yield future.result()
                    future.release()
            except (distributed.KilledWorker, distributed.CancelledError,
                    distributed.comm.core.CommClosedError) as error:
                raise StoppedHalfwayError(f"the cluster was lost: {error}",
                                          hint="see what its workers say; the same call goes on") from error

    def _client(self, held: ExitStack) -> Any:
        import distributed  # noqa: PLC0415 - an optional dependency

        if self._scheduler is not None:
            try:
                return held.enter_context(distributed.Client(self._scheduler, timeout=_CONNECT))
            except (OSError, ValueError) as error:
                raise SynthError(f"no Dask scheduler answers at {self._scheduler}: {error}",
                                 hint="check the address, and that it runs the same versions") from error
        fewest, most = self._workers or (None, None)
        cluster = held.enter_context(distributed.LocalCluster(
            n_workers=fewest, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"))
        if most is not None and most != fewest:
            cluster.adapt(minimum=fewest, maximum=most)
        return held.enter_context(distributed.Client(cluster))


def _make(
    number: int, known: Part | None, *, recipe: str, part_rows: PartRows, outline: str, folder: str,
    files_at: str | None,
) -> Made:
    """Make one part, on a worker."""
    with _thinking:  # a worker may have several threads
        thought = _think_out(recipe, part_rows)
    if thought.digest() != outline:
        raise SynthError("a worker thinks out another operation than the client",
                         hint="give the workers the same versions of synthgen and its packages")
    return give_part(thought, number, Path(folder), files_at, known)


@lru_cache(maxsize=1)
def _think_out(recipe: str, part_rows: PartRows) -> Outline:
    prepared = prepare_again(recipe_from(json.loads(recipe)))
    return outline_of(prepared.growth, prepared.stamp, part_rows)
