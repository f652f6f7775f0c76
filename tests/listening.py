"""Streams with one listener, as tests want them."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.events import Event, Phase, Stream


def on_phases(listener: Callable[[str, int, int], object]) -> Stream:
    """Make a stream that calls with the phase, what is done and what is due of each `Phase`."""
    def listen(event: Event) -> None:
        if isinstance(event, Phase):
            listener(event.phase, event.done, event.due)

    return Stream(listen)
