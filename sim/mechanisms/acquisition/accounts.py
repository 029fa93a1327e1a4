"""What acquisition posts."""

from __future__ import annotations

from crmlab.sim.ledger import Account, Kind

MEDIA = Account("media", Kind.REACH)
CHANNEL_COSTS = Account("channel fees", Kind.REACH)  # fixed costs of channels, and what they take per new customer
