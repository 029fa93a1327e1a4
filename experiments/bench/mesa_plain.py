"""The base model in plain Mesa: one agent per person with a `step`, drawing from the model's own `random`.

Written as Mesa's examples are, but charitably: agents who can do nothing any more are removed, and the order of
activation, which does not matter here, is not shuffled.
"""

from __future__ import annotations

import math

import mesa
import numpy as np

from crmlab.experiments.bench.model import Outcome
from crmlab.experiments.bench.population import Advertising, conversion_hazards, draw_founding_population
from crmlab.sim.world import World


class MesaCustomer(mesa.Agent):
    """One person: a prospect, a lead or a customer."""

    def __init__(self, model: MesaMarket, stage: str, order_rate: float, departure_rate: float, mean_order: float,
                 elasticity: float, affinity: list[float], source: int) -> None:  # fmt: skip
        super().__init__(model)
        self.stage = stage
        self.order_rate = order_rate
        self.departure_rate = departure_rate
        self.mean_order = mean_order
        self.elasticity = elasticity
        self.affinity = affinity
        self.source = source
        self.orders = 0
        self.spend = 0
        self.last_order = -1
        self.reference = 1.0
        self.debt = 0.0

    def step(self) -> None:
        """One week."""
        now = 0.0
        ordered = self.orders
        if self.stage == "prospect":
            now = self.hear_of_us()
        if self.stage == "lead":
            now = self.make_up_my_mind(now)
        if self.stage == "customer":
            self.order_and_maybe_leave(now)
        if self.stage == "customer":
            self.notice_price(self.orders > ordered)

    def hear_of_us(self) -> float:
        """Maybe become a lead. Returns when in the week."""
        hazards = [a * h for a, h in zip(self.affinity, self.model.reach_hazards, strict=True)]
        total = sum(hazards)
        when = self.random.expovariate(total)
        if when >= 1.0:
            return 0.0
        self.stage = "lead"
        self.source = self.random.choices(range(len(hazards)), hazards)[0]
        return when

    def make_up_my_mind(self, now: float) -> float:
        """Maybe place a first order or lose interest. Returns when in the week."""
        order = self.model.conversion[self.source] * math.exp(
            self.price_log_effect(self.model.world.price.first_order_gain)
        )
        leave = 1.0 / self.model.world.acquisition.lead_weeks
        now += self.random.expovariate(order + leave)
        if now >= 1.0:
            return 1.0
        if self.random.random() * (order + leave) < order:
            self.stage = "customer"
            self.model.first_orders += 1
            self.place_order()
        else:
            self.stage = "cold"
            self.remove()
        return now

    def order_and_maybe_leave(self, now: float) -> None:
        lifted = self.order_rate * math.exp(self.price_log_effect(self.model.world.price.gain))
        repay = min(self.debt / self.model.world.price.repayment_weeks, 0.9 * lifted)
        end = now + self.random.expovariate(self.departure_rate) if self.departure_rate > 0 else 1.0
        end, since = min(end, 1.0), now
        if lifted - repay > 0:
            now += self.random.expovariate(lifted - repay)
            while now < end:
                self.place_order()
                now += self.random.expovariate(lifted - repay)
        if end < 1.0:
            self.stage = "gone"
            self.remove()
        extra = self.model.world.price.pull_forward * max(0.0, lifted - self.order_rate)
        self.debt = max(0.0, self.debt - repay * (end - since)) + extra * (end - since)

    def place_order(self) -> None:
        shape = self.model.world.spend.p
        value = round(self.random.gammavariate(shape, self.mean_order / shape) * self.model.world.minor)
        paid = round(value * self.model.price)
        self.orders += 1
        self.spend += paid
        self.last_order = self.model.week
        self.model.orders += 1
        self.model.revenue += paid

    def price_log_effect(self, gain: float) -> float:
        """Change of the log order hazard because of the price, within a factor of five."""
        price, response = self.model.price, self.model.world.price
        if price == 1.0:
            return 0.0
        usual = max(self.reference, min(1.0, self.reference * (1 + response.latitude)))
        surprise = gain * max(0.0, math.log(self.reference / price))
        surprise -= response.loss_aversion * gain * max(0.0, math.log(price / usual))
        log_effect = surprise - self.elasticity * math.log(price)
        return min(max(log_effect, math.log(0.2)), math.log(5.0))

    def notice_price(self, ordered: bool) -> None:
        response, price = self.model.world.price, self.model.price
        if price != self.reference and (ordered or self.random.random() < response.p_exposure):
            self.reference = response.carry_over * self.reference + (1 - response.carry_over) * price


class MesaMarket(mesa.Model):
    """A market of `world` (at the wanted number of rows) under today's policy and a uniform price cut."""

    def __init__(self, world: World, seed: int, cut: float = 0.0) -> None:
        super().__init__(rng=seed)
        self.world, self.price = world, 1.0 - cut
        self.advertising = Advertising(world)
        self.conversion = conversion_hazards(world).tolist()
        self.orders = self.first_orders = self.revenue = self.week = 0
        people = draw_founding_population(world, np.random.default_rng(seed))
        n, n_founding = people.order_rate.size, world.population.customers
        self.n, self.n_founding = n, n_founding
        there = np.flatnonzero(np.concatenate([people.alive, np.ones(n - n_founding, np.bool_)]))
        source = people.source[there]
        stages = np.where(there < n_founding, "customer", np.where(source < 0, "prospect", "lead"))
        traits = (column[there].tolist() for column in people[:4])
        affinity = people.affinity.T[there].tolist()
        MesaCustomer.create_agents(self, there.size, stages.tolist(), *traits, affinity, source.tolist())
        self.datacollector = mesa.DataCollector(model_reporters={"orders": "orders", "revenue": "revenue"})

    def step(self) -> None:
        """One week of everybody."""
        self.reach_hazards = self.advertising.week().tolist()
        self.agents.do("step")
        self.datacollector.collect(self)
        self.week += 1

    def run(self, weeks: int) -> MesaMarket:
        """Run so many weeks and return the market."""
        for _ in range(weeks):
            self.step()
        return self

    @property
    def share_bought(self) -> float:
        """Share of the rows that ever ordered, before week 0 or since."""
        return (self.n_founding + self.first_orders) / self.n

    @property
    def outcome(self) -> Outcome:
        """What the run came to."""
        alive = sum(agent.stage == "customer" for agent in self.agents)
        return Outcome(self.orders, self.first_orders, self.revenue / self.world.minor, alive)
