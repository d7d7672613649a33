"""The sentences that guardians may put into instructions: rules propose no others, and a review knows these."""

FORM_RULE = "Answer in exactly the format that the request asks for, and write nothing before or after it."

OWN_SENTENCES = frozenset({FORM_RULE})
"""Every sentence that some rule of `guardians/optimizing/` adds."""
