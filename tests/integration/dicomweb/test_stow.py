"""Films by STOW-RS: received as by C-STORE, and answered as PS3.18 10.5 wants it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE
from sqlalchemy import select

from db.database import Database
from db.tables import Instance
from dicom_gateway.dicomweb.store_answer import NAMESPACE, XML
from tests.films import read, small_film
from tests.integration.listening import Listening
from tests.servers.peers.stow_requests import BOUNDARY, encode_body, encode_part, post

FAILED, OTHER = "00081198", "0008119A"


def port_of(listening: Listening) -> int:
    port = listening.scp.dicomweb_port
    assert port is not None
    return port


def list_rows(database: Database) -> list[Instance]:
    with database.read() as session:
        return list(session.scalars(select(Instance).order_by(Instance.id)))


def store_by_dimse(port: int, film: Path) -> int:
    header = read(film)
    ae = AE(ae_title="MODALITY")
    ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title="TBSCREEN")
    assert association.is_established
    status = int(association.send_c_store(film).Status)
    association.release()
    return status


def test_the_same_film_by_both_doors_is_one_row_and_one_file(
    listening: Listening, sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    film = small_film(tmp_path)
    assert store_by_dimse(listening.ports[0], film) == 0x0000
    (first,) = list_rows(sqlite_database)
    assert first.spool_path is not None
    by_dimse = listening.spool.path(first.spool_path).read_bytes()

    listening.spool.path(first.spool_path).unlink()
    answer = post(port_of(listening), encode_body([film]), token)

    assert answer.status == 200
    assert answer.stored == [str(read(film).SOPInstanceUID)]
    (row,) = list_rows(sqlite_database)
    assert (row.dataset_sha256, row.revision) == (first.dataset_sha256, 1)
    assert listening.spool.path(first.spool_path).read_bytes() == by_dimse
    assert not list(listening.spool.incoming.iterdir())


def test_a_film_alone_has_the_row_that_c_store_gives(
    listening: Listening, sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    film, other = small_film(tmp_path, 1), small_film(tmp_path, 2)
    assert post(port_of(listening), encode_body([film]), token).status == 200
    assert store_by_dimse(listening.ports[0], other) == 0x0000
    by_web, by_dimse = list_rows(sqlite_database)
    for column in (
        "calling_ae_title",
        "gateway",
        "sop_class_uid",
        "transfer_syntax_uid",
        "state",
        "modality",
    ):
        assert getattr(by_web, column) == getattr(by_dimse, column), column
    assert by_web.calling_ae_title == "MODALITY"


def test_dicomweb_client_stores_several_films_in_one_request(
    listening: Listening, sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    films = [small_film(tmp_path, number) for number in range(3)]
    client = DICOMwebClient(
        f"http://127.0.0.1:{port_of(listening)}/dicom-web", headers={"Authorization": f"Bearer {token}"}
    )
    answer = client.store_instances([dcmread(film) for film in films])
    stored = {item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence}
    assert stored == {row.sop_instance_uid for row in list_rows(sqlite_database)}
    assert len(stored) == 3
    assert "FailedSOPSequence" not in answer


def test_a_correction_by_the_web_is_a_revision_of_the_film_by_dimse(
    listening: Listening, sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    film = small_film(tmp_path)
    assert store_by_dimse(listening.ports[0], film) == 0x0000
    changed = dcmread(film)
    changed.StudyDescription = "corrected"
    changed.save_as(film)
    assert post(port_of(listening), encode_body([film]), token).status == 200
    assert [row.revision for row in list_rows(sqlite_database)] == [1, 2]


def test_some_are_stored_and_some_are_not(listening: Listening, token: str, tmp_path: Path) -> None:
    good, cut, empty = (small_film(tmp_path, number) for number in range(3))
    cut.write_bytes(cut.read_bytes()[:1003])
    unknown = dcmread(empty)
    unknown.file_meta.MediaStorageSOPClassUID = unknown.SOPClassUID = "1.2.3.4"
    unknown.save_as(empty)
    body = encode_part(good.read_bytes()) + encode_part(cut.read_bytes()) + encode_part(empty.read_bytes())
    body += encode_part(b"no DICOM") + encode_part(good.read_bytes(), "text/plain")
    answer = post(port_of(listening), body + f"--{BOUNDARY}--".encode(), token)

    assert answer.status == 202
    assert answer.headers["content-type"] == "application/dicom+json"
    assert answer.stored == [str(read(good).SOPInstanceUID)]
    failed = dict(zip(answer.list_uids(FAILED), answer.list_reasons(FAILED), strict=True))
    assert failed == {str(read(cut).SOPInstanceUID): 0xC000, str(unknown.SOPInstanceUID): 0x0122}
    assert answer.list_reasons(OTHER) == [0xC000, 0xC000]


def test_the_answer_is_xml_where_xml_is_asked_for(listening: Listening, token: str, tmp_path: Path) -> None:
    film = small_film(tmp_path)
    answer = post(port_of(listening), encode_body([film]), token, Accept=XML)
    assert (answer.status, answer.headers["content-type"]) == (200, XML)
    root = ElementTree.fromstring(answer.body)
    path = ".//n:DicomAttribute[@keyword='ReferencedSOPInstanceUID']/n:Value"
    assert [value.text for value in root.findall(path, {"n": NAMESPACE})] == [str(read(film).SOPInstanceUID)]
    assert post(port_of(listening), encode_body([film]), token, Accept="text/html").status == 406


def test_a_film_of_another_study_than_the_target_names_is_not_taken(
    listening: Listening, sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    film, other = small_film(tmp_path, 1), small_film(tmp_path, 2)
    target = f"/dicom-web/studies/{read(film).StudyInstanceUID}"
    answer = post(port_of(listening), encode_body([other]), token, target)
    assert (answer.status, answer.list_reasons(FAILED)) == (409, [0xA900])
    answer = post(port_of(listening), encode_body([film, other]), token, target)
    assert (answer.status, answer.stored) == (202, [str(read(film).SOPInstanceUID)])
    assert [row.sop_instance_uid for row in list_rows(sqlite_database)] == answer.stored
    assert post(port_of(listening), encode_body([film]), token, "/dicom-web/studies/..%2F..").status == 404


def test_file_meta_information_that_contradicts_the_dataset_is_refused(
    listening: Listening, token: str, tmp_path: Path
) -> None:
    film = small_film(tmp_path)
    changed = dcmread(film)
    changed.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    changed.save_as(film)
    answer = post(port_of(listening), encode_body([film]), token)
    assert (answer.status, answer.list_reasons(FAILED)) == (409, [0xA900])


@pytest.mark.parametrize("size", [1, 7, 4096, 100_000])
def test_how_the_body_is_cut_does_not_matter(
    size: int, listening: Listening, sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    film = small_film(tmp_path)
    body = b"\r\n" + encode_body([film])
    head = min(2000, len(body)) if size < 4096 else len(body)
    pieces = [body[at : at + size] for at in range(0, head, size)] + (
        [body[head:]] if head < len(body) else []
    )
    answer = post(port_of(listening), iter(pieces), token)
    assert (answer.status, len(answer.stored)) == (200, 1)
    (row,) = list_rows(sqlite_database)
    by_file = film.read_bytes()
    assert row.spool_path is not None
    assert listening.spool.path(row.spool_path).read_bytes()[-500_000:] == by_file[-500_000:]


def test_other_requests_are_told_where_the_door_is(listening: Listening, token: str) -> None:
    port = port_of(listening)
    for target, status in (("/", 404), ("/dicom-web/studies/1.2/series", 405)):
        answer = post(port, b"", token, target)
        assert answer.status == status
        assert b"POST /dicom-web/studies" in answer.body
