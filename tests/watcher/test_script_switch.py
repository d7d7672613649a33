"""When an answer goes on in another script, and when it only says a word in one."""

import random
import time

import pytest
from fed_sensor import fed
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import Teller

from guardian_cluster.watcher.script_switch import ScriptSwitchDetector

ENGLISH = (
    "The harbour lay quiet under a sky of slate. Three boats came in before noon, one with its mast gone, and the "
    "keeper wrote each name into the book that his father had begun. By evening the wind had turned; nobody spoke of "
)
CHINESE = (
    "港口在灰色的天空下静静地躺着中午之前有三条船进来其中一条桅杆断了守塔人把每个名字都写进他父亲开始的那本书里到了晚上风向"
    "变了没有人提起第四条船虽然它的灯亮着面包也烤好了早晨书翻到了另一页字迹守塔人不认识墨已经干了。"
)
RUSSIAN = (
    "Гавань тихо лежала под серым небом. До полудня пришли три лодки, одна без мачты, и смотритель записал каждое имя "
    "в книгу, начатую его отцом. К вечеру ветер переменился, и никто не говорил о четвёртой лодке, хотя лампа горела. "
)


def found_at(*pieces: str) -> int | None:
    return fed(ScriptSwitchDetector(), pieces)


@pytest.mark.parametrize(
    ("before", "after", "within"),
    [
        (ENGLISH, CHINESE, 45),
        (ENGLISH, RUSSIAN, 160),
        (RUSSIAN, CHINESE, 45),
        (CHINESE, RUSSIAN, 160),
        (CHINESE, ENGLISH * 3, 480),
    ],
)
def test_an_answer_that_turns_into_another_script_is_found(before: str, after: str, within: int):
    found = found_at(before, after)

    assert found is not None
    assert len(before) < found <= len(before) + within


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH * 20,
        CHINESE * 20,
        RUSSIAN * 20,
        ENGLISH + 'In Chinese that is "' + CHINESE[:100] + '". ' + ENGLISH,
        ENGLISH + "Here is the translation:\n\n" + CHINESE,
        (ENGLISH + "The word гавань, or 港口, is old. ") * 20,
        (CHINESE[:40] + "用 Python 和 asyncio 写 HTTP gateway, 见 https://example.org/docs/harbour. ") * 20,
        CHINESE + "\n```python\n" + "for boat in harbour.boats: print(boat.name)\n" * 40 + "```\n" + CHINESE,
        (ENGLISH[:60] + CHINESE[:20]) * 20,
        "α + β = γ, so " + ENGLISH + "Δx · Δp ≥ ħ/2 and Σ αᵢ = Ω. " * 30,
        "😀🎉 " * 300 + ENGLISH,
        CHINESE[:20] + ENGLISH,
        "",
    ],
)
def test_words_quotations_translations_and_code_are_no_switch(text: str):
    assert found_at(text) is None


@given(
    st.lists(
        st.sampled_from(
            [ENGLISH[:90], CHINESE[:50], RUSSIAN[:170], "```", ":\n", "  " * 40, "é", "\ud800", '"']
        )
    ),
    st.randoms(use_true_random=False),
)
def test_where_a_switch_is_found_does_not_depend_on_the_cutting(pieces: list[str], rng: random.Random):
    text = "".join(pieces)

    assert found_at(*Teller(rng, longest=30).cut(text)) == found_at(text)


def test_a_megabyte_takes_linear_time():
    text = (RUSSIAN + "boat " * 9) * 2_500
    started = time.process_time()

    assert found_at(text) is None

    assert time.process_time() - started < 10
