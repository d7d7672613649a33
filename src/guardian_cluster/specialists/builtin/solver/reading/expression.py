"""How a strict expression is read: precedence climbing over pieces, into a tree of our own.

The usual precedence holds, and where usage is divided the expression is refused instead of guessed: `1/2x`,
`200 + 10%`, `sin(30)`, `2^3x`, `square root of 16 + 9`, `f(x)`, `3!!`.
"""

from collections.abc import Sequence

from guardian_cluster.specialists.builtin.solver.functions import BARE, FUNCTIONS, MAX_ARGUMENTS, ROOTS
from guardian_cluster.specialists.builtin.solver.reading.calls import check_angles, make_call
from guardian_cluster.specialists.builtin.solver.reading.cursor import Cursor
from guardian_cluster.specialists.builtin.solver.reading.pieces import Piece
from guardian_cluster.specialists.builtin.solver.refusal import Refusal, quoted
from guardian_cluster.specialists.builtin.solver.tree import (
    Constant,
    Expression,
    Factorial,
    Negation,
    Number,
    Operation,
    Operator,
    Percent,
    Variable,
    variables,
)

_SUM, _PRODUCT, _POWER = 1, 2, 4

_PRECEDENCE = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "of": _PRODUCT, "% of": _PRODUCT}

_TREE_OPERATORS: dict[str, Operator] = {
    "+": "+",
    "-": "-",
    "*": "*",
    "/": "/",
    "of": "of",
    "% of": "of",
    "": "*",
}

_NEVER_VARIABLES = frozenset("EIOo")
"""Too easily taken for a constant, a person or a digit."""

_FUNCTION_LETTERS = frozenset("fghFGH")
"""Before parentheses these letters name a function that nobody defined."""


def parse(pieces: Sequence[Piece], indices: Sequence[str] = ()) -> Expression:
    """Read all pieces as one expression; raise `Refusal` where they are not exactly one.

    `indices` are letters a surrounding sum has declared; only they may be called `i`.
    """
    parser = Cursor(pieces)
    node = _climb(parser, _SUM)
    if parser.position < len(pieces):
        raise Refusal(f"it does not know how to read the expression from {quoted(_rest(parser))} on")
    _check_letters(variables(node), indices)
    if any(piece.text in ("°", "rad") for piece in pieces):
        check_angles(node)
    return node


def _check_letters(names: Sequence[str], indices: Sequence[str]) -> None:
    for name in names:
        if name in _NEVER_VARIABLES or (name == "i" and name not in indices):
            raise Refusal(f"the letter {name} can mean several things; use another one, such as x")
    if len({name.lower() for name in names}) < len(names):
        raise Refusal("the same letter is used in upper and in lower case")


def _rest(parser: Cursor) -> str:
    return " ".join(piece.text for piece in parser.pieces[parser.position : parser.position + 6])


def _climb(parser: Cursor, minimum: int) -> Expression:
    """Read operands joined by operators that bind at least as tightly as `minimum`."""
    left = _signed(parser)
    is_percentage = minimum == _SUM and _is_percentage(left)
    while True:
        operator = parser.next_text()
        precedence = _PRECEDENCE.get(operator, 0)
        if not precedence and _is_implicit_product(parser):
            operator, precedence = "", _PRODUCT
        if precedence < minimum or not precedence:
            return left
        parser.position += 1 if operator else 0
        right = _right_operand(parser, operator, precedence)
        is_percentage = is_percentage and precedence == _SUM
        if precedence == _SUM and is_percentage != _is_percentage(right):
            raise Refusal(
                "a percentage and a plain number are added; write 'increase 200 by 10%' or '200 + 0.1'"
            )
        left = Operation(_TREE_OPERATORS[operator], Percent(left) if operator == "% of" else left, right)


def _right_operand(parser: Cursor, operator: str, precedence: int) -> Expression:
    parser.check_scope(operator)
    if operator == "+" and parser.next_text() == "-" and parser.touches_previous():
        raise Refusal("'+-' could mean plus or minus; use a space or parentheses")
    return _climb(parser, precedence + 1)


