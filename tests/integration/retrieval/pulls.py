"""A pull and the gateway for which it is done, in this process; films for a PACS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import select

from db.database import Database
from db.tables import Instance, PulledStudy
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.retrieval.pull import Pull
from dicom_gateway.retrieval.pull_association import Calling
from dicom_gateway.retrieval.pull_progress import PullProgress
from dicom_gateway.retrieval.pull_request import PullRequest, name_command
from dicom_gateway.retrieval.pull_settings import PullSettings
from dicom_gateway.retrieval.study_fetcher import Gateway
from dicom_gateway.settings import PeerSettings
from tests.films import read, small_film
from tests.integration import listening
from tests.servers.pacs import Orthanc

WEEK = (date(2026, 11, 1), date(2026, 11, 7))

OPEN = {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True}
"""Orthanc otherwise ends the association of whoever asks and is not in its table."""

FAST = PullSettings(
    modalities=("CR", "DX"), films_per_minute=0, patience_s=0, retry_s=0.05, arrival_s=2, answer_timeout_s=30
)


@contextmanager
def gateway(
    database: Database,
    folder: Path,
    port: int,
    received: Callable[[], None] = lambda: None,
    **changes: object,
) -> Iterator[Gateway]:
    """Run a gateway's storage SCP inside the block; `received` is called after each film that it fetches."""
    with listening.gateway(database, folder, port, **{"name": "here", **changes}) as running:
        reception = FilmReception(running.settings, database, running.spool, received)
        yield Gateway(running.settings, database, running.spool, reception)


def pull(
    place: Gateway,
    peer: PeerSettings,
    method: str = "auto",
    dates: tuple[date, date] = WEEK,
    settings: PullSettings = FAST,
    report: Callable[[Pull, PullProgress], None] = lambda *_: None,
) -> PullProgress:
    """Carry out one pull and return what came of it."""
    calling = Calling("TBSCREEN", "TBSCREEN", method, settings.answer_timeout_s)
    request = PullRequest(name_command(peer.name, *dates), peer, *dates)
    running = Pull(request, settings, calling, place, lambda progress: report(running, progress))
    progress = running.run()
    assert progress is not None
    return progress


def peer_of(server: Orthanc) -> PeerSettings:
    """Return an Orthanc as a peer."""
    return PeerSettings(name="pacs", ae_title=server.ae_title, host="127.0.0.1", port=server.dicom_port)


def make_film(folder: Path, day: str = "20261103", number: int = 0, **changes: object) -> Path:
    """Write a chest film of a study of that day."""
    values = {"BodyPartExamined": "CHEST", "StudyDate": day, "StudyTime": "101500", **changes}
    return small_film(folder, number, **values)


def make_week(folder: Path) -> list[Path]:
    """Write a study of one film for each of six days."""
    return [make_film(folder, f"202611{day:02d}", day) for day in range(1, 7)]


def put(server: Orthanc, *films: Path) -> list[str]:
    """Store films in an Orthanc; returns their SOP Instance UIDs."""
    for film in films:
        server.post("/instances", film.read_bytes())
    return [str(read(film).SOPInstanceUID) for film in films]


def list_rows(database: Database) -> list[Instance]:
    """Return every film that is here."""
    with database.read() as session:
        return list(session.scalars(select(Instance).order_by(Instance.id)))


def list_here(database: Database) -> list[str]:
    """Return the SOP Instance UIDs of the films that are here, sorted, each as often as it has a row."""
    return sorted(row.sop_instance_uid for row in list_rows(database))


def list_studies(database: Database) -> list[PulledStudy]:
    """Return what pulls found."""
    with database.read() as session:
        return list(session.scalars(select(PulledStudy).order_by(PulledStudy.id)))


def states(studies: Sequence[PulledStudy]) -> list[str]:
    """Return their states, sorted."""
    return sorted(study.state for study in studies)
