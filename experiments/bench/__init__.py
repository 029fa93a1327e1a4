"""The benchmark: one documented model in three engines, timed side by side once they agree."""