def _is_percentage(node: Expression) -> bool:
    match node:
        case Percent():
            return True
        case Operation(operator="+" | "-", left=left):
            return _is_percentage(left)
        case Negation(operand=operand):
            return _is_percentage(operand)
        case _:
            return False


def _is_implicit_product(parser: Cursor) -> bool:
    """Tell whether the next piece multiplies the last one without a sign, as in 2x or 3(x + 1)."""
    role = parser.next_role()
    opens = parser.next_text() in ("(", "√", "∛")
    if role not in ("V", "C", "F", "P") and not opens:
        return False
    previous, following = parser.pieces[parser.position - 1], parser.pieces[parser.position]
    if parser.position == parser.exponent_end and parser.touches_previous():
        raise Refusal("after an exponent, as in 2^3x, it is unclear what belongs to it; use * or parentheses")
    if opens and previous.role == "V" and previous.text in _FUNCTION_LETTERS:
        raise Refusal(f"{previous.text}(…) looks like a function that is not defined")
    if following.text == "(" and previous.role == "C":
        raise Refusal(f"{previous.text}(…) looks like a function; write {previous.text}*(…)")
    return True


def _signed(parser: Cursor) -> Expression:
    if parser.next_text() in ("-", "negative"):
        parser.position += 1
        parser.deeper()
        node = Negation(_signed(parser))
        parser.depth -= 1
        return node
    if parser.accept("+"):
        return _unsigned(parser)
    return _power(parser)


def _unsigned(parser: Cursor) -> Expression:
    if parser.next_text() in ("+", "-"):
        raise Refusal("there are several signs in a row")
    return _power(parser)


def _power(parser: Cursor) -> Expression:
    base = _postfix(parser)
    if not parser.accept("^"):
        return base
    if parser.pieces[parser.position - 2].role == "S":
        raise Refusal("a raised exponent followed by ^ can be read in two ways; use parentheses")
    parser.deeper()
    exponent = _signed(parser)
    parser.depth -= 1
    if parser.pieces[parser.position - 1].text != ")":
        parser.exponent_end = parser.position
    return Operation("^", base, exponent)


def _postfix(parser: Cursor) -> Expression:
    node = _atom(parser)
    while True:
        if parser.accept("!"):
            if parser.next_text() == "!":
                raise Refusal("'!!' can mean two things; use parentheses")
            node = Factorial(node)
        elif parser.next_role() == "S":
            node = Operation("^", node, _superscript(parser))
        elif parser.next_text() == "%" and not isinstance(node, Percent):
            node = _percent(parser, node)
        elif parser.next_text() in ("°", "rad"):
            node = make_call("degrees" if parser.next_text() == "°" else "radians", (node,))
            parser.position += 1
        else:
            return node


def _percent(parser: Cursor, node: Expression) -> Expression:
    parser.position += 1
    if parser.next_role() == "N" or parser.next_text() == "(":
        raise Refusal("'%' can mean percent or remainder; write '17 mod 5' or '17% of 5'")
    return Percent(node)


def _superscript(parser: Cursor) -> Expression:
    text = parser.pieces[parser.position].text
    parser.position += 1
    return Negation(Number(text[1:])) if text.startswith("-") else Number(text)


def _atom(parser: Cursor) -> Expression:
    piece = parser.pieces[parser.position] if parser.position < len(parser.pieces) else None
    if piece is None:
        raise Refusal("the expression ends where a number is missing")
    parser.position += 1
    match piece.role:
        case "N":
            return Number(piece.text)
        case "V":
            return Variable(piece.text)
        case "C":
            return Constant("pi" if piece.text == "pi" else "e" if piece.text == "e" else "infinity")
        case "F":
            return _call(parser, piece.text)
        case "P":
            return _call_in_words(parser, piece.text)
        case _:
            return _bracketed(parser, piece.text)


