"""What surveys cost."""

from __future__ import annotations

from crmlab.sim.ledger import Account, Kind

SURVEYS = Account("surveys", Kind.UPKEEP)  # every invitation goes to somebody: more customers, more invitations
