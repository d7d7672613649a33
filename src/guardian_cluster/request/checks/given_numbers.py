"""Looks for numbers of the question that the answer never uses, or uses more often than they were given."""

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.request.checks.quantities import same

CHECK = "given_numbers"


def check(answered: Answered) -> Finding:
    """Return whether each quantity of the question stands in the answer in one of its forms."""
    quantities = answered.question.quantities
    used = {same(value) for each in answered.equations for value in each.operands}
    used |= {same(each.claimed) for each in answered.equations if each.claimed is not None}
    said = set(map(same, answered.numbers))
    unsaid = [each for each in quantities if said.isdisjoint(each.readings())]
    uncounted = [each for each in quantities if used.isdisjoint(each.readings())]
    unused = [each for each in unsaid if each.form != "word"]
    features = {
        "unsaid": min(len(unused), 3) / 3,
        "unsaid_words": min(len(unsaid) - len(unused), 3) / 3,
        "uncounted": min(len(uncounted), 4) / 4,
        "uncounted_share": len(uncounted) / len(quantities) if quantities else 0.0,
        "quantities": min(len(quantities), 16) / 16,
        "overused": min(_overused(answered), 3) / 3,
        "percents": min(sum(each.form == "percent" for each in quantities), 2) / 2,
        "fractions": min(sum(0 < each.value < 1 for each in quantities), 2) / 2,
    }
    detail = answered.note(f"the question's {unused[0].text} is used nowhere in the answer") if unused else ""
    return finding(CHECK, None if not quantities else not unused, features, detail)


def _overused(answered: Answered) -> int:
    """Return how often quantities enter the calculation beyond the times that the question names them."""
    values = [same(each.value) for each in answered.question.quantities]
    results: set[float] = set()
    uses: list[float] = []
    for step in answered.steps:
        uses += [value for value in step.operands if value not in results]
        results.add(step.result)
    return sum(max(0, uses.count(value) - values.count(value)) for value in set(values) if value > 2)
