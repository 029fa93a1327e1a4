"""What it costs that less goes wrong."""

from crmlab.sim.ledger import Account, Kind

QUALITY = Account("quality", Kind.OVERHEAD)
FAST_DELIVERY = Account("fast delivery", Kind.ORDER)

ACCOUNTS = (QUALITY, FAST_DELIVERY)
