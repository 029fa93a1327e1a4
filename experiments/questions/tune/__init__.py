"""The search for better levers, and what is left of its winners on fresh luck."""
