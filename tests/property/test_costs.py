"""The cost model finds what made the runs, is surer with more of them, and is not led astray by one."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthgen.costs import Measured, Rates, Size, learn

DEFAULTS = Rates(1.0, 1e-5, 5e-6, 1e-8, 1e-6)
factors = st.tuples(*(st.floats(0.2, 5) for _ in range(5)))
seeds = st.integers(0, 2**32 - 1)
sizes = st.builds(Size, st.integers(0, 10**8), st.integers(0, 10**9), st.integers(0, 10**12), st.integers(0, 10**7))


def true_rates(by: tuple[float, ...]) -> Rates:
    return Rates(*(rate * factor for rate, factor in zip(astuple(DEFAULTS), by, strict=True)))


def cost(rates: Rates, size: Size) -> float:
    return float(np.array(astuple(rates)) @ np.array([1, *astuple(size)]))


def runs_of(rates: Rates, count: int, seed: int, noise: float = 0.0) -> list[Measured]:
    """Make runs of sizes from a hundred to millions, whose costs are off by `noise`, a standard deviation of logs."""
    dice = np.random.default_rng(seed)
    made = []
    for exponents in dice.uniform((2, 2, 4, 3), (6.5, 7, 9, 6), (count, 4)).tolist():
        size = Size(*(int(10**exponent) for exponent in exponents))
        made.append(Measured(size, cost(rates, size) * float(np.exp(dice.normal(0, noise)))))
    return made


def machines(count: int) -> list[Rates]:
    """Make up machines whose rates are up to five times more or less than the defaults."""
    dice = np.random.default_rng(1)
    return [true_rates(tuple(by)) for by in np.exp(dice.uniform(-1.6, 1.6, (count, 5))).tolist()]


def test_known_rates_are_found():
    """With runs made from them, on a hundred machines unlike the defaults: sizes not seen before are foretold."""
    for seed, rates in enumerate(machines(100)):
        model = learn(runs_of(rates, 60, seed), DEFAULTS)
        for other in runs_of(rates, 20, seed + 1000):
            assert model.estimate(other.size).value == pytest.approx(other.cost, rel=0.15)


@pytest.mark.parametrize(("count", "least"), [(3, 0.75), (10, 0.82), (40, 0.82), (160, 0.82)])
def test_the_truth_is_within_the_error(count, least):
    """About nine times in ten, of thirty machines that are unlike the defaults; by chance runs are a fifth off."""
    within = []
    for seed, rates in enumerate(machines(30)):
        model = learn(runs_of(rates, count, seed, noise=0.2), DEFAULTS)
        for one in runs_of(rates, 40, seed + 1000, noise=0.2):
            estimate = model.estimate(one.size)
            within.append(1 / (1 + estimate.error) <= one.cost / estimate.value <= 1 + estimate.error)
    assert least < np.mean(within) < 0.98


def test_more_runs_are_surer():
    """Each time four times as many, the error is smaller, as the middle of thirty machines."""
    size = Size(100_000, 300_000, 10**8, 10**5)
    errors = [float(np.median([learn(runs_of(rates, count, seed, noise=0.05), DEFAULTS).estimate(size).error
                               for seed, rates in enumerate(machines(30))])) for count in (0, 4, 16, 64, 256)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.9
    assert errors[-1] < 0.12


@given(st.lists(st.builds(Measured, sizes, st.floats(1e-6, 1e9), st.floats(0.05, 1)), max_size=12), sizes)
def test_nothing_is_negative(runs, size):
    """Whatever was recorded: no rate is, no estimate, no error."""
    model = learn(runs, DEFAULTS)
    assert min(astuple(model.rates)) >= 0
    estimate = model.estimate(size)
    assert estimate.value > 0
    assert 0 < estimate.error < float("inf")


@pytest.mark.parametrize("absurd", [1e-5, 1e-3, 1e3, 1e5])
def test_one_absurd_run_does_not_ruin_it(absurd):
    """A run that took far longer, or shorter, than it should changes 99 of 100 estimates by less than a twentieth.

    Of a hundred machines, none has an estimate that changes by a factor of three.
    """
    changes = []
    for seed, rates in enumerate(machines(100)):
        runs = runs_of(rates, 30, seed)
        spoilt = [*runs[:-1], Measured(runs[-1].size, runs[-1].cost * absurd)]
        good, bad = learn(runs, DEFAULTS), learn(spoilt, DEFAULTS)
        changes += [abs(np.log(bad.estimate(run.size).value / good.estimate(run.size).value)) for run in runs]
    assert np.quantile(changes, 0.99) < np.log(1.05)
    assert max(changes) < np.log(3)


@given(seeds, st.sampled_from([1e-5, 1e5]))
def test_a_single_run_is_not_believed_blindly(seed, absurd):
    """With the defaults alone beside it, an absurd run moves an estimate by a factor of a few at most."""
    [run] = runs_of(DEFAULTS, 1, seed)
    found = learn([Measured(run.size, run.cost * absurd)], DEFAULTS).estimate(run.size).value
    assert 1 / 4 < found / run.cost < 4


@given(factors, seeds)
def test_what_counts_less_moves_less(by, seed):
    """Runs on another server pull less than the same runs on this one."""
    runs = runs_of(true_rates((by[0],) * 5), 3, seed)
    assume(abs(by[0] - 1) > 0.3)
    default = [cost(DEFAULTS, run.size) for run in runs]
    light = learn([Measured(run.size, run.cost, 0.25) for run in runs], DEFAULTS)
    full = learn(runs, DEFAULTS)
    for run, expected in zip(runs, default, strict=True):
        moved = [abs(np.log(model.estimate(run.size).value / expected)) for model in (light, full)]
        assert moved[0] < moved[1]


def test_what_is_free_is_no_rate():
    """Costs are compared by their ratio, so that nothing may be free or less than that."""
    for wrong in ((0.0, 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="nothing is free"):
            Rates(*wrong)
