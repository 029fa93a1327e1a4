"""The contract of a mechanism: one room of the market, with its own numbers, columns, actions and accounts.

A week runs in phases, each through all mechanisms in their declared order:

    settle   carry out the actions of its own kinds, by its own rules
    affect   say what it does to each person this week (`Effects`), and who becomes a lead (`Entries`)
             ... the kernel runs the clocks: who orders when, who leaves when ...
    mark     give the week's orders their marks: points, invitations; note who is won for next week
    close    end its week: reviews, expiries, money into the ledger, its figures of the week

A mechanism overrides the phases it needs and is not asked in the others. It writes no columns but its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self, TypeVar

import mesa
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.sim.actions import Action
from crmlab.sim.columns import Columns
from crmlab.sim.customer_agent import CustomerAgent
from crmlab.sim.customers import Customers
from crmlab.sim.draws import added_purpose, draw_many
from crmlab.sim.encounters import Encounters, Requests
from crmlab.sim.kernel import person_ids
from crmlab.sim.kernel_types import NO_EFFECT, NO_TERMS, Baskets, Effects, Entries, Happened, Offer, Terms
from crmlab.sim.ledger import Account, Ledger
from crmlab.sim.orders import OrderLog, Orders
from crmlab.sim.plays import Play
from crmlab.sim.price_terms import baskets_of, with_terms
from crmlab.sim.upkeep import Upkeep
from crmlab.sim.view import FirmView
from crmlab.sim.world import World

PHASES = ("settle", "affect", "mark", "close")
NO_ROWS = np.empty(0, np.int32)
NO_ORDERS = Orders.space(0)
NOBODY_MOVED = np.zeros(0)

A = TypeVar("A", bound=Action)


@dataclass(frozen=True)
class Setting:
    """What stays the same through a run and every mechanism may read: the world, the people, and the books.

    `scale` is the number of real people per row, `minor` the minor units in one currency unit, `key` the luck of the
    replication. `tags` are the firm's marks on customers, by name: the first week in which each customer no longer
    carries it. `queue` [channels, prospects] holds the rows of the prospects in the order in which each channel would
    reach them, `opening_clock` [channels] how far the channels have come by week 0.
    """

    world: World
    customers: Customers
    n_founding: int
    key: tuple[np.uint64, np.uint64]
    ledger: Ledger
    order_log: OrderLog
    scale: float = 1.0
    tags: dict[str, NDArray[np.int16]] = field(default_factory=dict)
    queue: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0), np.int32))
    opening_clock: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def minor(self) -> float:
        """Minor units in one currency unit."""
        return self.world.minor

    @cached_property
    def baskets(self) -> Baskets:
        """What people expect their baskets to be."""
        return baskets_of(self.world.spend.p, self.world.today_rate, self.world.minor)

    def draw(self, name: str, rows: NDArray[np.int32], number: NDArray[np.integer] | int = 0) -> NDArray[np.float64]:
        """A uniform in (0, 1) for each of some rows: luck that goes by a `name` and by what is counted, the number of
        the order, say, or the week. The same under every policy, and met by no other draw. Shape [rows]."""
        numbers = np.broadcast_to(np.asarray(number, np.int64), rows.shape)
        drawn: NDArray[np.float64] = draw_many(*self.key, added_purpose(name), self.person_ids(rows), numbers)
        return drawn

    def person_ids(self, rows: NDArray[np.int32]) -> NDArray[np.int64]:
        """Who some rows are in the draws. Shape as `rows`."""
        ids: NDArray[np.int64] = person_ids(rows, self.n_founding)
        return ids


@dataclass(frozen=True)
class Asked:
    """An action that a play's strategy returned, and which customers of the view it may reach (None: all)."""

    play: Play
    action: Action
    reached: NDArray[np.bool_] | None


