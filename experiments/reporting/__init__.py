"""Tables, sentences and charts on one page: the report, and the reference pages of the docs."""
