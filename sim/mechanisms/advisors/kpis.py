"""What advisors can be judged by."""

from __future__ import annotations

import numpy as np

from crmlab.sim.kpi import NAN, RUN, Kpi
from crmlab.sim.mechanisms.advisors.accounts import LEAD_ADVISORS
from crmlab.sim.mechanisms.advisors.scores import GRADES
from crmlab.sim.mechanisms.advisors.team import AdvisorTeam
from crmlab.sim.outcome import MarketOutcome

TIME_TO_ORDER = 13  # weeks: of leads who stay interested for 4 on average, one in 25 is undecided for longer


def leads_within_hour(outcome: MarketOutcome) -> float:
    totals = AdvisorTeam.of(outcome.market).lead_desk.totals
    return totals.within_hour / totals.handed_over if totals.handed_over else NAN


def advisor_occupancy(outcome: MarketOutcome) -> float:
    totals = AdvisorTeam.of(outcome.market).lead_desk.totals
    return totals.hours_at_work / totals.hours_on_duty if totals.hours_on_duty else NAN


def cost_per_contact(outcome: MarketOutcome) -> float:
    contacted = AdvisorTeam.of(outcome.market).lead_desk.totals.contacted
    return float(outcome.costs.booked(LEAD_ADVISORS).sum()) / contacted if contacted else NAN


def _conversion(outcome: MarketOutcome, grade: int) -> float:
    market = outcome.market
    week = market.column("lead_week")
    old = (market.column("lead_grade") == grade) & (week >= 0) & (week <= outcome.weeks - TIME_TO_ORDER)
    return float(np.mean(market.customers.orders[old] > 0)) if old.any() else NAN


def conversion_a(outcome: MarketOutcome) -> float:
    return _conversion(outcome, 1)


def conversion_b(outcome: MarketOutcome) -> float:
    return _conversion(outcome, 2)


def conversion_c(outcome: MarketOutcome) -> float:
    return _conversion(outcome, 3)


def conversion_d(outcome: MarketOutcome) -> float:
    return _conversion(outcome, 4)


KPIS = (
    Kpi("leads_within_hour", "Leads contacted within an hour", "share",
        "leads whom an advisor called within an hour by the clock / leads handed over to advisors",
        "leads handed over to advisors", RUN, "leads who still wait at the end were not called in time; undefined "
        "where none was handed over", 1, "-", leads_within_hour),
    Kpi("advisor_occupancy", "Occupancy of lead advisors", "share",
        "hours on duty with a lead in hand / hours on duty; overtime is in neither",
        "advisors who call leads", RUN, "undefined where nobody is ever on duty", 0, "-", advisor_occupancy),
    Kpi("cost_per_contact", "Cost per contacted lead", "currency per contacted lead",
        "wages of lead advisors, overtime included / leads contacted",
        "leads contacted", RUN, "undefined where nobody is contacted", -1, "-", cost_per_contact),
    *(
        Kpi(f"conversion_{grade.lower()}", f"Conversion of grade {grade}", "share",
            f"leads of grade {grade} who have ordered / leads of grade {grade}",
            f"people who became leads in the run, {TIME_TO_ORDER} weeks or more before its end", RUN,
            "orders after the run are not counted; undefined without such leads", 1, "-", read)
        for grade, read in zip(GRADES, (conversion_a, conversion_b, conversion_c, conversion_d), strict=True)
    ),
)  # fmt: skip
