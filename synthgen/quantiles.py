"""Quantiles of many positive numbers in little memory, each within one percent; pure.

The sketch is DDSketch (Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees", PVLDB 12(12), 2019): numbers fall into buckets whose borders grow by a constant factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

ACCURACY = 0.01
LEAST = 1e-9
"""Smaller numbers count as this one: a nanosecond, where numbers are seconds."""

_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GROWTH = math.log(_GROWTH)


@dataclass(slots=True)
class Quantiles:
    """Numbers seen so far.

    Attributes:
        count: How many.
        total: Their sum.
        largest: The largest, exactly; 0 before the first.
    """

    count: int = 0
    total: float = 0.0
    largest: float = 0.0
    _buckets: dict[int, int] = field(default_factory=dict)

    def add(self, number: float) -> None:
        """Take note of one number.

        Raises:
            ValueError: It is negative, infinite or no number.
        """
        if not (number >= 0 and math.isfinite(number)):
            raise ValueError(f"{number} is not a number from 0 on")
        self.count += 1
        self.total += number
        self.largest = max(self.largest, number)
        bucket = math.ceil(math.log(max(number, LEAST)) / _LOG_GROWTH)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def at(self, share: float) -> float | None:
        """Give the number that `share` (0 to 1) of all numbers do not exceed, within `ACCURACY`; None before the first.

        It is the number at rank floor(share × (count − 1)), counted from 0 in rising order.
        """
        if not self.count:
            return None
        rank = math.floor(share * (self.count - 1))
        passed = 0
        for bucket in sorted(self._buckets):
            passed += self._buckets[bucket]
            if passed > rank:
                return min(2 * _GROWTH**bucket / (_GROWTH + 1), self.largest)
        return self.largest
