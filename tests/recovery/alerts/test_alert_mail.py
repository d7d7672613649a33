"""E-mail against a small SMTP server: TLS, passwords, threads, and hostile words."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trustme
from alert_samples import HOSTILE, T0, delivery, hostile

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import Sink
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.recovery.alerts.sinks.email import Email, message_of
from guardian_cluster.simulation.alerting import MailServer, hangs, loses, says

USERS = {"guardian": "open sesame"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ssl.SSLContext, str]]:
    folder: Path = tmp_path_factory.mktemp("ca")
    made = trustme.CA()
    made.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost").configure_cert(context)
    return context, str(folder / "ca.pem")


async def sent(server: MailServer, *deliveries: Delivery, **changes: object) -> list[Outcome]:
    fields: dict[str, object] = {
        "kind": "email",
        "url": Secret(server.url),
        "sender": "guardian@example.com",
        "to": ("ada@example.com", "bob@example.com"),
    } | changes
    sink = Email("mail", Sink(**fields))  # pyright: ignore[reportArgumentType]
    return [await sink.send(each, T0) for each in deliveries]


async def test_messages_of_one_incident_are_one_thread():
    async with MailServer() as server:
        outcomes = await sent(server, delivery(id="a"), delivery("resolve", id="b", at=T0 + 60))

    assert [each.state for each in outcomes] == ["accepted", "accepted"]
    first, second = (each.message for each in server.mails)
    assert first["Subject"] == "[critical] writer: upstream errors in endpoint=writer/2"
    assert second["Subject"] == "[resolved] writer: upstream errors in endpoint=writer/2"
    assert (first["Message-ID"], second["Message-ID"]) == ("<a@example.com>", "<b@example.com>")
    assert first["References"] == second["References"] == "<key-i1.1699999970@example.com>"
    lines = ["Every second request fails.", "cause: upstream_errors", "came back: 2 times"]
    assert first.get_content().splitlines() == lines
    assert server.mails[0].recipients == ("ada@example.com", "bob@example.com")


async def test_hostile_words_make_no_header_and_no_recipient():
    async with MailServer() as server:
        await sent(server, hostile(), delivery(key=HOSTILE, title="Überall ✓"))

    first, second = server.mails
    expected = {"Subject", "From", "To", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"}
    assert set(first.message.keys()) - expected == {
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }
    assert first.recipients == ("ada@example.com", "bob@example.com")
    assert first.message["Subject"].isprintable()
    assert len(first.message["Subject"]) <= 200
    assert second.message["Subject"] == "[critical] Überall ✓"


def test_the_same_alert_is_the_same_message():
    sink = Sink(kind="email", sender="guardian@example.com", to=("ada@example.com",))

    assert message_of(delivery(), sink).as_bytes() == message_of(delivery(), sink).as_bytes()


@pytest.mark.parametrize("field", ["sender", "to"])
async def test_an_address_with_a_line_end_makes_no_message(field: str):
    sink = Sink(kind="email", sender="guardian@example.com", to=("ada@example.com",))
    bad = "a@example.com\r\nBcc: b@example.com"
    sink = msgspec.structs.replace(sink, **{field: (bad,) if field == "to" else bad})

    with pytest.raises(ValueError, match="linefeed"):
        message_of(delivery(), sink)
    assert (await Email("mail", sink).send(delivery(), T0)).state == "refused"


@pytest.mark.parametrize("implicit", [True, False])
async def test_tls_is_used_where_it_is_offered_and_the_password_sent_over_it(
    implicit: bool, authority: tuple[ssl.SSLContext, str]
):
    context, ca_file = authority
    async with MailServer(tls=context, implicit=implicit, users=USERS) as server:
        (outcome,) = await sent(
            server, delivery(), ca_file=ca_file, user="guardian", key=Secret("open sesame")
        )

    assert outcome.state == "accepted"
    assert (server.mails[0].over_tls, server.mails[0].user) == (True, "guardian")


async def test_a_certificate_that_is_not_known_is_not_accepted(authority: tuple[ssl.SSLContext, str]):
    async with MailServer(tls=authority[0], users=USERS) as server:
        (outcome,) = await sent(server, delivery(), user="guardian", key=Secret("open sesame"))

    assert outcome.state == "again"
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.said
    assert server.mails == []


async def test_a_password_is_not_sent_without_tls():
    async with MailServer(users=USERS) as server:
        (outcome,) = await sent(server, delivery(), user="guardian", key=Secret("open sesame"))

    assert outcome.state == "refused"
    assert (server.passwords_in_clear, "AUTH" in server.commands) == (0, False)


async def test_a_wrong_password_is_given_up(authority: tuple[ssl.SSLContext, str]):
    context, ca_file = authority
    async with MailServer(tls=context, users=USERS) as server:
        (outcome,) = await sent(server, delivery(), ca_file=ca_file, user="guardian", key=Secret("wrong"))

    assert (outcome.state, outcome.said[:3]) == ("refused", "535")


@pytest.mark.parametrize(("code", "state"), [(451, "again"), (421, "again"), (554, "refused")])
async def test_a_code_says_whether_it_is_worth_to_try_again(code: int, state: str):
    async with MailServer(troubles=says(code)) as server:
        (outcome,) = await sent(server, delivery())

    assert (outcome.state, outcome.said) == (state, f"{code} as told")


@pytest.mark.parametrize(
    ("refuses", "state"),
    [
        ({"bob@example.com": 450}, "again"),
        ({"bob@example.com": 550}, "accepted"),
        ({"ada@example.com": 550, "bob@example.com": 550}, "refused"),
    ],
)
async def test_a_recipient_that_is_refused_is_named(refuses: dict[str, int], state: str):
    async with MailServer(refuses=refuses) as server:
        (outcome,) = await sent(server, delivery())

    assert outcome.state == state
    assert "bob@example.com" in outcome.said
    assert len(server.mails) == (len(refuses) < 2)


async def test_a_reply_that_is_lost_is_tried_again():
    async with MailServer(troubles=loses) as server:
        (outcome,) = await sent(server, delivery())

    assert outcome.state == "again"


async def test_a_server_that_is_gone_is_tried_again():
    async with MailServer() as server:
        pass
    (outcome,) = await sent(server, delivery())

    assert outcome.state == "again"


async def test_a_try_that_is_broken_off_leaves_no_thread():
    async with MailServer(troubles=hangs) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await sent(server, delivery())
        for thread in [each for each in threading.enumerate() if each.name == "e-mail to mail"]:
            await asyncio.to_thread(thread.join, 2.0)

        assert not [each for each in threading.enumerate() if each.name == "e-mail to mail"]
