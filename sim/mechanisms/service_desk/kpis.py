"""What a service desk can be judged by. Times are by the clock, nights and weekends included."""

from __future__ import annotations

from crmlab.sim.kpi import ALL, NAN, NONE, RUN, Kpi, total
from crmlab.sim.mechanisms.service_desk.accounts import ACCOUNTS
from crmlab.sim.mechanisms.service_desk.record import DeskRecord
from crmlab.sim.mechanisms.service_desk.service_desk import Service
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome

TICKETS = "every ticket of the run"
STILL_WAITING = "tickets that still wait at the end count with the wait so far, those given up are left out"
ERLANG = "docs/service-desk.md"


def _record(outcome: MarketOutcome) -> DeskRecord:
    return Service.of(outcome.market).record


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _requests(outcome: MarketOutcome) -> float:
    """Requests of the real market, those that self-service answered included."""
    return float(outcome.market.books["requests"].sum())


def _orders(outcome: MarketOutcome) -> float:
    return total(outcome, outcome.orders.n)


def requests_per_order(outcome: MarketOutcome) -> float:
    """Questions and complaints for each order."""
    return _ratio(_requests(outcome), _orders(outcome))


def requests_per_100(outcome: MarketOutcome) -> float:
    """Questions and complaints of a hundred active customers within a year."""
    years_active = float(outcome.market.books["active_customers"].sum()) / YEAR
    return 100 * _ratio(_requests(outcome), years_active)


def deflected(outcome: MarketOutcome) -> float:
    """Share of requests that self-service has answered."""
    return _ratio(float(outcome.market.books["deflected"].sum()), _requests(outcome))


def first_reply_median(outcome: MarketOutcome) -> float:
    """Hours to the first reply that half of the tickets do not exceed."""
    return _record(outcome).quantile("waited", 0.5)


def first_reply_p90(outcome: MarketOutcome) -> float:
    """Hours to the first reply that nine in ten do not exceed."""
    return _record(outcome).quantile("waited", 0.9)


def resolution_median(outcome: MarketOutcome) -> float:
    """Hours to the end of the work that half of the tickets do not exceed."""
    return _record(outcome).quantile("took", 0.5)


def resolution_p90(outcome: MarketOutcome) -> float:
    """Hours to the end of the work that nine in ten do not exceed."""
    return _record(outcome).quantile("took", 0.9)


def answered_within(outcome: MarketOutcome) -> float:
    """Share of tickets with a first reply within the limit that the firm has stated."""
    return _record(outcome).share_within(float(Service.of(outcome.market).params.limit_hours))


def first_reply_priority(outcome: MarketOutcome) -> float:
    """Median hours to the first reply of those who are served first."""
    return _record(outcome).quantile("waited", 0.5, 0)


def first_reply_others(outcome: MarketOutcome) -> float:
    """Median hours to the first reply of all others."""
    return _record(outcome).quantile("waited", 0.5, 1)


def abandonment(outcome: MarketOutcome) -> float:
    """Share of tickets whose customers gave up, of those that came to an end."""
    return _ratio(_record(outcome).n_abandoned, _record(outcome).n_ended)


def desk_occupancy(outcome: MarketOutcome) -> float:
    """Share of the hours on duty in which clerks were at work."""
    return _record(outcome).occupancy


def desk_load(outcome: MarketOutcome) -> float:
    """Hours of work that arrived, over hours on duty."""
    return _record(outcome).load


def desk_backlog(outcome: MarketOutcome) -> float:
    """Tickets that no clerk has taken by the end."""
    waiting = _record(outcome).waiting
    return float(waiting[-1]) if waiting else 0.0


def desk_cost(outcome: MarketOutcome) -> float:
    """Wages, overtime, hiring and self-service."""
    return total(outcome, outcome.costs.booked(*ACCOUNTS))


def cost_per_ticket(outcome: MarketOutcome) -> float:
    """Cost of the desk for each ticket answered."""
    return _ratio(desk_cost(outcome), _record(outcome).n_ended - _record(outcome).n_abandoned)


def desk_cost_per_order(outcome: MarketOutcome) -> float:
    """Cost of the desk for each order."""
    return _ratio(desk_cost(outcome), _orders(outcome))


KPIS = (
    Kpi("requests_per_order", "Requests per order", "ratio", "questions and complaints of customers / orders",
        ALL, RUN, "undefined without orders", 0, "-", requests_per_order),
    Kpi("requests_per_100", "Requests per 100 active customers a year", "requests per 100 customers",
        "questions and complaints / mean number of customers who ordered within 52 weeks / years x 100",
        "active customers", RUN, NONE, 0, "-", requests_per_100),
    Kpi("deflected", "Answered by self-service", "share", "requests that self-service has answered / requests",
        "every request of the run", RUN, "undefined without requests", 0, "-", deflected),
    Kpi("first_reply_median", "First reply, median", "hours", "time from arrival until a clerk takes it",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, first_reply_median),
    Kpi("first_reply_p90", "First reply, nine in ten", "hours", "the time that nine in ten do not exceed",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, first_reply_p90),
    Kpi("resolution_median", "Resolution, median", "hours", "time from arrival to the end of the work",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, resolution_median),
    Kpi("resolution_p90", "Resolution, nine in ten", "hours", "the time that nine in ten do not exceed",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, resolution_p90),
    Kpi("answered_within", "Answered within the stated limit", "share",
        "tickets with a first reply within the limit (service_desk.limit_hours) / tickets older than it",
        TICKETS, RUN, "those given up, or still waiting beyond the limit, are missed", 1, ERLANG, answered_within),
    Kpi("first_reply_priority", "First reply to those served first, median", "hours",
        "as the median of all, of tickets of customers with priority", "tickets with priority", RUN, STILL_WAITING, -1,
        "Kella & Yechiali 1985", first_reply_priority),
    Kpi("first_reply_others", "First reply to all others, median", "hours",
        "as the median of all, of tickets of customers without priority", "tickets without priority", RUN,
        STILL_WAITING, -1, "Kella & Yechiali 1985", first_reply_others),
    Kpi("abandonment", "Requests given up", "share", "tickets whose customers gave up / tickets that came to an end",
        TICKETS, RUN, "undefined while none has ended", -1, "Garnett et al. 2002", abandonment),
    Kpi("desk_occupancy", "Clerks at work", "share", "hours worked within the plan / hours on duty", "clerks", RUN,
        "undefined if nobody is ever on duty", 0, ERLANG, desk_occupancy),
    Kpi("desk_load", "Load of the service desk", "ratio",
        "hours of work that arrived / hours on duty; above 1 the desk is overloaded and its backlog grows",
        TICKETS, RUN, "infinite where work arrives and nobody is ever on duty", -1, ERLANG, desk_load),
    Kpi("desk_backlog", "Tickets waiting at the end", "tickets", "tickets that no clerk has taken", TICKETS,
        "the end of the run", NONE, -1, ERLANG, desk_backlog),
    Kpi("desk_cost", "Cost of the service desk", "currency", "wages, overtime, hiring and self-service", ALL, RUN, NONE,
        -1, "-", desk_cost),
    Kpi("cost_per_ticket", "Desk cost per ticket answered", "currency per ticket", "cost of the service desk / tickets "
        "answered", "tickets answered", RUN, "undefined while none is answered", -1, "-", cost_per_ticket),
    Kpi("desk_cost_per_order", "Desk cost per order", "currency per order", "cost of the service desk / orders",
        ALL, RUN, "undefined without orders", -1, "-", desk_cost_per_order),
)  # fmt: skip
