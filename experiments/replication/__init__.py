"""One replication of an experiment: the world that is drawn, the people founded, every arm run on them and read."""
