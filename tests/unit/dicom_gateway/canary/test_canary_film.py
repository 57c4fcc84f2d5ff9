"""The drawn film, its UIDs, and the comparison of its score."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from db.canary import canaries
from db.canary.verdicts import Verdict
from db.clock import now
from db.database import Database
from db.tables import Canary
from dicom_gateway.canary.canary_film import digest_film, draw_film
from dicom_gateway.canary.canary_run import judge
from dicom_gateway.canary.canary_uid import is_canary_uid, make_canary_uid
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.preparation.film_preparation import prepare
from dicom_gateway.settings import GatewaySettings
from domain.bundle.seal import EXACT, TOLERANCE
from tests.unit import rows


def test_the_drawn_film_is_screened_without_a_doubt_by_default(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    draw_film("2.25.1").save_as(path, enforce_file_format=True)
    prepared = prepare(path, "TBS-CANARY", GatewaySettings())
    assert (prepared.refusal, prepared.doubts, prepared.observations) == (None, (), ())
    assert prepared.array is not None


def test_the_digest_is_that_of_the_film_under_its_uid() -> None:
    assert digest_film(draw_film("2.25.1")) == digest_film(draw_film("2.25.1"))
    assert digest_film(draw_film("2.25.1")) != digest_film(draw_film("2.25.2"))


def test_uids_of_canary_films_have_a_mark_and_no_others() -> None:
    made = {make_canary_uid() for _ in range(100)}
    assert len(made) == 100
    assert all(is_canary_uid(uid) and len(uid) <= 64 for uid in made)
    uid = made.pop()
    assert not any(
        map(is_canary_uid, ("", "1.2.3", "2.25.1", derive_uid("film"), f"{uid}.1", f"2.25.0{uid[5:]}"))
    )


@pytest.mark.parametrize(
    ("way", "difference", "verdict"),
    [
        (("openvino", "float32"), EXACT / 2, Verdict.SAME),
        (("openvino", "float32"), -EXACT * 2, Verdict.CHANGED),
        (("openvino", "bfloat16"), TOLERANCE * 0.9, Verdict.SAME),
        (("keras", "float32"), -TOLERANCE * 0.9, Verdict.SAME),
        (("keras", "float32"), TOLERANCE * 1.1, Verdict.CHANGED),
    ],
)
def test_a_score_has_changed_by_more_than_its_runtime_and_precision_explain(
    sqlite_database: Database, way: tuple[str, str], difference: float, verdict: Verdict
) -> None:
    rows.register_model(sqlite_database)

    def score(value: float, runtime: str, precision: str) -> Verdict:
        moment = now()
        with sqlite_database.write() as session:
            canary = canaries.issue(session, rows.GATEWAY, make_canary_uid(), "d" * 64, timedelta(minutes=1))
            row = session.get_one(Canary, canary.id)
            row.score, row.runtime, row.precision, row.worker = value, runtime, precision, "worker"
            row.bundle_digest, row.scored_at = rows.DIGEST, moment
            session.flush()
            scored = canaries.find(session, canary.id)
        assert scored is not None
        return judge(sqlite_database, scored).verdict

    assert score(0.5, "openvino", "float32") is Verdict.SAME, "the first one is pinned"
    assert score(0.5 + difference, *way) is verdict
    assert score(0.5 + difference, *way) is verdict, "nothing is pinned anew"
