"""Which letters can be no word of their own, nor its beginning or end: then the two halves of a word meet there.

The rules are those of spelling: no word of a European language begins with "rd" or "nts" or ends with "kl", and
none but a few is without a vowel. Words of the text itself are words, whatever their letters.
"""

import re

_VOWELS = re.compile("[aeiouyà-æè-ïò-öø-ýÿāăąēęěīįōőœūůűųаеёиоуыэюяіїє]")
_NO_BEGINNING = frozenset((
    "bb", "cc", "ck", "dd", "ff", "gg", "ld", "lf", "lk", "lm", "lp", "lt", "mp", "nb", "nc", "nd", "nk",
    "np", "ns", "nt", "nz", "pp", "rb", "rc", "rd", "rf", "rg", "rk", "rl", "rm", "rn", "rp", "rr", "tt",
    "xt",
))  # fmt: skip
_NO_END = frozenset((
    "bl", "br", "cr", "dr", "fl", "fr", "gl", "gr", "kl", "kr", "pl", "pr", "qu", "tr", "vr",
))  # fmt: skip
_SLAVIC = re.compile("[ąćęłńśźżčďěňřšťůžǆđ]")
"""Letters of languages whose words end with more consonants than others do ("wiatr", "kadr")."""
_WORDS_OF_ONE = frozenset("aeiouykswvzàáèéóòавикосуяєій")
"""Of any language."""
_NO_FIRST = frozenset("ьъы")
_ENDINGS = frozenset((
    "aient", "ciones", "ción", "dades", "ely", "ement", "ements", "ence", "ences", "ened", "ential",
    "eous", "ership", "etic", "eurs", "euse", "euses", "heit", "heiten", "icated", "ication",
    "ician", "iert", "ierte", "ierten", "ified", "ily", "iness", "ingly", "ings", "iones", "ious",
    "isation", "isch", "ische", "ischen", "ischer", "isches", "ising", "ities", "itive", "ity", "ität",
    "itäten", "ization", "izing", "ième", "ión", "keit", "keiten", "lessly", "lich", "liche", "lichen",
    "licher", "liches", "ling", "lings", "lity", "mentos", "ments", "ness",
    "nesses", "ologist", "ology", "ous", "ously", "owa", "owy", "ości", "ość", "schaft", "schaften",
    "ssion", "tion", "tional", "tionally", "tionen", "tions", "tive", "tively", "ture", "tures", "ung",
    "ungen", "ungs", "zione", "zioni", "ção", "ções",
))  # fmt: skip
"""Ends of words that are none themselves."""
_UNITS = frozenset((
    "bzw", "cm", "css", "db", "ft", "gb", "ghz", "hl", "hr", "hrs", "html", "http", "hz", "kb", "kg", "km",
    "kph", "kwh", "lb", "mb", "mg", "mhz", "ml", "mm", "mph", "mr", "mrs", "ms", "nm", "pt", "sql", "ssh",
    "st", "tb", "tv", "vgl", "vs", "www", "xml",
))  # fmt: skip


def are_halves(left: str, right: str, words: frozenset[str], *, is_inner: bool) -> bool:
    """Return whether two pieces of letters, in small ones, must be one word, since one of them cannot be any.

    `words` are known; `is_inner` tells that neither follows a number, or stands alone for something else.
    """
    if right not in words and _is_no_word_end(right):
        return True
    return is_inner and left not in words and _is_no_word_beginning(left, words)


def is_word_of_one(letter: str) -> bool:
    """Return whether a small letter is a word of its own in any language."""
    return letter in _WORDS_OF_ONE


def _is_no_word_end(right: str) -> bool:
    if right[0] in _NO_FIRST or right[:2] in _NO_BEGINNING or right in _ENDINGS:
        return True
    return _is_bare(right)


def _is_no_word_beginning(left: str, words: frozenset[str]) -> bool:
    if _is_bare(left):
        return True
    return left[-2:] in _NO_END and not _SLAVIC.search("".join(words))


def _is_bare(piece: str) -> bool:
    """Return whether letters are too few, or without a vowel, to be a word."""
    if len(piece) == 1:
        return piece not in _WORDS_OF_ONE
    return _VOWELS.search(piece) is None and piece not in _UNITS
