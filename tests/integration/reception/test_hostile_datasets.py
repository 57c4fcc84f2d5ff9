"""A malformed object gets the status or refusal of the design, and the service goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import BasicTextSRStorage, EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid

from tests.films import dataset_offset, read, small_film, with_dataset
from tests.integration.conftest import Site, store_raw
from tests.servers.pacs import store
from tests.servers.ports import wait_until

SUCCESS, MISMATCH, NOT_UNDERSTOOD = 0x0000, 0xA900, 0xC000


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return small_film(tmp_path)


def dataset_bytes(path: Path) -> bytes:
    return path.read_bytes()[dataset_offset(path) :]


def still_works(site: Site, tmp_path: Path) -> None:
    path = small_film(tmp_path, 99)
    assert store_raw(site.port, path) == SUCCESS
    site.wait_for_film(read(path), "screened")


def test_garbage_is_not_understood(site: Site, film: Path, tmp_path: Path) -> None:
    garbage = with_dataset(film, tmp_path / "garbage.dcm", bytes(range(256)) * 400)
    assert store_raw(site.port, garbage) == NOT_UNDERSTOOD
    assert site.find_study(str(read(film).StudyInstanceUID)) is None
    still_works(site, tmp_path)


@pytest.mark.parametrize("kept", [7, 100, 333, 1000])
def test_a_header_cut_short_is_not_understood(site: Site, film: Path, tmp_path: Path, kept: int) -> None:
    cut = with_dataset(film, tmp_path / "cut.dcm", dataset_bytes(film)[:kept])
    assert store_raw(site.port, cut) == NOT_UNDERSTOOD
    still_works(site, tmp_path)


def test_cut_pixels_are_taken_and_refused_as_undecodable(site: Site, film: Path, tmp_path: Path) -> None:
    cut = with_dataset(film, tmp_path / "cut.dcm", dataset_bytes(film)[:-100_000])
    assert store_raw(site.port, cut) == SUCCESS
    entry = site.wait_for_film(read(film), "refused")
    assert entry.refusal == "undecodable"
    assert entry.score is None
    still_works(site, tmp_path)


def test_encapsulated_pixels_in_a_syntax_of_native_pixels_are_not_understood(
    site: Site, film: Path, tmp_path: Path
) -> None:
    header = dataset_bytes(film).partition(b"\xe0\x7f\x10\x00")[0]
    frame = encapsulate([b"\xff\xd8\xff\xd9"]) + b"\xfe\xff\xdd\xe0" + bytes(4)
    pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + frame
    assert read(film).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    damaged = with_dataset(film, tmp_path / "damaged.dcm", header + pixels)
    assert store_raw(site.port, damaged) == NOT_UNDERSTOOD
    assert site.find_study(str(read(film).StudyInstanceUID)) is None
    still_works(site, tmp_path)


def test_an_image_without_pixel_data_contradicts_its_sop_class(site: Site, tmp_path: Path) -> None:
    path = small_film(tmp_path, PixelData=None)
    assert store_raw(site.port, path) == MISMATCH
    still_works(site, tmp_path)


def test_a_dataset_of_another_instance_than_announced_is_a_mismatch(
    site: Site, film: Path, tmp_path: Path
) -> None:
    other = small_film(tmp_path, 5)
    mixed = with_dataset(film, tmp_path / "mixed.dcm", dataset_bytes(other))
    assert store_raw(site.port, mixed) == MISMATCH


def test_a_ct_is_refused_by_row(site: Site, tmp_path: Path) -> None:
    ct = read(Path(str(get_testdata_file("CT_small.dcm"))))
    ct.SOPInstanceUID = ct.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ct.StudyInstanceUID = generate_uid()
    path = tmp_path / "ct.dcm"
    ct.save_as(path)
    assert store_raw(site.port, path) == SUCCESS
    assert site.wait_for_film(ct, "refused").refusal == "unsupported_sop_class"


def test_an_sr_of_somebody_else_is_refused_by_row(site: Site, film: Path, tmp_path: Path) -> None:
    report = read(film)
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(report, keyword)
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    report.Modality = "SR"
    path = tmp_path / "sr.dcm"
    report.save_as(path)
    assert store_raw(site.port, path) == SUCCESS
    assert site.wait_for_film(report, "refused").refusal == "unsupported_sop_class"


def test_an_aborted_transfer_leaves_nothing_in_the_spool(site: Site, film: Path, tmp_path: Path) -> None:
    import socket

    from pynetdicom import AE

    incoming = site.installation.settings.data_directory / "spool" / "incoming"
    dataset = read(film)
    ae = AE(ae_title="MODALITY")
    ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", site.port, ae_title="TBSCREEN")
    assert association.is_established
    peer: socket.socket = association.dul.socket.socket
    # The beginning of a C-STORE request by hand: a command set, then half of a dataset, then silence.
    from pynetdicom.dimse_messages import C_STORE_RQ
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.pdu import P_DATA_TF

    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = dataset.SOPClassUID
    request.AffectedSOPInstanceUID = dataset.SOPInstanceUID
    request.Priority = 2
    import io

    request.DataSet = io.BytesIO(dataset_bytes(film))
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    for count, primitive in enumerate(message.encode_msg(1, 16382)):
        pdu = P_DATA_TF()
        pdu.from_primitive(primitive)
        peer.sendall(pdu.encode())
        if count == 8:
            break
    wait_until(lambda: any(incoming.iterdir()), 30, "the gateway writes the dataset as it comes")
    association.abort()
    wait_until(lambda: not any(incoming.iterdir()), 30, "the unfinished dataset is deleted")
    assert site.find_study(str(dataset.StudyInstanceUID)) is None
    still_works(site, tmp_path)


def test_no_patient_data_in_the_log(site: Site, tmp_path: Path) -> None:
    path = small_film(
        tmp_path, 7, PatientName="Secretname^Very", PatientID="SECRET-4711", AccessionNumber="ACC-SECRET"
    )
    assert store(site.port, path).returncode == 0
    site.wait_for_film(read(path), "screened")
    wait_until(
        lambda: "deliver" in site.wait_for_film(read(path), "screened").stages_ms,
        60,
        "the report is delivered",
    )
    log = site.installation.log.read_text("utf-8", "replace")
    assert "film screened" in log
    assert "report delivered" in log
    for secret in (
        "Secretname",
        "SECRET-4711",
        "ACC-SECRET",
        "CompressedSamples",
        str(read(path).SOPInstanceUID),
    ):
        assert secret not in log


def test_a_large_object_without_pixels_is_refused_by_row(site: Site, film: Path, tmp_path: Path) -> None:
    document = read(film)
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(document, keyword)
    document.SOPClassUID = document.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    document.SOPInstanceUID = document.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    document.EncapsulatedDocument = bytes(70_000_000)
    path = tmp_path / "document.dcm"
    document.save_as(path)
    assert store_raw(site.port, path) == SUCCESS
    assert site.wait_for_film(document, "refused").refusal == "unsupported_sop_class"


def test_a_retired_class_is_refused_by_row(site: Site, tmp_path: Path) -> None:
    path = small_film(tmp_path, SOPClassUID="1.2.840.10008.5.1.4.1.1.6")
    film = read(path)
    film.file_meta.MediaStorageSOPClassUID = film.SOPClassUID
    film.save_as(path)
    assert store_raw(site.port, path) == SUCCESS
    assert site.wait_for_film(film, "refused").refusal == "unsupported_sop_class"
