"""What in a run is real and what is assumed, in words: printed with every table."""

from __future__ import annotations

from collections.abc import Collection

FITTED = {"base": "repeat behaviour", "spend": "spend", "history": "past orders"}
ASSUMED = "costs, channels, and reactions to prices, programmes and friends"


def provenance(fitted: Collection[str]) -> str:
    """One sentence on the origin of the numbers, from the parts of the world that were estimated from data."""
    if not fitted:
        return "Published or assumed: everything. No part of this world was estimated from an order log of yours."
    real = _listed([words for part, words in FITTED.items() if part in fitted])
    assumed = _listed([words for part, words in FITTED.items() if part not in fitted and part != "history"])
    return f"Real (estimated from the order log): {real}. Assumed: {assumed + ', ' if assumed else ''}{ASSUMED}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
