"""The forms of questions about percentages."""

from typing import Final

from guardian_cluster.specialists.builtin.solver.problem import (
    ChangeByPercent,
    PercentChange,
    Problem,
    WhatPercent,
    WholeOfPercent,
)
from guardian_cluster.specialists.builtin.solver.reading.parts import number, pair, percentage
from guardian_cluster.specialists.builtin.solver.reading.patterns import Form, Found


def _increase(found: Found) -> Problem:
    return ChangeByPercent(number(found.groups["base"]), percentage(found.groups["percent"]), 1)


def _decrease(found: Found) -> Problem:
    return ChangeByPercent(number(found.groups["base"]), percentage(found.groups["percent"]), -1)


def _what_percent(found: Found) -> Problem:
    return WhatPercent(*pair(found, "part", "whole"))


def _percent_change(found: Found) -> Problem:
    return PercentChange(*pair(found, "before", "after"))


def _whole_of_percent(found: Found) -> Problem:
    return WholeOfPercent(number(found.groups["part"]), percentage(found.groups["percent"]))


FORMS: Final[tuple[Form, ...]] = (
    Form(
        _increase,
        "increase {base} by {percent}",
        "{base} increased|raised by {percent}",
        "{percent} more|greater than {base}",
    ),
    Form(
        _decrease,
        "decrease|reduce|lower {base} by {percent}",
        "{base} decreased|reduced|lowered by {percent}",
        "{percent} less than {base}",
        "{percent} off of? {base}",
    ),
    Form(
        _what_percent,
        "what percent|percentage of {whole} is {part}",
        "{part} is what percent|percentage of {whole}",
        "what percent|percentage is {part} of {whole}",
        "what percent|percentage is {part} out of {whole}",
        "{part} as a? percent|percentage of {whole}",
        "{part} out of {whole} as a? percent|percentage",
    ),
    Form(_percent_change, "percent|percentage change|increase|decrease from {before} to {after}"),
    Form(_whole_of_percent, "{part} is {percent} of what number?", "{percent} of what number? is {part}"),
)
