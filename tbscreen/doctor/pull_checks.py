"""Checks of pulls: the PACS answers queries, its way of sending, and failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from db.database import Database
from db.pulls import pulled_studies
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings

ANSWER_S = 10.0


def examine_pulled(database: Database) -> Iterator[Check]:
    """Yield a check if there are incomplete studies."""
    with database.read() as session:
        failed = len(pulled_studies.list_failed(session, 1000))
    if failed:
        finding = f"{failed} incomplete: the PACS did not send all films"
        yield Check("pulled studies", Health.BAD, finding, "see 'tbscreen pulls --failed'")


def examine_pulls(settings: Settings) -> Iterator[Check]:
    """Yield one check for each schedule; the peer is called, but not queried."""
    from dicom_gateway.retrieval.pull_association import PeerAwayError, PeerRefusesError, PullAssociation
    from tbscreen.processes.pull_parts import build_calling

    peers = {peer.name: peer for peer in settings.peers}
    calling = replace(build_calling(settings, settings.pull, None), answer_timeout_s=ANSWER_S)
    for schedule in settings.pulls:
        part = f"pull {schedule.name}"
        try:
            association = PullAssociation(peers[schedule.peer], calling, None)
        except (PeerAwayError, PeerRefusesError) as error:
            title = calling.ae_title
            advice = f"on the PACS, allow AE title {title} to query and retrieve; see docs/dicom/pull.md"
            yield Check(part, Health.BAD, str(error), advice)
            continue
        method = association.method
        association.release()
        if method == "get":
            yield Check(part, Health.GOOD, f"{schedule.peer} takes C-FIND and C-GET")
        else:
            destination = calling.destination_ae_title
            finding = f"{schedule.peer} takes C-FIND and C-MOVE; it has to know destination {destination}"
            yield Check(part, Health.GOOD, finding)
