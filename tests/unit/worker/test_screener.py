"""One request from attempt to committed result, on a real database and with a real network."""

from __future__ import annotations

import errno
import math
import signal
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import delete, select, update

from db.canary import canaries
from db.database import Database
from db.films import films, screenings
from db.models import admissions, site_thresholds
from db.settings import DatabaseSettings
from db.states import FilmState
from db.tables import BundleChunk, Instance, OutboxEntry, Screening
from domain.array.normalization import SPEC
from domain.array.upright import turn
from domain.bundle.bundle import Bundle
from domain.codes import Doubt, GoldenOrigin, Observation, Refusal
from domain.film_key import film_key
from domain.screening_request import FIRST_CANARY, ScreeningRequest
from tests.unit import rows
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_heat, write_network
from tests.unit.worker.test_time_limit import interrupt
from worker.bundle_cache import BundleCache
from worker.golden_arrays import draw_golden_arrays
from worker.screener import Screener, ScreenerSettings, ScreeningOutcome
from worker.settings import WorkerSettings
from worker.time_limit import SIG_SOFT_TIMEOUT


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> ScreenerSettings:
    """A worker host's settings, with the runtime that loads a network soonest."""
    worker = WorkerSettings(name="worker-7", runtime="keras", precision="float32")
    return ScreenerSettings(DatabaseSettings(url=database_url), worker, tmp_path / "cache", tmp_path)


@pytest.fixture
def screener(settings: ScreenerSettings) -> Iterator[Screener]:
    """A screener on the database under test."""
    made = Screener(settings)
    yield made
    made.close()


def make_request(instance_id: int, value: float = 0.5, version: str = SPEC.version) -> ScreeningRequest:
    """Return a request for an evenly grey film; the films here are called after their rows."""
    array = np.full((SPEC.rows, SPEC.columns), value, np.float32)
    return ScreeningRequest(instance_id, film_key(f"1.2.3.{instance_id}"), version, array)


