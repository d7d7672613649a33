"""Which forms of question the solver knows; the first that covers all of a text wins."""

from typing import Final

from guardian_cluster.specialists.builtin.solver.reading import (
    algebra_forms,
    arithmetic_forms,
    calculus_forms,
    number_forms,
    percent_forms,
)
from guardian_cluster.specialists.builtin.solver.reading.patterns import Pattern, compile_form, words_of

_EVERY = (
    *percent_forms.FORMS,
    *algebra_forms.FORMS,
    *calculus_forms.FORMS,
    *arithmetic_forms.FORMS,
    *number_forms.FORMS,
)


def _by_opening() -> dict[str, list[Pattern]]:
    table: dict[str, list[Pattern]] = {}
    for form in _EVERY:
        for pattern in compile_form(form):
            for opening in pattern.openings:
                table.setdefault(opening, []).append(pattern)
    return table


PATTERNS: Final = _by_opening()
"""Forms by the word they begin with; the empty word stands for an expression."""

WORDS: Final = frozenset(word for form in _EVERY for word in words_of(form))
"""Every word a form mentions; any other word makes a text something else than a question for the solver."""
