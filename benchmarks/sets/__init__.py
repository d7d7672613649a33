"""Sets of requests whose right treatment is known."""
