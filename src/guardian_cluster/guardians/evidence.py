"""How much evidence a guardian names for what it says."""

MOST_RECORDS = 50
"""Records that a finding, a diagnosis or a proposal pins: more than anybody looks through."""
