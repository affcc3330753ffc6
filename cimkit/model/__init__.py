"""What a planner says: the tables of a community, its records, its notes."""
