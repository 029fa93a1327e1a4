"""What a loyalty programme posts. A point is a cost when it is issued, and cash when it is burnt."""

from __future__ import annotations

from crmlab.sim.ledger import Account, Kind

REWARDS = Account("rewards", Kind.ORDER)  # what burnt points cost
PERKS = Account("tier benefits", Kind.UPKEEP)
PROGRAMME_SETUP = Account("programme set-up", Kind.OVERHEAD)
PROGRAMME_RUNNING = Account("programme running", Kind.UPKEEP)  # systems and service, per member
PROVISION = Account("points provision", Kind.UPKEEP)  # change of what the points still out are expected to cost
WELCOME = Account("welcome points", Kind.INCENTIVE)  # the part of it that first orders were given to start with
LIABILITY = Account("points liability", Kind.BALANCE)

ACCOUNTS = (REWARDS, PERKS, PROGRAMME_SETUP, PROGRAMME_RUNNING, PROVISION, WELCOME, LIABILITY)
