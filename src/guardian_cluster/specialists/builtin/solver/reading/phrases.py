"""Which words are mathematics: turns tokens into pieces, each with the role it can play in a question.

"seventeen per cent of 2,350" and "17% of 2350" become the same pieces. What is not mathematics stays a word,
and forms.py decides whether that word belongs to a question.
"""

from collections.abc import Sequence

from guardian_cluster.specialists.builtin.solver.functions import BARE, FUNCTIONS
from guardian_cluster.specialists.builtin.solver.reading.numerals import NUMERALS, SCALES, SMALL, TENS
from guardian_cluster.specialists.builtin.solver.reading.pieces import PHRASES, Phrase, Piece, Role
from guardian_cluster.specialists.builtin.solver.reading.tokens import Token
from guardian_cluster.specialists.builtin.solver.refusal import Refusal

_EXPRESSION_SYMBOLS = frozenset("+-*/^!%()|°√∛")

_DIFFERENTIALS = frozenset(f"d{letter}" for letter in "rstuvwxyz")

_ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})

_LOG_BASES = frozenset({"2", "10"})


class _Folding:
    """One pass over the tokens, collecting pieces."""

    __slots__ = ("depth", "letter_times", "pieces", "position", "tokens", "words")

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.words = [token.text.lower() if token.kind == "name" else "" for token in tokens]
        self.pieces: list[Piece] = []
        self.position = 0
        self.depth = 0
        self.letter_times = _x_means_times(tokens, self.words)

    def emit(self, role: Role, text: str, *, count: int = 1, grouped: bool = False) -> None:
        """Add a piece that stands for the next `count` tokens."""
        first, last = self.tokens[self.position], self.tokens[self.position + count - 1]
        self.pieces.append(Piece(role, text, first.start, last.end, grouped))
        self.position += count

    def word(self, offset: int = 0) -> str:
        """Return the name `offset` tokens ahead in lower case, or nothing where there is none."""
        index = self.position + offset
        return self.words[index] if index < len(self.words) else ""

    def is_symbol(self, text: str, offset: int = 0) -> bool:
        """Tell whether the token `offset` ahead is this symbol."""
        index = self.position + offset
        return index < len(self.tokens) and self.tokens[index].text == text

    def touches(self, offset: int) -> bool:
        """Tell whether the token `offset` ahead follows its predecessor without a space."""
        index = self.position + offset
        return index < len(self.tokens) and self.tokens[index].start == self.tokens[index - 1].end


def fold(tokens: Sequence[Token]) -> list[Piece]:
    """Return the pieces of a tokenised text; raise `Refusal` where words for numbers are unclear."""
    folding = _Folding(tokens)
    while folding.position < len(tokens):
        token = tokens[folding.position]
        if token.kind == "name":
            _fold_name(folding, token)
        elif token.kind == "number":
            _fold_number(folding, token)
        elif token.kind == "power":
            folding.emit("S", token.text)
        else:
            _fold_symbol(folding, token.text)
    return folding.pieces


def _fold_symbol(folding: _Folding, text: str) -> None:
    if text == "%":
        _fold_percent(folding, 1)
    elif text == "!" and not _is_after_operand(folding):
        folding.emit("W", text)
    elif text in _EXPRESSION_SYMBOLS:
        folding.depth += (text == "(") - (text == ")")
        folding.emit("O", text)
    else:
        folding.emit("K" if text == "," and folding.depth else "W", text)


def _is_after_operand(folding: _Folding) -> bool:
    last = folding.pieces[-1] if folding.pieces else None
    return last is not None and (last.role in "NVCS" or last.text in (")", "|", "!", "%"))


def _fold_percent(folding: _Folding, count: int) -> None:
    """Tell "17% of 2,350" (a product) and "17%" (a number) from "what % of 80 is 20" (a word)."""
    if not _is_after_operand(folding):
        folding.emit("W", "percent", count=count)
    elif folding.word(count) == "of" and folding.word(count + 1) not in ("what", "which"):
        folding.emit("O", "% of", count=count + 1)
    else:
        folding.emit("O", "%", count=count)


def _fold_number(folding: _Folding, token: Token) -> None:
    is_ordinal = folding.touches(1) and folding.word(1) in _ORDINAL_ENDINGS
    folding.emit("N", token.text, grouped=token.grouped)
    if is_ordinal:
        folding.emit("W", "th")
    elif folding.word() in SCALES:
        _scale(folding)


def _scale(folding: _Folding) -> None:
    """Multiply the number just written by the scale words that follow it, as in "2.5 million"."""
    number = folding.pieces.pop()
    zeros, largest, end = 0, 0, number.end
    while (scale := SCALES.get(folding.word(), 0)) > largest:
        largest, zeros = scale, zeros + len(str(scale)) - 1
        end = folding.tokens[folding.position].end
        folding.position += 1
    if folding.word() in NUMERALS or (folding.word() == "and" and folding.word(1) in NUMERALS):
        raise Refusal("a number in several words, such as 'two hundred and five', is safer written in digits")
    if not number.text.replace(".", "").isdigit():
        raise Refusal(
            f"'{number.text} {folding.word(-1)}' mixes two ways to write a number; use digits alone"
        )
    folding.pieces.append(Piece("N", f"{number.text}e{zeros}", number.start, end, number.grouped))


