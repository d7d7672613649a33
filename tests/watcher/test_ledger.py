"""What one watch keeps, and how much of it."""

from guardian_cluster.watcher.ledger import MAX_CHANNELS, MAX_KEPT_CHARACTERS, MAX_VERDICTS, Ledger


def test_findings_are_kept_in_their_order_up_to_a_bound():
    ledger = Ledger()
    for position in range(MAX_VERDICTS + 5):
        ledger.note("deny", "r", "redact", channel="content", position=position)

    assert [verdict.position for verdict in ledger.verdicts] == list(range(MAX_VERDICTS))


def test_a_finding_without_a_place_is_kept_once_for_each_choice():
    ledger = Ledger()
    for choice in (0, 0, 1, 0):
        ledger.note_once("unknown-field", "dropped", "redact", channel="message.*", choice=choice)

    assert [verdict.choice for verdict in ledger.verdicts] == [0, 1]


def test_channels_and_text_run_out():
    ledger = Ledger()

    assert [ledger.opens_channel() for _ in range(MAX_CHANNELS + 1)][-2:] == [True, False]
    assert [ledger.keeps(MAX_KEPT_CHARACTERS), ledger.keeps(1)] == [True, False]
