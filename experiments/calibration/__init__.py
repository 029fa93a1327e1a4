"""From an order log as shops export it to fitted models."""
