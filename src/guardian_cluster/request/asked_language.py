"""Tells in which language a question is: cheaper than for answers, and from fewer words, for it only sorts requests."""

import re
from collections.abc import Sequence
from itertools import repeat

from guardian_cluster.request.checks.languages import COMMON_WORDS, SCRIPTS

ASKING_WORDS = {
    "english": "what how which who when where why do does did can could would should i my me we your they will has "
    "have or an from at if there about give tell write make please many much explain list some all",
    "german": "was wie wer wo wann warum welche welcher welches ich du wir ihr sie mein meine dein kann kannst können "
    "soll hat haben oder aus bei wenn werden bitte einen einem einer gib mir schreibe erkläre vom zum zur viele nach "
    "vor über nur noch gibt man diese dieser dass",
    "french": "quel quelle quels quelles comment pourquoi où quand je tu nous vous mon ma mes peut peux sans ou si aux "
    "cette ces être avoir plus écris explique donne moi de se en combien ne on par son sa ses qu",
    "spanish": "qué cuál cuáles cómo quién dónde cuándo yo tú mi mis puede puedes sin si esta este hay ser tiene "
    "escribe explica dime todo son más cuántos le lo sus me te ha o muy sobre entre",
    "italian": "cosa quale quali come perché dove quando chi io tu mio mia può puoi senza questa questo ha essere "
    "scrivi spiega qual ci delle dei al alla dal nella sul quanti degli",
    "portuguese": "qual quais quem onde quando por eu você meu minha pode sem ou esta este há ser tem escreva explique "
    "na no as nos seu sua muito são foi pela ao à quantos",
    "dutch": "wat hoe wie waar wanneer waarom welke ik jij je wij mijn kan kunnen zonder of heeft hebben wordt deze "
    "dit schrijf leg uit naar bij om nog wel geen over dan hoeveel",
}
"""Questions are shorter than answers and begin with words of their own: with these 97 % of GSM8K's and 95 % of
MMLU's are told, which without them are 88 % and 90 %."""

LOOKED_AT = 24
"""Words, fewer than 256; the commonest of a language make up a third of them."""

_LEAST_WORDS = 4
_LEAST_FOUND = 2
"""Common words: a single one may be a name."""
_LEAST_SHARE = 0.12
_AHEAD = 1.5
"""Times as many as of the next language: neighbours have words in common."""
_SCRIPT_SHARE = 0.2
_SCRIPT_CHARACTERS = 200
_NOT_LATIN = re.compile("[\u0370-\u06ff\u0900-\u097f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")


def _codes() -> dict[bytes, int]:
    """Return for each word a number with a byte for each language, 1 in those that have the word."""
    codes: dict[bytes, int] = {}
    for place, language in enumerate(_LANGUAGES):
        for word in f"{COMMON_WORDS[language]} {ASKING_WORDS[language]}".split():
            if len(word) > 1:  # in formulas and code single letters are names
                codes[word.encode()] = codes.get(word.encode(), 0) | 1 << 8 * place
    return codes


_LANGUAGES = tuple(COMMON_WORDS)
_CODES = _codes()
_NONE = repeat(0)


def asked_language(text: str, words: Sequence[bytes]) -> str:
    """Return the language of a text with these words, as of `statistics.form.words_of`; empty where it is not clear."""
    if not text.isascii() and (language := _by_script(text[:_SCRIPT_CHARACTERS])):
        return language
    looked_at = words[:LOOKED_AT]
    if len(looked_at) < _LEAST_WORDS:
        return ""
    # All languages are counted at once, each in a byte of its own: a third of the time that counting apart takes.
    counts = sum(map(_CODES.get, looked_at, _NONE)).to_bytes(len(_LANGUAGES), "little")
    next_most, most = sorted(counts)[-2:]
    is_clear = most >= max(_LEAST_FOUND, _LEAST_SHARE * len(looked_at)) and most > _AHEAD * next_most
    return _LANGUAGES[counts.index(most)] if is_clear else ""


def _by_script(head: str) -> str:
    """Return the language whose script a text is in; most that is not ASCII is Latin all the same."""
    if not (foreign := len(_NOT_LATIN.findall(head))):
        return ""
    least = _SCRIPT_SHARE * sum(map(str.isalpha, head))
    if foreign <= least:
        return ""
    return next((name for name, script in SCRIPTS.items() if len(script.findall(head)) > least), "")
