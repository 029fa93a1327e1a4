"""Advisors: people who call promising leads, and people who look after key accounts."""
