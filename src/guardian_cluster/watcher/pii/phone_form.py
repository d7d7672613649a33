"""Judges the form of groups of digits, and the words around them, as those of a telephone number."""

import re

from guardian_cluster.watcher.pii.context import said_before, words
from guardian_cluster.watcher.pii.digits import AFTERWARDS, DASHES, Number

_LABELS = """
phones? telephones? tel mobiles? cell cellphones? landline fax faxes whatsapp hotline helpline pager voicemail
telefon telefono telefone telefax handy mobil cellulare celular movil telefoon mobiel puhelin gsm ph mob
téléphone teléfono móvil телефон тел\\. 电话 手机 電話 携帯 전화
"""
_PLACE = r"(?:desk|office|work|home|direct|contact|main|emergency)(?: (?:line|number|no\.?))?\s*:\s*\Z"
_VERBS = """
calls? calling called dial dialed dialled dialing ring texts? texting sms reach contact answer answering messages?
appeler anrufen llame llamar chiamare
"""
_LABEL = words(*_LABELS.split(), _PLACE)
_SPOKEN = words(*_VERBS.split(), r"(?:my|his|her|your|their|our) (?:[a-z]+ )?numbers?")
_OTHERWISE = re.compile(
    r"(?<![a-z])(?:order|invoice|account|acct|card|zip|code|ref|reference|isbn|issn|case|ticket|policy|serial|part"
    r"|model|tracking|box|id|pin|version|ssn|passport|patent|rfc|pages?|years?|dates?)"
    r"(?: ?(?:no\.?|nr\.?|number|id|code))?\s*(?:is|was|:|\#|=)?\s*\Z"
)
_LABEL_REACH = 40
_OTHERWISE_REACH = 24
_FULL = 10
"""Digits of a number that is written without groups."""

EXTENSION = re.compile(r" ?(?:x|ext\.?|Ext\.?|\#) ?[0-9]{1,6}(?![0-9A-Za-z])")
_LABEL_AFTER = re.compile(rf" ?[({re.escape(DASHES)}]?(?i:{'|'.join(AFTERWARDS)})(?![A-Za-z])")
_SHORTEST_NATIONAL = 9
_FEWEST_DOTTED = 4
"""Groups parted by dots: fewer are decimals and dates."""
_YEARS = ("19", "20")


def ends(number: Number, count: int) -> bool:
    """Return whether the number may end after so many groups, and not in the middle of something."""
    end = number.end(count)
    if EXTENSION.match(number.view, end, number.limit) or _LABEL_AFTER.match(number.view, end, number.limit):
        return True
    if number.goes_on(count) in (*DASHES, ".", "/") or number.view[end : end + 1] in ("%", *DASHES):
        return False
    return number.ends_word(count)


def announced(number: Number) -> str:
    """Return whether a "label" or a "verb" before it says that it is a telephone number; nothing where none does."""
    view, start = number.view, number.start
    if said_before(view, start, _OTHERWISE, _OTHERWISE_REACH):
        return "otherwise"
    if said_before(view, start, _LABEL, _LABEL_REACH):
        return "label"
    return "verb" if said_before(view, start, _SPOKEN, _LABEL_REACH) else ""


def is_told(number: Number, count: int, said: str) -> bool:
    """Return whether it is announced well enough: a verb tells only of groups, or of many digits."""
    if said == "verb":
        return count > 1 or number.lengths[0] >= _FULL
    if said == "otherwise":
        return False
    return said == "label" or _LABEL_AFTER.match(number.view, number.end(count), number.limit) is not None


def may_stand_alone(number: Number) -> bool:
    """Return whether it has the look of a telephone number, or a label may follow; this rules out most numbers."""
    shape = number.lengths[:4]
    return (
        is_international(number)
        or number.view[number.groups[0][0]] == "0"
        or (3, 3, 4) in (shape[:3], shape[1:])
        or _LABEL_AFTER.search(number.view, number.start, number.limit) is not None
    )


def is_international(number: Number) -> bool:
    """Return whether a "+" begins it."""
    return "+" in number.view[number.start : number.start + number.prefix]


def without_trunk_zero(number: Number, count: int, digits: str) -> str:
    """Return the digits without the "(0)" that is dialled only within the country."""
    start, end = number.groups[1] if count > 1 else (0, 0)
    if number.view[start - 1 : end + 1] != "(0)":
        return digits
    code = len(digits) - sum(number.lengths[1:count])
    return digits[:code] + digits[code + 1 :]


def is_north_american(number: Number, count: int, digits: str) -> bool:
    """Return whether it is written as in North America: 3-3-4, with an extension or areas that exist."""
    lengths = number.lengths[:count]
    if lengths[-3:] != (3, 3, 4) or digits[:-10] not in ("", "1", "001"):
        return False
    area, exchange = digits[-10], digits[-7]
    joints = number.between[count - 3 : count - 1]
    if EXTENSION.match(number.view, number.end(count), number.limit):
        return True
    clear = joints[1] in (*DASHES, ".") or (joints[0].startswith(")") and len(joints[1]) == 1)
    chained = number.before(2)[:1].isdigit() and number.before(1) in (*DASHES, ".")
    return clear and not chained and area > "1" and exchange > "1"


def is_something_else(number: Number, count: int) -> bool:
    """Return whether the groups have the form of a date, of years, or of an amount."""
    lengths = number.lengths[:count]
    first = number.digits(1)
    if count >= 3 and _is_date(number, lengths):
        return True
    if (lengths == (4, 4) and first[:2] in _YEARS) or is_decimal(number, count):
        return True
    thousands = lengths[0] <= 3 and all(each == 3 for each in lengths[1:])
    return thousands and count > 1 and number.alike(count, ".")


def is_decimal(number: Number, count: int) -> bool:
    """Return whether the groups are one number with its decimals."""
    return count == 2 and number.between[0] == "."


def has_trunk_zero(number: Number, count: int, digits: str) -> bool:
    """Return whether the groups are written as a national number is: one kind of separator, "0" and an area."""
    if digits[0] != "0" or digits[1] == "0" or len(digits) < _SHORTEST_NATIONAL or number.lengths[0] == 1:
        return False
    first, *others = number.between[: count - 1] or [""]
    alike = len(set(others)) <= 1 and (not others or first == others[0] or first.rstrip(" ") in (")", "/"))
    dotted = "." in (first, *others) and count < _FEWEST_DOTTED
    return count > 1 and alike and not dotted and not is_something_else(number, count)


def _is_date(number: Number, lengths: tuple[int, ...]) -> bool:
    if not number.alike(3, "-./"):
        return False
    year_first = lengths[0] == 4 and lengths[1] <= 2 and lengths[2] <= 2
    return year_first or (lengths[0] <= 2 and lengths[1] <= 2 and lengths[2] == 4 and len(lengths) == 3)
