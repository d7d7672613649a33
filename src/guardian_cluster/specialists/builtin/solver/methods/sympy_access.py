"""SymPy, which has no type information, held as `Any` in one place."""

import importlib
from typing import Any

sp: Any = importlib.import_module("sympy")

Symbolic = Any
"""A SymPy expression."""
