import random
import uuid

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.ids import first_request_id, request_id

times = st.floats(min_value=0, max_value=8e10)


@given(times, st.integers())
def test_an_id_is_a_uuid_of_version_7(now: float, seed: int) -> None:
    kind, _, digits = request_id(now, random.Random(seed)).partition("_")

    read = uuid.UUID(digits)
    assert (kind, read.version, read.variant) == ("req", 7, uuid.RFC_4122)
    assert int.from_bytes(read.bytes[:6], "big") == int(now * 1000)


@given(times, times, st.integers())
def test_ids_sort_by_their_time_in_ms(one: float, other: float, seed: int) -> None:
    draw = random.Random(seed)
    earlier, later = sorted((one, other))

    assert request_id(earlier, draw)[:16] <= request_id(later, draw)[:16]


@given(times, times, st.integers())
def test_the_first_id_of_a_time_parts_what_came_before_from_what_came_after(
    one: float, other: float, seed: int
) -> None:
    earlier, later = sorted((one, other))
    draw = random.Random(seed)

    assert first_request_id(earlier) <= request_id(later, draw)
    assert int(earlier * 1000) == int(later * 1000) or request_id(earlier, draw) < first_request_id(later)


def test_ids_of_one_moment_differ() -> None:
    draw = random.Random(1)

    assert len({request_id(1.0, draw) for _ in range(1_000)}) == 1_000
