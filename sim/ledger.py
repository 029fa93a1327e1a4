"""Every unit of money, once: double entry in whole minor units.

Each posting debits one account and credits another with the same amount, so the books balance by construction; that
they also *agree with the orders* is what the tests check. Accounts that hold income are credited, accounts that hold
costs are debited. Accrual and cash are kept apart: a point is a cost when it is issued (`points provision` against
`points liability`), and cash when it is burnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.sim.kernel_types import NO_TERMS, Offer
from crmlab.sim.orders import Orders
from crmlab.sim.price_terms import standing_prices
from crmlab.sim.world import Economics


class Kind(Enum):
    """What kind of money an account holds: which figures it enters is decided by this, and not by its name."""

    SALES = "sales"
    ORDER = "cost of orders"  # in what an order leaves: its mechanism tells each order's part (`cost_of_orders`)
    FIRST_ORDER = "price cuts on first orders"  # the same, and acquisition cost as well
    REACH = "cost of being heard of"  # acquisition cost: media, fees
    INCENTIVE = "given to win customers"  # acquisition cost: what is not in the price of the first order
    UPKEEP = "cost of keeping customers"  # its mechanism tells each person's part
    OVERHEAD = "other cost"  # nobody's in particular: in contribution and equity, not in CAC nor lifetime value
    BALANCE = "balance sheet"  # neither income nor cost of the run


class Account(str):
    """An account: its name, and what kind of money it holds."""

    kind: Kind

    def __new__(cls, name: str, kind: Kind) -> Self:
        account = super().__new__(cls, name)
        account.kind = kind
        return account

    def __reduce__(self) -> tuple[type[Account], tuple[str, Kind]]:
        return Account, (str(self), self.kind)


CASH = Account("cash", Kind.BALANCE)
SALES = Account("sales", Kind.SALES)  # at list price
DISCOUNTS = Account("discounts", Kind.ORDER)  # standing prices and coupons: what is paid less than list
FIRST_ORDER_DISCOUNTS = Account("first-order discounts", Kind.FIRST_ORDER)  # ... less than the standing price
GOODS = Account("goods", Kind.ORDER)
FULFILMENT = Account("fulfilment", Kind.ORDER)
PAYMENT = Account("payment", Kind.ORDER)
COMMISSIONS = Account("commissions", Kind.ORDER)
OPENING = Account("opening balance", Kind.BALANCE)  # what the firm owed at week 0

ORDERS = (CASH, SALES, DISCOUNTS, FIRST_ORDER_DISCOUNTS, GOODS, FULFILMENT, PAYMENT, COMMISSIONS, OPENING)
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


def first_order_incentive(orders: Orders, source: NDArray[np.int8], offer: Offer) -> NDArray[np.int64]:
    """What each first order was paid less than the standing price of its basket, in minor units; 0 for repeat orders.
    Shape [m].

    `offer` is that of the orders' week, and `source` [m] how each customer came: the standing price is what anybody
    could have had who came the same way. What goes beyond it is only given to win a customer.
    """
    first = np.flatnonzero(orders.nth == 0)
    doors = source[first].astype(np.intp) + 1
    at_standing_price = standing_prices(orders.value[first], doors, offer.public, offer.shared, NO_TERMS)
    given = np.zeros(orders.n, np.int64)
    given[first] = at_standing_price - orders.paid[first]
    return given


class Ledger:
    """The journal of one market, and its chart of accounts: those of orders, and what each mechanism declares."""

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        self.accounts: dict[str, Account] = {}
        self.journal: list[Posting] = []
        self.open((*ORDERS, *accounts))

    def open(self, accounts: Iterable[Account]) -> None:
        """Add accounts to the chart. The same name cannot mean two kinds of money."""
        for account in accounts:
            if self.accounts.setdefault(account, account).kind is not account.kind:
                raise ValueError(f'the account "{account}" holds {self.accounts[account].kind.value} already')

    def of_kind(self, *kinds: Kind) -> tuple[Account, ...]:
        """The accounts that hold these kinds of money."""
        return tuple(account for account in self.accounts.values() if account.kind in kinds)

    def post(self, week: int, debit: str, credit: str, amount: int, channel: int = NO_CHANNEL) -> None:
        """Book an amount once on each side. Zero is not booked; a negative amount is an error in the caller."""
        if amount < 0:
            raise ValueError(f"cannot post a negative amount ({amount}) from {credit} to {debit}")
        for name in (debit, credit):
            if name not in self.accounts:
                raise ValueError(f'no account "{name}": the mechanism that posts to it must declare it (`accounts`)')
        if amount:
            self.journal.append(Posting(week, str(debit), str(credit), int(amount), channel))

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
        balance = {str(account): 0 for account in self.accounts}
        for posting in self.journal:
            balance[posting.debit] += posting.amount
            balance[posting.credit] -= posting.amount
        return balance

    def by_week(self, account: str | Iterable[str], weeks: int, channel: int | None = None) -> NDArray[np.int64]:
        """Debits less credits of an account, or of several together, in each week, in minor units; of one channel if
        given. Shape [weeks]."""
        names = {account} if isinstance(account, str) else set(account)
        balance = np.zeros(weeks, np.int64)
        for posting in self.journal:
            if channel is None or posting.channel == channel:
                if posting.debit in names:
                    balance[posting.week] += posting.amount
                if posting.credit in names:
                    balance[posting.week] -= posting.amount
        return balance
