"""Benign text of every kind is there in the amount asked for, and is the same for the same seed."""

import gzip
import json
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks.sets import benign_text
from benchmarks.sets.benign_words import WORDS


@pytest.mark.parametrize("kind", benign_text.kinds())
def test_there_is_as_much_text_as_asked_for_and_the_same_for_a_seed(kind: str):
    made, again = (list(benign_text.texts(kind, 20_000, random.Random(2))) for _ in range(2))

    assert made == again
    assert 20_000 <= sum(map(len, made)) < 40_000
    assert len(set(made)) > 1
    assert benign_text.source(kind)


@pytest.mark.parametrize("language", ["chinese", "japanese", "thai"])
def test_text_of_languages_without_spaces_has_none_between_words(language: str):
    text = next(benign_text.texts(language, 1000, random.Random(1)))

    assert max(map(len, text.split())) > 20
    assert sum(character.isascii() for character in text) < 0.2 * len(text)


def test_every_language_has_words_enough_and_none_twice():
    assert {language: len(words) for language, words in WORDS.items() if len(words) < 40} == {}
    assert [language for language, words in WORDS.items() if len(set(words)) != len(words)] == []


def test_json_can_be_read():
    assert all(json.loads(text) for text in benign_text.texts("json", 9000, random.Random(1)))


def test_answers_come_from_the_given_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / benign_text.ANSWERS
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b'{"answer": "Yes. No."}\n'))
    monkeypatch.setenv("GUARDIAN_DATA", str(tmp_path))
    benign_text.answers.cache_clear()

    found = benign_text.answers()
    path.write_bytes(b"torn")
    benign_text.answers.cache_clear()

    assert found == (("Yes. No.",), "given")
    with pytest.raises(RuntimeError, match="benign_answers"):
        benign_text.answers()
