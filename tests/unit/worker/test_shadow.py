"""A bundle in the shadow scores what was reported, and whatever becomes of it, no film notices."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select, text

from db.database import Database
from db.models import bundles, shadow_screenings
from db.models.shadow_screenings import STRIKES
from db.settings import DatabaseSettings
from db.states import FilmState
from db.tables import BundleChunk, Instance, OutboxEntry, Screening, ShadowScreening
from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle
from domain.codes import Doubt
from domain.film_key import film_key
from domain.screening_request import ScreeningRequest
from tests.unit import rows
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import prepare_graph, write_network
from worker.runtimes.openvino_runtime import is_installed
from worker.screener import Screener, ScreenerSettings, ScreeningOutcome
from worker.settings import WorkerSettings

# A worker's process that is ended, as by a crash of the native library, while the shadow predicts.
DYING_WORKER = """
import os, sys
from pathlib import Path
import numpy as np
from db.settings import DatabaseSettings
from domain.screening_request import ScreeningRequest
from worker.screener import Screener, ScreenerSettings
from worker.settings import WorkerSettings
from worker import shadow

shadow.triage = lambda *_: os._exit(139)
worker = WorkerSettings(name="w", precision="float32")
settings = ScreenerSettings(DatabaseSettings(url=sys.argv[1]), worker, Path(sys.argv[2]), Path(sys.argv[2]))
array = np.full((256, 256), 0.5, np.float32)
Screener(settings).screen(ScreeningRequest(int(sys.argv[3]), sys.argv[5], sys.argv[4], array))
"""


@pytest.fixture(scope="session")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A trained bundle whose score is sigmoid(-4 · mean), with operating points of its own."""
    return write_network(
        tmp_path_factory.mktemp("candidate"),
        weight=-4.0,
        name="candidate",
        operating_points=[
            {"name": "screening", "threshold": 0.1, "sensitivity": None, "specificity": None},
            {"name": "rule_in", "threshold": 0.5, "sensitivity": None, "specificity": None},
        ],
    )


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A trained bundle whose network returns what is not a number."""
    return write_network(tmp_path_factory.mktemp("broken"), weight=math.nan, name="broken")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> ScreenerSettings:
    """A worker host's settings, with the runtime that loads a network soonest."""
    worker = WorkerSettings(name="w", runtime="keras", precision="float32")
    return ScreenerSettings(DatabaseSettings(url=database_url), worker, tmp_path / "cache", tmp_path)


@pytest.fixture
def screener(settings: ScreenerSettings) -> Iterator[Screener]:
    """A screener on the database under test."""
    made = Screener(settings)
    yield made
    made.close()


def put_in_shadow(database: Database, active: Bundle, shadow: Bundle) -> None:
    register(database, active)
    register(database, shadow, active=False)
    with database.write() as session:
        shadow_screenings.start(session, shadow.digest)


def screen(database: Database, screener: Screener, number: int = 1) -> int:
    """Screen one film and assert that its own result stands."""
    instance_id = rows.receive_and_queue(database, f"1.2.3.{number}")
    assert screener.screen(make_request(instance_id, f"1.2.3.{number}")) is ScreeningOutcome.SCREENED
    film = rows.read_film(database, instance_id)
    assert (film.state, film.screening_attempts) == (FilmState.SCREENED, 1)
    with database.read() as session:
        scores = session.scalars(select(Screening.score).where(Screening.instance_id == instance_id)).all()
    assert scores == [pytest.approx(1 / (1 + math.exp(-2.0)), abs=1e-3)]
    return instance_id


def make_request(instance_id: int, uid: str = "1.2.3.1") -> ScreeningRequest:
    array = np.full((SPEC.rows, SPEC.columns), 0.5, np.float32)
    return ScreeningRequest(instance_id, film_key(uid), SPEC.version, array)


def read_shadow(database: Database) -> list[ShadowScreening]:
    with database.read() as session:
        return list(session.scalars(select(ShadowScreening).order_by(ShadowScreening.id)))


def test_a_film_is_scored_by_both_and_reported_by_one(
    database: Database, screener: Screener, small_bundle: Bundle, candidate: Bundle
) -> None:
    put_in_shadow(database, small_bundle, candidate)
    instance_id = screen(database, screener)
    (row,) = read_shadow(database)
    assert (row.instance_id, row.bundle_digest, row.worker) == (instance_id, candidate.digest, "w")
    assert row.score == pytest.approx(1 / (1 + math.exp(2.0)), abs=1e-3)
    assert (row.finding, row.priority, row.threshold) == ("present", "MEDIUM", 0.1)
    with database.read() as session:
        assert len(session.scalars(select(OutboxEntry)).all()) == 1
        assert session.scalars(select(Screening.bundle_digest)).all() == [small_bundle.digest]
        reported_at = session.scalars(select(Screening.finished_at)).one()
    assert row.started_at >= reported_at


