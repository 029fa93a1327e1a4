"""Every unit of money, once: double entry in whole minor units.

Each posting debits one account and credits another with the same amount, so the books balance by construction; that
they also *agree with the orders* is what the tests check. Accounts that hold income are credited, accounts that hold
costs are debited. Accrual and cash are kept apart: a point is a cost when it is issued (`points provision` against
`points liability`), and cash when it is burnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.sim.orders import Orders
from crmlab.sim.world import Economics

CASH = "cash"
SALES = "sales"  # at list price
DISCOUNTS = "discounts"  # standing prices and coupons: what everybody, or a customer, pays less than list
FIRST_ORDER_DISCOUNTS = "first-order discounts"  # what a first order costs less than the standing price
GOODS = "goods"
FULFILMENT = "fulfilment"
PAYMENT = "payment"
COMMISSIONS = "commissions"
MEDIA = "media"
CHANNEL_COSTS = "channel fees"  # fixed costs of channels, and what they take per new customer
REWARDS = "rewards"  # what burnt points cost
PERKS = "tier benefits"
PROGRAMME_SETUP = "programme set-up"
PROGRAMME_RUNNING = "programme running"  # systems and service, per member
PROVISION = "points provision"  # the change of what the points still out are expected to cost
WELCOME = "welcome points"  # the part of it that first orders were given to start with: a cost of acquisition
LIABILITY = "points liability"
OPENING = "opening balance"  # what the firm owed at week 0: neither income nor cost of the run
REFERRAL_REWARDS = "referral rewards"  # earned by customers whose friend has ordered
REWARDS_OWED = "referral rewards owed"

ACCOUNTS = (
    CASH, SALES, DISCOUNTS, FIRST_ORDER_DISCOUNTS, GOODS, FULFILMENT, PAYMENT, COMMISSIONS, MEDIA, CHANNEL_COSTS,
    REWARDS, PERKS, PROGRAMME_SETUP, PROGRAMME_RUNNING, PROVISION, WELCOME, LIABILITY, REFERRAL_REWARDS,
    REWARDS_OWED, OPENING,
)  # fmt: skip
BALANCE_SHEET = (CASH, LIABILITY, REWARDS_OWED, OPENING)  # all other accounts are income or cost of the run
NO_CHANNEL = -1


class Posting(NamedTuple):
    """One line of the journal: `amount` minor units move from the credited to the debited account."""

    week: int
    debit: str
    credit: str
    amount: int
    channel: int


class OrderCosts(NamedTuple):
    """What each order costs, in minor units. Shape [m] each. Rounded once per order."""

    goods: NDArray[np.int64]
    fulfilment: NDArray[np.int64]
    payment: NDArray[np.int64]
    commission: NDArray[np.int64]


@dataclass(frozen=True)
class Tariff:
    """The prices that turn orders into costs; `commission` is by source + 1 (0 is the founding base)."""

    goods_share: float
    fulfilment: int
    payment_share: float
    commission: NDArray[np.float64]

    @classmethod
    def of(cls, economics: Economics, commissions: Sequence[float], minor: float) -> Tariff:
        """The tariff of a world; `commissions` are what each source takes of an order's price."""
        return cls(
            1 - economics.gross_margin,
            round(economics.fulfilment_cost * minor),
            economics.payment_cost,
            np.array([0.0, *commissions]),
        )

    def costs(self, orders: Orders, source: NDArray[np.int8]) -> OrderCosts:
        """Costs of each order; `source` [m] is the channel of the customer who placed it."""
        return OrderCosts(
            np.rint(orders.value * self.goods_share).astype(np.int64),
            np.full(orders.n, self.fulfilment, np.int64),
            np.rint(orders.paid * self.payment_share).astype(np.int64),
            np.rint(orders.paid * self.commission[source.astype(np.intp) + 1]).astype(np.int64),
        )

    def contribution(self, orders: Orders, source: NDArray[np.int8]) -> NDArray[np.int64]:
        """What each order leaves after its own costs, before media: minor units, shape [m]."""
        return orders.paid - sum(self.costs(orders, source))


def first_order_incentive(orders: Orders, standing: NDArray[np.float64]) -> NDArray[np.int64]:
    """What each first order was paid less than the standing price, in minor units; 0 for repeat orders. Shape [m].

    `standing` [m] is the price cut that anybody could have had who came the same way. What goes beyond it is only given
    to win a customer.
    """
    at_standing_price = np.floor(orders.value * (1.0 - standing) + 0.5).astype(np.int64)
    return np.where(orders.nth == 0, at_standing_price - orders.paid, 0)


class Ledger:
    """The journal of one market."""

    def __init__(self) -> None:
        self.journal: list[Posting] = []

    def post(self, week: int, debit: str, credit: str, amount: int, channel: int = NO_CHANNEL) -> None:
        """Book an amount once on each side. Zero is not booked; a negative amount is an error in the caller."""
        if amount < 0:
            raise ValueError(f"cannot post a negative amount ({amount}) from {credit} to {debit}")
        if amount:
            self.journal.append(Posting(week, debit, credit, int(amount), channel))

    def book_orders(self, week: int, orders: Orders, costs: OrderCosts, incentive: NDArray[np.int64]) -> None:
        """Sales at list price, the discounts that brought them down to what was paid, and what they cost.

        `incentive` [m] is the part of each discount that only a first order gets: it buys a customer.
        """
        to_win = int(incentive.sum())
        self.post(week, CASH, SALES, int(orders.paid.sum()))
        self.post(week, DISCOUNTS, SALES, int((orders.value - orders.paid).sum()) - to_win)
        self.post(week, FIRST_ORDER_DISCOUNTS, SALES, to_win)
        self.post(week, GOODS, CASH, int(costs.goods.sum()))
        self.post(week, FULFILMENT, CASH, int(costs.fulfilment.sum()))
        self.post(week, PAYMENT, CASH, int(costs.payment.sum()))
        self.post(week, COMMISSIONS, CASH, int(costs.commission.sum()))

    def table(self) -> pd.DataFrame:
        """The journal as a table: week, debit, credit, amount (minor units), channel."""
        return pd.DataFrame(self.journal, columns=list(Posting._fields))

    def balances(self) -> dict[str, int]:
        """Debits less credits of every account, in minor units. They sum to zero."""
        balance = dict.fromkeys(ACCOUNTS, 0)
        for posting in self.journal:
            balance[posting.debit] += posting.amount
            balance[posting.credit] -= posting.amount
        return balance

    def by_week(self, account: str, weeks: int, channel: int | None = None) -> NDArray[np.int64]:
        """Debits less credits of an account in each week, in minor units; of one channel if given. Shape [weeks]."""
        balance = np.zeros(weeks, np.int64)
        for posting in self.journal:
            if channel is None or posting.channel == channel:
                if posting.debit == account:
                    balance[posting.week] += posting.amount
                if posting.credit == account:
                    balance[posting.week] -= posting.amount
        return balance
