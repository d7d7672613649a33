"""Texts that have been found to hold nothing, so that what recurs in every answer is searched once."""

_MEMORY = 4_096
_REMEMBERED_CHARACTERS = 64


class HarmlessTexts:
    """Short texts found to hold nothing, such as `chat.completion`: they recur in every answer."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def __contains__(self, text: str) -> bool:
        return text in self._texts

    def remember(self, text: str) -> None:
        """Keep a text; the memory begins anew when it is full, for ids never recur."""
        if len(text) <= _REMEMBERED_CHARACTERS:
            if len(self._texts) >= _MEMORY:
                self._texts.clear()
            self._texts.add(text)
