"""The worklist by QIDO-RS, reports and films by WADO-RS, with dicomweb-client as the client."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select

from db.database import Database
from db.settings import DatabaseSettings
from db.tables import ReportObject
from tests.films import read, small_film
from tests.integration.dicomweb.held_study import RETRIEVE_URL, Held, holding, value
from tests.integration.viewers.drawn_study import STUDY, draw_study

AVAILABILITY, RETRIEVE, MODALITIES = "00080056", "00081190", "00080061"
NAME = "00100010"
SINGLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_study(tmp_path_factory.mktemp("film")).film


@pytest.fixture(scope="module")
def held(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, film: Path) -> Iterator[Held]:
    """A gateway with a drawn film and another one, both screened, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("held")
    shutil.copy(sqlite_template, folder / "database.sqlite3")
    database = Database.open(DatabaseSettings(url=f"sqlite:///{folder / 'database.sqlite3'}"))
    other = small_film(folder, PatientName="Other^Film", PatientID="OTHER", StudyDate="20200102")
    with holding(database, folder / "spool", [film, other]) as running:
        yield running
    database.close()


@pytest.fixture
def client(held: Held) -> DICOMwebClient:
    return DICOMwebClient(held.url, headers={"Authorization": f"Bearer {held.token}"})


def list_objects(held: Held) -> dict[str, bytes]:
    """Return our objects in the study, as they are sent, by kind."""
    with held.database.read() as session:
        rows = session.scalars(select(ReportObject))
        found = {
            row.kind: row.part10 for row in rows if dcmread(io.BytesIO(row.part10)).StudyInstanceUID == STUDY
        }
    assert set(found) == {"sr", "sc", "gsps"}
    return found


def test_studies_have_the_worklist_s_attributes_and_filters(held: Held, client: DICOMwebClient) -> None:
    (study,) = client.search_for_studies(search_filters={"PatientID": "DRAWN"})
    assert value(study, NAME) == {"Alphabetic": "Phantom^Drawn"}
    assert study[MODALITIES]["Value"] == ["CR", "OT", "PR", "SR"]
    assert (value(study, "00201206"), value(study, "00201208")) == (4, 4)
    assert value(study, "00771010") is None
    assert value(study, "00770010") == "TBSCREEN WORKLIST 1.0"
    assert (value(study, "00771001"), value(study, "00771003")) == ("PRESENT", "HIGH")
    assert value(study, AVAILABILITY) == "ONLINE"
    (study,) = held.search("/studies?PatientID=DRAWN")  # the client names no port in its Host header
    assert value(study, RETRIEVE) == f"{held.url}/studies/{STUDY}"

    for query, count in (
        ("", 2),
        ("PatientName=phantom*", 1),
        ("00100010=nobody*", 0),
        ("StudyDate=20240101-20241231", 1),
        ("StudyDate=-20201231", 1),
        (f"StudyInstanceUID={STUDY},1.2.3", 1),
        ("ModalitiesInStudy=SR", 2),
        ("ModalitiesInStudy=MR,CT", 0),
        ("00771001=PRESENT&00771003=HIGH&includefield=all&fuzzymatching=false", 2),
        ("00771001=ABSENT", 0),
        ("limit=1", 1),
        ("offset=1", 1),
        ("offset=2", 0),
    ):
        assert len(held.search(f"/studies?{query}")) == count, query


def test_series_and_instances_are_those_of_the_film_and_ours(held: Held, client: DICOMwebClient) -> None:
    objects = {kind: dcmread(io.BytesIO(part10)) for kind, part10 in list_objects(held).items()}
    series = {value(found, "00080060"): found for found in client.search_for_series(STUDY)}
    assert set(series) == {"CR", "SR", "OT", "PR"}
    assert value(series["SR"], "0020000E") == objects["sr"].SeriesInstanceUID
    assert value(series["SR"], "0008103E") == objects["sr"].SeriesDescription
    assert value(series["SR"], "00201209") == 1
    instances = {value(found, "00080018"): found for found in client.search_for_instances(STUDY)}
    assert {dataset.SOPInstanceUID for dataset in objects.values()} < set(instances)
    film = next(
        found
        for found in held.search(f"/studies/{STUDY}/instances")
        if value(found, "00080018") == f"{STUDY}.1.1"
    )
    assert (value(film, "00280010"), value(film, "00280011")) == (1100, 900)
    assert value(film, RETRIEVE) == f"{held.url}/studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.1"
    alone = client.search_for_instances(STUDY, f"{STUDY}.1")
    assert [value(found, "00080018") for found in alone] == [f"{STUDY}.1.1"]
    # Without a study in the target, the attributes of the study may be asked for, too.
    by_name = held.search("/instances?PatientName=Phantom*&Modality=SR")
    assert [value(found, "00080018") for found in by_name] == [objects["sr"].SOPInstanceUID]
    assert value(by_name[0], NAME) == {"Alphabetic": "Phantom^Drawn"}
    assert len(held.search("/series?Modality=SR")) == 2


