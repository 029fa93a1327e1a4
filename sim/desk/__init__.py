"""The service desk: tickets that wait for clerks, in continuous time."""
