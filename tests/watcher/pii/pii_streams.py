"""Streams for detectors of personal data: a text in pieces, with nothing released before it is decided."""

from collections.abc import Sequence

from hypothesis import strategies as st

from guardian_cluster.watcher.pii.detector import PiiDetector
from guardian_cluster.watcher.pii.found import KINDS, LOOK_BACK, Found

ALL = PiiDetector(frozenset(KINDS))

ITEMS = (
    *("4111 1111 1111 1111", "4111111111111111", "3782-822463-10005", "6304 0000 0000 0000", "4222222222222"),
    *("GB82 WEST 1234 5698 7654 32", "de89370400440532013000", "NL91ABNA0417164300"),
    *("jane.doe+tag@example.co.uk", "a@b.io", "x_y-z@sub.domain.museum", "git@github.com", "--q@r.net"),
    *(
        "(415) 555-2671",
        "+1-903-140-4508x769",
        "+41 (0)71 526 99 04",
        "phone: 99 577450",
        "call me at 0494 92 82 32",
    ),
    *(
        "415-555-2671 ext. 12",
        "020 7946 0018 (fax)",
        "+447700 900123",
        "001-253-366-9781",
        "tel 5551234-Office",
    ),
    *(
        "125-17-4954",
        "ssn 125174954",
        "125 17 4954",
        "192.168.13.77",
        "2001:db8::ff00:42:8329",
        "fe80::1:abcd",
    ),
    *(
        "::ffff:10.1.2.3",
        "v1.2.3.4",
        "529.982.247-25",
        "cpf 52998224725",
        "12345678Z",
        "X1234567L",
        "ABCPE1234F",
    ),
    *("RSSMRA85T10A562S", "11010519491231002X", "AB 12 34 56 C", "1 85 05 78 006 084 91", "nhs 943 476 5919"),
)
FRAGMENTS = (
    *(
        " ",
        "  ",
        ".",
        ",",
        "-",
        "(",
        "+",
        "/",
        ":",
        "@",
        "\n",
        "_",
        "x",
        "e",
        "ext",
        "\u00a0",
        "\u2011",
        "\x00",
        "\ud800",
    ),
    *(
        "0",
        "1",
        "12",
        "123",
        "1234",
        "2024-05-17",
        "3.14",
        "10:45",
        "99%",
        "$5",
        "AB",
        "GB",
        "is",
        "be",
        "dead:beef",
    ),
    *(
        " word",
        "Card",
        " and then",
        "卡号",
        "ünder",
        "a" * 70,
        "-" * 70,
        "7" * 60,
        "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 ",
    ),
)


def texts(max_size: int = 14) -> st.SearchStrategy[str]:
    """Return texts in which items, their parts and what resembles them stand side by side."""
    whole, parts = st.sampled_from(ITEMS), st.sampled_from(FRAGMENTS)
    cut = st.builds(lambda item, at: item[: at % len(item)], whole, st.integers(0, 40))
    rest = st.builds(lambda item, at: item[at % len(item) :], whole, st.integers(0, 40))
    noise = st.text("0123456789 .-()+@:abfGX", max_size=12)
    return st.lists(st.one_of(whole, parts, parts, cut, rest, noise), max_size=max_size).map("".join)


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    """Cut a text into pieces of these sizes, over and over."""
    pieces: list[str] = []
    at, n = 0, 0
    while at < len(text):
        size = sizes[n % len(sizes)]
        pieces.append(text[at : at + size])
        at, n = at + size, n + 1
    return pieces


def streamed(detector: PiiDetector, pieces: Sequence[str]) -> tuple[list[Found], list[tuple[int, int]]]:
    """Feed pieces as the release gate does; return the items, and what had been released after each.

    Each release is told with the number of items that were known then.
    """
    released, held = "", ""
    found: list[Found] = []
    releases: list[tuple[int, int]] = []
    for n, piece in enumerate([*pieces, ""]):
        last = n == len(pieces)
        held += piece
        before = released[-LOOK_BACK:]
        items = detector.find(held, last=last, before=before)
        until = len(held) if last else detector.open_from(held, before=before)
        assert detector.scan(held, last=last, before=before) == (items, until)
        assert all(item.end <= until for item in items)
        found += [
            item._replace(start=item.start + len(released), end=item.end + len(released)) for item in items
        ]
        released, held = released + held[:until], held[until:]
        releases.append((len(released), len(found)))
    return found, releases


def assert_cutting_changes_nothing(detector: PiiDetector, text: str, sizes: Sequence[int]) -> None:
    """Check what the gate relies on."""
    whole = detector.find(text, last=True)
    found, releases = streamed(detector, cut(text, sizes))
    assert found == whole
    for until, known in releases:
        assert all(item.end <= until for item in whole[:known])
        assert all(item.start >= until for item in whole[known:])


def longest_held(detector: PiiDetector, pieces: Sequence[str]) -> int:
    """Return the most characters held after any piece."""
    _, releases = streamed(detector, pieces)
    read, most = 0, 0
    for piece, (until, _) in zip(pieces, releases, strict=False):
        read += len(piece)
        most = max(most, read - until)
    return most
