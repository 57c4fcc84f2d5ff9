"""A real PACS that routes everything to us, our own reports included."""

from __future__ import annotations

import io

from pydicom import dcmread

from db.delivery import deliveries
from tests.films import read, real_film, small_film
from tests.integration.conftest import Site
from tests.servers.pacs import store
from tests.servers.ports import wait_until


def test_a_film_stored_in_orthanc_gets_its_report_in_the_same_study(site: Site) -> None:
    path = real_film()
    film = read(path)
    assert store(site.orthanc.dicom_port, path, ae_title="ORTHANC").returncode == 0
    query = {"StudyInstanceUID": str(film.StudyInstanceUID), "Modality": "SR"}
    wait_until(lambda: site.orthanc.find("Series", query) != [], 90, "Orthanc holds the report")
    (study,) = site.orthanc.find("Study", {"StudyInstanceUID": str(film.StudyInstanceUID)})
    series = site.orthanc.get(f"/studies/{study}/series")
    assert sorted(a_series["MainDicomTags"]["Modality"] for a_series in series) == ["CR", "SR"]
    (instance,) = next(a_series for a_series in series if a_series["MainDicomTags"]["Modality"] == "SR")[
        "Instances"
    ]
    report = _download(site, instance)
    assert report.PatientID == film.PatientID
    assert report.AccessionNumber == film.AccessionNumber
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    reference = evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert evidence.StudyInstanceUID == film.StudyInstanceUID
    assert reference.ReferencedSOPInstanceUID == film.SOPInstanceUID
    assert "AI result, not verified by a physician" in report.SeriesDescription


def test_our_own_report_routed_back_is_recorded_and_not_reported_again(site: Site, tmp_path) -> None:
    path = small_film(tmp_path, 1)
    film = read(path)
    assert store(site.orthanc.dicom_port, path, ae_title="ORTHANC").returncode == 0
    site.wait_for_film(film, "screened")

    def own() -> list[str]:
        study = site.find_study(str(film.StudyInstanceUID))
        assert study is not None
        return [entry.sop_instance_uid for entry in study.films if entry.refusal == "own_output"]

    wait_until(lambda: len(own()) == 1, 60, "the report came back as own_output")
    with site.installation.database.read() as session:
        rows = deliveries.list_deliveries(session, None, 10_000)
    of_this_film = [row for row in rows if row.sop_instance_uid == own()[0]]
    assert sorted(row.peer for row in of_this_film) == ["orthanc", "pacs", "storescp"]
    (study,) = site.orthanc.find("Study", {"StudyInstanceUID": str(film.StudyInstanceUID)})
    assert len(site.orthanc.get(f"/studies/{study}")["Series"]) == 2


def _download(site: Site, instance: str):
    import urllib.request

    url = f"http://127.0.0.1:{site.orthanc.http_port}/instances/{instance}/file"
    with urllib.request.urlopen(url, timeout=30) as response:
        return dcmread(io.BytesIO(response.read()))
