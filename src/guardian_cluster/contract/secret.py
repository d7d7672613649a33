"""A value that must never be printed."""

import msgspec


class Secret(msgspec.Struct, frozen=True):
    """A secret and the name of its source; every way to print it shows the source alone."""

    value: str
    source: str = "guardian.toml"

    def __repr__(self) -> str:
        return f"•••• ({self.source})" if self.value else "(empty)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)
