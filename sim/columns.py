"""Columns: what is known or true of each person, one array per fact, owned by one room.

A class of columns is a dataclass whose fields are declared with `column(...)`. The room that owns it is the only one
that writes it; every other room may read. A column that the firm can see is part of its view.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


def column(dtype: type[np.generic], unit: str, seen: bool, fill: object = 0) -> Any:
    """Declare a column: element type, unit, whether the firm can see it, and the value for somebody to whom nothing has
    happened yet."""
    return dataclasses.field(metadata={"dtype": dtype, "unit": unit, "seen": seen, "fill": fill})


@dataclass
class Columns:
    """Columns of shape [n], or of shape [0] until they are opened: a mechanism that nobody uses takes no room."""

    @classmethod
    def names(cls) -> list[str]:
        """Names of all columns, in the order of their declaration."""
        return [field.name for field in dataclasses.fields(cls)]

    @classmethod
    def seen(cls) -> list[str]:
        """Names of the columns that the firm can see."""
        return [field.name for field in dataclasses.fields(cls) if field.metadata["seen"]]

    @classmethod
    def fill_of(cls, name: str) -> Any:
        """The value of a column for somebody to whom nothing has happened, in the column's type."""
        about = cls.__dataclass_fields__[name].metadata
        return about["dtype"](about["fill"])

    @classmethod
    def empty(cls, n: int = 0) -> Self:
        """Columns of n people to whom nothing has happened."""
        return cls(**{name: np.full(n, cls.fill_of(name)) for name in cls.names()})

    @property
    def is_open(self) -> bool:
        """Whether anybody has a place in them."""
        return any(self.get(name).size for name in self.names())

    def get(self, name: str) -> NDArray[Any]:
        """The column of that name."""
        column: NDArray[Any] = getattr(self, name)
        return column

    def open(self, n: int) -> None:
        """Give n people a place, keeping what is there of the first ones."""
        for name in self.names():
            old = self.get(name)
            if old.shape[0] < n:
                new = np.full((n, *old.shape[1:]), self.fill_of(name))
                new[: old.shape[0]] = old
                setattr(self, name, new)

    def copy(self) -> Self:
        """The same people once more, to be run under another policy."""
        return type(self)(**{name: self.get(name).copy() for name in self.names()})

    @property
    def nbytes(self) -> int:
        """Memory of all columns."""
        return sum(self.get(name).nbytes for name in self.names())


def owner_of(name: str, owners: Iterable[Columns]) -> Columns:
    """Those columns among which there is one of that name."""
    for columns in owners:
        if name in columns.names():
            return columns
    raise KeyError(f"nobody in this market has a column {name!r}")


def seen(owners: Iterable[Columns]) -> list[str]:
    """Names of all columns that the firm can see, whoever owns them."""
    return [name for columns in owners for name in columns.seen()]


def whole(owners: Iterable[Columns], name: str, n: int) -> NDArray[Any]:
    """A copy of a column of n people, whoever owns it; as for beginners where it was never opened. Shape [n]."""
    columns = owner_of(name, owners)
    values = columns.get(name)
    return values.copy() if values.size else np.full(n, columns.fill_of(name))


def gather(owners: Iterable[Columns], name: str, rows: NDArray[np.integer]) -> NDArray[Any]:
    """A column for some rows, whoever owns it; where it was never opened, as for somebody to whom nothing happened."""
    columns = owner_of(name, owners)
    values = columns.get(name)
    return values.take(rows, axis=0) if values.size else np.full(rows.size, columns.fill_of(name))
