"""Finds every value in which two snapshots differ, by its path, and writes it without what must not be told."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    ApiKey,
    Base,
    DenyRule,
    DetectorThreshold,
    Snapshot,
    Specialist,
    Tenant,
    Variant,
)
from guardian_cluster.domain.action import HeldMove

MAX_WRITTEN = 4_000
"""Characters of a value; instructions are rarely longer. What is cut off is no JSON any more, and nobody acts on it."""

LEFT_OUT = " (left out: what must not be told)"
"""Ends a value of which something is masked, so that it is no JSON either: put back, it would not be what it was."""

HIDDEN = frozenset({"sha256", "canaries"})
"""Fields of which no more is told than that they are there: who knows a canary can leave it out."""

_USERINFO = re.compile(r"//[^/@\s]*@")
_LISTED = frozenset({"specialists", "tenants", "keys"})
_OWN = frozenset({"endpoints", "variants"})
_Pair = tuple[str, Any, Any]
"""A path, and what stood there before and after; `None` where nothing did."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One value that differs."""

    holder: str
    """`specialists`, `endpoints`, `tenants`, `keys`, `thresholds`, `moves`, or a section of the base."""
    name: str = ""
    """Of what holds it, where there are several."""
    key: str = ""
    """Which value of it; empty is all of it."""
    specialist: str = ""
    endpoint: str = ""
    tenant: str = ""
    before: str = ""
    after: str = ""

    @property
    def path(self) -> str:
        """Where the value stands."""
        return ".".join(filter(None, (self.holder, self.name, self.key)))


