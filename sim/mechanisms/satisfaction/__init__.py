"""Satisfaction: a hidden state of each customer, moved by experiences, followed by behaviour, asked for by surveys."""