def test_a_film_sent_twice_is_scored_in_the_shadow_once(
    database: Database, screener: Screener, small_bundle: Bundle, candidate: Bundle
) -> None:
    put_in_shadow(database, small_bundle, candidate)
    instance_id = screen(database, screener)
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.NOTHING_TO_DO
    assert len(read_shadow(database)) == 1


def test_the_shadow_is_put_on_and_off_without_a_restart(
    database: Database, screener: Screener, small_bundle: Bundle, candidate: Bundle
) -> None:
    register(database, small_bundle)
    screen(database, screener, 1)
    assert read_shadow(database) == []
    put_in_shadow(database, small_bundle, candidate)
    screen(database, screener, 2)
    with database.write() as session:
        bundles.end_shadow(session)
    screen(database, screener, 3)
    assert len(read_shadow(database)) == 1


def test_a_film_in_doubt_is_undetermined_in_the_shadow_too(
    database: Database, screener: Screener, small_bundle: Bundle, candidate: Bundle
) -> None:
    put_in_shadow(database, small_bundle, candidate)
    instance_id = rows.receive(database).instance_id
    rows.queue(database, instance_id, [Doubt.AGE_UNKNOWN])
    screener.screen(make_request(instance_id))
    assert [row.finding for row in read_shadow(database)] == ["undetermined"]


def test_a_bundle_of_another_normalization_scores_nothing(
    database: Database, screener: Screener, small_bundle: Bundle, other_bundle: Bundle
) -> None:
    put_in_shadow(database, small_bundle, other_bundle)
    screen(database, screener)
    assert read_shadow(database) == []


@pytest.mark.parametrize("trouble", ["not a number", "no files", "no table"])
def test_a_shadow_in_trouble_touches_no_film(
    database: Database,
    screener: Screener,
    small_bundle: Bundle,
    candidate: Bundle,
    broken: Bundle,
    trouble: str,
) -> None:
    put_in_shadow(database, small_bundle, broken if trouble == "not a number" else candidate)
    if trouble == "no files":
        with database.write() as session:
            session.execute(delete(BundleChunk).where(BundleChunk.digest == candidate.digest))
    if trouble == "no table":
        with database.write() as session:
            session.execute(text("ALTER TABLE shadow_screenings RENAME TO elsewhere"))
    try:
        screen(database, screener, 1)
        screen(database, screener, 2)
    finally:
        if trouble == "no table":
            with database.write() as session:
                session.execute(text("ALTER TABLE elsewhere RENAME TO shadow_screenings"))


def test_a_bundle_that_always_fails_leaves_the_shadow(
    database: Database, screener: Screener, small_bundle: Bundle, broken: Bundle
) -> None:
    put_in_shadow(database, small_bundle, broken)
    for number in range(STRIKES + 2):
        screen(database, screener, number)
    assert [row.finished_at for row in read_shadow(database)] == [None] * STRIKES
    with database.read() as session:
        assert bundles.find_shadow(session) is None


def test_a_bundle_that_ends_its_process_kills_no_film(
    database: Database, database_url: str, settings: ScreenerSettings, small_bundle: Bundle, candidate: Bundle
) -> None:
    put_in_shadow(database, small_bundle, candidate)
    if is_installed():  # so that the process need not load Keras
        prepare_graph(small_bundle, settings.cache_directory)
        prepare_graph(candidate, settings.cache_directory)
    instance_id = rows.receive_and_queue(database)
    arguments = [database_url, str(settings.cache_directory), str(instance_id), SPEC.version]
    arguments.append(film_key("1.2.3.1"))
    ended = subprocess.run(
        [sys.executable, "-c", DYING_WORKER, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 139, ended.stderr
    film = rows.read_film(database, instance_id)
    assert (film.state, film.screening_attempts) == (FilmState.SCREENED, 1)
    assert [row.finished_at for row in read_shadow(database)] == [None]

    screener = Screener(settings)  # the broker delivers the message again
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.NOTHING_TO_DO
    screener.close()
    assert len(read_shadow(database)) == 1
    with database.read() as session:
        assert session.scalars(select(Instance.state)).all() == [FilmState.SCREENED]
