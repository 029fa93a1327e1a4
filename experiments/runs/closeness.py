"""Equal, equal to 1e-12, or different.

On one kind of processor every number of a run comes out bit for bit. On another one numpy takes other instructions for
exponentials and logarithms, and a sum may end in another last digit; that is told apart from a number that is wrong.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

RELATIVE = 1e-12  # of the number itself
OF_THE_LARGEST = 1e-14  # of the largest number beside it, of which it may be a small difference


def close(one: float, other: float, largest: float) -> bool:
    """Whether two numbers differ in their last digits only. `largest` is the size of the largest number beside them."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return repr(one) == repr(other)
    return abs(one - other) <= RELATIVE * max(abs(one), abs(other)) + OF_THE_LARGEST * largest


def all_close(then: pd.DataFrame, now: pd.DataFrame) -> bool:
    """The same for two tables of equal form: each number beside those of its row; everything else must be equal."""
    floats = [c for c in then.columns if then[c].dtype == np.float64 and now[c].dtype == np.float64]
    rest = [c for c in then.columns if c not in floats]
    if not then[rest].equals(now[rest]):
        return False
    a, b = then[floats].to_numpy(), now[floats].to_numpy()
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    size = np.maximum(abs(a), abs(b))
    largest = size.max(axis=1, keepdims=True) if size.size else size
    return bool((abs(a - b) <= RELATIVE * size + OF_THE_LARGEST * largest).all())
