"""What models say when they are well and when they are not, and how a caller knows which it was."""

import json
import re
from typing import Literal

from benchmarks.recovery_world.callers import Language, Question
from guardian_cluster.simulation.request import ModelRequest, content_text

Loss = Literal["error", "late", "format", "refusal", "truncated", "wrong"]
"""What is lost of an answer: it did not come; too late; not in its form; a refusal; its end; it is not right."""

ERRORS: frozenset[Loss] = frozenset({"error", "truncated", "late"})
"""Losses of service; the others are of quality: an answer came, and it is not good."""

LATE_S = 2.0
"""A caller who waited longer for some three sentences was not served well. Usual is a third of a second."""

_NUMBER = re.compile(r"\b1\d{6}\b")

_RIGHT: dict[Language, str] = {
    "english": (
        "The parcel of this order has left our warehouse and will arrive on Thursday, before noon. You can follow "
        "it on the page of the carrier under the code K{n}."
    ),
    "german": (
        "Das Paket zu dieser Bestellung hat unser Lager verlassen und kommt am Donnerstag vor dem Mittag an. Auf der "
        "Seite des Boten steht es unter der Nummer K{n}."
    ),
    "french": (
        "Le colis de cette commande a quitté notre entrepôt et arrivera jeudi avant midi. Vous pouvez le suivre sur la "
        "page du transporteur sous le code K{n}."
    ),
}
_WRONG: dict[Language, str] = {
    "english": "Orders pass through many hands, and much depends on the season. It is best to have some patience.",
    "german": "Bestellungen gehen durch viele Hände, und manches hängt von der Zeit im Jahr ab. Etwas Geduld hilft da.",
    "french": "Une commande passe par bien des mains, et tout dépend de la saison. Le mieux est d'attendre un peu.",
}
REFUSAL = "I'm sorry, but I can't help with that request."
CHATTY = "Sure! Here is what you asked for: the order is on its way, and it will arrive soon."
LOOP = " and it will arrive" * 60


def number_of(request: ModelRequest) -> int:
    """Return what a request asks about; 0 for one that no caller sent."""
    for message in request.messages:
        if found := _NUMBER.search(content_text(message.get("content"))):
            return int(found.group())
    return 0


def language_of(request: ModelRequest) -> Language:
    """Return the language that a caller asks in."""
    text = next(
        (content_text(each.get("content")) for each in request.messages if each.get("role") == "user"), ""
    )
    if text.startswith("Bitte"):
        return "german"
    return "french" if text.startswith("Dites") else "english"


def right(request: ModelRequest) -> str:
    """Return the right answer, in the form and the language that are asked for."""
    number = number_of(request)
    if "response_format" in request.body:
        return json.dumps({"order": number, "state": f"K{number}"})
    return _RIGHT[language_of(request)].format(n=number)


def wrong(request: ModelRequest) -> str:
    """Return an answer in good form that answers nothing."""
    if "response_format" in request.body:
        return json.dumps({"order": number_of(request), "state": "unknown"})
    return _WRONG[language_of(request)]


def loss_of(question: Question, text: str, waited_s: float) -> Loss | None:
    """Return what a caller lost who was told this after so long; `None` where nothing."""
    if f"K{question.number}" not in text:
        return _wrong_how(question, text)
    if question.kind == "json" and not _is_object(text):
        return "format"
    if len(text) > 4 * len(_RIGHT[question.language]):
        return "wrong"
    return "late" if waited_s > LATE_S else None


def _wrong_how(question: Question, text: str) -> Loss:
    if text == REFUSAL:
        return "refusal"
    if question.kind == "json" and not _is_object(text):
        return "format"
    is_cut = _RIGHT[question.language].startswith(text[:40])
    return "truncated" if is_cut else "wrong"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
