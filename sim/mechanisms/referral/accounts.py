"""What recommendations post."""

from __future__ import annotations

from crmlab.sim.ledger import Account, Kind

REFERRAL_REWARDS = Account("referral rewards", Kind.INCENTIVE)  # earned by customers whose friend has ordered
REWARDS_OWED = Account("referral rewards owed", Kind.BALANCE)
