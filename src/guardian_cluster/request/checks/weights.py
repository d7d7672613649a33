"""What each measurement of the checks says of an answer, before any verdict on the specialist who gave it.

Log-odds of being wrong for a measurement of 1; they add up. Measurements of calculations were fitted (logistic
regression by Newton's method, prior variance 0.1) on the answers of Mixtral-8x7B to the GSM8K questions of even
number, as recorded by RouteLLM (Apache-2.0) and read again by hand: 651 cases. On those of odd number the error of
calibration is 0.05. Those that never occurred there are set by hand, from what the fault means: an answer that is
not the JSON that was asked for is of no use. So is the level outside of calculations, one in seven, which verdicts
correct. None of this is known of another specialist: it is where learning begins.
"""

from collections.abc import Mapping

ALWAYS: Mapping[str, float] = {
    # Of every answer, set by hand: the level, and that of calculations as fitted.
    "always": -0.4,
    "sizes.calculation": 0.49,
}

FITTED: Mapping[str, float] = {
    # Of calculations.
    "arithmetic.none": 0.16,
    "arithmetic.rounded": 0.01,
    "arithmetic.steps": 0.03,
    "arithmetic.wrong": 0.47,
    "arithmetic.wrong_again": -0.08,
    "arithmetic.wrong_last": 0.23,
    "derivation.comes_to_given": 0.01,
    "derivation.disorder": 0.05,
    "derivation.fewer_than_quantities": 0.45,
    "derivation.has_loose": 0.41,
    "derivation.last_stands_alone": 0.13,
    "derivation.loose": 0.24,
    "derivation.more_than_quantities": 0.01,
    "derivation.no_operation": 0.18,
    "derivation.one_operation": 0.25,
    "derivation.operations": 0.02,
    "derivation.repeated": -0.05,
    "derivation.strange": -0.05,
    "derivation.undone": 0.09,
    "derivation.unread": 0.03,
    "derivation.uses_addition": 0.17,
    "derivation.uses_division": 0.03,
    "derivation.uses_product": -0.22,
    "derivation.uses_subtraction": 0.01,
    "faults.none": -0.79,
    "faults.nothing_odd": -1.09,
    "faults.several": 0.08,
    "final_answer.differs": 0.05,
    "final_answer.given": -0.31,
    "final_answer.ignores": 0.07,
    "final_answer.last_line": 0.15,
    "final_answer.missing": 1.0,
    "final_answer.not_computed": 0.15,
    "final_answer.not_last": 0.26,
    "final_answer.off_subject": 0.36,
    "final_answer.unsaid": 0.05,
    "given_numbers.fractions": 0.03,
    "given_numbers.overused": 0.16,
    "given_numbers.percents": 0.07,
    "given_numbers.quantities": 0.15,
    "given_numbers.uncounted": 0.28,
    "given_numbers.uncounted_share": 0.24,
    "given_numbers.unsaid": 0.31,
    "given_numbers.unsaid_words": 0.04,
    "hedging.approximates": 0.37,
    "hedging.argues": 0.69,
    "hedging.assumes": -0.1,
    "hedging.cannot_tell": 0.14,
    "hedging.turns": 0.39,
    "hedging.unknowns": -0.09,
    "magnitude.below_given": -0.03,
    "magnitude.far_too_much": 0.01,
    "magnitude.long_fraction": -0.06,
    "magnitude.negative_on_the_way": 0.09,
    "magnitude.not_positive": 0.1,
    "magnitude.one": 0.03,
    "magnitude.part": 0.55,
    "magnitude.part_of_counted": 0.15,
    "magnitude.part_on_the_way": 0.18,
    "sizes.answer": 0.13,
    "sizes.comparisons": 0.13,
    "sizes.conditions": -0.03,
    "sizes.lines": -0.01,
    "sizes.marked": -0.24,
    "sizes.names": 0.2,
    "sizes.question": 0.15,
    "sizes.rates": -0.13,
    "sizes.sentences": 0.07,
    "truncation.any": 0.22,
    "truncation.mid_sentence": 0.15,
    "truncation.open_bracket": 0.15,
    "units.asked": -0.12,
    "units.other": -0.03,
    "units.unconverted": 0.1,
    "wording.asks_before": 0.21,
    "wording.asks_difference": 0.08,
    "wording.asks_each": -0.14,
    "wording.asks_rest": -0.11,
    "wording.asks_total": -0.08,
    "wording.average_without_division": -0.03,
    "wording.before_with_difference": -0.13,
    "wording.difference_without_subtraction": -0.05,
    "wording.each_without_division": -0.23,
    "wording.less_added": -0.06,
    "wording.more_subtracted": 0.06,
    "wording.part_unused": 0.09,
    "wording.percent_as_number": 0.0,
    "wording.percent_without_division": -0.03,
    "wording.rest_without_subtraction": 0.04,
    "wording.times_divided": 0.2,
    "wording.total_without_sum": -0.07,
}

BY_HAND: Mapping[str, float] = {
    # Of form.
    "refusal.declines": 2.5,
    "refusal.regrets": 0.5,
    "structure.not_json": 3.5,
    "structure.breaks_schema": 3.0,
    "code.malformed": 2.5,
    "code.blocks": 0.0,
    "citations.cites": -0.3,
    "citations.missing_source": 2.0,
    "citations.invented_quotation": 2.0,
    "form.asked": 0.0,
    "form.broken": 1.5,
    "language.asked": 0.0,
    "language.differs": 1.5,
    "repetition.loops": 2.5,
    "repetition.share": 1.0,
    "truncation.length": 1.0,
    "truncation.open_fence": 0.7,
    "truncation.empty": 2.5,
}

WEIGHTS: Mapping[str, float] = {**ALWAYS, **FITTED, **BY_HAND}

FAULTS = (
    *("arithmetic.wrong", "truncation.any", "final_answer.missing", "final_answer.unsaid"),
    *("magnitude.part_of_counted", "magnitude.not_positive", "structure.not_json", "structure.breaks_schema"),
    *("code.malformed", "refusal.declines", "citations.missing_source", "repetition.loops"),
)
"""What nearly always means a wrong answer, or none."""

ODDITIES = ("magnitude.part", "arithmetic.rounded")
"""What in schoolbooks means a mistake, and elsewhere need not."""

GENERAL = frozenset(
    (
        *ALWAYS,
        *BY_HAND,
        *("faults.none", "faults.several", "faults.nothing_odd", "arithmetic.wrong", "truncation.any"),
        *("truncation.mid_sentence", "truncation.open_bracket", "hedging.cannot_tell"),
    )
) - {"sizes.calculation"}
"""What means the same for answers of every kind."""
