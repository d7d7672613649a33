"""How familiar a text's form is: what was seen often, what never, and how counts are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.familiarity import MEMORY, Familiarity

ONE = tuple(range(100, 148))
OTHER = tuple(range(200, 248))


def seen(*, one: int, other: int) -> Familiarity:
    forms = Familiarity()
    for tiles, times in ((ONE, one), (OTHER, other)):
        for _ in range(times):
            forms.note(tiles, 1.0)
    return forms


def test_nothing_is_familiar_at_first() -> None:
    assert Familiarity().of(ONE) == 0.0


def test_what_was_seen_is_familiar_and_the_rest_is_not() -> None:
    forms = seen(one=10, other=0)

    assert forms.of(ONE) == 1.0
    assert forms.of(OTHER) == 0.0


def test_what_is_rare_among_many_texts_is_not_familiar() -> None:
    forms = seen(one=1_000, other=2)

    assert forms.of(OTHER) == 0.0


def test_a_few_unknown_cells_cost_trust_in_proportion() -> None:
    forms = seen(one=10, other=0)

    values = [forms.of((*ONE[unknown:], *OTHER[:unknown])) for unknown in range(8)]

    assert values == sorted(values, reverse=True)
    assert 0.0 < values[2] < 1.0
    assert values[-1] == 0.0


def test_a_kind_of_text_that_no_longer_comes_is_forgotten_and_no_count_grows_forever() -> None:
    forms = Familiarity()
    forms.note(ONE, 300.0)
    for _ in range(10):
        forms.note(OTHER, MEMORY / 2)

    assert forms.of(ONE) == 0.0
    assert forms.of(OTHER) == 1.0


def test_a_text_without_tiles_is_unknown() -> None:
    assert seen(one=3, other=0).of(()) == 0.0


def test_counts_survive_being_stored() -> None:
    forms = seen(one=5, other=3)
    back = Familiarity.decode(forms.encode())

    assert back.encode() == forms.encode()
    assert back.of(ONE) == forms.of(ONE)


@given(st.binary(max_size=200))
def test_bytes_of_another_length_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="counts of forms"):
        Familiarity.decode(data)


@pytest.mark.parametrize("bad", [b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\x00\x00\x80\xbf"])
def test_counts_that_are_none_are_refused(bad: bytes) -> None:
    data = bytearray(Familiarity().encode())
    data[8:12] = bad

    with pytest.raises(ValueError, match="numbers that are no"):
        Familiarity.decode(bytes(data))
