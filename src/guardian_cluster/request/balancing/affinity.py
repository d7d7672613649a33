"""Which endpoint has most likely seen how a request begins: its cache then knows that part already.

Rendezvous hashing (Thaler and Ravishankar 1998): each endpoint has a score for each beginning, so one that joins or
leaves moves only what it is best for.
"""

from zlib import crc32

BALANCED = 1.3
"""How many times the least cost a familiar endpoint may have: above it load is not balanced, and goes where it is
answered first. Routers of inference servers leave affinity at such ratios too (SGLang: 1.5, of requests under way)."""

_MASK = (1 << 64) - 1


def number_of(endpoint_id: str) -> int:
    """Return an endpoint's part in its scores, the same in every process."""
    return crc32(endpoint_id.encode()) * 0x9E3779B97F4A7C15 & _MASK


def score(prefix: int, endpoint_number: int) -> int:
    """Return how well a beginning and an endpoint go together (the mixing of splitmix64)."""
    mixed = (prefix ^ endpoint_number) & _MASK
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
    return mixed ^ mixed >> 31