def _bracketed(parser: Cursor, text: str) -> Expression:
    if text == "(":
        return _enclosed(parser, ")")
    if text == "|":
        return make_call("abs", (_enclosed(parser, "|"),))
    if text in ("√", "∛"):
        parser.deeper()
        node = make_call("sqrt" if text == "√" else "cbrt", (_atom(parser),))
        parser.depth -= 1
        return node
    raise Refusal(f"there is a {quoted(text)} where a number should be")


def _enclosed(parser: Cursor, closing: str) -> Expression:
    """Read an expression up to its closing bracket, with a scope of its own."""
    parser.deeper()
    outer = parser.has_open_division, parser.has_open_share
    parser.has_open_division = parser.has_open_share = False
    node = _climb(parser, _SUM)
    if not parser.accept(closing):
        raise Refusal(f"a {quoted(closing)} is missing")
    parser.has_open_division, parser.has_open_share = outer
    parser.depth -= 1
    return node


def _call(parser: Cursor, name: str) -> Expression:
    exponent = _function_exponent(parser)
    if parser.next_text() == "(":
        node = make_call(name, _arguments(parser, name))
    elif name in BARE and exponent is None:
        node = make_call(name, (_bare_argument(parser),))
        _check_reach(parser, is_root=name in ROOTS)
    else:
        raise Refusal(f"{name} needs its argument in parentheses")
    return node if exponent is None else Operation("^", node, exponent)


def _function_exponent(parser: Cursor) -> Expression | None:
    """Read the 2 of sin²(x) and sin^2(x); sin^-1 means two things and is refused."""
    if parser.next_role() == "S":
        exponent = _superscript(parser)
    elif parser.accept("^"):
        exponent = _atom(parser)
    else:
        return None
    if not isinstance(exponent, Number) or not exponent.text.isdigit():
        raise Refusal(
            "a function with such an exponent can be read in two ways; write (sin(x))^n or arcsin(x)"
        )
    return exponent


def _arguments(parser: Cursor, name: str) -> tuple[Expression, ...]:
    start = parser.position
    parser.position += 1
    parser.deeper()
    outer = parser.has_open_division, parser.has_open_share
    arguments: list[Expression] = []
    while True:
        parser.has_open_division = parser.has_open_share = False
        arguments.append(_climb(parser, _SUM))
        if parser.accept(")"):
            break
        if not parser.accept(",") or len(arguments) >= MAX_ARGUMENTS:
            raise Refusal(f"the arguments of {name} are not a list in parentheses")
    parser.has_open_division, parser.has_open_share = outer
    parser.depth -= 1
    takes_list = name in FUNCTIONS and FUNCTIONS[name].most > 1
    if takes_list and any(piece.grouped for piece in parser.pieces[start : parser.position]):
        raise Refusal(
            "a comma could separate numbers or thousands; write the numbers without thousands commas"
        )
    return tuple(arguments)


def _bare_argument(parser: Cursor) -> Expression:
    if parser.next_role() not in ("N", "V", "C"):
        raise Refusal("a function is not followed by a number, a letter or parentheses")
    node = _atom(parser)
    if parser.next_text() in ("°", "rad"):
        node = make_call("degrees" if parser.next_text() == "°" else "radians", (node,))
        parser.position += 1
    return node


def _check_reach(parser: Cursor, *, is_root: bool) -> None:
    """Refuse "sin 2x" and "sqrt 16 + 9", which do not say how far the function reaches."""
    if not parser.is_frame_end() and (is_root or parser.next_text() not in ("+", "-")):
        raise Refusal("it is unclear how far the function reaches; put its argument in parentheses")


def _call_in_words(parser: Cursor, name: str) -> Expression:
    if parser.next_text() == "(":
        parser.position += 1
        return make_call(name, (_enclosed(parser, ")"),))
    parser.deeper()
    sign = parser.next_text() in ("-", "negative")
    parser.position += 1 if sign else 0
    argument = _bare_argument(parser)
    parser.depth -= 1
    _check_reach(parser, is_root=True)
    return make_call(name, (Negation(argument) if sign else argument,))
