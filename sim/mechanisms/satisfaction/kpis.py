"""What satisfaction can be judged by: what surveys say, and what is true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.customers import CUSTOMER
from crmlab.sim.kpi import MARKETING_METRICS, NAN, RUN, Kpi
from crmlab.sim.mechanisms.satisfaction.satisfaction import CustomerSatisfaction
from crmlab.sim.outcome import MarketOutcome


def _answers(outcome: MarketOutcome, *series: str) -> float:
    return float(sum(outcome.market.books[name].sum() for name in series))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def csat(outcome: MarketOutcome) -> float:
    """Share of answers that are satisfied or very satisfied."""
    return _share(_answers(outcome, "csat_satisfied"), _answers(outcome, "csat_answers"))


def nps(outcome: MarketOutcome) -> float:
    """Promoters less detractors, in points per 100 answers."""
    more = _answers(outcome, "nps_promoters") - _answers(outcome, "nps_detractors")
    return 100 * _share(more, _answers(outcome, "nps_answers"))


def survey_response(outcome: MarketOutcome) -> float:
    """Share of invitations that were answered."""
    return _share(_answers(outcome, "csat_answers", "nps_answers"), _answers(outcome, "surveys_sent"))


def _of_customers(outcome: MarketOutcome) -> NDArray[np.float64]:
    """What those feel who are customers at the end. Shape [customers]."""
    market = outcome.market
    felt = market.column("satisfaction").astype(np.float64) + market.column("glow")
    return felt[market.column("stage") == CUSTOMER]


def satisfied(outcome: MarketOutcome) -> float:
    """True share of customers above the cut of the top two boxes at the end."""
    cut = CustomerSatisfaction.of(outcome.market).satisfied_from
    z = _of_customers(outcome)
    return float((z >= cut).mean()) if z.size else NAN


def satisfaction(outcome: MarketOutcome) -> float:
    """True mean satisfaction of customers at the end."""
    z = _of_customers(outcome)
    return float(z.mean()) if z.size else NAN


AT_END, HERE = "the end of the run", "customers who have not left"
NO_ANSWERS = "undefined without answers; who does not answer is not in it"

KPIS = (
    Kpi("csat", "Satisfied by survey (CSAT)", "share", "answers in the top two of five boxes / answers",
        "customers who answered", RUN, NO_ANSWERS, 1, MARKETING_METRICS, csat),
    Kpi("nps", "Net promoter score", "points", "100 x (answers of 9 and 10 - answers of 0 to 6) / answers",
        "customers who answered", RUN, NO_ANSWERS, 1, MARKETING_METRICS, nps),
    Kpi("survey_response", "Survey response", "share", "answers / invitations", "customers who were invited", RUN,
        "undefined without invitations; whoever has left does not answer", 0, MARKETING_METRICS, survey_response),
    Kpi("satisfied", "Satisfied at the end", "share",
        "customers above the satisfaction from which the top two boxes are ticked / customers", HERE, AT_END,
        "undefined without customers", 1, "-", satisfied, hidden=True),
    Kpi("satisfaction", "Mean satisfaction at the end", "SD", "mean over customers, 0: as usual over all people", HERE,
        AT_END, "undefined without customers; the less satisfied leave sooner", 1, "-", satisfaction, hidden=True),
)  # fmt: skip
