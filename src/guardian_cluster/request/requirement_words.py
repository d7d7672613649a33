"""The words by which requirements and languages are recognised; whoever misses one adds it here."""

from dataclasses import dataclass
from typing import Literal

Requirement = Literal["reasoning", "retrieval", "code", "exact", "structured", "language", "risk"]
"""What a request may ask of whoever answers it."""

Reasoned = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Rule:
    """What shows that a request has a requirement: a phrase, a word, or two words that alone say little."""

    phrases: Reasoned = ()
    """Reason, and texts in lower case any of which suffices wherever it stands."""
    words: Reasoned = ()
    """Reason, and whole words any of which suffices."""
    hint: str = ""
    """The reason where two of `hints` occur."""
    hints: frozenset[str] = frozenset()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


RULES: dict[Requirement, Rule] = {
    "reasoning": Rule(
        phrases=(
            ("asks for steps or a proof", ("step by step", "prove that", "show that", "think carefully")),
            ("asks for reasons", ("explain why", "why is", "why does", "why do ", "why did", "how come")),
            ("asks to weigh", ("pros and cons", "trade-off", "tradeoff", "advantages and", "better than")),
        ),
        words=(
            ("asks for reasoning", _words("prove proof derive deduce infer justify analyse analyze evaluate")),
            ("asks to compare", _words("compare contrast versus")),
            ("asks for a plan", _words("plan strategy design optimise optimize")),
        ),
        hint="has conditions to follow",
        hints=frozenset(_words("if then unless therefore because suppose assume given must either only both consider")),
    ),
    "retrieval": Rule(
        phrases=(
            ("refers to a text", ("according to", "in the attached", "as stated in", "what does the")),
            ("refers to earlier words", ("you said", "i told you", "we discussed", "last time", "remind me")),
            ("asks for sources", ("cite ", "with sources", "quote the", "look up", "find in")),
        ),
        words=(
            (
                "mentions a document",
                _words(
                    "handbook manual document documents documentation policy policies wiki pdf attachment "
                    "contract guideline guidelines minutes handbuch richtlinie dokument manuel"
                ),
            ),
            ("asks for sources", _words("citation citations references bibliography")),
        ),
        hint="asks about what is ours",
        hints=frozenset(_words("our company leave vacation employees team office allowed entitled department")),
    ),
    "code": Rule(
        phrases=(
            ("holds code", ("```", "def ", "();", "#include", "public static", "select * from", "=> {")),
            ("asks for code", ("write a function", "unit test", "stack trace", "source code", "shell script")),
        ),
        words=(
            (
                "names a language or tool of programming",
                _words(
                    "python javascript typescript java kotlin rust golang sql html css bash regex numpy pandas "
                    "docker kubernetes git traceback stacktrace refactor debug compiler segfault"
                ),
            ),
        ),
        hint="speaks of programming",
        hints=frozenset(
            _words(
                "code function class method bug error exception loop array string list variable program script "
                "algorithm api endpoint import return compile"
            )
        ),
    ),
    "exact": Rule(
        phrases=(
            ("asks for a computation", ("how many", "how much", "what is the sum", "what percent", "solve for")),
        ),
        words=(
            (
                "asks for a computation",
                _words(
                    "calculate compute multiply divide subtract integral derivative equation percent percentage "
                    "factorial convert probability average berechne calcule calcula"
                ),
            ),
        ),
    ),
    "structured": Rule(
        phrases=(
            ("asks for a table or list of a form", ("as a table", "in a table", "bullet point", "markdown table")),
            ("asks for a given form", ("in the format", "in this format", "following format", "exactly one word")),
        ),
        words=(
            ("asks for JSON", ("json",)),
            ("asks for structured output", _words("yaml csv xml schema toml tsv latex")),
        ),
    ),
    "language": Rule(
        phrases=(
            ("asks for a language", (" in german", " in french", " in spanish", " in italian", " in english",
                                     " auf deutsch", " auf englisch", " en français", " en español")),
        ),
        words=(
            (
                "asks for a translation",
                _words("translate translation übersetze übersetzen traduis traduire traduce traducir traduci"),
            ),
            ("asks to work on the wording", _words("proofread rephrase paraphrase grammar spelling")),
        ),
    ),
    "risk": Rule(
        phrases=(
            ("speaks of harm to oneself", ("kill myself", "hurt myself", "end my life", "self-harm")),
            ("asks for medical advice", ("side effect", "blood pressure", "chest pain", "should i take")),
            ("asks for legal advice", ("am i liable", "legal advice", "can i sue", "is it legal")),
        ),
        words=(
            (
                "speaks of health",
                _words("dosage dose overdose symptom symptoms diagnosis medication prescription suicide pregnant"),
            ),
            ("speaks of law", _words("lawsuit lawyer attorney liability custody visa")),
            ("speaks of money at stake", _words("mortgage invest investment tax taxes pension bankruptcy")),
            ("speaks of secrets", _words("password passwords credentials exploit malware")),
        ),
    ),
}  # fmt: skip
"""In the order in which requirements are told."""

LANGUAGES = {
    name: frozenset(words.split())
    for name, words in {
        "en": "the of and to in is that it for was on are with as this be at have from what how which you not",
        "de": "der die das und ist nicht ein eine den mit zu von für auf ich wie was wird sind im dem kann bitte",
        "fr": "le la les des et est un une dans que pour qui pas du au sur avec ce il je vous comment quel quelle",
        "es": "el los las y es un una que por para con del se no su como cuál qué cómo está son más lo",
        "it": "il gli di che è un una per non con del della sono come qual quale si lo nel mi cosa",
        "pt": "o os as e é um uma que para não com do da em por como qual são se mais dos na no",
        "nl": "de het een en van is dat niet op te zijn met voor hoe wat ik naar er aan bij ook",
    }.items()
}
"""The commonest words of each; those that several share count for each."""

SCRIPTS = (
    ("ja", "\u3040", "\u30ff"), ("ko", "\uac00", "\ud7af"), ("zh", "\u4e00", "\u9fff"), ("ru", "\u0400", "\u04ff"),
    ("ar", "\u0600", "\u06ff"), ("he", "\u0590", "\u05ff"), ("hi", "\u0900", "\u097f"), ("el", "\u0370", "\u03ff"),
    ("th", "\u0e00", "\u0e7f"),
)  # fmt: skip
"""A quarter of the letters between the two tells the language; Japanese before Chinese, whose signs it uses too."""
