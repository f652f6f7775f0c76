"""Distinct values are numpy's, whatever the array."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from synthgen.distinct import distinct


@given(st.sampled_from([np.int64, np.int32, np.uint64, np.float64]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(max_dims=1, min_side=0, max_side=60), elements=st.integers(0, 20))))
def test_distinct_values_are_those_of_numpy(values):
    """The same values in the same order and of the same type, of none as well; what is given stays as it is."""
    before = values.copy()
    found = distinct(values)
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, np.unique(values))
    np.testing.assert_array_equal(values, before)
