"""Orthanc's DICOMweb plugin, in both directions."""

from __future__ import annotations

from pathlib import Path

from db.database import Database
from tests.films import read, small_film
from tests.integration.delivery.couriers import courier, make_reports
from tests.integration.dicomweb.test_stow import list_rows, port_of
from tests.integration.dicomweb.test_stow_peers import wait_for, web_peer
from tests.integration.listening import Listening
from tests.servers.pacs import dicomweb_plugin, orthanc


def test_orthanc_sends_films_and_is_answered(
    listening: Listening, sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    films = [small_film(tmp_path, number) for number in range(2)]
    us = {
        "Url": f"http://127.0.0.1:{port_of(listening)}/dicom-web/",
        "HttpHeaders": {"Authorization": f"Bearer {token}"},
    }
    with orthanc(tmp_path / "orthanc", further=dicomweb_plugin(tbscreen=us)) as server:
        ids = [server.post("/instances", film.read_bytes())["ID"] for film in films]
        server.post("/dicom-web/servers/tbscreen/stow", {"Resources": ids, "Synchronous": True})
    assert sorted(row.sop_instance_uid for row in list_rows(sqlite_database)) == sorted(
        str(read(film).SOPInstanceUID) for film in films
    )
    assert {row.calling_ae_title for row in list_rows(sqlite_database)} == {"MODALITY"}


def test_orthanc_gets_reports_once(sqlite_database: Database, tmp_path: Path) -> None:
    made = make_reports(sqlite_database, 3, ["web"], tmp_path)
    with orthanc(tmp_path / "orthanc", further=dicomweb_plugin()) as server:
        url = f"http://127.0.0.1:{server.http_port}/dicom-web"
        with courier(sqlite_database, [web_peer(url)]):
            wait_for(sqlite_database, ["delivered"] * 3)
        kept = [server.get(f"/instances/{name}")["MainDicomTags"] for name in server.get("/instances")]
    assert sorted(tags["SOPInstanceUID"] for tags in kept) == sorted(made)