@dataclass
class Week:
    """One week of a market, as it passes through the phases.

    `rows` [n] are the rows of the view's customers. `effects` and `offer` are filled by settle and affect; `orders`
    `spent` (which price cut for a single order each used up, see `price_terms.price_of`) and `departed` (rows of
    customers who left) are there from `mark` on. Figures go into `series`, by name, in rows
    and their currency; `by_channel` likewise, by source.

    What mechanisms have to say to each other about customers they put into `told`, in any phase; everybody finds it in
    `heard` a week later. `requests` are there from `mark` on, for whoever answers them in `close`. `left` are the rows
    of customers who have left between the weeks (`leave`); they are among `departed` as well.
    """

    number: int
    view: FirmView
    rows: NDArray[np.int32]
    asked: list[Asked]
    n: int
    n_sources: int
    season: float = 1.0
    orders: Orders = NO_ORDERS
    spent: NDArray[np.int32] = field(default_factory=lambda: NO_ROWS)
    departed: NDArray[np.int32] = field(default_factory=lambda: NO_ROWS)
    entries: list[Entries] = field(default_factory=list)
    won: list[tuple[NDArray[np.int32], int]] = field(default_factory=list)
    series: dict[str, float] = field(default_factory=dict)
    by_channel: dict[str, NDArray[Any]] = field(default_factory=dict)
    groups: dict[str, NDArray[np.int8]] = field(default_factory=dict)
    results: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    effect_room: dict[str, NDArray[np.float64]] = field(default_factory=dict)  # kept from week to week by the market
    heard: Encounters = field(default_factory=Encounters)
    told: Encounters = field(default_factory=Encounters)
    requests: list[Requests] = field(default_factory=list)
    left: NDArray[np.int32] = field(default_factory=lambda: NO_ROWS)
    leaving: list[NDArray[np.int32]] = field(default_factory=list)
    readiness: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offer = Offer(np.zeros(self.n_sources + 1), np.zeros(self.n_sources + 1))
        self._effects: dict[str, NDArray[np.float64]] = {}

    def actions(self, kind: type[A]) -> Iterator[tuple[Asked, A]]:
        """The actions of one kind, in the order of the plays."""
        for asked in self.asked:
            if isinstance(asked.action, kind):
                yield asked, asked.action

    def effect(self, name: str) -> NDArray[np.float64]:
        """The effect of that name on every person, to be added to (`log_rate`), multiplied (`departure`,
        `order_value`) or raised (`standing`, `single`). Shape [n]."""
        if name not in self._effects:
            if name not in self.effect_room:
                self.effect_room[name] = np.empty(self.n)
            self._effects[name] = self.effect_room[name]
            self._effects[name].fill(getattr(NO_EFFECT, name))
        return self._effects[name]

    def offer_more(self, shared: Terms = NO_TERMS, own: Terms = NO_TERMS) -> None:
        """Add price cuts with conditions, for everybody by source + 1, or for some rows."""
        public, first, before, own_before = self.offer
        self.offer = Offer(public, first, with_terms(before, shared), with_terms(own_before, own))

    @property
    def effects(self) -> Effects:
        """All effects so far; those that nobody asked for are empty."""
        return Effects(*(self._effects.get(name, NOBODY_MOVED) for name in Effects._fields))

    def happen(self, happened: Happened, n_orders: int, n_departed: int) -> None:
        """What the clocks have brought: copies of the first so many orders and departures."""
        no_points = np.zeros((2, n_orders), np.int32)
        self.orders = Orders._make([*(column[:n_orders].copy() for column in happened[:5]), *no_points])
        self.spent = happened.spent[:n_orders].copy()
        self.departed = happened.departed[:n_departed].copy()
        if self.left.size:
            self.departed = np.union1d(self.departed, self.left)

    def enter(self, rows: NDArray[np.int32], at: NDArray[np.float64], source: NDArray[np.int8]) -> None:
        """Let people become leads this week, at these moments of it, through these sources."""
        self.entries.append(Entries(rows, at, source))

    def win(self, rows: NDArray[np.int32], source: int) -> None:
        """Let people become leads when the next week begins."""
        self.won.append((rows, source))

    def leave(self, rows: NDArray[np.int32]) -> None:
        """Let customers leave for good when the next week begins; whoever has left by then stays away once."""
        self.leaving.append(rows)

    def ready(self, what: str) -> NDArray[np.float64]:
        """How ready everybody is to do something of which another mechanism is in charge ("invite", "accept",
        "complain"): to be added to in `affect`, on the log scale. Shape [n]."""
        if what not in self.readiness:
            self.readiness[what] = self.effect_room.setdefault(f"ready to {what}", np.empty(self.n))
            self.readiness[what].fill(0.0)
        return self.readiness[what]


