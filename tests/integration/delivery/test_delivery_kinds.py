"""Peers get what they chose: SR and picture beside the film in Orthanc, other kinds elsewhere."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.request import urlopen

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit

from db.database import Database
from dicom_gateway.settings import PeerSettings
from domain.codes import Refusal
from tests import screened_films
from tests.films import real_film
from tests.integration.delivery.couriers import FAST, courier, look
from tests.servers.pacs import Orthanc, StoreScp, orthanc, store, storescp, validate
from tests.servers.ports import wait_until


def peer(server: Orthanc | StoreScp, name: str, **settings: object) -> PeerSettings:
    port = server.dicom_port if isinstance(server, Orthanc) else server.port
    given = {"name": name, "ae_title": server.ae_title, "host": "127.0.0.1", "port": port}
    return PeerSettings.model_validate(given | settings)


def test_report_and_picture_lie_beside_the_film_and_each_peer_gets_its_kinds(
    sqlite_database: Database, tmp_path: Path
) -> None:
    film = real_film()
    study = str(dcmread(film).StudyInstanceUID)
    screened_films.activate_model(sqlite_database)
    with orthanc(tmp_path / "orthanc") as pacs, storescp(tmp_path / "scp") as receiver:
        assert store(pacs.dicom_port, film, ae_title=pacs.ae_title).returncode == 0
        screened = screened_films.receive(sqlite_database, film)
        heat = screened_films.one_hot_cell()
        screened_films.screen(sqlite_database, screened, heat=heat)
        refused = screened_films.receive(sqlite_database, real_film("RG3_UNCR.dcm"))
        screened_films.refuse(sqlite_database, refused, Refusal.NOT_CHEST)
        peers = [
            peer(pacs, "orthanc", kinds=["sr", "sc", "gsps"]),
            peer(receiver, "sr-of-absent", rules=[{"findings": ["absent"]}]),
            peer(receiver, "refusals", kinds=["refusal"]),
        ]
        with courier(sqlite_database, peers, FAST):
            wait_until(lambda: len(pacs.find("Series", {"StudyInstanceUID": study})) == 4, 60, "all is there")
            wait_until(lambda: len(receiver.files()) == 1, 60, "the refusal is there")
            wait_until(
                lambda: look(sqlite_database, "orthanc").states == ["delivered"] * 3, 30, "all are noted"
            )
        by_modality = {dataset.Modality: dataset for dataset in _download_all(pacs, study)}
        refusal = receiver.files()[0]
    assert sorted(by_modality) == ["CR", "OT", "PR", "SR"]
    (series,) = by_modality["PR"].ReferencedSeriesSequence
    assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == by_modality["CR"].SOPInstanceUID
    picture = by_modality["OT"]
    assert picture.SourceImageSequence[0].ReferencedSOPInstanceUID == by_modality["CR"].SOPInstanceUID
    assert picture.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert picture.pixel_array.shape == (picture.Rows, 1024, 3)
    assert picture.PatientID == by_modality["CR"].PatientID
    assert dcmread(refusal).SeriesDescription == "AI: not analysed (Not a chest radiograph)"
    assert look(sqlite_database, "sr-of-absent").states == []


def test_a_peer_that_takes_no_jpeg_gets_the_picture_decompressed(
    sqlite_database: Database, tmp_path: Path
) -> None:
    screened_films.activate_model(sqlite_database)
    screened_films.screen(sqlite_database, screened_films.receive(sqlite_database, real_film()))
    with (
        storescp(tmp_path / "plain", None, "+xi") as plain,
        storescp(tmp_path / "jpeg", None, "+xy") as jpeg,
        courier(
            sqlite_database, [peer(plain, "plain", kinds=["sc"]), peer(jpeg, "jpeg", kinds=["sc"])], FAST
        ),
    ):
        wait_until(lambda: plain.files() != [] and jpeg.files() != [], 60, "both hold the picture")
        wait_until(
            lambda: [look(sqlite_database, name).states for name in ("plain", "jpeg")] == [["delivered"]] * 2,
            30,
            "both are noted",
        )
    pictures = [dcmread(server.files()[0]) for server in (plain, jpeg)]
    assert [picture.file_meta.TransferSyntaxUID.name for picture in pictures] == [
        "Implicit VR Little Endian",
        "JPEG Baseline (Process 1)",
    ]
    assert pictures[0].SOPInstanceUID == pictures[1].SOPInstanceUID
    assert [picture.LossyImageCompression for picture in pictures] == ["01", "01"]
    assert [picture.PhotometricInterpretation for picture in pictures] == ["RGB", "YBR_FULL_422"]
    assert len(pictures[0].PixelData) == pictures[0].Rows * 1024 * 3
    assert validate(plain.files()[0]) - validate(real_film()) == set()


def _download_all(pacs: Orthanc, study_uid: str) -> list[Dataset]:
    (study,) = pacs.find("Study", {"StudyInstanceUID": study_uid})
    found = []
    for instance in pacs.get(f"/studies/{study}/instances"):
        url = f"http://127.0.0.1:{pacs.http_port}/instances/{instance['ID']}/file"
        with urlopen(url, timeout=30) as response:
            found.append(dcmread(io.BytesIO(response.read())))
    return found
