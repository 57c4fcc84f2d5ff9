"""The shipped bundle is the one whose digest and golden scores are in the package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import delete

from db.database import Database
from db.models import admissions
from db.tables import BundleAdmission
from domain.bundle.bundle import open_bundle
from domain.bundle.seal import FEWEST_SCORES, SCORES, check_golden_scores, locate_seal, read_seal
from domain.errors import PermanentError
from tbscreen.models import default_bundle
from tbscreen.models.default_bundle import DEFAULT_BUNDLE, ensure_active, find_shipped_seal
from tbscreen.models.trust import describe_trust
from tests.unit.worker.networks import write_network
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import load_model
from worker.runtimes.keras_runtime import KerasRuntime
from worker.screening_network import score

AFTER_A_NEW_ONE = "run: rm tbscreen/bundles/default.seal.json; tbscreen models seal tbscreen/bundles/default"


def test_the_shipped_bundle_is_pinned_with_its_golden_scores() -> None:
    bundle = open_bundle(DEFAULT_BUNDLE)
    seal = find_shipped_seal(bundle.digest)
    assert seal is not None, f"another bundle than the sealed one is in the package; {AFTER_A_NEW_ONE}"
    assert len(seal.golden_scores) == SCORES
    assert max(seal.golden_scores) - min(seal.golden_scores) > 0.05
    scores = score(KerasRuntime(load_model(bundle), "float32"), draw_golden_arrays(FEWEST_SCORES)).tolist()
    check_golden_scores(scores, seal.golden_scores)
    with pytest.raises(PermanentError, match="gives other scores"):
        check_golden_scores(scores, [golden + 0.02 for golden in seal.golden_scores])


def test_it_is_trusted_and_its_golden_scores_are_kept_when_it_is_registered(
    sqlite_database: Database,
) -> None:
    model = ensure_active(sqlite_database)
    with sqlite_database.read() as session:
        assert describe_trust(session, model.digest) == "it came with tbscreen"
        entry = admissions.find(session, model.digest)
    seal = read_seal(locate_seal(DEFAULT_BUNDLE), model.digest)
    assert seal is not None
    assert (tuple(entry.golden_scores or ()), entry.golden_origin) == (seal.golden_scores, "seal")


def test_golden_scores_are_kept_where_an_earlier_version_registered_it(sqlite_database: Database) -> None:
    model = ensure_active(sqlite_database)
    with sqlite_database.write() as session:
        session.execute(delete(BundleAdmission))
    assert ensure_active(sqlite_database).digest == model.digest
    with sqlite_database.read() as session:
        assert len(admissions.find_golden_scores(session, model.digest)) == SCORES


def test_another_bundle_in_its_place_is_not_activated(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_network(tmp_path / "default", weight=4.0).directory
    shutil.copy(locate_seal(DEFAULT_BUNDLE), locate_seal(other))
    monkeypatch.setattr(default_bundle, "DEFAULT_BUNDLE", other)
    with pytest.raises(PermanentError, match="is not the bundle with which this version was released"):
        ensure_active(sqlite_database)
