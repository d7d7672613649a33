"""Tells in which language a text is, crudely: by its letters and its commonest words."""

import re

COMMON_WORDS = {
    "english": "the and of to is in that it for was with are this you not have be on as by",
    "german": "der die das und ist nicht ein eine zu den mit von sich auf für dem es im auch wird",
    "french": "le la les des et est une pas que pour dans qui sur au du ce il elle avec sont",
    "spanish": "el los las de que y en un una es por con para del se no su como al más",
    "italian": "il di che è la un una per non sono con del della gli le si da nel come anche",
    "portuguese": "o os as de que e um uma para com não é do da em se por mais dos ao",
    "dutch": "de het een en van is niet dat op te zijn met voor die in er aan ook als",
}
_COMMON_IN = {
    word: tuple(language for language, common in COMMON_WORDS.items() if word in common.split())
    for words in COMMON_WORDS.values()
    for word in words.split()
}
SCRIPTS = {
    "russian": re.compile("[\u0400-\u04ff]"),
    "greek": re.compile("[\u0370-\u03ff]"),
    "arabic": re.compile("[\u0600-\u06ff]"),
    "hebrew": re.compile("[\u0590-\u05ff]"),
    "hindi": re.compile("[\u0900-\u097f]"),
    "japanese": re.compile("[\u3040-\u30ff]"),
    "korean": re.compile("[\uac00-\ud7af]"),
    "chinese": re.compile("[\u4e00-\u9fff]"),
}
"""Those that are written in letters of their own; Japanese comes before Chinese, whose signs it uses as well."""
_WORD = re.compile(r"[^\W\d_]{1,20}")
_LOOKED_AT = 200
"""Characters: some thirty words, of which the commonest of a language make up a third."""
_ENOUGH = 12
"""Words below which nothing is said: single words occur in several languages."""
_SHARE = 0.2
"""Of the letters in a script of its own; code, names and formulas between are in Latin ones."""


def language_of(text: str) -> str | None:
    """Return the language of a text by its letters and commonest words, or `None` where that is not clear."""
    head = text[:_LOOKED_AT]
    if not head.isascii():
        letters = sum(map(str.isalpha, head))
        for language, script in SCRIPTS.items():
            if len(script.findall(head)) > _SHARE * max(1, letters):
                return language
    words = _WORD.findall(head.lower())
    if len(words) < _ENOUGH:
        return None
    counts = dict.fromkeys(COMMON_WORDS, 0)
    for word in words:
        for language in _COMMON_IN.get(word, ()):
            counts[language] += 1
    (second, _), (best, name) = sorted((count / len(words), name) for name, count in counts.items())[-2:]
    return name if best >= 0.12 and best > 1.5 * second else None
