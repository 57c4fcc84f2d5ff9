"""Checks of pulls: the PACS answers queries, its way of sending, and failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from db.database import Database
from db.pulls import pulled_studies
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings

if TYPE_CHECKING:
    from dicom_gateway.retrieval.pull_association import Calling

ANSWER_S = 10.0
NO_STUDY = "2.25.0"
"""A UID that no study has."""


def examine_pulled(database: Database) -> Iterator[Check]:
    """Yield a check if there are incomplete studies."""
    with database.read() as session:
        failed = len(pulled_studies.list_failed(session, 1000))
    if failed:
        finding = f"{failed} incomplete: the PACS did not send all films"
        yield Check("pulled studies", Health.BAD, finding, "see 'tbscreen pulls --failed'")


def examine_pulls(settings: Settings) -> Iterator[Check]:
    """Yield one check for each schedule; the peer is called, and one by the web is asked for no study."""
    from dicom_gateway.retrieval.pull_association import (
        AnswerError,
        CutShortError,
        PeerAwayError,
        PeerRefusesError,
    )
    from dicom_gateway.retrieval.pull_source import open_source
    from dicom_gateway.retrieval.study_query import list_series
    from tbscreen.processes.pull_parts import build_calling

    peers = {peer.name: peer for peer in settings.peers}
    calling = replace(build_calling(settings, settings.pull, None), answer_timeout_s=ANSWER_S)
    for schedule in settings.pulls:
        part = f"pull {schedule.name}"
        try:
            source = open_source(peers[schedule.peer], calling, None)
            if source.method == "web":
                list_series(source, NO_STUDY)  # only a request tells whether a service is there
        except (PeerAwayError, PeerRefusesError) as error:
            title = calling.ae_title
            advice = f"on the PACS, allow AE title {title} to query and retrieve; see docs/dicom/pull.md"
            yield Check(part, Health.BAD, str(error), advice)
            continue
        except (AnswerError, CutShortError):
            pass  # it knows no such study, and says so in its own way
        yield Check(part, Health.GOOD, _describe(schedule.peer, source.method, calling))
        source.release()


def _describe(peer: str, method: str, calling: Calling) -> str:
    if method == "web":
        return f"{peer} answers QIDO-RS"
    if method == "get":
        return f"{peer} takes C-FIND and C-GET"
    return f"{peer} takes C-FIND and C-MOVE; it has to know destination {calling.destination_ae_title}"
