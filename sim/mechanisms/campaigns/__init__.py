"""Campaigns: marks on customers, and what was seen of those treated and held out."""
