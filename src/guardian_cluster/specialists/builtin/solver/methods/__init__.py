"""From a typed problem to its solution, with SymPy: only the worker process imports this."""
