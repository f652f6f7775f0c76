"""Servers whose disk fills up under a load: it says so, and once there is room again all comes right."""

from __future__ import annotations

import shutil
from contextlib import suppress

import pytest

from synthgen.errors import StoppedHalfwayError, SynthError
from synthgen.events import Event, Phase, Stream
from tests.faults.breakable import breakable, small

pytestmark = pytest.mark.neo4j


@pytest.mark.parametrize(("phase", "then"), [("nodes", "load"), ("relationships", "rollback")])
def test_a_disk_that_fills_up_under_an_online_load(small_disk, tmp_path, phase, then):
    """Neo4j breaks down: exit code 4 with the way out; after a restart with room the load or its rollback ends."""
    with breakable(tmp_path, small_disk / "home") as broken:
        operation_id = broken.bundle(3000).manifest.operation_id
        broken.load(operation_id, small())
        loaded = broken.digest()
        broken.rollback(operation_id)
        filler = small_disk / "filler"

        def listen(event: Event) -> None:
            is_due = isinstance(event, Phase) and event.phase == phase and event.done >= event.due / 5
            if is_due and not filler.exists():
                with suppress(OSError), filler.open("wb", buffering=0) as stream:
                    while True:
                        stream.write(bytes(max(1, shutil.disk_usage(small_disk).free)))

        try:
            with pytest.raises(StoppedHalfwayError) as stopped:
                broken.load(operation_id, small(1), Stream(listen))
            assert "disk" in stopped.value.hint
            assert "restart" in stopped.value.hint
            assert broken.history(operation_id)[-1]["event"] == "load_started"
            with pytest.raises(SynthError, match="broken down"):
                broken.load(operation_id, small())
        finally:
            filler.unlink()
        broken.server.stop()
        broken.start()
        if then == "load":
            broken.load(operation_id, small())
            assert (broken.digest(), broken.traces()) == (loaded, 0)
        broken.rollback(operation_id)
        assert (broken.digest(), broken.traces()) == (broken.base, 0)
