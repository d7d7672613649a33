"""The world of the resilience benchmark: endpoints that fail as told, steady traffic, and what its clients saw."""
