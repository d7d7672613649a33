"""From a text to a typed problem, or a refusal: pure, fast and without SymPy."""
