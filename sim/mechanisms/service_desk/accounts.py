"""What a service desk costs. It is there for everybody: nobody's cost in particular."""

from crmlab.sim.ledger import Account, Kind

DESK_WAGES = Account("service desk wages", Kind.OVERHEAD)  # overtime included
DESK_HIRING = Account("service desk hiring", Kind.OVERHEAD)  # finding, training and equipping a further clerk
SELF_SERVICE = Account("self-service", Kind.OVERHEAD)

ACCOUNTS = (DESK_WAGES, DESK_HIRING, SELF_SERVICE)
