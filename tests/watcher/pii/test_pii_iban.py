"""Which words are international bank account numbers."""

import pytest

from guardian_cluster.watcher.pii.detector import PiiDetector
from guardian_cluster.watcher.pii.iban import LENGTHS, checked

IBANS = PiiDetector(frozenset({"iban"}))
VALID = (
    "GB82WEST12345698765432",
    "DE89370400440532013000",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
)


@pytest.mark.parametrize("account", VALID)
def test_an_account_is_found_however_it_is_grouped(account: str):
    grouped = " ".join(account[at : at + 4] for at in range(0, len(account), 4))
    for written in (account, account.lower(), grouped, grouped.replace(" ", "-")):
        (item,) = IBANS.find(f"to {written}, please", last=True)
        assert (item.start, item.end, item.detail) == (3, 3 + len(written), account[:2])


@pytest.mark.parametrize("account", VALID)
def test_one_wrong_character_is_noticed(account: str):
    wrong = account[:-1] + ("1" if account[-1] != "1" else "2")

    assert checked(account)
    assert not checked(wrong)
    assert IBANS.find(wrong, last=True) == []


def test_longer_words_and_unknown_countries_are_no_accounts():
    assert IBANS.find(VALID[0] + "7", last=True) == []
    assert IBANS.find("x" + VALID[0], last=True) == []
    assert IBANS.find("XX82WEST12345698765432", last=True) == []


def test_lengths_are_within_the_standard():
    assert len(LENGTHS) > 80
    assert all(15 <= length <= 34 for length in LENGTHS.values())


def test_a_country_at_the_end_is_held_and_other_words_are_not():
    assert IBANS.open_from("pay to GB") == 7
    assert IBANS.open_from("pay to GB82 WEST 12") == 7
    assert IBANS.open_from("pay to XX") == 9
    assert IBANS.open_from("pay to nobody") == 13
