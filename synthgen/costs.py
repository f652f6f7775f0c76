"""What work costs, in seconds or bytes of memory: a linear model, learned from what runs have cost; pure.

    cost ≈ fixed + nodes × node + relationships × relationship + bytes × byte + base × base record

Each kind of work has default rates. What was measured moves them: first all together, by how much faster or slower this
machine is; then each alone, as far as the measurements tell them apart. Few runs move them little, and a run that is
unlike all others moves them no further than one that is a little off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PRIOR_RUNS = 2.0
"""The defaults count as much as so many runs."""
PRIOR_SPREAD = 0.25
"""How far the defaults are off by themselves: the standard deviation of the logarithm of cost ÷ estimate."""
RATE_SPREAD = 0.8
"""How far each rate may be off when all of them together are right: the standard deviation of its logarithm."""
LEAST_SHARE = 1e-3
"""Of its prior, each rate keeps so much at least: costs are compared by their ratio, and nothing is free."""
DOUBT = 1.96
"""An error is so many standard deviations. Rates that are known from few runs being what they are, the truth is within
it about nine times in ten: tests/property/test_costs.py measures that."""
_PULL = 0.5
_ROUNDS = 60
_UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to do.

    Attributes:
        nodes, relationships: Those that are made, loaded, deleted or checked.
        bytes: Of their files; 0 where no files are read or written.
        base: Nodes and relationships of the base that are read beside.
    """

    nodes: int
    relationships: int
    bytes: int = 0
    base: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """The cost of the work at all, and of each unit of a `Size`; none is negative, and what is 0 stays 0."""

    fixed: float
    node: float = 0.0
    relationship: float = 0.0
    byte: float = 0.0
    base: float = 0.0

    def __post_init__(self) -> None:
        if self.fixed <= 0 or min(astuple(self)) < 0:
            raise ValueError(f"rates are not negative, and nothing is free: {self}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run has cost (above 0), and how much it counts (above 0 … 1)."""

    size: Size
    cost: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A cost that is expected: nine times in ten between `value` ÷ (1 + `error`) and `value` × (1 + `error`)."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a kind of work.

    Attributes:
        rates: What it costs.
        spread: The standard deviation of the logarithm of cost ÷ estimate.
        runs: How many runs they were learned from.
        dearest: The greatest cost among these, as far as it is believed; 0 without any.
    """

    rates: Rates
    spread: float
    runs: int = 0
    dearest: float = 0.0

    def estimate(self, size: Size) -> Estimate:
        """Estimate a cost. What is dearer than all that was measured is less certain, by a tenth for each doubling."""
        value = float(_row(size) @ np.array(astuple(self.rates)))
        error = float(np.expm1(DOUBT * self.spread * np.sqrt(1 + _UNKNOWN / (self.runs + _UNKNOWN))))
        beyond = np.log2(max(1.0, value / self.dearest)) if self.runs else 0.0
        return Estimate(value, error * (1 + 0.1 * float(beyond)))


def learn(measured: Sequence[Measured], defaults: Rates) -> Model:
    """Learn the rates of a kind of work from what runs of it have cost."""
    if not measured:
        return Model(defaults, PRIOR_SPREAD)
    sizes = np.array([_row(one.size) for one in measured])
    costs = np.array([one.cost for one in measured])
    weights = np.array([one.weight for one in measured])
    prior = np.array(astuple(defaults))
    prior = prior * np.exp(_shift(np.log(costs / (sizes @ prior)), weights))
    rates, spread, believed = prior, PRIOR_SPREAD, costs
    for _ in range(_ROUNDS):
        expected = sizes @ rates
        off = np.log(costs / expected)
        spread = _spread(off, weights)
        # Whoever is far off counts as one that is a little off: its pull on the rates is bounded.
        believed = expected * np.exp(np.clip(off, -spread, spread))
        weight = np.sqrt(weights) / spread
        updated = _fit(sizes * (weight / expected)[:, None], weight * believed / expected, rates, prior)
        if np.allclose(updated, rates, rtol=1e-6, atol=0):
            break
        rates = updated
    return Model(Rates(*rates.tolist()), spread, len(measured), float(believed.max()))


def _row(size: Size) -> Floats:
    return np.array([1.0, *astuple(size)])


def _shift(off: Floats, weights: Floats) -> float:
    """Find by how much (a logarithm) the defaults are off altogether: a mean with a bounded pull of each run."""
    low, high = min(0.0, float(off.min())), max(0.0, float(off.max()))
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        pull = float(weights @ np.clip(off - middle, -_PULL, _PULL)) - PRIOR_RUNS / 2 * middle
        low, high = (middle, high) if pull > 0 else (low, middle)
    return (low + high) / 2


def _spread(off: Floats, weights: Floats) -> float:
    """Give the spread of what is off, from the median of its distances, which no single run can move far."""
    order = np.argsort(np.abs(off))
    reached = np.cumsum(weights[order])
    median = np.abs(off)[order][np.searchsorted(reached, reached[-1] / 2)]
    # What rates were fitted to is nearer to them than what is not.
    found = min(1.4826 * float(median) * float(np.sqrt(1 + _UNKNOWN / len(off))), 1.0)
    count = float(weights.sum())
    return float(np.sqrt((PRIOR_RUNS * PRIOR_SPREAD**2 + count * found**2) / (PRIOR_RUNS + count)))


def _fit(sizes: Floats, costs: Floats, rates: Floats, prior: Floats) -> Floats:
    """Find the rates, none negative, that explain costs (both weighted) and are near the prior; from other rates on."""
    known = prior > 0
    held = np.maximum(rates[known] / prior[known], LEAST_SHARE)
    # A rate that grows is held back by its own multiple, one that shrinks by its logarithm (here a straight line
    # through the rate so far): so nothing pulls without bounds, in either direction.
    less = np.minimum(held, 1.0)
    near = np.diag(1 / (less * RATE_SPREAD))
    factors = _least_squares(np.vstack([(sizes * prior)[:, known], near]),
                             np.concatenate([costs, (1 - np.log(less)) / RATE_SPREAD]))
    found = np.zeros_like(prior)
    found[known] = prior[known] * np.maximum(factors, LEAST_SHARE)
    return found


def _least_squares(matrix: Floats, wanted: Floats) -> Floats:
    """Give the x ≥ 0 with the least |matrix x − wanted|, for a matrix of few columns and full rank.

    It is the plain solution on those columns where it is above 0 (Lawson and Hanson, Solving Least Squares Problems,
    1974, chapter 23); with so few of them each choice can be tried. scipy has it as well, and takes longer to load than
    a command takes to start.
    """
    columns = matrix.shape[1]
    best, least = np.zeros(columns), float(wanted @ wanted)
    for choice in range(1, 1 << columns):
        chosen = [column for column in range(columns) if choice >> column & 1]
        found, _, _, _ = np.linalg.lstsq(matrix[:, chosen], wanted)
        off = float(np.sum((matrix[:, chosen] @ found - wanted) ** 2))
        if off < least and (found >= 0).all():
            best, least = np.zeros(columns), off
            best[chosen] = found
    return best


def database_bytes(nodes: int, relationships: int, file_bytes: float) -> Estimate:
    """Estimate what an operation adds to a store and its indexes, transaction logs left out.

    Measured for 657,388 nodes and 983,996 relationships in 645 MB of CSV: 949 MB, with nine indexes 1,317 MB.
    """
    return Estimate(1.6 * file_bytes + 64 * (nodes + relationships), 0.4)
