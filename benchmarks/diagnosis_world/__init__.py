"""What the diagnosis is measured in: cases with known truth, what counts as right, and what trivial methods say."""
