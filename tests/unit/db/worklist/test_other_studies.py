"""The other studies of a patient ID."""

from __future__ import annotations

from db.database import Database
from db.worklist import other_studies, reads, study_details
from db.worklist.other_studies import OtherStudy
from db.worklist.studies import StudyHeader
from domain.codes import Verdict
from tests.unit import rows


def receive(
    database: Database, uid: str, patient_id: str | None, issuer: str | None = None, day: str = ""
) -> int:
    """Screen a study as HIGH and return its number."""
    header = StudyHeader(uid, patient_id=patient_id, patient_id_issuer=issuer, study_date=day or None)
    rows.screen(database, rows.receive_and_queue(database, f"{uid}.1", study=header))
    with database.read() as session:
        found = study_details.find_details(session, uid)
        assert found is not None
        return found.key


def list_others(database: Database, uid: str, hidden_from: str | None = None) -> list[OtherStudy]:
    with database.read() as session:
        study = study_details.find_details(session, uid)
        assert study is not None
        return list(other_studies.list_other_studies(session, study, hidden_from=hidden_from))


def test_the_newest_comes_first_and_another_issuer_s_number_is_another_patient(database: Database) -> None:
    rows.register_model(database)
    old = receive(database, "1.2.1", "P-7", "HOSPITAL A", "20240102")
    receive(database, "1.2.2", " p-7 ", "HOSPITAL A", "20260301")
    new = receive(database, "1.2.3", "p-7", None, "20251231")
    receive(database, "1.2.4", "P-7", "HOSPITAL B", "20260101")
    receive(database, "1.2.5", "P-77", "HOSPITAL A", "20260101")
    assert [other.key for other in list_others(database, "1.2.2")] == [new, old]
    assert len(list_others(database, "1.2.3")) == 3, "no issuer is any issuer"


def test_studies_without_patient_id_have_nothing_in_common(database: Database) -> None:
    rows.register_model(database)
    receive(database, "1.2.1", None)
    receive(database, "1.2.2", None)
    assert list_others(database, "1.2.1") == []


def test_results_of_others_stay_hidden_until_the_reader_s_own_read_of_them(database: Database) -> None:
    rows.register_model(database)
    receive(database, "1.2.1", "P-7")
    receive(database, "1.2.2", "P-7")
    (shown,) = list_others(database, "1.2.2")
    assert (shown.priority, shown.finding) == ("HIGH", "present")
    with database.write() as session:
        reads.record(session, "1.2.1", Verdict.TB, "ben")
    hidden = list_others(database, "1.2.2", hidden_from="rosa")
    assert [(other.verdict, other.priority, other.finding) for other in hidden] == [(None, None, None)]
    assert [other.verdict for other in list_others(database, "1.2.2", hidden_from="ben")] == ["tb"]
