"""Who may stand in for a specialist: its equals and its fallbacks."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.config import Config, load_config
from guardian_cluster.configuration.circles import circles
from guardian_cluster.errors import ConfigError


def model(name: str, more: str = "") -> str:
    return f'[specialist.{name}]\nurl = "http://h/v1"\nmodel = "m"\n{more}\n'


@pytest.fixture
def outcome(tmp_path):
    """Load a text and return it as a configuration, or what is said of it."""

    def outcome(*tables: str) -> Config | str:
        file = tmp_path / "guardian.toml"
        file.write_text("".join(tables))
        try:
            return load_config(file, environment={})
        except ConfigError as error:
            return str(error).replace(f"{tmp_path}/", "")

    return outcome


def said(message: str, code: str, hint: str = "") -> str:
    lines = [f"error: guardian.toml:{message}", f"  {hint}", f"  see: guardian config schema      ({code})"]
    return "\n".join(line for line in lines if line.strip())


LEADS_NOWHERE = {
    'fallback = ["x"]': (
        '4: the fallback of [specialist.m] names "x", but there is no such specialist',
        "config-unknown-specialist",
        "known: m, n, solver, recall",
    ),
    'equals = ["solvr"]': (
        '4: the equal of [specialist.m] names "solvr", but there is no such specialist',
        "config-unknown-specialist",
        'did you mean "solver"?',
    ),
    'fallback = ["off"]': (
        '4: the fallback of [specialist.m] names the specialist "off", which is not enabled',
        "config-unknown-specialist",
        "",
    ),
    'equals = ["other-name"]': (
        '4: the equal of [specialist.m] names "other-name", which is an alias; write the specialist itself',
        "config-unknown-specialist",
        "",
    ),
    'fallback = ["m"]': (
        "4: the fallback of [specialist.m] is the specialist itself; name another",
        "config-own-fallback",
        "",
    ),
    'equals = ["m"]': (
        "4: the equal of [specialist.m] is the specialist itself; name another",
        "config-own-equal",
        "",
    ),
    'fallback = ["n", "n"]': (
        '4: the fallback of [specialist.m] names "n", which it has already',
        "config-repeated-standin",
        "whoever is among its equals is asked before its fallbacks, and need not be one of them",
    ),
    'equals = ["n"]\nfallback = ["n"]': (
        '5: the fallback of [specialist.m] names "n", which it has already',
        "config-repeated-standin",
        "whoever is among its equals is asked before its fallbacks, and need not be one of them",
    ),
    'equals = ["solver"]': (
        '4: the equal of [specialist.m] names "solver", but a built-in specialist is nobody\'s equal',
        "config-unequal",
        "a fallback may be of another kind",
    ),
}


@pytest.mark.parametrize("more", LEADS_NOWHERE)
def test_a_standin_that_could_never_be_asked_is_an_error(outcome, more: str):
    others = model("n") + "[specialist.off]\nenabled = false\n[alias]\nother-name = 'n'\n"
    found = outcome(model("m", more), others)

    message, code, hint = LEADS_NOWHERE[more]
    assert found == said(message, code, hint)


def test_a_built_in_specialist_has_no_equals(outcome):
    found = outcome('[specialist.solver]\nequals = ["m"]\n', model("m"))

    assert "a built-in specialist is nobody's equal" in found


LACKS = {
    ("", "tools = false"): "tools",
    ("", "json = false\ntools = false"): "tools, json",
    ("vision = true", ""): "vision",
    ("embeddings = true", ""): "embeddings",
    ("context_length = 9000", "context_length = 8999"): "context_length 9000 (it has 8999)",
}


@pytest.mark.parametrize("key", ["fallback", "equals"])
@pytest.mark.parametrize("abilities", LACKS)
def test_a_standin_that_cannot_do_what_the_specialist_can_is_an_error(outcome, key, abilities):
    mine, theirs = abilities
    found = outcome(model("m", f'{key} = ["n"]\n{mine}'), model("n", theirs))

    what = "fallback" if key == "fallback" else "equal"
    message = f'4: the {what} of [specialist.m] names "n", which lacks what it has: {LACKS[abilities]}'
    hint = "if it can, say so in [specialist.n]; if it cannot, name another, or say less in [specialist.m]"
    assert found == said(message, "config-lacks-ability", hint)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("", "vision = true\nembeddings = true\ncontext_length = 5"),
        ("context_length = 5", ""),
        ("context_length = 5", "context_length = 5"),
        ("tools = false", "tools = false"),
        ('labels = ["eu"]', ""),
    ],
)
def test_a_standin_that_can_as_much_or_more_is_none(outcome, mine: str, theirs: str):
    assert isinstance(outcome(model("m", f'fallback = ["n"]\n{mine}'), model("n", theirs)), Config)


def test_a_built_in_one_stands_in_for_those_alone_that_can_as_little(outcome):
    message = '4: the fallback of [specialist.m] names "solver", which lacks what it has: tools, json'
    hint = 'leave it out, for "auto" asks it by itself where a question is for it; or say tools = false and '
    hint += "json = false in [specialist.m]"

    assert outcome(model("m", 'fallback = ["solver"]')) == said(message, "config-lacks-ability", hint)
    as_little = 'fallback = ["solver"]\ntools = false\njson = false'
    assert isinstance(outcome(model("m", as_little)), Config)


def test_fallbacks_that_lead_in_a_circle_are_an_error(outcome):
    found = outcome(model("a", 'fallback = ["b"]'), model("b", 'fallback = ["a"]'))

    assert found == said(
        "8: the fallback of [specialist.b] closes a circle: a -> b -> a",
        "config-fallback-circle",
        'leave it out; where each answers as well as the other, write equals = ["a"] in its place, '
        'and equals = ["b"] in that of [specialist.a]',
    )


def test_a_circle_of_any_length_is_an_error(outcome):
    found = outcome(*(model(name, f'fallback = ["{after}"]') for name, after in ("ab", "bc", "ca")))

    assert "closes a circle: a -> b -> c -> a" in found


def test_equals_may_name_each_other_and_one_need_not_name_the_other_back(outcome):
    both = outcome(model("a", 'equals = ["b"]'), model("b", 'equals = ["a"]'))
    one = outcome(model("a", 'equals = ["b"]'), model("b"))

    assert [each.equals for each in both.base().specialists[:2]] == [("b",), ("a",)]
    assert [each.equals for each in one.base().specialists[:2]] == [("b",), ()]


def test_two_ways_to_one_fallback_are_no_circle(outcome):
    tables = [model("a", 'fallback = ["b", "c"]'), model("b", 'fallback = ["d"]')]

    assert isinstance(outcome(*tables, model("c", 'fallback = ["d"]'), model("d")), Config)


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefg"), max_size=4))


def has_circle(references: Mapping[str, Sequence[str]]) -> bool:
    """Return whether names are left when those that lead nowhere are taken away, again and again."""
    left = {name: {each for each in to if each in references} for name, to in references.items()}
    while ended := {name for name, to in left.items() if not to}:
        left = {name: to - ended for name, to in left.items() if name not in ended}
    return bool(left)


@given(GRAPHS)
def test_circles_are_found_where_there_are_any(references: dict[str, list[str]]):
    found = list(circles(references))

    assert bool(found) == has_circle(references)
    for circle in found:
        way = [*circle.way, circle.way[0]] if circle.length <= len(circle.way) else list(circle.way)
        assert all(after in references[name] for name, after in pairwise(way))
        assert references[circle.name][circle.index] == circle.way[0]


@given(GRAPHS)
def test_without_those_that_close_a_circle_there_is_none(references: dict[str, list[str]]):
    closing = {(circle.name, circle.index) for circle in circles(references)}
    rest = {
        name: [each for index, each in enumerate(to) if (name, index) not in closing]
        for name, to in references.items()
    }

    assert not has_circle(rest)
