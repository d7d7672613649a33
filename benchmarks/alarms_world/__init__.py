"""A world of requests with known rates, for the measurement of alarms alone."""
