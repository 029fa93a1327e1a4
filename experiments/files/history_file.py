"""The order history of imported customers: a CSV file beside the world, and the `History` it holds."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.world import History

COLUMNS = ("customer", "weeks_before", "amount")
MAX_VALUES = {"customer": 10_000_000, "weeks_before": 5_200, "amount": 1e12}  # weeks: a century


class HistoryError(ValueError):
    """A history file that cannot be used. The message is a sentence."""


def read_history(path: Path) -> History:
    """Read a history. Customers are numbered from 0 without gaps; `amount` may be absent. Raises `HistoryError`."""
    import pandas as pd

    if path.exists() and not path.is_file():
        raise HistoryError("is not a file.")
    try:
        table = pd.read_csv(path, compression=None, low_memory=False)  # what is packed is not unpacked
    except FileNotFoundError:
        raise HistoryError("does not exist beside the world file.") from None
    except OSError as error:
        raise HistoryError(f"cannot be read: {error.strerror}.") from None
    except (ValueError, OverflowError, UnicodeDecodeError):
        raise HistoryError("is not a CSV file.") from None
    for column in COLUMNS[:2]:
        if column not in table:
            raise HistoryError(f'has no column "{column}"; it needs {", ".join(COLUMNS)}.')
    table = table[[c for c in COLUMNS if c in table]]
    if not len(table) or any(kind.kind not in "iuf" for kind in table.dtypes):
        raise HistoryError("must hold numbers only, one order a row.")
    for column, most in MAX_VALUES.items():
        if column in table:
            _check(table[column].to_numpy(), column, most)
    customer = table["customer"].to_numpy()
    if not np.array_equal(np.unique(customer), np.arange(customer.max() + 1)):
        raise HistoryError("must number its customers 0, 1, 2 ... without gaps.")
    table = table.sort_values(["weeks_before", "customer"], ascending=[False, True], kind="stable")
    amount = table["amount"].to_numpy(np.float64) if "amount" in table else None
    return History(table["customer"].to_numpy(np.int64), table["weeks_before"].to_numpy(np.float64), amount)


def _check(values: NDArray[np.int64] | NDArray[np.float64], column: str, most: float) -> None:
    """Refuse what is no plain number between 0 and `most`."""
    if np.isnan(values.astype(np.float64)).any() or (values < 0).any():
        raise HistoryError(f'has empty or negative numbers in "{column}".')
    if (values > most).any():
        raise HistoryError(f'has {values.max():g} in "{column}", which must be at most {most:g}.')


def write_history(path: Path, history: History) -> None:
    """Write a history as CSV: times to a minute (four decimals of a week), amounts to a cent or to
    less than a thousandth of the mean order, whichever is finer."""
    import pandas as pd

    table = pd.DataFrame({"customer": history.customer, "weeks_before": np.round(history.weeks_before, 4)})
    if history.amount is not None:
        mean = float(history.amount.mean()) or 1.0
        table["amount"] = np.round(history.amount, max(2, 4 - math.floor(math.log10(mean))))
    table.to_csv(path, index=False)


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
