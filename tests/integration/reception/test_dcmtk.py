"""DCMTK's tools as modality and as PACS, and a client of Node.js."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import generate_uid

from db.worklist import study_details
from tests.films import read, real_film, small_film
from tests.integration.conftest import Site
from tests.servers import peers
from tests.servers.pacs import PRIVATE_SCHEME_LINE, echo, need, store, validate
from tests.servers.peers.node_packages import need_package
from tests.servers.ports import wait_until

DIMSE_CLIENT = Path(peers.__file__).with_name("dimse_client.js")


def report_file(site: Site, sop_instance_uid: str) -> Path | None:
    for path in site.storescp.files():
        dataset = dcmread(path, force=True)
        for evidence in dataset.get("CurrentRequestedProcedureEvidenceSequence", []):
            reference = evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
            if reference.ReferencedSOPInstanceUID == sop_instance_uid:
                return path
    return None


def test_c_echo(site: Site) -> None:
    assert echo(site.port, "TBSCREEN")


def test_a_wrong_called_ae_title_is_rejected(site: Site) -> None:
    assert not echo(site.port, "SOMEBODY")


def test_a_film_by_storescu_comes_back_as_a_report_to_storescp(site: Site, tmp_path: Path) -> None:
    path = small_film(tmp_path, 10)
    film = read(path)
    sent = store(site.port, path)
    assert sent.returncode == 0, sent.stderr
    wait_until(lambda: report_file(site, film.SOPInstanceUID) is not None, 60, "storescp holds the report")
    report = report_file(site, film.SOPInstanceUID)
    assert report is not None
    assert validate(report) - validate(path) <= {PRIVATE_SCHEME_LINE}
    shown = subprocess.run(
        [need("dsrdump", "dcmtk"), str(report)], capture_output=True, text=True, check=True
    )
    assert "Imaging Measurement Report" in shown.stdout
    assert "Certainty of Finding" in shown.stdout
    assert shown.stderr == ""


def test_a_film_of_dcmjs_dimse_whose_offset_table_lists_frames_that_are_not_there_is_screened(
    site: Site, tmp_path: Path
) -> None:
    node, packages = need_package("dcmjs-dimse", "0.3.3")
    film = read(real_film("RG1_J2KI.dcm"))
    film.StudyInstanceUID, film.SOPInstanceUID = generate_uid(), generate_uid()
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    film.save_as(tmp_path / "film.dcm")
    command = [node, str(DIMSE_CLIENT), str(packages), str(site.port), str(tmp_path / "film.dcm")]

    sent = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert "answered 0" in sent.stdout.splitlines(), sent.stdout + sent.stderr
    site.wait_for_film(film, "screened")


def test_an_extremity_is_refused_and_gets_no_score(site: Site) -> None:
    path = real_film("RG3_UNCR.dcm")
    film = read(path)
    assert store(site.port, path).returncode == 0
    site.wait_for_film(film, "refused")
    (study,) = [
        entry for entry in site.worklist_json() if entry["study_instance_uid"] == film.StudyInstanceUID
    ]
    assert study["state"] == "refused"
    assert study["refusal"] == "not_chest"
    assert study["films"][0]["refusal"] == "not_chest"
    assert study["films"][0]["score"] is None
    assert report_file(site, film.SOPInstanceUID) is None


def test_a_child_s_film_is_refused_and_has_a_picture_for_the_reader(site: Site, tmp_path: Path) -> None:
    path = small_film(tmp_path, 12, PatientAge="009Y")
    film = read(path)
    assert store(site.port, path).returncode == 0
    assert site.wait_for_film(film, "refused").refusal == "under_age"
    with site.installation.database.read() as session:
        details = study_details.find_details(session, str(film.StudyInstanceUID))
    assert details is not None
    assert [shown.has_rendition for shown in details.films] == [True]


def test_the_same_film_twice_gives_one_screening_and_one_report(site: Site, tmp_path: Path) -> None:
    path = small_film(tmp_path, 11)
    film = read(path)
    assert store(site.port, path).returncode == 0
    site.wait_for_film(film, "screened")
    assert store(site.port, path).returncode == 0
    # The next film passes the same stations behind it: when it is through, the second copy was, too.
    other = small_film(tmp_path, 12)
    assert store(site.port, other).returncode == 0
    wait_until(
        lambda: report_file(site, read(other).SOPInstanceUID) is not None, 60, "the next report is here"
    )
    study = site.find_study(str(film.StudyInstanceUID))
    assert study is not None
    assert [entry.state for entry in study.films if entry.sop_instance_uid == film.SOPInstanceUID] == [
        "screened"
    ]
    reports = [
        path for path in site.storescp.files() if dcmread(path).StudyInstanceUID == film.StudyInstanceUID
    ]
    assert len(reports) == 1


def test_a_correction_is_screened_again_and_supersedes_the_report(site: Site, tmp_path: Path) -> None:
    first = small_film(tmp_path, 13)
    film = read(first)
    assert store(site.port, first).returncode == 0
    wait_until(lambda: report_file(site, film.SOPInstanceUID) is not None, 60, "the first report is here")
    earlier = dcmread(report_file(site, film.SOPInstanceUID))
    film.StudyDescription = "CORRECTED"
    corrected = tmp_path / "corrected.dcm"
    film.save_as(corrected)
    assert store(site.port, corrected).returncode == 0

    def successor():
        for path in site.storescp.files():
            report = dcmread(path)
            if report.get("PredecessorDocumentsSequence"):
                return report
        return None

    wait_until(lambda: successor() is not None, 60, "the second report is here")
    report = successor()
    assert report.StudyDescription == "CORRECTED"
    assert report.SOPInstanceUID != earlier.SOPInstanceUID
    reference = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == earlier.SOPInstanceUID
    study = site.find_study(str(film.StudyInstanceUID))
    assert study is not None
    assert [entry.state for entry in study.films if entry.sop_instance_uid == film.SOPInstanceUID] == [
        "screened"
    ]
