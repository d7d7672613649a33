"""Recognises identity and tax numbers of persons in sixteen countries by form, check digits and, if weak, by a word.

The check digits are python-stdnum's. One random number of ten or eleven passes most of them, so a form without
letters or fixed punctuation counts only where a word names the number.
"""

import importlib
import re
from collections.abc import Callable
from typing import NamedTuple

from guardian_cluster.watcher.pii.context import said_before, words
from guardian_cluster.watcher.pii.digits import begins_word
from guardian_cluster.watcher.pii.found import OPEN, Answer, Found, Kind

_D = "[0-9]"
_GAP = "[ \u00a0-]?"
_LETTER = "[A-Z]"
_FIRST_OF_NINO, _SECOND_OF_NINO, _LAST_OF_NINO = "[A-CEGHJ-PR-TW-Z]", "[A-CEGHJ-NPR-TW-Z]", "[A-D]"
_MONTH = "[ABCDEHLMPRST]"
_OMOCODE = "[0-9LMNPQRSTUV]"
"""A digit, or the letter that replaces it where two persons would have the same codice fiscale."""


class Form(NamedTuple):
    """One way in which a number is written."""

    country: str
    atoms: tuple[str, ...]
    """Expressions of one character each, optional ones ending in "?"."""
    check: str
    """The module of python-stdnum that checks it; empty where the number has no check digits."""
    words: re.Pattern[str] | None = None
    """What must announce it; `None` where form and check suffice."""


def _digits(*groups: int, between: str = "") -> tuple[str, ...]:
    atoms: list[str] = []
    for group in groups:
        atoms += [*([between] if atoms and between else []), *[_D] * group]
    return tuple(atoms)


_CPF_WRITTEN = (*_digits(3, 3, 3, between=r"\."), "-", *_digits(2))
_CNPJ_WRITTEN = (*_digits(2, 3, 3, between=r"\."), "/", *_digits(4), "-", *_digits(2))
_NINO = (_FIRST_OF_NINO, _SECOND_OF_NINO)
_CODICE = (*[_LETTER] * 6, *_digits(2), _MONTH, *[_OMOCODE] * 2, _LETTER, *[_OMOCODE] * 3, _LETTER)
_CURP = (*[_LETTER] * 4, *_digits(6), "[HMX]", *[_LETTER] * 5, "[0-9A-Z]", _D)

FORMS: tuple[Form, ...] = (
    Form("AU", _digits(3, 3, 3, between=_GAP), "stdnum.au.tfn", words("tfn", "tax file")),
    Form("BR", _CPF_WRITTEN, "stdnum.br.cpf"),
    Form("BR", _digits(11), "stdnum.br.cpf", words("cpf", "cadastro")),
    Form("BR", _CNPJ_WRITTEN, "stdnum.br.cnpj"),
    Form("BR", _digits(14), "stdnum.br.cnpj", words("cnpj", "cadastro")),
    Form("CA", _digits(3, 3, 3, between=_GAP), "stdnum.ca.sin", words("sin", "nas", "social insurance")),
    Form("CN", (*_digits(17), "[0-9Xx]"), "stdnum.cn.ric"),
    Form(
        "DE",
        _digits(2, 3, 3, 3, between=_GAP),
        "stdnum.de.idnr",
        words("id-?nr", "tax", "tin", "steuer[a-z-]*"),
    ),
    Form("ES", (*_digits(8), "-?", _LETTER), "stdnum.es.dni"),
    Form("ES", ("[XYZ]", "-?", *_digits(7), "-?", _LETTER), "stdnum.es.nie"),
    Form("FR", _digits(1, 2, 2, 2, 3, 3, 2, between=_GAP), "stdnum.fr.nir"),
    Form("GB", _digits(3, 3, 4, between=_GAP), "stdnum.gb.nhs", words("nhs", "national health")),
    Form("GB", (*_NINO, *_digits(6), _LAST_OF_NINO), "", words("nino", "national insurance", "ni")),
    Form("GB", (*_NINO, " ", *_digits(2, 2, 2, between=" "), " ", _LAST_OF_NINO), ""),
    Form("IN", _digits(4, 4, 4, between=_GAP), "stdnum.in_.aadhaar", words("aadhaa?r", "uidai", "आधार")),
    Form("IN", (*[_LETTER] * 3, "P", _LETTER, *_digits(4), _LETTER), "stdnum.in_.pan"),
    Form("IT", _CODICE, "stdnum.it.codicefiscale"),
    Form("KR", (*_digits(6), "-", *_digits(7)), "stdnum.kr.rrn"),
    Form("MX", _CURP, "stdnum.mx.curp"),
    Form("NL", _digits(9), "stdnum.nl.bsn", words("bsn", "burgerservicenummer", "sofi-?nummer")),
    Form("PL", _digits(11), "stdnum.pl.pesel", words("pesel")),
    Form("SE", (*_digits(6), "[-+]", *_digits(4)), "stdnum.se.personnummer", words("personnummer", "pnr")),
    Form("ZA", _digits(13), "stdnum.za.idnr", words("south african", "rsa", "identity", "id")),
)
"""Names that two numbers of a country share tell nothing more than the country does, so they are left out."""

