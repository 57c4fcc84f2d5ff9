"""Checks of the senders from which peers' answers are believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from db.clock import now
from db.database import Database
from db.delivery import commitment_requests
from dicom_gateway.association.answer_settings import AnswerSettings
from dicom_gateway.settings import CommitmentRoleRule
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings

LATELY: Final = timedelta(days=7)


def examine_answers(settings: Settings) -> Iterator[Check]:
    """Yield a note for each peer that may answer from elsewhere than its own AE title and host."""
    for peer in settings.peers:
        if peer.answers != AnswerSettings():
            yield _name_senders(peer.name, peer.answers)
        if peer.commitment_roles is CommitmentRoleRule.LENIENT:
            finding = "storage commitment results are taken without role selection (PS3.7 D.3.3.4)"
            advice = "needed only for an archive that omits it"
            yield Check(f"commitment roles of {peer.name}", Health.NOTE, finding, advice)


def examine_doubted(database: Database) -> Iterator[Check]:
    """Yield a check for each peer for which an answer of the last week was not believed."""
    with database.read() as session:
        doubted = commitment_requests.list_doubted(session, now() - LATELY)
    for peer, sender in doubted.items():
        finding = f"a storage commitment result came from {sender} and was not believed"
        advice = f"if peer {peer} answers from there, set peers.answers of {peer}; else look for who sent it"
        yield Check(f"answers of {peer}", Health.BAD, finding, advice)


def examine_unanswered(database: Database) -> Iterator[Check]:
    """Yield a note for each peer that answered no storage commitment request of the last week."""
    with database.read() as session:
        unanswered = commitment_requests.list_unanswered(session, now() - LATELY)
    for peer in unanswered:
        advice = (
            "if the gateway's log says 'storage commitment refused' for it, "
            f'set peers.commitment_roles = "lenient" of {peer}; else look at the archive\'s log'
        )
        finding = "no storage commitment request of the last week was answered"
        yield Check(f"commitment of {peer}", Health.NOTE, finding, advice)


def _name_senders(peer: str, answers: AnswerSettings) -> Check:
    by_certificate = bool(answers.certificate_names)
    parts = [
        ("AE titles", answers.ae_titles),
        ("addresses", () if by_certificate else answers.addresses),
        ("certificates", answers.certificate_names),
    ]
    named = "; ".join(f"{what} {', '.join(map(str, names))}" for what, names in parts if names)
    advice = "keep the list as short as the archive allows"
    return Check(f"answers of {peer}", Health.NOTE, f"believed from {named}, too", advice)
