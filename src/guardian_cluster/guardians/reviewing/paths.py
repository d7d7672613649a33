"""Says what a path of the configuration is about, and which value stands there in a snapshot.

A path is written as the contract names things: `specialists.NAME.KEY`, `endpoints.SPECIALIST/NUMBER.KEY`,
`tenants.NAME.KEY`, and otherwise the sections of the base, as in `watch.on_refusal`.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from guardian_cluster.contract.snapshot import Base, Variant
from guardian_cluster.domain.improvement import Scalar

Kind = Literal["specialist", "endpoint", "tenant", "cluster"]
Value = Scalar | tuple[str, ...]

_KINDS: Mapping[str, Kind] = {
    "specialists": "specialist",
    "endpoints": "endpoint",
    "tenants": "tenant",
}


class Place(NamedTuple):
    """What a path is about."""

    kind: Kind
    name: str
    """Of the specialist, the endpoint or the tenant; empty for the whole cluster."""
    key: str
    """What of it, as in `timeouts.total_s`."""


class Unknown(LookupError):
    """Nothing is at this path, or more than one value."""


def place_of(path: str, base: Base) -> Place:
    """Return what a path is about. Names may have dots, so those that are deployed are looked for first."""
    head, _, rest = path.partition(".")
    kind = _KINDS.get(head, "cluster")
    if kind == "cluster":
        return Place(kind, "", path)
    names = [name for name in _named(kind, base) if rest == name or rest.startswith(f"{name}.")]
    name = max(names, key=len, default=rest.partition(".")[0])
    return Place(kind, name, rest[len(name) + 1 :])


def value_at(path: str, base: Base) -> Value:
    """Return the value that a snapshot has at a path. Raises Unknown where there is none, or it is no single value."""
    kind, name, key = place_of(path, base)
    found: Any = base if kind == "cluster" else _named(kind, base).get(name)
    for part in key.split("."):
        found = _part(found, part, path)
    if isinstance(found, list | tuple):
        found = tuple(found)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if all(isinstance(each, str) for each in found):  # pyright: ignore[reportUnknownVariableType]
            return found  # pyright: ignore[reportUnknownVariableType]
    elif found is None or isinstance(found, str | int | float):
        return found
    raise Unknown(path)


def can_stand(path: str, value: Value, base: Base) -> bool:
    """Return whether a value is of the type that the contract has at a path. Raises Unknown as `value_at`."""
    kind, name, key = place_of(path, base)
    found: Any = base if kind == "cluster" else _named(kind, base).get(name)
    wanted: Any = Any
    for part in key.split("."):
        if isinstance(found, Mapping):  # a table tells nothing of its members, so it is checked with the one
            return converts({part: value}, wanted)
        wanted = _type_of(found, part)
        found = _part(found, part, path)
    return converts(value, wanted)


def variants_of(specialist: str, base: Base) -> tuple[Variant, ...]:
    """Return the variants of a specialist; none of one that is not deployed."""
    return next((each.variants for each in base.specialists if each.name == specialist), ())


def variant_of(specialist: str, parent: str, base: Base) -> Variant | None:
    """Return the variant that a change names as its parent; where it names none, the only one that there is."""
    variants = variants_of(specialist, base)
    if not parent:
        return variants[0] if len(variants) == 1 else None
    return next((each for each in variants if each.id == parent), None)


def owner_of_endpoint(endpoint_id: str) -> str:
    """Return the specialist that an endpoint is of."""
    return endpoint_id.rpartition("/")[0]


def _type_of(found: Any, part: str) -> Any:
    fields = msgspec.structs.fields(found) if isinstance(found, msgspec.Struct) else ()
    return next((each.type for each in fields if each.name == part), Any)


def converts(value: object, wanted: Any) -> bool:
    """Return whether a value is of a type, as a configuration would be read."""
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


def number(value: object) -> float | None:
    """Return a number; `None` for everything else, `True` and `False` included."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _part(found: Any, part: str, path: str) -> Any:
    if isinstance(found, Mapping):
        return found.get(part)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(found, msgspec.Struct) or part not in found.__struct_fields__:
        raise Unknown(path)
    return getattr(found, part)


def _named(kind: Kind, base: Base) -> dict[str, msgspec.Struct]:
    match kind:
        case "specialist":
            return {each.name: each for each in base.specialists}
        case "endpoint":
            return {each.id: each for owner in base.specialists for each in owner.endpoints}
        case "tenant":
            return {each.name: each for each in base.tenants}
        case "cluster":
            return {}