class MechanismNumbers(Protocol):
    """What a world file names to add a mechanism: a frozen dataclass of `Unknown` numbers that can start it.

    `name` is the name of its section (`[[mechanism]]`, "satisfaction.slope"); `kpis` are what it can be judged by.
    """

    name: ClassVar[str]

    def start(self, setting: Setting) -> Mechanism:
        """The mechanism of one market, ready for its first week."""
        ...


class HasMechanisms(Protocol):
    """A market, as far as its mechanisms go."""

    mechanisms: Mapping[str, Mechanism]


class Phases:
    """What a mechanism may do in a week; it overrides the phases in which it takes part."""

    def settle(self, week: Week) -> None:
        """Carry out the actions of its own kinds."""

    def affect(self, week: Week) -> None:
        """Say what it does to each person this week."""

    def mark(self, week: Week) -> None:
        """Give the week's orders their marks."""

    def close(self, week: Week) -> None:
        """End its week."""

    def affect_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        """`affect`, told person by person in plain Python: the oracle compares both."""
        self.affect(week)

    def mark_agents(self, agents: Sequence[CustomerAgent], week: Week) -> None:
        """`mark`, told order by order in plain Python: the oracle compares both."""
        self.mark(week)

    def phases(self) -> Mapping[str, bool]:
        """Which phases it takes part in."""
        return {phase: getattr(type(self), phase) is not getattr(Phases, phase) for phase in PHASES}


class Mechanism(Phases):
    """Base of all mechanisms. `params` are its numbers, of the world; `columns` its own, empty until they are opened.

    `settles` are the kinds of action it carries out, `series` the names of the weekly figures it notes, `accounts` what
    it posts beside the accounts of orders; the kind of each says which figures it enters (`ledger.Kind`).
    `weeks_before` says that it has been at work before week 0 as well: today's policy is then carried out over the
    recorded orders.
    """

    name: ClassVar[str]
    settles: ClassVar[tuple[type[Action], ...]] = ()
    series: ClassVar[tuple[str, ...]] = ()
    accounts: ClassVar[tuple[Account, ...]] = ()
    weeks_before: ClassVar[bool] = False
    columns: Columns

    def __init__(self, setting: Setting, params: Any = None) -> None:
        self.setting = setting
        self.params = params
        self.columns = Columns()
        setting.ledger.open(self.accounts)

    @classmethod
    def of(cls, market: HasMechanisms) -> Self:
        """This mechanism in a market."""
        found = market.mechanisms[cls.name]
        assert isinstance(found, cls)
        return found

    @property
    def on(self) -> bool:
        """Whether it does anything in this world."""
        return True

    @property
    def weeks_needed(self) -> int:
        """How many past weeks of orders it must be able to look up."""
        return 0

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """What it has to show of a finished run beside KPIs and weekly series, by name: long tables, with the number in
        the column `value` and what it is about in all others. They are kept per arm, as means over replications."""
        return {}

    def join(self, model: mesa.Model) -> None:
        """Place its agents in the market, if it has any."""

    def inherit(self, before: Mechanism) -> None:
        """Go on from the state that the same mechanism had at week 0 in the founding customers' past."""

    def cost_of_orders(self, week: NDArray[np.int32], orders: Orders) -> NDArray[np.float64]:
        """What it added to the cost of each order of the run, in minor units: what it has posted to accounts of that
        kind, order by order. `week` [m] is when each was placed. Shape [m]."""
        return np.zeros(orders.n)

    def upkeep(self, weeks: int, week: NDArray[np.int32], orders: Orders) -> Upkeep | None:
        """What it spent on keeping customers in `weeks` weeks, person by person: what it has posted to accounts of that
        kind, and what it gave new customers. `week` [m] and `orders` [m] are the orders of the run. None: nothing."""
        return None
