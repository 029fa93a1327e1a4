"""The same market with one Mesa agent per person: for looking at single customers, for teaching, and as the oracle.

A test simulates some hundred people both ways, with everything switched on, and demands equal columns bit for bit.
About a thousand times slower than `Market`.
"""

from __future__ import annotations

from typing import Any

from crmlab.sim.customer_agent import CustomerAgent, Entry, PlacedOrder
from crmlab.sim.customers import Customers
from crmlab.sim.kernel_types import Happened, effect_on
from crmlab.sim.market import Market
from crmlab.sim.mechanism import Week


class AgentMarket(Market):
    """A market that simulates its people one by one. Same arguments, same numbers as `Market`; a few hundred rows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = [
            CustomerAgent(self, self.customers, row, self.n_founding, self.key) for row in range(self.customers.n)
        ]

    def run_phase(self, phase: str, week: Week) -> None:
        """Effects and marks are told person by person where a mechanism has such a telling."""
        if phase == "affect":
            self._read_columns()
        for mechanism in self.mechanisms.values():
            if phase in ("affect", "mark"):
                getattr(mechanism, f"{phase}_agents")(self.people, week)
            else:
                getattr(mechanism, phase)(week)

    def run_clocks(self, week: Week) -> None:
        """Everybody's week, agent by agent; then the columns are written back for the mechanisms to read."""
        self.let_in(week)
        entries, effects = entries_by_row(week), week.effects
        self.counts[:] = 0
        placed: list[tuple[int, PlacedOrder]] = []
        departed: list[int] = []
        for person in self.people:
            was = person.stage
            orders = person.simulate_week(
                self.week, week.season, self.params, week.offer, effect_on(person.row, effects),
                entries.get(person.row), self.counts,
            )  # fmt: skip
            placed += [(person.row, order) for order in orders]
            if person.stage != was and person.left:
                departed.append(person.row)
        self._write_columns()
        self.totals += self.counts
        happened = Happened.space(max(len(placed), len(departed)))
        for j, (row, order) in enumerate(placed):
            happened.row[j], happened.nth[j], happened.at[j] = row, order.nth, order.at
            happened.value[j], happened.paid[j], happened.spent[j] = order.value, order.paid, order.spent
        happened.departed[: len(departed)] = departed
        week.happen(happened, len(placed), len(departed))

    def _read_columns(self) -> None:
        """Take over what others than the kernel changed since last week."""
        for person in self.people:
            for name in ("stage", "orders_52", "spend_52"):
                setattr(person, name, self.customers.get(name)[person.row])

    def _write_columns(self) -> None:
        for name in Customers.names():
            if name != "reach":
                column = self.customers.get(name)
                for person in self.people:
                    column[person.row] = getattr(person, name)


def entries_by_row(week: Week) -> dict[int, Entry]:
    """Who becomes a lead this week."""
    return {
        int(row): Entry(float(at), int(source))
        for entries in week.entries
        for row, at, source in zip(*entries, strict=True)
    }
