"""The questions that can be put to an experiment, a folder each: what is asked, how it is answered, how it is told."""