def test_a_film_is_screened_and_its_result_committed(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    assert screener.screen(make_request(instance_id, 0.5)) is ScreeningOutcome.SCREENED
    with database.read() as session:
        screening = session.scalars(select(Screening)).one()
        assert session.scalars(select(OutboxEntry.screening_id)).all() == [screening.id]
    assert screening.score == pytest.approx(1 / (1 + math.exp(-2.0)), abs=1e-6)
    assert (screening.finding, screening.priority, screening.worker) == ("present", "HIGH", "worker-7")
    assert (screening.threshold, screening.operating_point) == (0.25, "screening")
    assert screening.bundle_digest == small_bundle.digest
    assert (screening.runtime, screening.precision) == ("keras", "float32")
    assert screening.finished_at >= screening.started_at
    assert rows.read_film(database, instance_id).state == FilmState.SCREENED


def test_a_film_is_screened_with_a_bundle_of_the_next_manifest_format(
    database: Database, screener: Screener, later_bundle: Bundle
) -> None:
    register(database, later_bundle)
    instance_id = rows.receive_and_queue(database)
    assert screener.screen(make_request(instance_id, 0.5)) is ScreeningOutcome.SCREENED
    with database.read() as session:
        screening = session.scalars(select(Screening)).one()
    assert screening.score == pytest.approx(1 / (1 + math.exp(-2.0)), abs=1e-6)
    assert (screening.finding, screening.bundle_digest) == ("present", later_bundle.digest)


def test_where_the_score_comes_from_is_kept_with_it(
    database: Database, screener: Screener, tmp_path: Path
) -> None:
    register(database, write_heat(tmp_path / "bundle"))
    instance_id = rows.receive_and_queue(database)
    request = make_request(instance_id, 0.0)
    request.array[:64, 192:] = 1.0  # the last cell of the first row
    assert screener.screen(request) is ScreeningOutcome.SCREENED
    with database.read() as session:
        heat = screenings.find_heat(session, session.scalars(select(Screening.id)).one())
    assert heat is not None
    assert (heat.rows, heat.columns, heat.margin) == (4, 4, 1 / 16)
    assert int(np.frombuffer(heat.cells, np.uint8).argmax()) == 3


def test_a_heat_map_lies_on_the_film_as_it_came_and_not_as_it_was_turned(
    database: Database, screener: Screener, tmp_path: Path
) -> None:
    register(database, write_heat(tmp_path / "bundle"))
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        session.get_one(Instance, instance_id).observations = ["view_from_pixels", "turned_90", "of_tomorrow"]
    film = np.zeros((256, 256), dtype=np.float32)
    film[64:128, 192:] = 1.0  # the last cell of the second row
    request = make_request(instance_id, 0.0)
    request.array[:] = turn(film, [Observation.TURNED_90])
    assert screener.screen(request) is ScreeningOutcome.SCREENED
    with database.read() as session:
        heat = screenings.find_heat(session, session.scalars(select(Screening.id)).one())
    assert heat is not None
    assert int(np.frombuffer(heat.cells, np.uint8).argmax()) == 7


def test_a_second_request_for_the_same_film_finds_nothing_to_do(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    assert screener.screen(make_request(instance_id, 0.5)) is ScreeningOutcome.SCREENED
    assert screener.screen(make_request(instance_id, 0.1)) is ScreeningOutcome.NOTHING_TO_DO
    with database.read() as session:
        assert len(session.scalars(select(Screening)).all()) == 1
    assert rows.read_film(database, instance_id).screening_attempts == 1


def test_a_request_for_an_unknown_film_finds_nothing_to_do(screener: Screener) -> None:
    assert screener.screen(make_request(12345)) is ScreeningOutcome.NOTHING_TO_DO


def test_an_array_of_another_normalization_is_handed_back_unscored(
    database: Database, screener: Screener, other_bundle: Bundle
) -> None:
    register(database, other_bundle)
    instance_id = rows.receive(database).instance_id
    rows.queue(database, instance_id, normalization="another")
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.HANDED_BACK
    film = rows.read_film(database, instance_id)
    assert (film.state, film.bundle_digest, film.screening_attempts) == (FilmState.RECEIVED, None, 0)
    with database.read() as session:
        assert session.scalars(select(Screening)).all() == []
    rows.queue(database, instance_id, normalization="another")
    assert screener.screen(make_request(instance_id, version="another")) is ScreeningOutcome.SCREENED


def test_a_film_is_screened_with_the_bundle_that_was_pinned_not_the_active_one(
    database: Database, screener: Screener, small_bundle: Bundle, other_bundle: Bundle
) -> None:
    register(database, small_bundle)
    before = rows.receive_and_queue(database, "1.2.3.1")
    register(database, other_bundle)
    after = rows.receive(database, "1.2.3.2").instance_id
    rows.queue(database, after, normalization="another")
    screener.load_active()
    assert screener.screen(make_request(before)) is ScreeningOutcome.SCREENED
    assert screener.screen(make_request(after, version="another")) is ScreeningOutcome.SCREENED
    with database.read() as session:
        made = session.execute(
            select(Screening.bundle_digest, Screening.priority).order_by(Screening.instance_id)
        ).all()
    assert [tuple(row) for row in made] == [(small_bundle.digest, "HIGH"), (other_bundle.digest, "LOW")]


def test_a_film_in_doubt_is_undetermined(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive(database).instance_id
    rows.queue(database, instance_id, [Doubt.AGE_UNKNOWN])
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.SCREENED
    with database.read() as session:
        assert session.scalars(select(Screening.finding)).all() == ["undetermined"]


def test_a_film_begun_too_often_is_refused_without_being_predicted(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    for _ in range(screenings.MAX_ATTEMPTS):
        with database.write() as session:
            assert screenings.begin_attempt(session, instance_id) is not None
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.REFUSED
    assert rows.read_film(database, instance_id).refusal == Refusal.PROCESSING_FAILED


def test_an_attempt_is_committed_before_the_film_is_predicted(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    poisoned = ScreeningRequest(instance_id, film_key("1.2.3.1"), SPEC.version, np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="shape"):
        screener.screen(poisoned)
    film = rows.read_film(database, instance_id)
    assert (film.state, film.screening_attempts) == (FilmState.QUEUED, 1)


def test_a_film_refused_meanwhile_keeps_its_refusal(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        films.refuse(session, instance_id, Refusal.EXCLUDED_BY_RULE, "by hand")
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.NOTHING_TO_DO
    assert rows.read_film(database, instance_id).refusal == Refusal.EXCLUDED_BY_RULE


def test_without_an_active_bundle_there_is_nothing_to_load(
    screener: Screener, settings: ScreenerSettings
) -> None:
    screener.load_active()
    assert list(settings.cache_directory.iterdir()) == []


def test_two_networks_are_kept_while_one_bundle_replaces_the_other(
    database: Database, screener: Screener, small_bundle: Bundle, other_bundle: Bundle, tmp_path: Path
) -> None:
    third_bundle = write_network(tmp_path / "third", name="third")
    for bundle in (small_bundle, other_bundle, third_bundle):
        register(database, bundle)
    small, other = screener.load(small_bundle.digest), screener.load(other_bundle.digest)
    assert screener.load(small_bundle.digest) is small
    assert screener.load(other_bundle.digest) is other
    third = screener.load(third_bundle.digest)
    assert screener.load(other_bundle.digest) is other
    assert screener.load(third_bundle.digest) is third
    assert screener.load(small_bundle.digest) is not small


@pytest.mark.parametrize("trouble", ["unknown", "damaged"])
def test_a_film_whose_bundle_cannot_be_loaded_is_handed_back_without_a_strike(
    database: Database, screener: Screener, small_bundle: Bundle, trouble: str
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        if trouble == "unknown":
            session.execute(delete(BundleChunk))
        else:
            session.execute(update(BundleChunk).values(content=b"damaged"))
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.HANDED_BACK
    film = rows.read_film(database, instance_id)
    assert (film.state, film.screening_attempts) == (FilmState.RECEIVED, 0)


def test_an_unexpected_error_while_a_network_is_loaded_is_no_film_s_strike(
    database: Database, screener: Screener, small_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras whose import was interrupted has modules without their functions."""
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    with monkeypatch.context() as spoilt:
        spoilt.delattr("keras.src.ops.zeros")
        assert screener.screen(make_request(instance_id)) is ScreeningOutcome.HANDED_BACK
    film = rows.read_film(database, instance_id)
    assert (film.state, film.screening_attempts, film.screening_strikes) == (FilmState.RECEIVED, 0, 0)


def test_a_time_limit_reached_while_a_network_is_loaded_spoils_neither_network_nor_film(
    database: Database, screener: Screener, small_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)
    read_files, opened = BundleCache.open, []

    def open_slowly(cache: BundleCache, digest: str) -> Bundle:
        signal.raise_signal(SIG_SOFT_TIMEOUT)
        opened.append(digest)
        return read_files(cache, digest)

    before = signal.signal(SIG_SOFT_TIMEOUT, interrupt)
    try:
        with monkeypatch.context() as slow:
            slow.setattr(BundleCache, "open", open_slowly)
            with pytest.raises(SoftTimeLimitExceeded):
                screener.screen(make_request(instance_id))
            rows.make_due(database, Instance)
            assert screener.screen(make_request(instance_id)) is ScreeningOutcome.SCREENED
    finally:
        signal.signal(SIG_SOFT_TIMEOUT, before)
    assert opened == [small_bundle.digest], "it was loaded once, and kept"
    assert rows.read_film(database, instance_id).screening_strikes == 0


def test_a_full_disk_under_the_cache_is_no_film_s_strike(
    database: Database, screener: Screener, small_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(database, small_bundle)
    instance_id = rows.receive_and_queue(database)

    def fail(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(tempfile, "mkdtemp", fail)
        assert screener.screen(make_request(instance_id)) is ScreeningOutcome.HANDED_BACK
    film = rows.read_film(database, instance_id)
    assert (film.state, film.screening_attempts) == (FilmState.RECEIVED, 0)
    rows.queue(database, instance_id)
    assert screener.screen(make_request(instance_id)) is ScreeningOutcome.SCREENED


def test_a_film_is_judged_by_the_site_s_own_operating_point_that_was_pinned(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    points = [
        {"name": "screening", "threshold": 0.9},
        {"name": "rule_in", "threshold": 0.95},
        {"name": site_thresholds.NAME, "threshold": 0.9},
    ]
    platt = {"method": "platt", "slope": 1.0, "intercept": -1.0, "prevalence": 0.02}
    record = {"operating_points": points, "calibration": platt}
    with database.write() as session:
        entry = site_thresholds.keep(session, small_bundle.digest, "me", record, lambda _: "0" * 64)
        site_thresholds.switch_to(session, entry.calibration_id, "me")
    instance_id = rows.receive_and_queue(database)
    assert screener.screen(make_request(instance_id, 0.5)) is ScreeningOutcome.SCREENED
    with database.read() as session:
        screening = session.scalars(select(Screening)).one()
    # The network's score is that of the first test, 0.88; the bundle itself would say present and HIGH.
    assert (screening.finding, screening.priority) == ("absent", "LOW")
    assert (screening.threshold, screening.operating_point) == (0.9, entry.name)
    assert screening.probability == pytest.approx(1 / (1 + math.exp(-(2.0 - 1.0))), abs=1e-6)


@pytest.mark.parametrize(("weight", "outcome"), [(4.0, "screened"), (4.2, "handed_back")])
def test_a_bundle_that_does_not_give_its_golden_scores_screens_no_film(
    database: Database, screener: Screener, small_bundle: Bundle, weight: float, outcome: str
) -> None:
    register(database, small_bundle)
    means = draw_golden_arrays(16).mean(axis=(1, 2), dtype=np.float64)
    golden = (1 / (1 + np.exp(-weight * means))).tolist()
    with database.write() as session:
        admissions.keep_golden_scores(session, small_bundle.digest, golden, GoldenOrigin.SEAL)
    instance_id = rows.receive_and_queue(database)
    assert screener.screen(make_request(instance_id)).value == outcome
    film = rows.read_film(database, instance_id)
    assert film.screening_attempts == (1 if outcome == "screened" else 0)


def test_a_canary_film_is_scored_and_makes_no_result_and_no_strike_of_it_is_a_film_s(
    database: Database, screener: Screener, small_bundle: Bundle
) -> None:
    register(database, small_bundle)
    uid = "2.25.1"
    with database.write() as session:
        number = canaries.issue(session, rows.GATEWAY, uid, "d" * 64, timedelta(minutes=5)).id
        assert canaries.record_arrival(session, rows.GATEWAY, uid, "d" * 64, "00/canary.dcm")
        assert canaries.record_dispatch(session, number, SPEC.version)
    array = make_request(1).array
    request = ScreeningRequest(FIRST_CANARY + number, film_key(uid), SPEC.version, array)
    other = ScreeningRequest(FIRST_CANARY + number, film_key("2.25.2"), SPEC.version, array)
    assert screener.screen(other) is ScreeningOutcome.NOTHING_TO_DO
    assert screener.screen(request) is ScreeningOutcome.SCREENED
    assert screener.screen(request) is ScreeningOutcome.NOTHING_TO_DO
    screener.strike_for_error(request, ValueError())
    screener.strike(request.instance_id, request.film_key, "malformed")
    with database.read() as session:
        found = canaries.find(session, number)
        assert session.scalars(select(Screening)).all() == []
        assert screenings.begin_attempt(session, request.instance_id, request.film_key) is None
    assert found is not None
    assert found.score == pytest.approx(1 / (1 + math.exp(-2.0)), abs=1e-6)
    assert (found.runtime, found.precision, found.worker) == ("keras", "float32", "worker-7")
