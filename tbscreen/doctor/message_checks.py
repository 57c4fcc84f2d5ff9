"""Checks of HL7 messages and their receivers."""

from __future__ import annotations

from collections.abc import Iterator

from db.database import Database
from db.hl7 import hl7_outbox, message_list, received_messages
from dicom_gateway.hl7.mllp_connection import probe
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings


def examine_receivers(settings: Settings) -> Iterator[Check]:
    """Yield whether each receiver takes a connection; no message is sent."""
    for receiver in settings.hl7.receivers:
        trouble = probe(receiver)
        part, where = f"HL7 receiver {receiver.name}", f"{receiver.host}:{receiver.port}"
        if trouble is None:
            over = "a connection" if receiver.tls is None else "a TLS connection"
            yield Check(part, Health.GOOD, f"{where} takes {over}; no message was sent")
        else:
            yield Check(part, Health.BAD, f"{where}: {trouble}", "start it; messages wait meanwhile")


def examine_messages(database: Database) -> Iterator[Check]:
    """Yield how messages are that cannot be made or delivered; nothing where all are well."""
    with database.read() as session:
        refused = received_messages.find_refused(session)
        parked, failing = message_list.count_parked(session), hl7_outbox.count_failing(session)
    if failing:
        advice = "the courier's log says why; they are tried again"
        yield Check("HL7 messages", Health.BAD, f"those of {failing} films could not be made", advice)
    if parked:
        advice = "see 'tbscreen deliveries hl7 list --state parked'"
        yield Check("HL7 messages", Health.BAD, f"{parked} refused by a receiver and parked", advice)
    if refused.count:
        finding = (
            f"{refused.count} refused within a week and not accepted since, the last: {refused.newest_reason}"
        )
        advice = (
            "map codes and words in [hl7.results], or have the laboratory correct them; then it sends again"
        )
        yield Check("laboratory messages", Health.BAD, finding, advice)
