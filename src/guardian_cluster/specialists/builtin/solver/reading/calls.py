"""Whether a function may be called with these arguments, before anything is computed."""

from guardian_cluster.specialists.builtin.solver.functions import (
    ANGLES,
    FUNCTIONS,
    INVERSE_TRIGONOMETRIC,
    TRIGONOMETRIC,
)
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import (
    Call,
    Constant,
    Expression,
    Number,
    Variable,
    children,
    walk,
)


def make_call(name: str, arguments: tuple[Expression, ...]) -> Call:
    """Return a call; raise `Refusal` for a wrong number of arguments or an angle without a unit.

    "log base 2" becomes a logarithm with its base as second argument.
    """
    if name.startswith("log base "):
        if len(arguments) != 1:
            raise Refusal("a logarithm takes one argument")
        return Call("log", (*arguments, Number(name.removeprefix("log base "))))
    if name not in ANGLES:
        _check_count(name, len(arguments))
    if name in TRIGONOMETRIC and not _is_angle(arguments[0]):
        raise Refusal(
            f"{name} of a bare number: say whether it is in degrees or radians, as in {name}(30 degrees)"
        )
    return Call(name, arguments)


def check_angles(node: Expression) -> None:
    """Raise `Refusal` where an angle with a unit stands outside a trigonometric function."""
    if isinstance(node, Call) and node.function in ANGLES:
        raise Refusal("an angle is only understood inside sin, cos, tan and the like")
    if not (isinstance(node, Call) and node.function in TRIGONOMETRIC):
        for part in children(node):
            check_angles(part)


def _check_count(name: str, count: int) -> None:
    function = FUNCTIONS[name]
    if function.most == 1 and count != 1:
        raise Refusal(f"{name} takes one argument, not {count}")
    if count < function.fewest:
        raise Refusal(f"{name} takes at least {function.fewest} arguments, separated by commas")


def _is_angle(argument: Expression) -> bool:
    """Tell whether an argument says that it is an angle, or is zero, the same in every unit."""
    if isinstance(argument, Number):
        return argument.value == 0
    return any(
        isinstance(part, Variable)
        or (isinstance(part, Constant) and part.name == "pi")
        or (isinstance(part, Call) and part.function in ANGLES | INVERSE_TRIGONOMETRIC)
        for part in walk(argument)
    )
