"""The loyalty programme: points, tiers, and what they do to members."""
