"""Decides which words of a question say something, and when two forms are the same word."""

_SILENT = """
a about above across after again all also am an and any anybody anyone anything are as at be because been before
being below between but by can cannot could d did do does doing done during each either else ever every for from
further given had has have having he her here hers him his how i if in into is it its itself just let ll m many may me
might more most much must my mine myself no nor not of off on once only or other ought our ours out over own per
please re s shall she should so some somebody someone something such t than that the their theirs them then there
these they this those through to too under until up upon us ve very was we were what whatever when where whether
which while who whom whose why will with within without would you your yours yourself
according answer ask asked describe doc docs document documentation documents explain find found hello hi info
information know know knows mention mentioned mentions mean means remember remind said say says show state stated
states tell thanks told want wonder wondering
"""
_WEAK = """
allow allowed amount apply available become big call called case company cost costs cover covered covers different exist
exists far get gets give gives go going good guide handbook handle handles happen happens high include included includes
kind last lasts like located long low make makes manual name need needed needs new number offer offers often people
person policy possible provide provides receive receives require required requires responsible rule rules start take
takes thing things time type use used uses way work works yes
"""
SILENT = frozenset(_SILENT.split())
"""Words that carry no content in a question to documents; they are neither looked for nor counted."""

WEAK = frozenset(_WEAK.split())
"""Words that an answer often leaves out or replaces: they count half."""

_SUFFIXES = """
izations ization ations ation ements ement iness ments ment ingly ings ing ious ness ions ion ities ity ible able ers
als ies ied ory ive ous er ed es al ly y s e
"""
_ENDINGS = tuple(_SUFFIXES.split())
_IRREGULAR_FORMS = """
begin began begun; break broke broken; bring brought; build built; buy bought; choose chose chosen; draw drew drawn;
drive drove driven; fall fell fallen; find found; forget forgot forgotten; hold held; keep kept; lend lent; lose lost;
make made; meet met; pay paid; rise rose risen; sell sold; send sent; speak spoke spoken; spend spent; steal stole
stolen; teach taught; wear wore worn; win won; write wrote written; child children; foot feet; person people
"""
_BASES = {form: line.split()[0] for line in _IRREGULAR_FORMS.split(";") for form in line.split()}
_OTHER_FORMS = {
    form: tuple(each for each in line.split() if each != form)
    for line in _IRREGULAR_FORMS.split(";")
    for form in line.split()
}
_PLURALS = ("xes", "ches", "shes", "sses")
_INFLECTIONS = frozenset(("", "s", "es", "ed", "d", "ing", "e", "y", "ies", "ied"))
_LEAST_STEM = 4
_MOST_ENDING = 6
"""How much longer than the stem another form may be: `reimburs` finds reimbursements, `inter` not international."""


def stem(word: str) -> str:
    """Return what is left of an English word without its ending; at least four letters of it.

    A light stemmer on purpose: what it joins wrongly is found by mistake, and coverage is judged on all words.
    """
    if word.endswith(_PLURALS):
        return stem(word[:-2])
    if len(word) <= _LEAST_STEM or not word.isalpha():
        is_plural = len(word) == _LEAST_STEM and word[-1] == "s" != word[-2]
        return word[:-1] if is_plural else word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word[: -len(ending)]
    return word


def other_forms(word: str) -> tuple[str, ...]:
    """Return the forms of a word that its stem does not find: of `keep` it is `kept`."""
    base = word if word in _BASES else word.removesuffix("s")
    return _OTHER_FORMS.get(base, ())


def likeness(word: str, stemmed: str, other: str) -> float:
    """Return how far `other` is the word whose stem is given.

    1: the same; 0.9: inflected (`expire`, `expires`); 0.6: derived (`parent`, `parental`), which may be
    another matter; 0: another.
    """
    if other == word:
        return 1.0
    if other in _BASES and _BASES[other] == _BASES.get(word.removesuffix("s"), _BASES.get(word)):
        return 0.9
    if not other.startswith(stemmed) or len(other) - len(stemmed) > _MOST_ENDING:
        return 0.0
    is_inflected = {word[len(stemmed) :], other[len(stemmed) :]} <= _INFLECTIONS
    if len(stemmed) < _LEAST_STEM:  # too short to tell forms from other words, but for the plural
        return 0.9 if is_inflected and other[len(stemmed) :] in ("", "s", "es") else 0.0
    return 0.9 if is_inflected else 0.6
