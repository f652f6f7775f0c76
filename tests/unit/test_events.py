"""A stream tells everybody, in order, and a listener that fails is heard of once."""

from __future__ import annotations

import threading

import pytest

from synthgen.errors import LoadFailedError, UsageError
from synthgen.events import QUIET, Finished, ListenerError, Phase, Retry, Started, Stream, as_document
from synthgen.work import working


def test_everybody_is_told_in_order():
    """Each listener gets each event, also through a stream that listens to another."""
    first, second = [], []
    stream = Stream(Stream(first.append), second.append)
    stream.progress("nodes", 1, 2)
    stream(Retry("contention", 5, 0.5, "deadlock"))
    assert first == second == [Phase("nodes", 1, 2), Retry("contention", 5, 0.5, "deadlock")]
    QUIET.progress("nodes", 1, 2)


def test_one_event_at_a_time():
    """Writers tell from threads of their own; no listener is called twice at once."""
    inside, most = [0], [0]

    def listen(event):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        inside[0] -= 1

    stream = Stream(listen)
    threads = [threading.Thread(target=lambda: [stream.progress("nodes", i, 0) for i in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


@pytest.mark.parametrize("wrong", [ValueError("no"), UsageError("no")], ids=lambda error: type(error).__name__)
def test_what_a_listener_raises_is_a_listener_error(wrong):
    """Whatever it is, an error of ours included; afterwards it is told nothing more, the others are."""
    told = []

    def fail(event):
        raise wrong

    stream = Stream(Stream(fail), told.append)
    with pytest.raises(ListenerError, match="a listener failed at Phase") as failed:
        stream.progress("nodes", 1, 2)
    assert failed.value.__cause__ is wrong
    stream.progress("nodes", 2, 2)
    assert told == [Phase("nodes", 2, 2)]


def test_an_interrupt_passes():
    """Ctrl-C while a listener is told is no fault of the listener."""
    def interrupt(event):
        raise KeyboardInterrupt

    stream = Stream(interrupt)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            stream.progress("nodes", 1, 2)


@pytest.mark.parametrize(("error", "said"), [
    (None, None), (LoadFailedError("a\n  b"), "a b"), (KeyboardInterrupt(), "interrupted"),
    (ValueError(), "ValueError"),
], ids=str)
def test_work_begins_and_ends(error, said):
    """Work that fails or is interrupted ends as well, and says why."""
    told = []

    def work():
        with working(Stream(told.append), "load", "scale-x", "online"):
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(type(error)):
            work()
    begun, ended = told
    assert begun == Started("load", "scale-x", "online")
    assert (ended.work, ended.operation_id, ended.error) == ("load", "scale-x", said)
    assert ended.seconds >= 0


def test_work_that_failed_is_the_news():
    """A listener that fails when it is told so is only noted."""
    def fail(event):
        if isinstance(event, Finished):
            raise TypeError

    with pytest.raises(LoadFailedError) as failed, working(Stream(fail), "load"):
        raise LoadFailedError("disk full")
    assert "a listener failed at Finished" in failed.value.__notes__[0]
    with pytest.raises(ListenerError), working(Stream(fail), "load"):
        pass


def test_a_document_names_the_event():
    """What `--progress json` prints."""
    assert as_document(Phase("nodes", 1, 2)) == {"event": "phase", "phase": "nodes", "done": 1, "due": 2}
