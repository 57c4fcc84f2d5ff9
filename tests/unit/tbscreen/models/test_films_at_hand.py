"""Two networks are compared on the films of the site, read or not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from db.clock import now
from db.database import Database
from db.films import films, screenings
from db.tables import Read
from domain.bundle.manifest import Manifest
from domain.codes import Verdict
from domain.errors import PermanentError
from tbscreen.models.films_at_hand import FilmsAtHand, agree, describe_agreement, write_films
from tests.screened_films import activate_model, draw_rendition
from tests.unit import rows
from tests.unit.worker.networks import MANIFEST

NAMED = Manifest.model_validate(
    {**MANIFEST, "files": {"model_structure.json": "0" * 64, "model.weights.h5": "0" * 64}}
)


def screen(database: Database, number: int, verdict: Verdict | None) -> None:
    """Screen a film with the active bundle, and read its study."""
    instance_id = rows.receive(database, f"1.2.{number}", study=f"1.3.{number}").instance_id
    with database.write() as session:
        films.record_preparation(session, instance_id, draw_rendition(width=100 + number), [])
        pinned = films.pin_bundle(session, instance_id, NAMED.normalization["version"])
        assert pinned is not None
        assert films.mark_queued(session, instance_id, timedelta(minutes=5))
        assert screenings.begin_attempt(session, instance_id) is not None
        assert screenings.record_result(session, rows.make_result(instance_id, digest=pinned.bundle_digest))
        if verdict is not None:
            study = rows.read_film(database, instance_id).study_id
            session.add(Read(study_id=study, verdict=verdict.value, reader="r", read_at=now(), current=True))


def test_the_newest_screened_films_are_at_hand_with_their_reads(database: Database, tmp_path: Path) -> None:
    activate_model(database)
    assert write_films(database, tmp_path) is None
    for number, verdict in enumerate((Verdict.TB, None, Verdict.NOT_TB)):
        screen(database, number, verdict)
    rows.receive(database, "1.2.9", study="1.3.9")
    found = write_films(database, tmp_path)
    assert found is not None
    assert found.verdicts == (Verdict.NOT_TB, None, Verdict.TB)
    arrays = np.fromfile(found.path, "<u2").reshape(3, 256, 256)
    assert arrays[:, :, -1].mean() / 65535 == pytest.approx(200 / 255, abs=0.02)
    assert arrays[:, :, 0].mean() / 65535 == pytest.approx(40 / 255, abs=0.02)


def make_films(count: int, read: int) -> FilmsAtHand:
    verdicts: list[Verdict | None] = [
        (Verdict.TB if place % 2 else Verdict.NOT_TB) if place < read else None for place in range(count)
    ]
    return FilmsAtHand(Path("films.u16"), tuple(verdicts))


def test_networks_agree_as_far_as_their_findings_do() -> None:
    ours, theirs = [0.1, 0.2, 0.3, 0.9], [0.2, 0.3, 0.4, 0.8]
    found = agree(make_films(4, 0), ("b" * 64, NAMED, ours), ("a" * 64, NAMED, theirs))
    assert (found.films, found.equal_findings) == (4, 3)
    assert found.correlation == pytest.approx(np.corrcoef(ours, theirs)[0, 1])
    assert (
        "3 have the same finding; it refers 50.0 % of them, the bundle in use 75.0 %"
        in describe_agreement(found)
    )
    assert "no film of this site is at hand" in describe_agreement(None)


def test_reads_tell_which_network_is_worse() -> None:
    truth = np.arange(60) % 2
    right, wrong = truth * 0.5 + np.linspace(0.1, 0.3, 60), (1 - truth) * 0.5 + np.linspace(0.1, 0.3, 60)
    found = agree(make_films(80, 60), *(
        (digest * 64, NAMED, [*scores, *np.linspace(0, 1, 20)])
        for digest, scores in (("b", wrong), ("a", right))
    ))  # fmt: skip
    assert (found.comparison.verdict, found.comparison.origin) == ("worse", "reads")
    assert (found.comparison.films, found.comparison.tb, found.comparison.left_out) == (60, 30, 20)
    assert "AUC 0.000 against 1.000 on 60 films read here" in describe_agreement(found)


def test_a_network_with_one_score_for_all_films_is_refused() -> None:
    scores = np.linspace(0.1, 0.9, 30)
    with pytest.raises(PermanentError, match=r"gives all of 30 films of this site the score 0\.5000"):
        agree(make_films(30, 0), ("b" * 64, NAMED, [0.5] * 30), ("a" * 64, NAMED, scores.tolist()))
