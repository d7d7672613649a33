"""The faults that a drill rehearses by name: what strikes whom, and how it is told to people."""

from dataclasses import dataclass
from typing import Literal

from guardian_cluster.simulation.answer_faults import Giant
from guardian_cluster.simulation.catalogue import NAMED_FAULTS
from guardian_cluster.simulation.connection_faults import Hang, Refuse
from guardian_cluster.simulation.fault import Fault
from guardian_cluster.simulation.reply_faults import Status
from guardian_cluster.simulation.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One thing that goes wrong in a drill."""

    name: str
    about: str
    faults: tuple[Fault | Schedule, ...] = ()
    """One for each endpoint that is struck: the first is that of whoever is asked first, and so on."""
    everywhere: bool = False
    """Whether all endpoints that could answer are struck, with the first fault."""
    address: Literal["ours", "unresolved", "tls"] = "ours"
    """What becomes of the address of the first endpoint: it stays, its name leads nowhere, or it speaks no TLS."""
    recovers: bool = False
    """Whether it is about the time after: whether what was struck is used again."""
    alters: bool = False
    """Whether the model itself says something bad, in good form: for a watch rule to find, not for another endpoint."""

    @property
    def passes(self) -> bool:
        """Whether it comes and goes by the number of requests."""
        return any(isinstance(fault, Schedule) for fault in self.faults)

    @property
    def meets_connections(self) -> bool:
        """Whether it befalls whoever connects: then it cannot wait to see who is asked."""
        return self.address != "ours" or any(meets_connections(fault) for fault in self.faults)


def meets_connections(fault: Fault | Schedule) -> bool:
    """Return whether a fault leaves no request to be met."""
    return isinstance(fault, Fault) and fault.on_connect != "accept"


_ABOUT = {
    "refuse": "the server is gone: connections are refused, open ones reset",
    "tls-failure": "the TLS handshake fails",
    "reset-before-headers": "the connection is reset before an answer begins",
    "reset-after-headers": "the connection is reset after the headers",
    "reset-mid-stream": "the connection is reset amid the answer",
    "hang-before-headers": "nothing comes, not even headers",
    "hang-after-headers": "headers come, then nothing",
    "hang-mid-stream": "the answer stops amid its words, and the connection stays open",
    "slow-drip": "the answer comes byte by byte, four a second",
    "degraded-5x": "it answers five times as slowly",
    "rate-limited": "429 without a time to come back",
    "rate-limited-retry-after": "429 that asks to come back in 2 s",
    "server-error": "500 to everything",
    "server-error-burst": "503 to five requests, then well again",
    "bad-gateway-page": "a proxy's 502 with a page of HTML",
    "flapping": "five requests are answered, five get 503, over and over",
    "unauthorized": "401: the key is refused",
    "not-found": "404: the model is not there",
    "malformed-json": "what comes is no JSON",
    "malformed-mid-stream": "one line amid the answer is no JSON",
    "truncated-utf8": "a character is cut in two",
    "half-body": "the connection is closed amid the answer",
    "clean-cut": "the answer ends in good order, half of it missing",
    "no-finish": "the finish reason is missing",
    "no-done": "the last line of the stream is missing: harmless",
    "soft-error": "status 200 with an error instead of an answer",
    "stream-error": "an error amid the answer",
    "wrong-content-type": "the answer is called HTML: harmless",
    "empty": "status 200, finish reason stop, not a word",
    "repetition": "the model falls into a loop until its length limit",
    "giant": "the model says far more than was asked for: 20,000 characters",
}

_ALTERING = ("repetition", "giant")

_GIANT = Giant(characters=20_000)
"""At the pace of a model three quarters of a minute; the catalogue's five million characters would take hours."""


def _named(name: str, fault: Fault | Schedule) -> Strike:
    if name == "tls-failure":
        return Strike(name=name, about=_ABOUT[name], address="tls")
    fault = _GIANT if name == "giant" else fault
    return Strike(name=name, about=_ABOUT[name], faults=(fault,), alters=name in _ALTERING)


_SITUATIONS = (
    Strike(name="dns-failure", about="the server's name is not known", address="unresolved"),
    Strike(
        name="two-at-once",
        about="the first endpoint asked says 503, the next one hangs",
        faults=(Status(503), Hang("request")),
    ),
    Strike(
        name="recovery",
        about="the server is gone, and comes back: it is to be used again",
        faults=(Refuse(),),
        recovers=True,
    ),
    Strike(name="all-down", about="every server is gone", faults=(Refuse(),), everywhere=True),
)

STRIKES = {
    strike.name: strike
    for strike in (*(_named(name, fault) for name, fault in NAMED_FAULTS.items()), *_SITUATIONS)
}
"""By name: each of `NAMED_FAULTS`, and what is more than one fault of one server."""
