"""The words that decomposition goes by, in English and a little German, French and Spanish.

Every list errs towards leaving a request whole. They name words of language and of office life, none of any
benchmark; where a list is meant to be complete, it says so.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_WORD = re.compile(r"[\w'’-]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def written_words(text: str) -> list[str]:
    """Return the words of a text as they are written, without the marks around them."""
    return [word for found in _WORD.findall(text) if (word := found.strip("'’-_"))]


def is_phrase_in(words: Sequence[str], phrases: frozenset[tuple[str, str]]) -> bool:
    """Return whether two words stand side by side somewhere."""
    return any(pair in phrases for pair in pairwise(words))


QUESTIONS: Final = _words(
    """
    what whats who whos whom whose when where why how which was wer wann wo wie warum wieviel welche
    welcher welches que qu quel quelle quels quelles qui quand où combien comment pourquoi qué cuál cual
    quién quien cuándo dónde cómo cuánto cuanto cuántos cuántas
    """
)
"""Words that begin a question, also an indirect one."""

AUXILIARIES: Final = _words("is are were do does did can could would will should may has have")
"""Words that begin a question that is answered with yes or no."""

CREATION: Final = _words(
    """
    write draft compose create implement code build generate develop design make schreib schreibe erstelle
    écris écrivez crée rédige escribe crea redacta
    """
)
"""Verbs that ask for something new, which no document holds."""

CALCULATION: Final = _words(
    """
    compute calculate evaluate solve convert factor factorise factorize differentiate integrate simplify
    expand determine add multiply divide subtract work round berechne rechne calcule calculez calcula
    """
)
"""Verbs that ask for a number: where the solver does not understand what follows, it may be about another part."""

ORDERS: Final = (
    _words(
        """
    tell give show find look check search list name explain describe summarize summarise translate quote
    cite recommend suggest define remind recall provide retrieve fetch pull get outline state confirm
    clarify identify specify paraphrase produce prepare invent figure recite spell count let sag sage
    nenne erkläre zeig zeige finde suche fasse dis dites donne donnez explique résume dime dígame explica
    resume busca
    """
    )
    | CREATION
    | CALCULATION
)

SEARCHES: Final = _words("look check search find show list name give")
"""Verbs that may ask only to have a document at hand for the next part, unless a topic follows."""

TOPICS: Final = QUESTIONS | _words(
    """
    for about on whether regarding concerning if says say mention mentions zu über sur sobre
    """
)

GERUNDS: Final = _words(
    """
    calculating computing evaluating checking telling explaining summarising summarizing writing listing
    """
)
"""What follows "would you mind"."""

SOURCES: Final = _words("according in from under per laut gemäß selon según")
"""Words that begin a question by naming where its answer is found."""

STARTERS: Final = QUESTIONS | AUXILIARIES | ORDERS | GERUNDS | SOURCES
"""With one of these begins whatever asks for something. Anything else is told, and then the request is a story."""

NAMING: Final = _words("a an the our any")
"""With one of these begins what is asked for by its name alone: "the handbook's rules on leave"."""

_LEADS = (
    r"(?:and|also|then|plus|please|kindly|so|okay|ok|hi|hello|hey|first|firstly|second|secondly|third"
    r"|thirdly|next|finally|lastly|besides|additionally|furthermore|moreover|in addition|separately"
    r"|on another note|on a different note|unrelated|by the way|btw|one more thing|another question"
    r"|as well as|now|oh|just|maybe|quickly|after that|afterwards|if you can|if you could|if possible"
    r"|i'm writing to ask|i am writing to ask|kannst du|könntest du|können sie|könnten sie|peux-tu|pouvez-vous"
    r"|pourriez-vous|puedes|podrías"
    r"|while (?:you're|you are|we're|we are|i'm) at it|on top of that|apart from that"
    r"|aside from that|what's more|another thing|one other thing|meanwhile|in the meantime"
    r"|for the (?:first|second|third|next|last)"
    r"|my (?:first|second|third|next|last|other) (?:question|request|task) is|do you know|any idea"
    r"|i'm (?:also )?curious|i also wonder|can you|could you|would you mind|would you|will you|i would like to know"
    r"|i'd like to know|i want to know|i need to know|i also want to know|i also need to know"
    r"|i'd like you to|i would like you to|i want you to|i need you to|i'd like|i want|i need"
    r"|i also want|i also need|to|i was wondering|i wonder"
    r"|und|sowie|außerdem|ausserdem|bitte|dann|erstens|zweitens|hallo|et"
    r"|ainsi que|aussi|puis|ensuite|bonjour|de plus|y|también|además|luego|hola|por favor)"
)
LEADS: Final = re.compile(_LEADS.replace("'", "['’]") + r"(?![\w'’-])[\s,:&–-]{0,8}", re.IGNORECASE)
"""What leads from one part to the next, or into the first, and belongs to none."""

APART: Final = re.compile(
    r"separately|another note|different note|unrelated|another question|btw|by the way"
    r"|different (?:question|topic|matter)",
    re.IGNORECASE,
)
"""Words by which the user says that the next question is another matter."""

TRAIL: Final = re.compile(
    r"[\s,]{1,4}(?:and|und|et|y|also|too|as well|btw|by the way|first|real quick|quickly|now|please|bitte|thanks"
    r"|thank you|for me|s'il te plaît|s'il vous plaît|por favor)[\s.?!;,]{0,8}\Z",
    re.IGNORECASE,
)
"""What may stand behind a part, and belongs to none. The mark at the end of the sentence goes with it."""

LONGEST_TRAIL: Final = 32
"""Characters at the end in which a trail is looked for."""

COURTESY: Final = _words(
    """
    hi hello hey there dear lot everyone folks guys sorry greetings best q team thanks thank you very much
    many in advance please help me with need answer following these this the a an few several some two
    three four five couple of quick different separate independent unrelated question questions thing
    things task tasks request requests i have i've got want can could would for to my all here are is one
    ones other second first third last real quickly also hallo danke vielen dank bitte bonjour merci hola
    gracias each and good morning afternoon evening day regards kind cheers
    """
)
"""A sentence of these words alone announces or thanks, and asks for nothing."""

LANGUAGES: Final = _words(
    """
    english german french spanish italian portuguese dutch polish russian ukrainian turkish arabic hebrew
    hindi chinese mandarin japanese korean swedish danish norwegian finnish czech greek latin deutsch
    englisch französisch spanisch français anglais allemand español inglés
    """
)

INSTRUCTION: Final = re.compile(
    r"(?:(?:please |bitte )?(?P<language>(?:(?:answer|reply|respond|write|antworte|réponds|répondez|responde)"
    r"(?: me)? )?(?:in|auf|en) (?P<name>[^\W\d_]{4,12}))"
    r"|(?:please )?(?:be|keep (?:it|them|your answers?|the answers?|everything)) (?:very )?(?:brief|short|concise)"
    r"|(?:please )?(?:answer|reply|respond) (?:very )?(?:briefly|concisely|shortly))(?:,? (?:please|bitte))?[.!]{0,3}",
    re.IGNORECASE,
)
"""A sentence that says of every part in which language, or how briefly, it is to be answered. Complete: any other
instruction may be about all parts at once, and leaves the request whole."""

UNITING: Final = _words(
    """
    both either neither respectively together combine combined combining compare compares compared
    comparison versus vs former latter overall altogether same similarly likewise instead accordingly
    therefore thus hence thereby otherwise above aforementioned vice corresponding beide beides beiden
    vergleiche ensemble ambos ambas compara compara comparer
    """
)
"""One of these anywhere means that parts have to do with each other."""

UNITING_PHRASES: Final = (
    "if so", "if not", "if it", "if that", "if yes", "if no", "in that case", "based on", "depending on", "which is",
    "which one", "difference between", "step by step", "in one ", "in a single", "of the two", "all of", "using th",
    "once you", "before that", "relate to", "related to", "what if", "from there", "for each ",
)  # fmt: skip
"""The same of two words and more."""

FORMATS: Final = _words(
    """
    json yaml xml csv markdown html table tabular bullet bullets bulleted sentence sentences paragraph
    paragraphs words format formatted spreadsheet headline headlines essay
    """
)
"""In a part that asks for no code, these may say how the whole answer is to look."""

PRONOUNS: Final = _words(
    """
    it its itself they them their theirs themselves he she him her his hers these those ones ihn ihm dies
    diese dieses diesen dieser damit davon dazu daraus cela ça ceci celui celle eso esto ello
    """
)
"""Words that stand for something said before."""

ELSEWHERE: Final = _words(
    """
    else again thereof therein herein another ergebnis résultat resultado further result results answer
    answers outcome calculation previous resulting preceding latest
    """
)
"""Words that most often point at another part. Answers of an exam are asked about less often."""

FIGURES: Final = _words(
    """
    number numbers value figure total sum product output amount solution remainder quotient
    """
)
"""The same after "the", "that", "this" or "your", in a part that asks for no code."""

ELLIPSES: Final = frozenset(
    {
        ("what", "about"), ("how", "about"), ("how", "so"), ("why", "not"), ("what", "for"), ("und", "was"),
        ("et", "pour"), ("y", "para"), ("how", "come"), ("what", "then"),
    }
)  # fmt: skip

INDEFINITE: Final = _words("a an any each every two three some all ein eine einen une un una")

DERIVED: Final = _words(
    """
    number numbers value figure total sum product output amount solution remainder quotient difference
    half double twice square root cube power digit digits decimal decimals binary hex hexadecimal fraction
    percentage percent factor factors prime even odd divisible positive negative larger smaller bigger
    greater less more equal steps step work working process method formula calculation computation math
    maths arithmetic reasoning logic proof derivation detail details explanation meaning means right
    correct true false sure wrong final exact rest approach complexity time runtime code function script
    program test tests example examples input inputs usage comments line lines edge case cases error
    errors performance library cost costs price prices tip tax bill pay pays owe discount interest rate
    rates budget interpretation context significance verify double-check check graph plot diagram powers
    factorial factorials algorithm algorithms addition subtraction multiplication division derivative
    derivatives integral integrals equation equations primes squares roots fractions percentages sums
    variable variables
    """
)
"""What one asks about another part without a pronoun: a general question about one of these may be about it."""

CODE_MATTERS: Final = _words(
    """
    schema schemas database databases api apis codebase repository repositories style convention
    conventions naming endpoint endpoints architecture linter column columns sdk backend frontend
    """
)
"""What documents say of these is most often meant for a program that is asked for beside."""

FAMILIAR: Final = _words(
    """
    sky sun moon earth sea ocean weather world internet universe dinosaurs light gold silver iron water
    oxygen hydrogen planet planets solar speed stars rainbow equator human humans cats dogs birds bees
    mars jupiter
    """
)
"""Things there is one of, or one kind of, so that "the" points at nothing said before."""

WORLD: Final = _words(
    """
    capital population currency author president inventor symbol synonym antonym continent ocean planet
    element river mountain wrote painted composed invented discovered directed founded born died won built
    sang tall high far deep boiling melting speed formula language explorer sky
    """
)
"""What is asked about the world and not about documents."""

ARTEFACTS: Final = _words("haiku poem limerick joke riddle recipe song sonnet rhyme anecdote")
"""What is made up from nothing else in the request."""

DOCUMENTS: Final = _words(
    """
    handbook handbooks manual manuals policy policies document documents documentation docs doc wiki notes
    minutes guideline guidelines runbook runbooks playbook faq faqs memo memos contract contracts
    agreement agreements report reports intranet transcript transcripts archive archives records files
    file readme specification spec regulations sop sops newsletter newsletters datasheet agenda emails
    roadmap slides directive directives conduct charter bylaws guide rulebook brochure handout handbuch
    richtlinie richtlinien leitfaden vertrag protokoll unterlagen dokument dokumente dokumentation manuel
    politique règlement guide document contrat documentation política políticas documento documentos
    contrato
    """
)

DOCUMENT_ENDINGS: Final = ("handbuch", "richtlinie", "richtlinien", "leitfaden", "vereinbarung", "ordnung")
"""German joins its nouns: a Reiserichtlinie is a Richtlinie."""

DETERMINERS: Final = _words(
    """
    the our my your this company company's employee staff hr internal team per in from under its das dem
    der die den im laut unser unsere unserer unserem unseren le la les notre nos du au selon el los
    nuestro nuestra nuestros nuestras según
    """
)

WORLDLY_POLICIES: Final = _words(
    """
    foreign monetary fiscal economic public domestic trade immigration social colonial insurance
    """
)

OURS: Final = _words(
    """
    our unser unsere unserer unserem unseren notre nos nuestro nuestra nuestros nuestras
    """
)

SHARED_BY_ALL: Final = _words(
    """
    solar planet galaxy universe sun moon earth world body bodies brain brains eyes ancestors species
    lives life society time age climate atmosphere oceans immune nervous digestive blood skin bones hearts
    lungs civilization dreams minds heart sense senses
    """
)
"""What is "ours" without any document about it."""

MEMORIES: Final = frozenset(
    (who, said)
    for who in ("we", "i", "you")
    for said in ("said", "say", "decided", "decide", "agreed", "agree", "discussed", "discuss", "noted", "promised",
                 "promise", "mentioned", "mention", "told", "talked", "concluded", "conclude")
)  # fmt: skip

CODE_LANGUAGES: Final = _words(
    """
    python javascript typescript java rust go golang ruby kotlin php haskell perl scala sql bash
    powershell html css lua matlab node shell awk react numpy pandas
    """
)

CODE_THINGS: Final = _words(
    """
    function functions regex regexp snippet dockerfile one-liner oneliner makefile decorator subroutine
    funktion fonction función
    """
)

CODE_THINGS_OF_A_LANGUAGE: Final = _words(
    """
    script program class method query code test tests algorithm component macro parser loop module command
    skript programm expression command-line requête consulta clase classe
    """
)
"""Which a film, a school or a hospital has as well."""

CUES: Final = (
    "handb", "manu", "polic", "polit", "polít", "doc", "dok", "wiki", "notes", "minutes", "guid", "runbook",
    "playbook", "faq", "memo", "contra", "agree", "report", "intranet", "transcript", "archiv", "record",
    "file", "readme", "spec", "regul", "sop", "newsl", "datash", "agenda", "email", "roadmap", "slides",
    "directi", "conduct", "rust", "implement", "règl", "charter", "bylaw", "rulebook", "broch", "handout",
    "richtlinie", "leitf", "vertrag", "protok", "unterlagen", "our ", "we ", "function", "funktion",
    "fonction", "función", "regex", "script", "code", "query", "python", "sql", "notre ", "nos ", "unser",
    "nuestr", "snippet", "java", "bash", "program", "subroutine", "decorator", "liner", "vereinbarung",
    "ordnung", "i told", "i mention", "i say", "you sa", "you men",
)  # fmt: skip
"""Without a digit, one of these is in every request that has two kinds of parts, or it is not decomposed."""

STOP: Final = (
    STARTERS
    | COURTESY
    | DETERMINERS
    | PRONOUNS
    | INDEFINITE
    | DOCUMENTS
    | _words(
        """
    of about by on at as or not no but with without into out up down off over than that there then also so
    be been being am it's we us our you your say says said state states mention mentions concerning
    regarding according any much many long often how one if whether like just really actually exactly know
    let made get gets it'll should must shall might briefly short shortly über zu zum zur für von mit sagt
    steht mir et à de des sur dit moi al sobre dice con para por es
    """
    )
)
"""Words that say nothing about what a part is about."""
