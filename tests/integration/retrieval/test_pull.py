"""Films are pulled from a real Orthanc by C-GET and by C-MOVE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.database import Database
from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.retrieval.pull_settings import PullScheduleSettings, PullSettings
from dicom_gateway.retrieval.study_fetcher import Gateway
from dicom_gateway.settings import PeerSettings
from tbscreen.doctor.check import Health
from tbscreen.doctor.pull_checks import examine_pulls
from tbscreen.settings import Settings
from tests.films import dataset_offset, read
from tests.integration.retrieval.pulls import (
    OPEN,
    gateway,
    list_here,
    list_rows,
    list_studies,
    make_film,
    make_week,
    peer_of,
    pull,
    put,
    states,
)
from tests.servers.certificates import Certificates
from tests.servers.pacs import Orthanc, orthanc
from tests.servers.ports import free_port


@dataclass(frozen=True)
class Pacs:
    """An Orthanc with films of a week, and what is to be pulled of it."""

    server: Orthanc
    wanted: list[str]
    gateway_port: int

    @property
    def peer(self) -> PeerSettings:
        return peer_of(self.server)


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    """Chest films of the week, and beside them whatever else a PACS holds."""
    folder = tmp_path_factory.mktemp("pacs")
    port = free_port()
    with orthanc(folder / "orthanc", port, route=False) as server:
        first = make_film(folder, "20261101", 1)
        second = make_film(
            folder, "20261101", 2, StudyInstanceUID=read(first).StudyInstanceUID, BodyPartExamined=None
        )
        third = make_film(folder, "20261107", 3)
        wanted = put(server, first, second, third)
        hand = make_film(folder, "20261104", 4, BodyPartExamined="HAND")
        before = make_film(folder, "20261031", 5)
        behind = make_film(folder, "20261108", 6)
        other = make_film(folder, "20261104", 7, Modality="MG")
        # A report in a study with films stays where it is.
        report = make_film(
            folder, "20261107", 8, StudyInstanceUID=read(third).StudyInstanceUID, Modality="SR"
        )
        put(server, hand, before, behind, other, report)
        yield Pacs(server, sorted(wanted), port)


@pytest.fixture
def place(sqlite_database: Database, pacs: Pacs, tmp_path: Path) -> Iterator[Gateway]:
    with gateway(sqlite_database, tmp_path / "spool", pacs.gateway_port) as here:
        yield here


@pytest.mark.parametrize("method", ["get", "move"])
def test_the_chest_films_of_the_days_come_and_nothing_else(
    place: Gateway, pacs: Pacs, method: str, tmp_path: Path
) -> None:
    progress = pull(place, pacs.peer, method)
    assert list_here(place.database) == pacs.wanted
    assert (progress.found, progress.complete, progress.unwanted, progress.films) == (3, 2, 1, 3)
    assert progress.is_complete
    assert states(list_studies(place.database)) == ["complete", "complete", "unwanted"]
    for row in list_rows(place.database):
        assert (row.calling_ae_title, row.gateway, row.state) == ("ORTHANC", "here", "received")
        path = place.spool.path(str(row.spool_path))
        assert path.stat().st_size - dataset_offset(path) > 512 * 512 * 2, "whole and durable"
    assert list(place.spool.incoming.iterdir()) == []

    again = pull(place, pacs.peer, method)
    assert (again.found, again.here, again.films) == (3, 3, 0)

    study = read(place.spool.path(str(list_rows(place.database)[0].spool_path))).StudyInstanceUID
    new = put(pacs.server, make_film(tmp_path, "20261101", 9, StudyInstanceUID=study))
    later = pull(place, pacs.peer, method)
    assert (later.here, later.complete, later.films) == (2, 1, 1), "only what is new in a study comes"
    assert list_here(place.database) == sorted(pacs.wanted + new)
    (orthanc_id,) = pacs.server.find("Instance", {"SOPInstanceUID": new[0]})
    pacs.server.delete(f"/instances/{orthanc_id}")


@pytest.mark.parametrize(("method", "takes"), [("auto", "C-GET"), ("move", "C-MOVE; it has to know")])
def test_the_doctor_says_how_a_schedule_s_pacs_sends(pacs: Pacs, method: str, takes: str) -> None:
    schedule = PullScheduleSettings(name="new", peer="pacs")
    settings = Settings(peers=(pacs.peer,), pulls=(schedule,), pull=PullSettings(method=method))
    (check,) = examine_pulls(settings)
    assert (check.part, check.health) == ("pull new", Health.GOOD)
    assert takes in check.finding


def test_the_doctor_says_that_a_schedule_s_peer_is_no_pacs(place: Gateway) -> None:
    peer = PeerSettings(name="viewer", ae_title="TBSCREEN", host="127.0.0.1", port=place.settings.port)
    schedule = PullScheduleSettings(name="new", peer="viewer")
    (check,) = examine_pulls(Settings(peers=(peer,), pulls=(schedule,)))
    assert check.health is Health.BAD
    assert "viewer takes neither C-GET nor C-MOVE" in check.finding
    assert "allow AE title TBSCREEN" in check.advice


def test_films_come_over_tls_from_a_pacs_that_wants_our_certificate(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    ours, theirs = certificates.gateway, certificates.modality
    further = {
        **OPEN,
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(theirs.certificate),
        "DicomTlsPrivateKey": str(theirs.key),
        "DicomTlsTrustedCertificates": str(certificates.ca),
        "DicomTlsRemoteCertificateRequired": True,
    }
    films = make_week(tmp_path)
    with (
        orthanc(tmp_path / "pacs", further=further) as server,
        gateway(sqlite_database, tmp_path / "spool", free_port()) as place,
    ):
        uids = put(server, *films)
        tls = PeerTlsSettings(ca=certificates.ca, certificate=ours.certificate, key=ours.key)
        peer = peer_of(server).model_copy(update={"tls": tls})
        assert pull(place, peer, "get").films == 6
        assert list_here(sqlite_database) == sorted(uids)
        kept = {row.sop_instance_uid: str(row.spool_path) for row in list_rows(sqlite_database)}
        for film in map(read, films):
            assert read(place.spool.path(kept[str(film.SOPInstanceUID)])).PixelData == film.PixelData
