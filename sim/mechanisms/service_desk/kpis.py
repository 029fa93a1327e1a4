"""What a service desk can be judged by. Times are by the clock, nights and weekends included."""

from __future__ import annotations

from collections.abc import Callable

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


def _read(figure: Callable[[DeskRecord], float]) -> Callable[[MarketOutcome], float]:
    return lambda outcome: figure(_record(outcome))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _requests(outcome: MarketOutcome) -> float:
    """Requests of the real market, those that self-service answered included."""
    return float(outcome.market.books["requests"].sum())


def _per_active(outcome: MarketOutcome) -> float:
    years_active = float(outcome.market.books["active_customers"].sum()) / YEAR
    return 100 * _ratio(_requests(outcome), years_active)


def _cost(outcome: MarketOutcome) -> float:
    return total(outcome, outcome.costs.booked(*ACCOUNTS))


def _limit(outcome: MarketOutcome) -> float:
    return float(Service.of(outcome.market).params.limit_hours)


KPIS = (
    Kpi("requests_per_order", "Requests per order", "ratio", "questions and complaints of customers / orders",
        ALL, RUN, "undefined without orders", 0, "-",
        lambda r: _ratio(_requests(r), total(r, r.orders.n))),
    Kpi("requests_per_100", "Requests per 100 active customers a year", "requests per 100 customers",
        "questions and complaints / mean number of customers who ordered within 52 weeks / years x 100",
        "active customers", RUN, NONE, 0, "-", _per_active),
    Kpi("deflected", "Answered by self-service", "share", "requests that self-service has answered / requests",
        "every request of the run", RUN, "undefined without requests", 0, "-",
        lambda r: _ratio(float(r.market.books["deflected"].sum()), _requests(r))),
    Kpi("first_reply_median", "First reply, median", "hours", "time from arrival until a clerk takes it",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, _read(lambda d: d.quantile("waited", 0.5))),
    Kpi("first_reply_p90", "First reply, nine in ten", "hours", "the time that nine in ten do not exceed",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, _read(lambda d: d.quantile("waited", 0.9))),
    Kpi("resolution_median", "Resolution, median", "hours", "time from arrival to the end of the work",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, _read(lambda d: d.quantile("took", 0.5))),
    Kpi("resolution_p90", "Resolution, nine in ten", "hours", "the time that nine in ten do not exceed",
        TICKETS, RUN, STILL_WAITING, -1, ERLANG, _read(lambda d: d.quantile("took", 0.9))),
    Kpi("answered_within", "Answered within the stated limit", "share",
        "tickets with a first reply within the limit (service_desk.limit_hours) / tickets older than it",
        TICKETS, RUN, "those given up, or still waiting beyond the limit, are missed", 1, ERLANG,
        lambda r: _record(r).share_within(_limit(r))),
    Kpi("first_reply_priority", "First reply to those served first, median", "hours",
        "as the median of all, of tickets of customers with priority", "tickets with priority", RUN, STILL_WAITING, -1,
        "Kella & Yechiali 1985", _read(lambda d: d.quantile("waited", 0.5, 0))),
    Kpi("first_reply_others", "First reply to all others, median", "hours",
        "as the median of all, of tickets of customers without priority", "tickets without priority", RUN,
        STILL_WAITING, -1, "Kella & Yechiali 1985", _read(lambda d: d.quantile("waited", 0.5, 1))),
    Kpi("abandonment", "Requests given up", "share", "tickets whose customers gave up / tickets that came to an end",
        TICKETS, RUN, "undefined while none has ended", -1, "Garnett et al. 2002",
        _read(lambda d: _ratio(d.n_abandoned, d.n_ended))),
    Kpi("desk_occupancy", "Clerks at work", "share", "hours worked within the plan / hours on duty", "clerks", RUN,
        "undefined if nobody is ever on duty", 0, ERLANG, _read(lambda d: d.occupancy)),
    Kpi("desk_load", "Load of the service desk", "ratio",
        "hours of work that arrived / hours on duty; above 1 the desk is overloaded and its backlog grows",
        TICKETS, RUN, "infinite where work arrives and nobody is ever on duty", -1, ERLANG, _read(lambda d: d.load)),
    Kpi("desk_backlog", "Tickets waiting at the end", "tickets", "tickets that no clerk has taken", TICKETS,
        "the end of the run", NONE, -1, ERLANG, _read(lambda d: float(d.waiting[-1]) if d.waiting else 0.0)),
    Kpi("desk_cost", "Cost of the service desk", "currency", "wages, overtime, hiring and self-service", ALL, RUN, NONE,
        0, "-", _cost),
    Kpi("cost_per_ticket", "Desk cost per ticket answered", "currency per ticket", "cost of the service desk / tickets "
        "answered", "tickets answered", RUN, "undefined while none is answered", -1, "-",
        lambda r: _ratio(_cost(r), _record(r).n_ended - _record(r).n_abandoned)),
    Kpi("desk_cost_per_order", "Desk cost per order", "currency per order", "cost of the service desk / orders",
        ALL, RUN, "undefined without orders", -1, "-", lambda r: _ratio(_cost(r), total(r, r.orders.n))),
)  # fmt: skip
