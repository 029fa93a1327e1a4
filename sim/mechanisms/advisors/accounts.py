"""What advisors post."""

from __future__ import annotations

from crmlab.sim.ledger import Account, Kind

LEAD_ADVISORS = Account("lead advisors", Kind.REACH)  # wages for hours on duty, and for overtime
NURTURE = Account("lead nurture", Kind.REACH)  # automated messages, once per lead
KEY_ADVISORS = Account("key account advisors", Kind.UPKEEP)  # time spent on contacts: each customer's own
IDLE_ADVISORS = Account("idle key account advisors", Kind.OVERHEAD)  # the rest of their paid time: nobody's