def test_more_matches_and_ignored_parameters_are_told(held: Held) -> None:
    answer = held.get("/studies?limit=1")
    assert "There are additional results" in answer.headers["warning"]
    answer = held.get("/studies?fuzzymatching=true&PatientWeight=70&%0d%0aX-Bad=1")
    assert answer.status == 200
    assert "Only literal matching" in answer.headers["warning"]
    assert "PatientWeight" in answer.headers["warning"]
    assert "x-bad" not in answer.headers
    for query in (
        "limit=x",
        "offset=-1",
        "StudyDate=yesterday",
        "StudyInstanceUID=x",
        "NumberOfStudyRelatedSeries=1",
    ):
        answer = held.get(f"/studies?{query}")
        assert answer.status == 400, query
        assert json.loads(answer.body)["detail"].startswith("The search is not understood: ")
    assert held.get("/studies", Accept="text/html").status == 406


def test_our_objects_are_retrieved_byte_for_byte(held: Held, client: DICOMwebClient) -> None:
    for part10 in list_objects(held).values():
        made = dcmread(io.BytesIO(part10))
        uids = (STUDY, str(made.SeriesInstanceUID), str(made.SOPInstanceUID))
        assert client.retrieve_instance(*uids) == made
        answer = held.get("/studies/{}/series/{}/instances/{}".format(*uids), Accept="application/dicom")
        assert answer.body == part10
        (header,) = json.loads(held.get("/studies/{}/series/{}/instances/{}/metadata".format(*uids)).body)
        assert "7FE00010" not in header
        there = Dataset.from_json(
            {tag: item for tag, item in header.items() if tag not in (AVAILABILITY, "00083002", RETRIEVE)}
        )
        made.remove_private_tags()
        made.pop("PixelData", None)
        made.SpecificCharacterSet = "ISO_IR 192"
        assert there == made


def test_a_film_is_retrieved_as_it_was_received(held: Held, client: DICOMwebClient, film: Path) -> None:
    uids = (STUDY, f"{STUDY}.1", f"{STUDY}.1.1")
    assert client.retrieve_instance(*uids) == read(film)
    pixels = read(film).pixel_array
    answer = held.get(
        "/studies/{}/series/{}/instances/{}/frames/1".format(*uids),
        Accept="multipart/related; type=application/octet-stream; transfer-syntax=*",
    )
    assert answer.status == 200
    (frame,) = client.retrieve_instance_frames(*uids, [1], media_types=("application/octet-stream",))
    assert np.array_equal(np.frombuffer(frame, np.uint8).reshape(pixels.shape), pixels)
    (header,) = client.retrieve_series_metadata(*uids[:2])
    assert value(header, "00280010") == 1100
    assert value(header, "00083002") == "1.2.840.10008.1.2.1"
    assert len(client.retrieve_study(STUDY)) == 4
    assert len(client.retrieve_study_metadata(STUDY)) == 4


def test_what_is_not_there_is_not_found(held: Held) -> None:
    instance = f"/studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.1"
    for target, status in (
        ("/studies/1.2.3", 404),
        ("/studies/..%2F..", 404),
        (f"/studies/{STUDY}/series/1.2", 404),
        (f"/studies/1.2/series/{STUDY}.1/instances/{STUDY}.1.1", 404),
        (f"{instance}/frames/2", 404),
        (f"{instance}/frames/0", 400),
        (f"{instance}/rendered", 404),
    ):
        assert held.get(target).status == status, target
    for accept in (
        "text/plain",
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50',
    ):
        assert held.get(instance, Accept=accept).status == 406
    assert held.get(f"{instance}/frames/1", Accept="image/jpeg").status == 406
    assert held.get(f"{instance}/metadata", Accept="application/dicom+xml").status == 406


def test_once_the_spool_has_let_go_of_a_film_the_pacs_is_named(
    sqlite_database: Database, tmp_path: Path, film: Path
) -> None:
    with holding(sqlite_database, tmp_path / "spool", [film]) as held:
        held.forget_files()
        at_pacs = f"{RETRIEVE_URL}/studies/{STUDY}"
        (study,) = held.search("/studies")
        assert (value(study, AVAILABILITY), value(study, RETRIEVE)) == ("UNAVAILABLE", at_pacs)
        found = {value(match, "00080018"): match for match in held.search(f"/studies/{STUDY}/instances")}
        gone = found.pop(f"{STUDY}.1.1")
        assert value(gone, AVAILABILITY) == "UNAVAILABLE"
        assert value(gone, RETRIEVE) == f"{at_pacs}/series/{STUDY}.1/instances/{STUDY}.1.1"
        assert {value(match, AVAILABILITY) for match in found.values()} == {"ONLINE"}

        instance = f"/studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.1"
        for target in (instance, f"{instance}/frames/1", f"/studies/{STUDY}/series/{STUDY}.1"):
            answer = held.get(target)
            assert answer.status == 410
            assert at_pacs in json.loads(answer.body)["detail"]
        (header,) = json.loads(held.get(f"{instance}/metadata").body)
        assert (value(header, AVAILABILITY), value(header, NAME)) == (
            "UNAVAILABLE",
            {"Alphabetic": "Phantom^Drawn"},
        )
        answer = held.get(f"/studies/{STUDY}", Accept=SINGLE)
        assert (answer.status, answer.body.count(b"application/dicom;")) == (206, 3)
        assert "1 of 4" in answer.headers["warning"]
