"""E-mail: one message for each alert, those of one incident in one thread.

The standard library's `smtplib` blocks, so each message is sent in a thread of its own, which ends with its try.
"""

import asyncio
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import urlsplit

from guardian_cluster.contract.snapshot import Sink
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.recovery.alerts.rendering import headline, paragraphs
from guardian_cluster.recovery.alerts.settling import Outcome

WAIT_S = 5.0
"""For each answer of the server; the whole try is bounded by whoever calls."""

_PORTS = {"smtp": 587, "smtps": 465}
"""Of submission (RFC 6409), and of submission with TLS from the start (RFC 8314)."""


class Email:
    """Sends messages. TLS is used where the server offers it, and a password is never sent without."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name = name
        self._sink = sink

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        """Send it; see `AlertSink.send`."""
        try:
            submission = _Submission(self._sink, message_of(delivery, self._sink))
        except ValueError as error:  # an address that is none
            return Outcome(state="refused", said=str(error))
        try:
            return await _in_thread(submission.run, f"e-mail to {self._name}")
        except asyncio.CancelledError:
            submission.abort()
            raise


def message_of(delivery: Delivery, sink: Sink) -> EmailMessage:
    """Return the message: the same, with the same Message-ID, however often it is sent.

    Its headers are one line each: what is not printable is gone, and the policy refuses what were left of it.
    """
    alert = delivery.alert
    place = domain_of(sink.sender)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = headline(alert, 200)
    message["From"] = sink.sender
    message["To"] = ", ".join(sink.to)
    message["Date"] = format_datetime(datetime.fromtimestamp(alert.at, UTC))
    message["Message-ID"] = f"<{delivery.id}@{place}>"
    # What an incident is about, and when it began: nobody has sent that message, and still it holds a thread together.
    thread = f"<{_in_id(alert.key)}.{int(alert.opened)}@{place}>"
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(paragraphs(alert, 10_000) + "\n", cte="quoted-printable")
    return message


def domain_of(address: str) -> str:
    """Return the part of an address behind its last `@`."""
    return _in_id(address.rpartition("@")[2]) or "localhost"


def _in_id(text: str) -> str:
    """Return what of a text may stand in a Message-ID (RFC 5322, section 3.6.4: `dot-atom-text`)."""
    return "".join(
        each if each.isascii() and (each.isalnum() or each in "-.") else "-" for each in text[:100]
    )


class _Submission:
    """One message on its way, in a thread that can be told to stop."""

    def __init__(self, sink: Sink, message: EmailMessage) -> None:
        self._sink = sink
        self._message = message
        self._client: smtplib.SMTP | None = None
        self._is_over = False

    def run(self) -> Outcome:
        """Submit the message, and return what the server made of it."""
        try:
            return self._submitted()
        except smtplib.SMTPRecipientsRefused as error:
            return _not_taken(error.recipients, by_all=True)
        except smtplib.SMTPResponseException as error:
            state = "refused" if error.smtp_code >= 500 else "again"
            return Outcome(state=state, said=f"{error.smtp_code} {_text(error.smtp_error)}")
        except smtplib.SMTPNotSupportedError as error:
            return Outcome(state="refused", said=str(error))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # A certificate that is not accepted is an OSError: somebody may renew it, and the page is kept till then.
            return Outcome(state="again", said=str(error) or type(error).__name__)

    def abort(self) -> None:
        """End the connection, at which the thread ends."""
        self._is_over = True
        sock = self._client.sock if self._client is not None else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _submitted(self) -> Outcome:
        trust = ssl.create_default_context(cafile=self._sink.ca_file)
        with self._connected(trust) as client:
            if self._is_over:
                return Outcome(state="again")
            client.ehlo()
            if not isinstance(client, smtplib.SMTP_SSL) and client.has_extn("starttls"):
                client.starttls(context=trust)
                client.ehlo()
            if self._sink.user:
                self._sign_in(client)
            refused = client.sendmail(
                self._sink.sender, list(self._sink.to), self._message.as_bytes(), mail_options=()
            )
        return _not_taken(refused, by_all=False) if refused else Outcome(state="accepted")

    def _connected(self, trust: ssl.SSLContext) -> smtplib.SMTP:
        address = urlsplit(self._sink.url.value if self._sink.url else "")
        host, port = address.hostname or "", address.port or _PORTS.get(address.scheme, 587)
        # A name of our own, for the library would ask the resolver for one, and tell it to the server.
        own = domain_of(self._sink.sender)
        if address.scheme == "smtps":
            client = smtplib.SMTP_SSL(local_hostname=own, timeout=WAIT_S, context=trust)
        else:
            client = smtplib.SMTP(local_hostname=own, timeout=WAIT_S)
        self._client = client
        # A server's name is verified by what it was asked for, and the library takes that from its constructor alone.
        client._host = host  # pyright: ignore[reportAttributeAccessIssue]
        code, said = client.connect(host, port)
        if code != 220:
            client.close()
            raise smtplib.SMTPConnectError(code, said)
        return client

    def _sign_in(self, client: smtplib.SMTP) -> None:
        if not isinstance(client.sock, ssl.SSLSocket):
            raise smtplib.SMTPNotSupportedError(
                "the server offers no TLS, and a password is not sent without"
            )
        client.login(self._sink.user, self._sink.key.value if self._sink.key else "")


def _not_taken(recipients: dict[str, tuple[int, bytes]], *, by_all: bool) -> Outcome:
    """Return what it means that recipients were not taken, all of them or some.

    Where one may be taken later, the message is sent again, to those who have it too: its Message-ID is the same.
    """
    said = "; ".join(f"{who}: {code} {_text(text)}" for who, (code, text) in recipients.items())
    if any(code < 500 for code, _ in recipients.values()):
        return Outcome(state="again", said=said)
    return Outcome(state="refused" if by_all else "accepted", said=said)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


async def _in_thread(work: Callable[[], Outcome], name: str) -> Outcome:
    """Return what blocking work returns; its thread holds up neither the loop, nor others' threads, nor the exit."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome] = loop.create_future()

    def tell(outcome: Outcome) -> None:
        if not done.done():
            done.set_result(outcome)

    def run() -> None:
        outcome = work()
        with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits
            loop.call_soon_threadsafe(tell, outcome)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done