def differences(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    """Yield every value that differs. The number of a revision is none."""
    old, new = before.base, after.base
    for field in Base.__struct_fields__:
        if field not in _LISTED:
            for key, one, other in _values(getattr(old, field), getattr(new, field)):
                yield Difference(holder=field, key=key, before=written(one), after=written(other))
    for each in _listed(old.specialists, new.specialists, _name):
        yield from _of_specialist(*each)
    for name, one, other in _listed(old.tenants, new.tenants, _name):
        yield from _of("tenants", name, one, other, tenant=name)
    for name, one, other in _listed(old.keys, new.keys, _id):
        yield from _of("keys", name, one, other, tenant=(other or one).tenant if name else "")
    for name, one, other in _listed(before.overlay.thresholds, after.overlay.thresholds, _scope):
        yield _of_threshold(name, one, other)
    for name, one, other in _listed(before.overlay.moves, after.overlay.moves, _id):
        yield _of_move(name, one, other)


def written(value: object) -> str:
    """Return a value as JSON, shortened and without secrets; empty for none. What is not the whole value is no JSON."""
    if value is None:
        return ""
    telling = _Telling()
    text = msgspec.json.encode(telling.told(value)).decode()
    return text[:MAX_WRITTEN] if telling.is_whole else f"{text[: MAX_WRITTEN - len(LEFT_OUT)]}{LEFT_OUT}"


def _of_specialist(name: str, old: Specialist | None, new: Specialist | None) -> Iterator[Difference]:
    if not name or old is None or new is None:
        yield from _of("specialists", name, old, new, specialist=name)
        return
    yield from _of("specialists", name, old, new, specialist=name, without=_OWN)
    for key, one, other in _of_variants(old.variants, new.variants):
        told = {"before": written(one), "after": written(other)}
        yield Difference(holder="specialists", name=name, key=key, specialist=name, **told)
    for id, one, other in _listed(old.endpoints, new.endpoints, _id):
        yield from _of("endpoints", id or name, one, other, specialist=name, endpoint=id)


def _of(
    holder: str,
    name: str,
    old: msgspec.Struct | None,
    new: msgspec.Struct | None,
    *,
    without: frozenset[str] = frozenset(),
    **whose: str,
) -> Iterator[Difference]:
    """Yield what differs in one of several: all of it where it is new or gone, or where they cannot be told apart."""
    for key, one, other in _values(old, new, without):
        told = {"before": written(one), "after": written(other)}
        yield Difference(holder=holder, name=name, key=key, **told, **whose)


def _of_threshold(name: str, old: Any, new: Any) -> Difference:
    found = new if isinstance(new, DetectorThreshold) else old
    whose = {"specialist": found.specialist, "tenant": found.tenant} if name else {}
    values = [each.value if isinstance(each, DetectorThreshold) else each for each in (old, new)]
    told = {"before": written(values[0]), "after": written(values[1])}
    return Difference(holder="thresholds", name=name, **told, **whose)


def _of_move(name: str, old: Any, new: Any) -> Difference:
    found = new if isinstance(new, HeldMove) else old
    told = {"before": written(old), "after": written(new)}
    if not name:
        return Difference(holder="moves", **told)
    move = found.move
    kind = str(move.__struct_config__.tag)
    endpoint = getattr(move, "endpoint", "")
    return Difference(
        holder="moves", name=name, key=kind, specialist=move.specialist, endpoint=endpoint, **told
    )


def _of_variants(old: Sequence[Variant], new: Sequence[Variant]) -> Iterator[_Pair]:
    """Yield what differs in how a specialist answers: first in the variant that is in use, which is the first one.

    Its id is made of its content, so that it is told only where that is the same.
    """
    one, other = old[0] if old else None, new[0] if new else None
    in_use: list[_Pair] = list(_values(one, other, frozenset({"id"})))
    if not in_use and one is not None and other is not None and one.id != other.id:
        in_use = [("variant", one.id, other.id)]
    yield from ((key or "variant", *values) for key, *values in in_use)
    for id, *values in _listed(old[1:], new[1:], _id):
        if values[0] != values[1]:
            yield ("variants" if not id else f"variants.{id}", *values)


def _listed(
    old: Sequence[Any], new: Sequence[Any], name: Callable[[Any], str]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the members of two lists that differ, by their names.

    Where names recur, or only the order differs, the lists as a whole do: those have no name.
    """
    before, after = {name(each): each for each in old}, {name(each): each for each in new}
    if len(before) < len(old) or len(after) < len(new) or "" in before or "" in after:
        if old != new:
            yield "", tuple(old), tuple(new)
        return
    for each in (*before, *(added for added in after if added not in before)):
        if before.get(each) != after.get(each):
            yield each, before.get(each), after.get(each)
    kept = [each for each in before if each in after]
    if kept != [each for each in after if each in before]:
        yield "", [*before], [*after]


def _values(old: Any, new: Any, without: frozenset[str] = frozenset()) -> Iterator[_Pair]:
    """Yield the single values in which two differ, with their paths inside; lists are single values."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        one, other = cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new)
        names = [*one, *(name for name in other if name not in one)]
        pairs: list[_Pair] = [(name, one.get(name), other.get(name)) for name in names]
        if any(name not in one or name not in other for name in names if one.get(name) == other.get(name)):
            yield "", one, other  # a value that is none is there, or is not
    elif isinstance(old, msgspec.Struct) and type(old) is type(new) and not isinstance(old, Secret):
        pairs = [(name, getattr(old, name), getattr(new, name)) for name in old.__struct_fields__]
    else:
        yield "", old, new
        return
    for name, one_value, other_value in pairs:
        if name in HIDDEN and one_value != other_value:
            yield name, None, None
        elif name not in without:
            for key, *values in _values(one_value, other_value):
                yield (f"{name}.{key}" if key else name, *values)


class _Telling:
    """What may be told of a value, and whether that is all of it."""

    def __init__(self) -> None:
        self.is_whole = True

    def told(self, value: Any) -> Any:
        """Return what may be told of a value."""
        if isinstance(value, str):
            return self._instead(value, _USERINFO.sub("//", value))
        if isinstance(value, Secret):
            return self._instead(value, str(value))
        if isinstance(value, DenyRule):
            name = "rule" if value.text in value.name else value.name
            return self._instead(value, {"name": name, "action": value.action})
        if isinstance(value, msgspec.Struct):
            fields = {name: getattr(value, name) for name in value.__struct_fields__ if name not in HIDDEN}
            self.is_whole &= len(fields) == len(value.__struct_fields__)
            return {name: self.told(each) for name, each in fields.items()}
        if isinstance(value, Mapping):
            return {name: self.told(each) for name, each in cast("Mapping[str, Any]", value).items()}
        if isinstance(value, list | tuple):
            return [self.told(each) for each in cast("Sequence[Any]", value)]
        return value

    def _instead(self, value: object, told: object) -> object:
        self.is_whole &= told == value
        return told


def _name(each: Specialist | Tenant) -> str:
    return each.name


def _id(each: ApiKey | Variant | Any) -> str:
    return each.id


def _scope(each: DetectorThreshold) -> str:
    return f"{each.detector}/{each.specialist}/{each.tenant}"
