"""Why a text or a problem is turned down: the one error that understanding and solving raise on purpose."""


class Refusal(Exception):
    """The solver will not answer; `reason` is a sentence for the person who asked.

    It is raised wherever an answer would be a guess, would cost more than its bounds, or does not exist.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def quoted(text: str) -> str:
    """Return a few characters of a text in quotes, safe to put into a sentence."""
    shown = text if len(text) <= 20 else text[:20] + "…"
    return '"' + "".join(character if character.isprintable() else "?" for character in shown) + '"'
