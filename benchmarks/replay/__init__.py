"""Replays recorded answers through the product's decisions: what would have been asked, and what it was worth."""
