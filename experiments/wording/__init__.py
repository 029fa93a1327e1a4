"""How names, numbers and origins are put into words: for messages, tables, charts and reports alike."""
