"""The solver: exact answers to short mathematical questions, without a model (docs/design/solver.md).

`question.understand` decides whether a text is one of those questions, `solver.Solver` answers it. Nothing is
imported here, so that the gateway loads no mathematics and the worker process loads no event loop.
"""
