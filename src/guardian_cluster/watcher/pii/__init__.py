"""Finds structured personal data in growing text: what has a form, a checksum or a word that names it."""
