"""Requests of several independent parts, made from templates: which parts there are, and whom each is for.

`DEVELOPED` templates and their words were in sight while the decomposition was written. `HELD_OUT` templates were
written after it, and are filled with words of their own; for what they showed three faults were mended (the department
IT was taken for a pronoun, `4/9 + 5/6` for the numbers of a list, `aussi` for a part of a formula), and nothing else
was changed. In a template
`[kind:text]` is a part, of which the request holds exactly that text; `{slot}` is filled in.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["exact", "retrieval", "code", "general"]

DEVELOPED = (
    "compute [exact:{product}] and tell me [retrieval:what the {document} says about {topic}]",
    "[exact:What is {percentage}?] Also, [retrieval:according to our {document}, who approves {topic}?]",
    "Tell me [retrieval:what the {document} says about {topic}], and [exact:work out {product}].",
    "1. [exact:What is {percentage}?]\n2. [retrieval:What does the {document} say about {topic}?]",
    "Please answer these questions:\n- [exact:what is {power}]\n- [retrieval:what does our"
    " {document} say about {topic}]"
    "\n- [general:who wrote {work}]",
    "[exact:calculate {product}]; [retrieval:what did we decide about {topic}?]",
    "[exact:Solve {equation}], and then [retrieval:summarize what our {document} says on {topic}].",
    "[general:Who wrote {work}], and [exact:what is {product}?]",
    "[code:Write a {language} function that {deed}], and [retrieval:tell me what the {document} says about {topic}].",
    "Berechne [exact:{product}] und [retrieval:sag mir, was das Handbuch über {thema} sagt].",
    "Calcule [exact:{product}] et [retrieval:dis-moi ce que dit le manuel sur {sujet}].",
    "Calcula [exact:{product}] y [retrieval:dime qué dice el manual sobre {asunto}].",
    "Hi! I have two questions: [exact:what's {product}] and [retrieval:what does our {document} say about {topic}?]"
    " Thanks!",
    "[general:What is the capital of {country}?] And [exact:what is the gcd of {pair}?]",
    "I'd like to know [retrieval:what the {document} says about {topic}] and what [exact:{product}] is.",
    "Can you tell me [exact:how much is {percentage}], and [code:write a {language} script that {deed}]?",
    "[retrieval:What does our {document} say about {topic}?] Separately, [general:why is the sky blue?]",
    "[exact:Is {number} prime?] [retrieval:What does the {document} say about {topic}?]"
    " [code:Write a {language} script that {deed}.]",
    "(1) [exact:compute {power}] (2) [retrieval:summarise the {document}] (3) [general:write a haiku about {muse}]",
    "[exact:Convert {distance} to km], tell me [retrieval:what our {document} says about {topic}], and"
    " [general:write a limerick about {muse}].",
    "Two things please: [exact:how much is {percentage}?] and [retrieval:where in the {document} is"
    " {topic} mentioned?]",
    "[retrieval:How does our {document} define {topic}?] While you're at it, [exact:{product}]?",
    "hey, quick one: [exact:{product}]. and [retrieval:what's our {document} on {topic}?]",
    "[retrieval:Summarize the section on {topic} in our {document}.]\n\n[exact:Simplify {fraction}.]",
    "a) [general:In which year was {person} born?] b) [exact:What is the square root of {square}?]",
    "[code:Implement binary search in {language}]; furthermore, [retrieval:quote the {document} on {topic}].",
    "Could you please [exact:find the derivative of {polynomial}], and also"
    " [retrieval:look up what our {document} says regarding {topic}]?",
    "* [exact:{percentage}]\n* [retrieval:who is responsible for {topic} according to the {document}?]"
    "\n* [code:a {language} one-liner that {deed}]",
    "First [exact:calculate {power}], then [retrieval:explain what the {document} requires for {topic}],"
    " and finally [code:write a regular expression that matches {pattern}].",
    "[general:Tell me a joke about {muse}] and tell me [exact:how many minutes are in {hours} hours].",
    "[exact:What's the lcm of {pair}]? And [retrieval:remind me what we agreed on {topic}].",
    "I need to know [exact:{product}], plus [retrieval:what does the {document} say about {topic}?]",
    "[retrieval:Under our {document}, are contractors entitled to {topic}?] [exact:What is {number} mod 7?]",
    "Was sagt [retrieval:unsere Reiserichtlinie zu {thema}]? Außerdem: Was ist [exact:{product}]?",
    "Question 1: [exact:{product}] = ?\nQuestion 2: [retrieval:What do the minutes say about {topic}?]",
    "[code:Show me how to read a CSV file in {language}.] By the way, [exact:what is {percentage}?]",
    "[general:What is the population of {country}], and [retrieval:what is our {document} on {topic}?]",
    "Please compute [exact:{product}] for me. On another note, [general:who painted {painting}?]",
    "[exact:Factor {polynomial}]. [general:Recommend a recipe for {dish}.]"
    " [retrieval:Check whether our {document} covers {topic}.]",
    "Give me [exact:the sum of {pair}], and [retrieval:the passage about {topic} from the {document}].",
    "what's [exact:{percentage}] btw? and [retrieval:does the {document} cover {topic}?]",
    "Please [retrieval:look into the {document} for {topic}]. Next, [exact:evaluate {product}].",
    "[retrieval:Explain what our {document} means by {topic}]; also [exact:what is {power}?]",
    "[exact:Evaluate {product}], [retrieval:list everything the {document} says on {topic}], and"
    " [code:implement quicksort in {language}].",
    "[retrieval:Can our {document} be applied to {topic}?] Also can you [exact:convert {distance} to kilometers]?",
    "Q1: [exact:what is {power}?] Q2: [retrieval:what did the team agree about {topic} in the minutes?]",
    "[general:Who painted {painting}?] Also I need [exact:{percentage}].",
    "[code:Write me a {language} program which {deed}.] Then give me [exact:the gcd of {pair}].",
    "[retrieval:How many days of {topic} does the {document} grant?] [exact:How much is {product}?]",
    "[retrieval:Quelle est notre politique sur {sujet}] ? Et combien font [exact:{product}] ?",
    "Wie viel ist [exact:{product}]? Und [retrieval:was steht im Handbuch zu {thema}?]",
    "¿Cuánto es [exact:{product}]? ¿Y [retrieval:qué dice nuestra política sobre {asunto}?]",
    "[retrieval:Find the passage on {topic} in our {document}], then [exact:find the prime factors of {square}].",
    "Tell me [general:who painted {painting}] and also how much [exact:{product}] is.",
    "I'd like you to [exact:solve {equation}] and to [retrieval:tell me what the {document} says about {topic}].",
    "Would you mind calculating [exact:{percentage}], and [retrieval:checking the {document} for {topic}]?",
    "[retrieval:What was our decision on {topic}?] [exact:What is {product}?] [general:What is the"
    " capital of {country}?]",
    "[code:Draft a {language} function that {deed}]; [retrieval:what does the {document} say on {topic}]; what's"
    " [exact:{power}]",
    "[general:Recommend a recipe for {dish}], and [exact:calculate {percentage}].",
    "Here are two unrelated questions.\n\n[exact:What is {percentage}?]\n\n[retrieval:When does our {document} allow"
    " {topic}?]",
    "[exact:Calculate {product}] for me, and let me know [retrieval:what the {document} has to say about {topic}].",
    "[retrieval:Is {topic} allowed by our {document}?] One more thing: [exact:what is {percentage}?]",
    "[exact:{product}] please, and also [retrieval:who is in charge of {topic} as per the {document}]",
    "I've got 2 questions\n1) [retrieval:does our {document} mention {topic}?]\n2) [exact:what's {power}?]",
    "[code:Build a {language} script that {deed}]. Additionally, [retrieval:state which {topic} our"
    " {document} permits].",
    "[retrieval:What have we said about {topic} so far?] And [exact:how much is {product}?]",
    "[exact:Compute {percentage}], [exact:compute {product}] and [retrieval:tell me whether the"
    " {document} covers {topic}].",
    "[general:When did {person} die], and [exact:what is the lcm of {pair}]?",
    "Hello, could you [retrieval:explain the {document} on {topic}] and then [exact:calculate"
    " {percentage}]? Thank you!",
    "[exact:How many seconds are in {hours} hours?] - [retrieval:What did the minutes record about {topic}?]",
    "[retrieval:Who signs off on {topic} under the {document}?] And on a different note, [general:who wrote {work}?]",
    "• [code:Write a unit test in {language} for a function that {deed}]\n• [exact:{product}]\n"
    "• [retrieval:Summarise what our {document} says about {topic}]",
    "[exact:What is {percentage}]? [exact:What is {power}]? [retrieval:What does the {document} say on {topic}]?",
    "Can you [exact:solve {equation}]? Can you also [retrieval:check our {document} for {topic}]?",
    "Sag mir bitte, [retrieval:was unser Handbuch über {thema} sagt], und berechne [exact:{product}].",
    "Dis-moi [retrieval:ce que prévoit notre règlement sur {sujet}], puis calcule [exact:{product}].",
    "[general:Give me a riddle about {muse}]; [exact:what is {product}]; [retrieval:what is our"
    " {document} regarding {topic}?]",
    "[exact:{product}], [exact:{percentage}], and [retrieval:the {document} entry for {topic}]",
    "How do I [code:sort a dictionary by value in {language}], and [retrieval:which {topic} does"
    " the {document} forbid]?",
    "[retrieval:Could our {document} be read as allowing {topic}?] And also, [exact:what's {product}?]",
    "I'm writing to ask what [exact:{product}] equals and [retrieval:how the {document} treats {topic}].",
    "[retrieval:Which chapter of the {document} deals with {topic}?]\nAnd [exact:what is {percentage}?]",
    "[exact:{percentage} = ?] Then, [retrieval:cite the part of our {document} about {topic}].",
    "Quick question: [exact:is {number} a prime number]? Second question: [retrieval:what does our"
    " {document} demand for {topic}]?",
    "[retrieval:Tell me our {document} on {topic}], [general:tell me a joke about {muse}], and"
    " [exact:tell me {product}].",
    "[code:Create a {language} class that {deed}]; and [exact:differentiate {polynomial}].",
    "[exact:Find the square root of {square}] and [retrieval:find out what we decided about {topic}].",
    "[general:Who was {person}?] [retrieval:What does the {document} say about {topic}?]",
    "I need [exact:{percentage}] and [code:a {language} function that {deed}].",
    "Kannst du [exact:{product}] berechnen? Und [retrieval:was sagt die Richtlinie zu {thema}?]",
    "Hi team,\n\n[retrieval:What's the {document} on {topic}?]\n\nAlso, [exact:what is {number} mod"
    " 9?]\n\nThanks a lot!",
    "[retrieval:Look up {topic} in our {document}] & [exact:compute {power}]",
    "- [code:regex that matches {pattern}]\n- [exact:{product}]\n- [retrieval:{topic}: what does"
    " the {document} say?]",
    "[retrieval:Has the {document} anything to say on {topic}]? if you can, [exact:multiply {pair}] too",
    "[exact:Work out {percentage}]. After that [retrieval:summarise our {document}'s section about {topic}].",
    "[general:Suggest a recipe for {dish}]; separately, [retrieval:what does our {document} say about {topic}?]",
    "Please [exact:calculate {product}], [retrieval:check what our {document} says about {topic}], and"
    " [code:write a {language} script that {deed}]. Keep it short.",
    "[exact:Expand (x+3)(x-5)], and by the way [general:what is the currency of {country}?]",
    "[retrieval:What rules on {topic} are in our {document}?]; [exact:what is {power}?];"
    " [exact:what is {percentage}?]",
)

HELD_OUT = (
    "[exact:Compute {product}]. [retrieval:What does the {document} state about {topic}?]",
    "[retrieval:What is our {document}'s position on {topic}?] I also want to know [exact:what is {percentage}].",
    "Can you [retrieval:find the rules for {topic} in the {document}]? And [exact:{product}]?",
    "Would you please [exact:evaluate {power}] and [retrieval:describe how our {document} handles {topic}]?",
    "1) [code:Write a {language} function that {deed}]\n2) [exact:Calculate {percentage}]",
    "[exact:how many minutes are in {hours} hours]? [retrieval:what did we agree about {topic}?]",
    "[general:Who wrote {work}?] [exact:What is the remainder of {square} divided by 7?]"
    " [retrieval:What does the {document} say about {topic}?]",
    "[retrieval:List what the {document} requires regarding {topic}]; then [exact:simplify {fraction}].",
    "Please help me with these two tasks: [exact:solve {equation}], and [code:implement a stack in {language}].",
    "[retrieval:Does our {document} mention {topic}, and where?] Secondly, [exact:what is {number} + {square}?]",
    "[general:What is the currency of {country}?] Also, [exact:compute {product}].",
    "[exact:What is {percentage}], and [retrieval:how does our {document} regulate {topic}?] Thanks in advance!",
    "[retrieval:Was steht in unserem Vertrag über {thema}?] Und wie viel ist [exact:{product}]?",
    "[retrieval:Que dit notre règlement sur {sujet}] ? Calcule aussi [exact:{product}].",
    "Hey! [exact:{product}] and [exact:{percentage}], also [retrieval:what's in the {document} about {topic}]",
    "[code:Write a SQL query that lists all customers by country], and [retrieval:tell me who owns"
    " {topic} according to the"
    " {document}].",
    "Please [retrieval:quote our {document} on {topic}.] Also, [general:write a short poem about {muse}.]",
    "[exact:Is {number} prime?] [exact:Factor {square}.] [retrieval:What do our notes say about {topic}?]",
    "My first question is [retrieval:what the {document} says about {topic}]. My second question is"
    " [exact:what is {power}].",
)

_FILLERS: dict[str, Sequence[str]] = {
    "product": ("84*19", "312/16", "47 * 58", "1024 - 389", "7/12 + 5/18", "(45+36)*11", "2.5 * 64", "9099/27"),
    "percentage": ("35% of 1260", "12.5% of 640", "8% of 4275", "140% of 90", "62% of 350"),
    "power": ("3^11", "2^20", "7^5", "13^4", "10!"),
    "number": ("211", "347", "1009", "589", "733"),
    "equation": ("5x - 7 = 38", "3x + 12 = 0", "x^2 - 9x + 20 = 0", "4x = 90"),
    "pair": ("84 and 126", "45 and 75", "96 and 36", "51 and 119"),
    "square": ("529", "1764", "2401", "6241"),
    "fraction": ("(x^2-16)/(x-4)", "84/126", "(x^2+2x+1)/(x+1)"),
    "polynomial": ("x^3 + 4x", "5x^2 + 10x", "x^2 + 7x + 12"),
    "distance": ("26 miles", "18 miles", "750 m", "400 miles"),
    "hours": ("17", "36", "9.5"),
    "document": (
        "security policy", "onboarding guide", "staff handbook", "expense policy", "engineering wiki",
        "procurement guidelines", "maintenance manual", "supplier contract",
    ),
    "topic": (
        "jury duty", "laptop encryption", "unpaid sabbaticals", "parking permits", "meal vouchers", "badge access",
        "relocation allowances", "visitor registration", "data retention", "night shifts",
    ),
    "thema": ("Dienstwagen", "Elternzeit", "Überstunden", "Bahnfahrten"),
    "sujet": ("le télétravail", "les heures supplémentaires", "le stationnement"),
    "asunto": ("el teletrabajo", "las horas extra", "los permisos"),
    "work": ("Moby Dick", "Don Quixote", "Middlemarch", "The Trial"),
    "country": ("Kenya", "Portugal", "Vietnam", "Uruguay"),
    "person": ("Marie Curie", "Nelson Mandela", "Ada Lovelace"),
    "painting": ("Guernica", "The Night Watch", "Las Meninas"),
    "dish": ("mushroom risotto", "lentil soup", "shakshuka"),
    "muse": ("penguins", "old lighthouses", "autumn leaves", "a sleepy dragon"),
    "language": ("Python", "JavaScript", "Rust", "Go"),
    "deed": ("counts vowels", "removes duplicate lines", "checks for palindromes", "flattens nested lists"),
    "pattern": ("IPv4 addresses", "ISO dates", "hex colours"),
}  # fmt: skip

_HELD_OUT_FILLERS: dict[str, Sequence[str]] = {
    **_FILLERS,
    "product": ("61*73", "855/19", "14.2 * 5", "4/9 + 5/6", "(88-29)*7", "20000 - 12345", "3^4 + 19"),
    "percentage": ("17% of 2300", "4.5% of 800", "99% of 1010", "250% of 64"),
    "power": ("6^7", "2^33", "12^5", "11!"),
    "number": ("613", "1117", "2021", "397"),
    "equation": ("9x + 4 = 31", "2x - 15 = 1", "x^2 - 5x - 14 = 0"),
    "pair": ("132 and 55", "64 and 144", "39 and 91"),
    "square": ("1089", "3136", "4489"),
    "fraction": ("(x^2-81)/(x+9)", "96/360"),
    "distance": ("12 miles", "55 miles", "3 miles"),
    "hours": ("11", "48", "7"),
    "document": (
        "travel policy", "quality manual", "IT guidelines", "lease agreement", "incident runbook", "works agreement",
        "privacy policy", "training guide",
    ),
    "topic": (
        "bicycle leasing", "overtime", "client gifts", "password rotation", "guest access", "paternity leave",
        "moonlighting", "per diems", "office dogs", "bereavement",
    ),
    "thema": ("Homeoffice", "Fortbildungen", "Krankmeldungen"),
    "sujet": ("les notes de frais", "les congés parentaux"),
    "work": ("Dracula", "Jane Eyre", "The Odyssey", "Ulysses"),
    "country": ("Norway", "Peru", "Thailand", "Morocco"),
    "muse": ("a lonely robot", "hedgehogs", "the first snow", "rusty bicycles"),
    "language": ("TypeScript", "Java", "Ruby", "Kotlin"),
    "deed": ("reverses words", "parses timestamps", "finds anagrams", "counts lines"),
}  # fmt: skip

_PART = re.compile(r"\[([a-z]+):([^\[\]]*)\]")
_SLOT = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True)
class KnownPart:
    """A part that a request is known to have."""

    text: str
    kind: str


@dataclass(frozen=True)
class Compound:
    """A request and its parts."""

    text: str
    parts: tuple[KnownPart, ...]
    held_out: bool
    """Whether its template was written after the decomposition."""


def compounds(count: int, seed: int) -> list[Compound]:
    """Return so many requests, half of them from held-out templates, each template as often as the others."""
    rng = random.Random(seed)
    made: list[Compound] = []
    for number in range(count):
        held_out = number % 2 == 1
        templates = HELD_OUT if held_out else DEVELOPED
        made.append(_filled(templates[number // 2 % len(templates)], rng, held_out=held_out))
    return made


def _filled(template: str, rng: random.Random, *, held_out: bool) -> Compound:
    fillers = _HELD_OUT_FILLERS if held_out else _FILLERS
    marked = _SLOT.sub(lambda slot: rng.choice(fillers[slot[1]]), template)
    parts = tuple(KnownPart(found[2], found[1]) for found in _PART.finditer(marked))
    return Compound(_PART.sub(lambda found: found[2], marked), parts, held_out)
