"""Mesa counts the ids of agents in a dictionary whose keys are the models: no model that ever ran is let go.

`let_models_go` puts a dictionary with weak keys in its place. Ids stay what they were, and a model that nobody holds
any longer is freed. Versions of Mesa that keep the count on the model itself have nothing to replace.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import mesa


class _IdsByModel(WeakKeyDictionary):
    """The next id of every model that is alive; a model starts at 1."""

    def __getitem__(self, model: mesa.Model) -> Iterator[int]:
        if model not in self:
            self[model] = itertools.count(1)
        return super().__getitem__(model)


def let_models_go() -> None:
    """Make Mesa forget the models that nobody holds. Calling it again changes nothing."""
    counted = getattr(mesa.Agent, "_ids", None)
    if counted is None or isinstance(counted, _IdsByModel):
        return
    weakly = _IdsByModel()
    for model, ids in counted.items():
        weakly[model] = ids
    mesa.Agent._ids = weakly
