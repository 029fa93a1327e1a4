"""The numbers of a service desk: what customers want to know, how they wait, and what today's desk is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from crmlab.sim.levers import Unknown

OURS = "no source found"
FIRM = "the firm's own records"


@dataclass(frozen=True)
class DeskNumbers:
    """See `ServiceDesk`."""

    questions_per_order: Annotated[float, Unknown(0.0, 2.0, "questions per order", FIRM, "A", vary=1.5, off=0.0)] = 0.10
    questions_per_year: Annotated[
        float, Unknown(0.0, 50.0, "questions per customer and year, apart from orders", FIRM, "A", vary=1.5, off=0.0)
    ] = 0.5
    phone_share: Annotated[float, Unknown(0.0, 0.6, "share of requests by phone", FIRM, "A")] = 0.25
    chat_share: Annotated[float, Unknown(0.0, 0.4, "share of requests by chat", FIRM, "A")] = 0.15
    daytime_share: Annotated[float, Unknown(0.0, 1.0, "share of requests between 8 and 20 o'clock", OURS, "A")] = 0.85
    question_minutes: Annotated[float, Unknown(0.1, 600.0, "minutes of work, mean", FIRM, "A", vary=1.25)] = 8.0
    complaint_minutes: Annotated[float, Unknown(0.1, 600.0, "minutes of work, mean", FIRM, "A", vary=1.25)] = 20.0
    call_patience_minutes: Annotated[
        float, Unknown(0.1, 600.0, "minutes on the phone or in a chat until giving up, mean", OURS, "A", vary=1.5)
    ] = 6.0
    mail_patience_days: Annotated[
        float, Unknown(0.5, 365.0, "days until no answer is hoped for, mean", OURS, "A", vary=1.5)
    ] = 14.0
    usual_mail_hours: Annotated[
        float, Unknown(0.0, 500.0, "hours to the first reply to which customers are used", FIRM, "A")
    ] = 24.0
    usual_call_minutes: Annotated[
        float, Unknown(0.0, 120.0, "minutes to the first reply to which customers are used", FIRM, "A")
    ] = 2.0
    wait_slope: Annotated[
        float,
        Unknown(
            0.25, 1.75, "standard deviations of experience per log unit of the wait",
            "no rigorous dose-response was found; sign Zendesk 2013", "A", vary="range", off=0.0,
        ),
    ] = 0.75  # fmt: skip
    expected_mail_hours: Annotated[float, Unknown(0.1, 24.0, "hours that a wait is measured in", OURS, "A")] = 1.0
    expected_call_minutes: Annotated[float, Unknown(0.1, 30.0, "minutes that a wait is measured in", OURS, "A")] = 2.0
    given_up: Annotated[
        float, Unknown(0.0, 4.0, "standard deviations of experience beyond the wait", OURS, "A", vary="range", off=0.0)
    ] = 1.0
    deflection_max: Annotated[
        float, Unknown(0.0, 0.9, "share of questions that self-service can answer at most", OURS, "A", vary="range")
    ] = 0.4
    deflection_half: Annotated[float, Unknown(1.0, 1e6, "currency a week for half of that", OURS, "A", vary=2.0)] = (
        150.0
    )
    wage: Annotated[float, Unknown(0.0, 1000.0, "currency per hour on duty", FIRM, "K")] = 22.0
    overtime_pay: Annotated[float, Unknown(1.0, 3.0, "times the wage", FIRM, "K")] = 1.5
    hiring: Annotated[float, Unknown(0.0, 1e5, "currency per further clerk", FIRM, "K")] = 1500.0
    clerks: Annotated[int, Unknown(0, 100_000, "clerks of today's desk", FIRM, "K")] = 2
    opens: Annotated[int, Unknown(0, 24, "hour", FIRM, "K")] = 9
    closes: Annotated[int, Unknown(0, 24, "hour", FIRM, "K")] = 17
    days: Annotated[int, Unknown(0, 7, "days a week", FIRM, "K")] = 5
    limit_hours: Annotated[float, Unknown(0.01, 500.0, "hours to a first reply that the firm aims at", FIRM, "K")] = 1.0