_STARTS = re.compile(r"(?<![A-Za-z0-9_])(?:[A-Z]{1,6}[ -]?)?[0-9]")
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENDS = frozenset(_CAPITALS + " -")
_WORD = frozenset("0123456789_abcdefghijklmnopqrstuvwxyz" + _CAPITALS)


def beginning_of(atoms: tuple[str, ...]) -> str:
    """Return an expression for every beginning of a form, the whole one included, that a text ends in."""
    expression = r"\Z"
    for atom in reversed(atoms):
        expression = rf"(?:\Z|{atom}{expression})"
    return expression


class NationalIds:
    """Numbers in one of the forms above, capitals only."""

    kind: Kind = "national_id"

    def __init__(self) -> None:
        whole = ["".join(form.atoms) for form in FORMS]
        beginnings = [beginning_of(form.atoms) for form in FORMS]
        self._whole, self._beginning = re.compile("|".join(whole)), re.compile("|".join(beginnings))
        self._forms = [
            (form, re.compile(one), re.compile(beginning), _check(form))
            for form, one, beginning in zip(FORMS, whole, beginnings, strict=True)
        ]

    def starts(self, view: str, base: int) -> list[int]:
        """Return where digits start a word, or capitals that digits follow."""
        return [match.start() for match in _STARTS.finditer(view, base)]

    def tail(self, view: str) -> int:
        """Return where capitals at the end start a word, when a form begins with them."""
        if view[-1:] not in _ENDS:
            return len(view)
        near = view[-8:]
        if near[-1:] in (" ", "-"):
            near = near[:-1]
        start = len(view) - len(view[-8:]) + len(near.rstrip(_CAPITALS))
        return start if start < len(view) and self._is_open(view, start) else len(view)

    def at(self, view: str, start: int, *, last: bool) -> Answer:
        """Return the number that starts here."""
        if not last and self._is_open(view, start):
            return OPEN
        if not begins_word(view, start) or self._whole.match(view, start) is None:
            return None
        for form, whole, _, check in self._forms:
            match = whole.match(view, start)
            if match is None or view[match.end() : match.end() + 1] in _WORD:
                continue
            if _may_be(form, view, start) and check(match.group()):
                return Found(start, match.end(), "national_id", form.country)
        return None

    def _is_open(self, view: str, start: int) -> bool:
        if self._beginning.match(view, start) is None or not begins_word(view, start):
            return False
        return any(
            beginning.match(view, start) is not None and _may_be(form, view, start)
            for form, _, beginning, _ in self._forms
        )


def _may_be(form: Form, view: str, start: int) -> bool:
    return form.words is None or said_before(view, start, form.words)


def _check(form: Form) -> Callable[[str], bool]:
    if not form.check:
        return bool  # a matched text is never empty: the form is all that can be checked
    is_valid: Callable[[str], bool] = importlib.import_module(form.check).is_valid

    def check(text: str) -> bool:
        try:
            return is_valid(text)
        except Exception:  # python-stdnum 2.2 raises KeyError for a Chinese county that its list lacks
            return False

    return check