def _fold_name(folding: _Folding, token: Token) -> None:
    word = folding.word()
    if (phrase := _phrase_at(folding, word)) is not None:
        _emit_phrase(folding, phrase)
    elif word == "factorial" and _is_after_operand(folding):
        folding.emit("O", "!")
    elif word in SMALL or word in TENS:
        _fold_numeral(folding, word)
    elif word == "log":
        _fold_logarithm(folding)
    elif word in FUNCTIONS and (word in BARE or folding.is_symbol("(", 1)):
        folding.emit("F", FUNCTIONS[word].name)
    elif len(word) == 1:
        _fold_letter(folding, token.text)
    else:
        _fold_letters(folding, word)


def _phrase_at(folding: _Folding, word: str) -> Phrase | None:
    start = folding.position
    for phrase in PHRASES.get(word, ()):
        if tuple(folding.words[start : start + len(phrase[0])]) == phrase[0]:
            return phrase
    return None


def _emit_phrase(folding: _Folding, phrase: Phrase) -> None:
    words, role, text = phrase
    if role == "N":
        folding.emit("N", text, count=len(words) - 1)
        folding.emit("O", "of")
    elif text == "%":
        _fold_percent(folding, len(words))
    elif text == "°" and not _is_after_operand(folding):
        folding.emit("W", words[0])
    else:
        folding.emit(role, text, count=len(words))


def _fold_numeral(folding: _Folding, word: str) -> None:
    """Read "seventeen", "twenty-five" or "two hundred thousand" as one number."""
    value, count = SMALL.get(word, TENS.get(word, 0)), 1
    hyphen = folding.is_symbol("-", 1) and folding.touches(1) and folding.touches(2)
    unit = SMALL.get(folding.word(2 if hyphen else 1), 0)
    if word in TENS and 1 <= unit <= 9:
        value, count = value + unit, 3 if hyphen else 2
    folding.emit("N", str(value), count=count)
    if folding.word() in SCALES:
        _scale(folding)


def _fold_logarithm(folding: _Folding) -> None:
    """Accept a logarithm only with its base: "log2(8)", "log_2(8)" or "log base 2 of 8"."""
    underscore = 1 if folding.is_symbol("_", 1) else 0
    index = folding.position + 1 + underscore
    base = folding.tokens[index] if index < len(folding.tokens) else None
    in_words = folding.word(1) == "base" and folding.word(3) == "of"
    if in_words and folding.tokens[folding.position + 2].text.isdigit():
        folding.emit("P", f"log base {folding.tokens[folding.position + 2].text}", count=4)
    elif base is not None and base.text in _LOG_BASES and folding.is_symbol("(", 2 + underscore):
        folding.emit("F", f"log base {base.text}", count=2 + underscore)
    else:
        raise Refusal("'log' alone leaves its base open; write ln(x), log10(x) or 'log base 2 of x'")


def _fold_letter(folding: _Folding, letter: str) -> None:
    following = folding.word(1)
    if letter in folding.letter_times:
        folding.emit("O", "*")
    elif letter == "d" and folding.is_symbol("/", 1) and folding.word(2) in _DIFFERENTIALS:
        folding.emit("W", "d/d", count=2)
        folding.emit("V", folding.word()[1])
    elif letter in "aA" and len(following) > 1 and following not in FUNCTIONS:
        folding.emit("W", "a")
    elif letter == "e":
        folding.emit("C", "e")
    else:
        folding.emit("V", letter)


def _fold_letters(folding: _Folding, word: str) -> None:
    if word in _DIFFERENTIALS:
        folding.emit("W", "d")
        previous = folding.pieces[-1]
        folding.pieces.append(Piece("V", word[1], previous.start, previous.end))
    elif len(set(word)) == len(word) and set(word) <= {"x", "y", "z"}:
        start = folding.tokens[folding.position].start
        folding.position += 1
        folding.pieces.extend(
            Piece("V", letter, start + offset, start + offset + 1) for offset, letter in enumerate(word)
        )
    else:
        folding.emit("W", word)


def _x_means_times(tokens: Sequence[Token], words: Sequence[str]) -> frozenset[str]:
    """Tell whether the letter x stands for "times", as in "25 x 40", and is never used as an unknown."""
    places = [index for index, word in enumerate(words) if word == "x"]
    if places and all(_between_spaced_numbers(tokens, index) for index in places):
        return frozenset({"x", "X"})
    return frozenset()


def _between_spaced_numbers(tokens: Sequence[Token], index: int) -> bool:
    if not 0 < index < len(tokens) - 1:
        return False
    before, letter, after = tokens[index - 1 : index + 2]
    numbers = before.kind == after.kind == "number"
    return numbers and before.end < letter.start and letter.end < after.start
