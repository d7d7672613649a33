"""A cluster whose models go wrong in known ways, its callers, and what they lose until it is repaired."""
