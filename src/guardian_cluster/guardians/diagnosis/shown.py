"""What of a hostile text is shown or compared: signs that print, and others by a sign that stands for them."""


def shown(text: str, instead: str) -> str:
    """Return a text with one sign in the place of each that does not print."""
    return "".join(each if each.isprintable() else instead for each in text)
