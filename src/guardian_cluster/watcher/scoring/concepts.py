"""Decides which words stand for which concept of an attempt to turn a model: a vocabulary written by hand.

Words that an attack has not used yet fall under the same concept as those it has: that carries over from one set
of attacks to another where learned words do not. Six European languages, a few words of Chinese. A word with `*`
stands for all that begin so.
"""

from typing import Final

VOCABULARY: Final = {
    "override": (
        "ignore disregard forget override overwrite bypass circumvent neglect discard vergiss ignoriere "
        "ignorieren missachte überschreibe verwirf umgehe vergessen oublie oubliez oublier ignorez olvida "
        "olvide olvidar ignora ignorar ignorad dimentica ignorare esqueça esquece negeer vergeet забудь "
        "забудьте игнорируй игнорируйте 忽略 无视 無視 忘记"
    ),
    "overinf": (
        "ignores ignored ignoring disregards disregarded disregarding forgets forgot forgotten forgetting "
        "overrides overriding overridden bypasses bypassed bypassing circumvent* overrul* supersed* "
        "replaced updated void cancelled revoked"
    ),
    "stop": ("stop stopp stoppe halt cease quit drop abort pause aufhören arrête* basta"),
    "instead": ("instead stattdessen anstatt statt rather abweichend contrary plutôt lugar invece вместо"),
    "prior": (
        "previous* prior above earlier before beforehand preceding foregoing initial initially original "
        "originally former past existing current vorherig* bisherig* vorangegang* vorangehend* davor "
        "zuvor vorig* obig* oben bevor ursprünglich* précédent* precedent* antérieur* avant anterior* "
        "previ* antes prima предыдущ* 之前 以前"
    ),
    "all": (
        "all every everything any anything entire whole alle alles allen gesamt* ganze* sämtlich* tout "
        "toute tous toutes todo todos toda todas tutto tutti tutte все всё"
    ),
    "instr": (
        "instruction* directive* directions guideline* rule rules command commands commandment* order "
        "orders constraint* restriction* policy policies protocol protocols regulation* safeguard* "
        "guardrail* safety filter filters anweisung* instruktion* befehl* regel regeln vorgabe* "
        "vorschrift* richtlinie* beschränkung* consigne* règle* instrucc* regla* reglas istruzion* regole "
        "instruç* regra* правил* инструкц* 指令 规则"
    ),
    "prompt": (
        "prompt prompts pre-prompt preprompt eingabeaufforderung systemprompt message messages "
        "conversation input context 提示"
    ),
    "task": (
        "task tasks assignment assignments job goal goals objective mission aufgabe aufgaben auftrag "
        "aufträge tâche* tarea* compito"
    ),
    "system": (
        "system admin administrator developer developers dev sudo root debug maintenance console terminal "
        "mode modus operator override authorized authorised superuser système sistema"
    ),
    "reveal": (
        "reveal* show shows print display* output outputs repeat leak* disclose* expose echo dump return "
        "spell copy zeig zeige zeigen drucke* gib gebe nenne wiederhol* verrat* offenbar* ausgeben "
        "affiche* montre* répète* muestra* revela* repite mostra* ripeti покажи"
    ),
    "secret": (
        "secret secrets password* passwort passwörter passphrase hidden confidential credential* private "
        "key keys token tokens embedding embeddings internal classified geheim* verborgen* mot "
        "contraseña* segreto пароль"
    ),
    "model": (
        "ai ais ki ia chatgpt gpt gpt-3 gpt-4 gpt3 gpt4 assistant assistants assistent chatbot chatbots "
        "bot bots llm llms openai claude bard bing copilot alexa siri sprachmodell modell modèle modelo "
        "modello ии"
    ),
    "lm": ("language model models trained training cutoff cut-off algorithm"),
    "role": (
        "act acting pretend* roleplay* role-play role roles rolle rollen simulat* imagine persona "
        "personas personality character characters impersonat* behave embody immerse emulat* mimic speak "
        "portray identity fungier* agier* verhalte* spiel spiele stell vorstellen agis actúa compórtate "
        "finge comporta fingi rôle papel притворись"
    ),
    "you": ("you u ya yourself thou du dich dir sie ihr euch vous tu toi usted ustedes te ti ты вы 你"),
    "your": (
        "your yours ur dein deine deinen deinem deiner deines ihre ihren ihrem ihrer votre vos ton tes "
        "tus sus твои ваш*"
    ),
    "are": ("are re art bist sind seid sei es êtes eres sois seja be being become"),
    "answer": ("answer* respon* repl* antwort* beantwort* répon* respuest* respond* rispo* ответ*"),
    "unbound": (
        "unrestrict* unfilter* uncensor* unlimit* limitless unethical* immoral* amoral* illegal* "
        "illegally jailbreak* jailbroken dan unconfined freed unbound unmoderat* unbiased unhinged evil "
        "uninhibit* lawless censor* ungefilter* unzensier* illegale* illégal*"
    ),
    "ethic": (
        "moral morals morality ethic ethics ethical legality legal inappropriate offensive harmful "
        "disclaimer* warning warnings consequence* apolog* judgment judgement appropriate"
    ),
    "neg": (
        "no not never without don dont doesn won wouldn cannot cant neither nor none refuse* refusal "
        "reject* kein keine keinen nicht niemals nie ohne sans jamais pas sin nunca jamás senza non mai "
        "не без"
    ),
    "bound": (
        "break bound bounds confine* limit limits limitation* restrict* comply compl* obey follow adhere "
        "abide rebel escape free freedom gehorch* befolg* halte obéi* obedece"
    ),
    "now": (
        "now onwards onward henceforth hereafter new begin start starting jetzt nun ab sofort neue neuen "
        "neues beginn* fang maintenant nouveau* nouvelle* ahora nuevo* nueva* adesso nuov* теперь"
    ),
    "only": ("only exactly nothing solely just nur ausschließlich nichts seulement solo únicamente только"),
    "say": ("say says sag sage sagen speak write writes schreib* dis dites di diga scrivi скажи"),
    "must": (
        "must always will shall should have need required supposed musst muss müssen sollst immer dois "
        "doit debes siempre devi sempre"
    ),
    "game": (
        "game games scenario* fiction* hypothetical* theoretical* story movie film novel experiment spiel "
        "geschichte szenario theoretisch* jeu juego gioco"
    ),
    "me": ("i me my mine we us our ich mir mich mein meine je moi mon yo mi io"),
    "taskverb": (
        "translat* summari* write explain describe provide list generate create compose draft convert "
        "calculate compute suggest recommend outline define compare identify classify rewrite rephrase "
        "paraphrase edit analyz* analys* design develop name propose construct help tell give make find "
        "teach discuss evaluate solve complete determine schreib* erkläre* übersetz* beschreib* berechne* "
        "erstelle* fasse écris explique* tradui* résume* escribe explica* traduce* resume scrivi spiega* "
        "traduci"
    ),
    "edit": (
        "include add append insert modify replace change mention embed use end finish put attach füge "
        "ergänze ersetze ajoute* añade* agrega* aggiungi"
    ),
    "q": (
        "what how why who where which when whose whom can could would do does did is was wie warum wer wo "
        "welche welcher welches wann wieso woher kann können quel* quoi comment pourquoi qui où qué cómo "
        "quién cuál cuándo dónde cosa come perché chi"
    ),
    "urgent": (
        "important urgent immediately attention critical essential wichtig dringend sofort achtung "
        "important* urgente"
    ),
    "harm": (
        "hack* malware virus bomb* kill* murder weapon* drug* meth exploit* phish* hate racist nazi "
        "terror* steal* explosive* gewalt hass töten beleidig* porn* sex*"
    ),
    "praise": ("great good done gemacht gut danke perfect thanks thank okay ok bravo"),
    "please": ("please bitte kindly pls svp favor"),
    "this": ("this that these following next below folgend* dies* diese dieser dieses suivant* siguiente*"),
    "text": (
        "text texts document* article* paragraph* content email data information input artikel* dokument* "
        "inhalt* texte*"
    ),
    "otherlang": (
        "german english french spanish italian chinese latin russian deutsch englisch französisch spanisch"
    ),
}
"""Concept: its words. The order is that of the concepts' numbers: a change here asks for newly trained weights."""

CONCEPTS: Final = tuple(VOCABULARY)
"""Their places in this tuple are the concepts' numbers."""

NUMBER: Final = {name: number for number, name in enumerate(CONCEPTS)}

_SHORTEST = 3
"""Characters that a beginning has at least: words are looked up by as many."""


def _words() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name, words in VOCABULARY.items():
        for word in words.split():
            found[word] = (*found.get(word, ()), NUMBER[name])
    return found


def _beginnings() -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Return those of `_WORDS` that stand for all words that begin so, the longest first."""
    found: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for word in sorted(_WORDS, key=len, reverse=True):
        if word.endswith("*"):
            found.setdefault(word[:_SHORTEST], []).append((word[:-1], _WORDS[word]))
    return found


_WORDS = _words()
_BEGINNINGS = _beginnings()


def concepts_of(word: str) -> tuple[int, ...]:
    """Return the numbers of the concepts that a word in lower case stands for: mostly none or one."""
    known = _WORDS.get(word)
    if known is not None:
        return known
    for beginning, concepts in _BEGINNINGS.get(word[:_SHORTEST], ()):
        if word.startswith(beginning):
            return concepts
    return ()
