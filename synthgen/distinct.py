"""Finds the distinct values of large arrays."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.generic)


def distinct(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Give the distinct values, rising; shape (at most as many,).

    As `numpy.unique`, which since 2.3 takes 25 times as long where most of some million values differ.
    """
    rising = np.sort(values)
    is_new = np.ones(len(rising), np.bool_)
    np.not_equal(rising[1:], rising[:-1], out=is_new[1:])
    found: npt.NDArray[Number] = rising[is_new]
    return found
