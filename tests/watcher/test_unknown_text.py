"""The text at one place: its pieces are one text, and nothing leaves behind a finding."""

from watched_answers import policy

from guardian_cluster.watcher.unknown_text import WITHHELD, PlaceText

BLOCKING = policy(on_secret="redact", personal={"email": "redact"}).blocking


def found_in(place: PlaceText, piece: str) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    if not place.begin(piece):
        return place.closed_by
    place.read(piece, found, last=True)
    return found


def test_nothing_is_read_behind_a_finding():
    place = PlaceText(BLOCKING.beginnings(), BLOCKING.personal)

    assert [found_in(place, piece) for piece in ("AKIAJDCZWB76UTFAQBGH ", "more")] == [
        {("secret", "aws-access-key")}
    ] * 2


def test_a_text_that_recurs_and_holds_nothing_is_known():
    place = PlaceText(BLOCKING.beginnings(), BLOCKING.personal)
    found_in(place, "hello ")

    assert place.repeats("hello ")
    assert found_in(place, "world ") == set()
    assert not place.repeats("hello ")


def test_an_address_is_withheld_from_its_sign_on():
    place = PlaceText(BLOCKING.beginnings(), BLOCKING.personal)

    found = [found_in(place, piece) for piece in ("to ", "bob.smith", "@exa", "mple.com ")]

    assert found[:3] == [set(), set(), {WITHHELD}]
    assert ("personal-data", "email") in found[3]
