"""The weekly series as Mesa's `DataCollector`: for `batch_run`, and for whoever reads a model the way Mesa does."""

from __future__ import annotations

import mesa

from crmlab.sim.books import WeeklyMetrics


class WeeklyCollector(mesa.DataCollector):
    """A collector that has collected already: its variables are the books, which are written every week anyway. What is
    added to it by hand would be collected nowhere; put a `DataCollector` of your own in its place."""

    def __init__(self, books: WeeklyMetrics) -> None:
        self._books = books
        super().__init__(model_reporters={name: name for name in books.names})

    @property
    def model_vars(self) -> dict[str, list[float]]:
        """Every weekly series, one value per week."""
        return {name: series.tolist() for name, series in self._books.items()}

    @model_vars.setter
    def model_vars(self, nothing: dict[str, list[float]]) -> None:
        """Mesa begins with an empty dictionary."""

    def collect(self, model: mesa.Model) -> None:
        """Nothing is left to collect."""
