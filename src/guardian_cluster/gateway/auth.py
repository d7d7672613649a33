"""Who is asking: a key presented with a request, checked against the snapshot, in memory alone."""

import hashlib

import msgspec

from guardian_cluster.contract.snapshot import ApiKey, Base, Limits, Role
from guardian_cluster.domain.errors import NotAllowed, Unauthorized
from guardian_cluster.gateway.http import Headers


class Caller(msgspec.Struct, frozen=True):
    """Whom a request is answered for."""

    tenant: str
    key: str | None
    role: Role
    limits: Limits = Limits()
    tenant_limits: Limits = Limits()


ANYONE = Caller("default", None, "admin")
"""Whoever asks a gateway that never had keys: it listens on loopback alone, to the operator's own machine."""


class Keyring:
    """The keys of one snapshot. Where all of them are revoked nobody is let in, on whatever address it listens."""

    def __init__(self, base: Base) -> None:
        self._open = not base.keys  # revoked ones are among them
        self._keys: dict[str, ApiKey] = {key.sha256: key for key in base.keys if key.revoked is None}
        tenants = {tenant.name: tenant.limits for tenant in base.tenants}
        self._callers = {
            key.id: Caller(key.tenant, key.id, key.role, key.limits, tenants.get(key.tenant, Limits()))
            for key in base.keys
        }

    def identify(self, headers: Headers) -> Caller:
        """Return who sent these headers: `Authorization: Bearer` as OpenAI's clients send, or `x-api-key`.

        Raises:
            Unauthorized: keys are in use here and none, or a wrong one, was sent.
        """
        if self._open:
            return ANYONE
        presented = _presented(headers)
        if not presented:
            raise Unauthorized(
                "No API key was sent; send `Authorization: Bearer sk-...`.", code="missing_api_key"
            )
        # Looking a digest up takes the same time for every wrong key, so nothing of a right one can be
        # learned from it.
        key = self._keys.get(hashlib.sha256(presented).hexdigest())
        if key is None:
            raise Unauthorized(
                "The API key is not known here, or was revoked; make one with: guardian key new"
            )
        return self._callers[key.id]


def require_admin(caller: Caller) -> None:
    """Let only administrators pass.

    Raises:
        NotAllowed: the key is a client's.
    """
    if caller.role != "admin":
        raise NotAllowed("This needs a key of role admin; make one with: guardian key new --role admin")


def _presented(headers: Headers) -> bytes:
    authorization = headers.get(b"authorization", b"")
    if authorization[:7].lower() == b"bearer ":
        return authorization[7:].strip()
    return headers.get(b"x-api-key", b"").strip()
