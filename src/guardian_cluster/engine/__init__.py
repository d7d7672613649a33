"""Durable execution."""

import os

os.environ.pop("DBOS__CLOUD", None)
"""With it in the environment DBOS would call its maker. It is read when DBOS is imported, so it goes before that."""
