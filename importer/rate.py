"""A token bucket: how long to wait so that no more than so many rows a second are sent; pure: no clock, no threads.

Whoever comes reserves its rows and is told how long to wait for them, so that nobody is overtaken for ever. From any
moment on, within t seconds no more rows are sent than the bucket holds, or one batch has if that is more, and t times
the rate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Times are seconds of any clock that only rises.

    Attributes:
        rate: Rows per second.
        held: Rows that may go at once; the bucket holds those of one second, and is full at the beginning.
    """

    rate: float
    held: float = 0.0
    _seen: float | None = None

    def reserve(self, rows: int, now: float) -> float:
        """Reserve rows and give the seconds to wait before they may be sent."""
        if self._seen is None:
            self.held, self._seen = self.rate, now
        self.held = min(self.rate, self.held + (now - self._seen) * self.rate) - rows
        self._seen = now
        return max(0.0, -self.held / self.rate)
