"""Why a policy does what it does: which play, which people, which orders."""
