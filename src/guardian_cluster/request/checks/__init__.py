"""Deterministic checks of a finished answer against its question: one file a check, values in, a finding out."""
