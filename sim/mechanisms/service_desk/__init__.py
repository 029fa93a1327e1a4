"""The service desk: customers who ask or complain wait for clerks, and how long they wait moves satisfaction."""
