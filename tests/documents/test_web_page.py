import time

import pytest
from document_text import shape
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.documents.web_page import read_web_page

PIECES = [
    "<",
    ">",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    '<a href="',
    '"',
    "<h1>",
    "</h1>",
    "<p>",
    "&amp;",
    "x",
    "\n",
    "<br>",
    "&#9",
    "İ",
]


def seen(text: str) -> list[tuple[str, str]]:
    return [(heading, words) for heading, words, *_ in shape(list(read_web_page(text)))]


def test_what_a_reader_sees_is_read_under_its_headings() -> None:
    page = """<html><head><title>T</title><style>p {}</style></head><body>
<h1>Leave &amp; <em>rest</em></h1>
<p>28 days.<br>Paid.</p><script>if (a < b) alert("<p>no</p>")</script>
<h2>Sick</h2><ul><li>one</li><li>two</li></ul></body>"""

    assert shape(list(read_web_page(page))) == [
        ("", "T", 1, 1),
        ("Leave & rest", "28 days. Paid.", 3, 3),
        ("Leave & rest > Sick", "one", 4, 4),
        ("Leave & rest > Sick", "two", 4, 4),
    ]


def test_rows_of_a_table_keep_their_cells_apart() -> None:
    assert seen("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>") == [
        ("", "a | b"),
        ("", "1 | 2"),
    ]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("a<!-- <p>no</p> -->b", "ab"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ('<a title="x > y">link</a>', "link"),
        ("<p>&lt;script&gt; &copy; &#65;</p>", "<script> © A"),
        ("<P>upper</P><SCRIPT>no</SCRIPT>", "upper"),
        ("<svg><text>no</text></svg>yes", "yes"),
        ("unclosed <b>bold", "unclosed bold"),
        ("&#" + "9" * 5_000 + ";", "&#" + "9" * 5_000 + ";"),
    ],
)
def test_markup_of_any_kind_gives_the_text(page: str, expected: str) -> None:
    assert " ".join(words for _, words in seen(page)) == expected


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!--",
        "<a",
        '<a "',
        "<div>",
        "<script>",
        "</",
        "&#x",
        "<!",
        '<a b="',
        "<h1>",
        "<td>",
        "&",
        "<a>\n",
        "<br>",
    ],
)
def test_a_page_made_to_take_long_takes_no_longer(piece: str) -> None:
    page = piece * (1_000_000 // len(piece))
    started = time.process_time()

    list(read_web_page(page))

    assert time.process_time() - started < 30


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_every_page_is_read_and_shows_no_script(page: str) -> None:
    blocks = list(read_web_page(page + "</script>--><script>evil()</script>"))

    assert not any("evil" in block.text for block in blocks) or '"' in page or "<!--" in page
    assert all(1 <= block.first_line <= block.last_line <= page.count("\n") + 1 for block in blocks)
