"""What mechanisms tell each other: heard a week later; who is told to leave is gone when the next week begins."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crmlab.sim import Market, Mechanism, Setting, Week
from crmlab.sim.agent_market import AgentMarket
from crmlab.sim.customers import CUSTOMER, GONE
from crmlab.sim.encounters import Experiences
from tests.conftest import shop


class Turnstile(Mechanism):
    """Sends three customers away in every week, and remembers what it heard."""

    name = "turnstile"

    def __init__(self, setting: Setting, params: object) -> None:
        super().__init__(setting, params)
        self.heard: list[list[str]] = []
        self.left: list[list[int]] = []

    def affect(self, week: Week) -> None:
        self.heard.append([experience.kind for experience in week.heard.experiences])
        self.left.append(week.left.tolist())

    def mark(self, week: Week) -> None:
        assert np.isin(week.left, week.departed).all()

    def close(self, week: Week) -> None:
        here = np.flatnonzero(self.setting.customers.stage == CUSTOMER)[:3].astype(np.int32)
        week.leave(np.repeat(here, 2))
        week.told.experiences.append(Experiences(f"week {week.number}", here, np.zeros(here.size)))


@dataclass(frozen=True)
class Turned:
    """Numbers of the turnstile: it has none."""

    name: ClassVar[str] = "turnstile"

    def start(self, setting: Setting) -> Mechanism:
        return Turnstile(setting, self)


def run(weeks: int = 6, kind: type[Market] = Market) -> Market:
    market = kind(shop(mechanisms={"turnstile": Turned()}), (), customers=120)
    return market.run(weeks)


def test_what_is_told_is_heard_a_week_later_and_once() -> None:
    heard = Turnstile.of(run()).heard
    assert heard == [[], *([f"week {number}"] for number in range(5))]


def test_whoever_is_told_to_leave_is_gone_when_the_next_week_begins() -> None:
    market = run()
    sent = Turnstile.of(market).left
    assert sent[0] == []
    assert all(len(rows) == 3 for rows in sent[1:])
    everybody = np.concatenate(sent[1:]).astype(int)
    assert np.unique(everybody).size == everybody.size
    assert (market.customers.stage[everybody] == GONE).all()
    for number, rows in enumerate(sent):
        for later in range(number, 6):
            orders = market.order_log.week(later)
            assert orders is not None
            assert not np.isin(rows, orders.row).any()


def test_both_tellings_send_the_same_people_away() -> None:
    one, other = run(), run(kind=AgentMarket)
    assert Turnstile.of(one).left == Turnstile.of(other).left
    assert one.totals.tolist() == other.totals.tolist()
    for name in one.customers.names():
        assert (one.customers.get(name) == other.customers.get(name)).all(), name
