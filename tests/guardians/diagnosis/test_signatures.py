import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.domain.observation import Observation, Try
from guardian_cluster.guardians.diagnosis.answer_kinds import kinds_of
from guardian_cluster.guardians.diagnosis.error_templates import MAX_TEMPLATES, ErrorTemplates
from guardian_cluster.guardians.diagnosis.signatures import signature_of


def failure(said: str, error: str = "upstream_error") -> Try:
    return Try(endpoint="writer/1", outcome="failed", error=error, said=said)


def request(number: int, *tries: Try, fingerprint: tuple[int, ...] = ()) -> Observation:
    values = {"id": f"r{number}", "at": float(number), "specialist": "writer", "dimensions": {}, "losses": {}}
    plain = msgspec.convert(values, Observation)
    return msgspec.structs.replace(plain, tries=tries, fingerprint=fingerprint)


def test_failures_that_differ_in_numbers_and_names_share_a_template() -> None:
    templates = ErrorTemplates()

    places = [
        templates.place(failure(f"worker {n} of pool {name} is out of memory"))
        for n, name in ((1, "a"), (22, "b"))
    ]

    assert places == [0, 0]
    assert str(templates[0]) == "upstream_error: worker <*> of pool <*> is out of memory"


def test_failures_with_other_codes_or_words_do_not() -> None:
    templates = ErrorTemplates()

    places = [
        templates.place(each)
        for each in (
            failure("out of memory"),
            failure("out of memory", "upstream_timeout"),
            failure("no such model"),
        )
    ]

    assert places == [0, 1, 2]


def test_an_endpoint_that_never_says_the_same_fills_no_memory() -> None:
    templates = ErrorTemplates()

    places = [templates.place(failure("x" + "abcdefgh"[n % 8] * (n + 1))) for n in range(500)]

    assert max(places) == MAX_TEMPLATES - 1
    assert places[-1] == -1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_templates_are_printable_whatever_is_said(texts: list[str]) -> None:
    templates = ErrorTemplates()

    for text in texts:
        place = templates.place(failure(text, text[:9]))
        assert str(templates[place]).isprintable()


def test_the_signature_is_what_failed_more_often_than_before() -> None:
    usual = [request(n, failure("internal error")) for n in range(20)] + [request(100 + n) for n in range(80)]
    faulty = [request(200 + n, failure("internal error")) for n in range(20)]
    faulty += [request(300 + n, failure("quota exceeded")) for n in range(10)]

    found = signature_of(faulty, usual)

    assert found.text == "upstream_error: quota exceeded"
    assert found.ids == {f"r{300 + n}" for n in range(10)}


def test_bad_answers_are_of_one_kind_when_they_share_most_hashes() -> None:
    alike = [request(n, fingerprint=(1, 2, 3, 4, 5, 6, 7, 100 + n)) for n in range(5)]
    other = [request(50, fingerprint=(70, 71, 72, 73))]

    kinds = kinds_of([*other, *alike])

    assert [len(each.ids) for each in kinds] == [5, 1]
    assert signature_of([*alike, *other], []).text.startswith("5 bad answers alike: 0001 0002")


def test_a_kind_of_answer_that_was_always_there_is_no_signature() -> None:
    both = [request(n, fingerprint=(1, 2, 3, 4)) for n in range(10)]

    assert signature_of(both, both).text == ""
