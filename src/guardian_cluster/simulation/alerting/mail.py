"""A small SMTP server (RFC 5321): takes messages for anybody, with TLS and a password if told, and fails as told."""

import asyncio
import binascii
import ssl
from base64 import b64decode
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from types import TracebackType
from typing import Self, cast

from guardian_cluster.simulation.alerting.trouble import Trouble, Troubles, well
from guardian_cluster.simulation.reply import FOREVER_S

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Mail:
    """One message that was taken."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    over_tls: bool
    user: str


@dataclass(slots=True)
class _Session:
    """One client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    over_tls: bool = False
    user: str = ""
    sender: str | None = None
    recipients: list[str] = field(default_factory=list[str])


class MailServer:
    """One server on a free port of 127.0.0.1, to be used with `async with`.

    With `tls` it offers STARTTLS, or begins with TLS where it is `implicit`. Trouble meets messages: `status` is said
    to their end of data, `hangs` there too. `refuses` says which code a recipient is refused with.
    """

    def __init__(
        self,
        *,
        troubles: Troubles = well,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        users: dict[str, str] | None = None,
        refuses: dict[str, int] | None = None,
    ) -> None:
        self.troubles = troubles
        self.mails: list[Mail] = []
        self.tries = 0
        """Messages that were offered, those included that were not taken."""
        self.commands: list[str] = []
        """The first word of each command."""
        self.passwords_in_clear = 0
        self._tls = tls
        self._implicit = implicit
        self._users = users or {}
        self._refuses = refuses or {}
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The address to configure; the name is one that a certificate can be for."""
        return f"{'smtps' if self._implicit else 'smtp'}://localhost:{self._port}"

    async def __aenter__(self) -> Self:
        context = self._tls if self._implicit else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=context)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for session in list(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._sessions.add(task)
        try:
            await self._converse(_Session(reader, writer, over_tls=self._implicit))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the server stops: as on a real one
        finally:
            self._sessions.discard(task)
            writer.transport.abort()

    async def _converse(self, session: _Session) -> None:
        await _say(session, 220, "localhost ESMTP simulated")
        while line := await session.reader.readline():
            word, _, rest = line.decode("latin-1").strip().partition(" ")
            self.commands.append(word.upper())
            if word.upper() == "QUIT":
                await _say(session, 221, "bye")
                return
            await self._command(session, word.upper(), rest)

    async def _command(self, session: _Session, word: str, rest: str) -> None:
        match word:
            case "EHLO" | "HELO":
                await self._greet(session)
            case "STARTTLS" if self._tls is not None and not session.over_tls:
                await _say(session, 220, "go ahead")
                await session.writer.start_tls(self._tls)
                session.over_tls = True
            case "AUTH":
                await self._sign_in(session, rest)
            case "MAIL" if self._users and not session.user:
                await _say(session, 530, "5.7.0 authentication required")
            case "MAIL":
                session.sender, session.recipients = _address(rest), []
                await _say(session, 250, "ok")
            case "RCPT" if session.sender is not None:
                await self._recipient(session, _address(rest))
            case "DATA" if session.recipients:
                await self._data(session)
            case "RSET" | "NOOP":
                await _say(session, 250, "ok")
            case _:
                await _say(session, 503, "bad sequence of commands")

    async def _greet(self, session: _Session) -> None:
        offers = ["STARTTLS"] if self._tls is not None and not session.over_tls else []
        offers += ["AUTH PLAIN"] if self._users else []
        lines = ["localhost", "8BITMIME", *offers]
        text = "".join(f"250-{each}\r\n" for each in lines[:-1]) + f"250 {lines[-1]}\r\n"
        session.writer.write(text.encode())
        await session.writer.drain()

    async def _sign_in(self, session: _Session, rest: str) -> None:
        self.passwords_in_clear += not session.over_tls
        try:
            _, user, password = b64decode(rest.partition(" ")[2]).decode().split("\0")
        except (binascii.Error, ValueError):
            await _say(session, 501, "malformed")
            return
        if self._users.get(user) != password:
            await _say(session, 535, "5.7.8 authentication credentials invalid")
            return
        session.user = user
        await _say(session, 235, "2.7.0 welcome")

    async def _recipient(self, session: _Session, recipient: str) -> None:
        if code := self._refuses.get(recipient):
            await _say(session, code, "not now" if code < 500 else "no such user")
            return
        session.recipients.append(recipient)
        await _say(session, 250, "ok")

    async def _data(self, session: _Session) -> None:
        await _say(session, 354, "end data with <CR><LF>.<CR><LF>")
        text = await _text(session.reader)
        trouble = self.troubles(self.tries) or Trouble()
        self.tries += 1
        if trouble.hangs:
            await asyncio.sleep(FOREVER_S)
        if trouble.status is not None:
            await _say(session, trouble.status, trouble.said)
            return
        message = message_from_bytes(text, policy=SMTP)
        taken = Mail(session.sender or "", tuple(session.recipients), message, session.over_tls, session.user)
        self.mails.append(taken)
        session.sender, session.recipients = None, []
        if trouble.loses_reply:
            session.writer.transport.abort()
            return
        await _say(session, 250, "queued")


async def _say(session: _Session, code: int, text: str) -> None:
    session.writer.write(f"{code} {text}\r\n".encode())
    await session.writer.drain()


async def _text(reader: asyncio.StreamReader) -> bytes:
    """Read a message up to the line with a dot alone, and take away the dots that stand before dots."""
    lines: list[bytes] = []
    size = 0
    while (line := await reader.readline()) != b".\r\n":
        if not line or (size := size + len(line)) > _MOST_BYTES:
            raise ConnectionResetError
        lines.append(line[1:] if line.startswith(b"..") else line)
    return b"".join(lines)


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
