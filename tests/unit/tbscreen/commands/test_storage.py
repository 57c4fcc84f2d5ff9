"""`tbscreen renditions` and `tbscreen spool`: what leaves database and spool, and what never does."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from db.clock import now
from db.database import Database
from db.films.receptions import OVERDUE
from db.states import FilmState
from db.tables import Instance, Read, Rendition
from db.worklist import reads
from dicom_gateway.dataset_header import read_header
from dicom_gateway.settings import spool_directory
from dicom_gateway.spool import Spool
from domain.codes import Verdict
from tbscreen.settings import load_settings
from tests import screened_films
from tests.films import real_film
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli

ELSEWHERE = "gateway-b"


def count_renditions(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(Rendition.instance_id)).all())


def test_pictures_are_deleted_by_age_of_the_read(quick_cli: Cli, installed: Database) -> None:
    rows.register_model(installed)
    rows.screen(installed, rows.receive_and_queue(installed))
    rows.report(installed, ["pacs"])
    with installed.write() as session:
        reads.record(session, "1.2.3", Verdict.TB, "reader")
        session.execute(update(Read).values(read_at=now() - timedelta(days=400)))
    asked = quick_cli("renditions", "delete")
    assert (asked.returncode, "rendition_retention_days" in asked.stderr) == (1, True)
    assert "would delete 1 pictures" in quick_cli("renditions", "delete", "--days", "365", "--dry-run").stdout
    assert "deleted 0 pictures" in quick_cli("renditions", "delete", "--days", "500").stdout
    assert count_renditions(installed) == 1
    assert "deleted 1 pictures" in quick_cli("renditions", "delete", RENDITION_RETENTION_DAYS="365").stdout
    assert count_renditions(installed) == 0


@pytest.fixture
def spool(installed: Database, tmp_path: Path) -> Spool:
    """This gateway's spool with the file of one film, which gateway-b has by the database."""
    spool = Spool(spool_directory(load_settings().data_directory))
    arriving = spool.incoming / "film"
    shutil.copy(real_film(), arriving)
    header = read_header(arriving)
    file = spool.put(arriving, str(header.dataset.SOPInstanceUID), header.dataset_offset)
    screened_films.receive(
        installed,
        real_film(),
        gateway=ELSEWHERE,
        spool_path=file.relative_path,
        dataset_sha256=file.dataset_sha256,
    )
    return spool


def change(database: Database, **values: object) -> None:
    with database.write() as session:
        session.execute(update(Instance).values(**values))


def find_gateway(database: Database) -> str:
    with database.read() as session:
        return session.scalars(select(Instance.gateway)).one()


def test_a_film_that_its_gateway_left_is_taken_over_where_its_file_is(
    quick_cli: Cli, installed: Database, spool: Spool
) -> None:
    here = load_settings().gateway.name
    assert "took 0 films" in quick_cli("spool", "take-over").stdout, "the other gateway may be at work"
    change(installed, due_at=now() - OVERDUE - timedelta(minutes=1))
    assert "overdue: take it over" in quick_cli("spool", "list").stdout
    assert "would take 1 films" in quick_cli("spool", "take-over", "--dry-run").stdout
    assert find_gateway(installed) == ELSEWHERE
    assert "took 1 films" in quick_cli("spool", "take-over").stdout
    assert find_gateway(installed) == here
    nothing = "no file here is of a film that another gateway has\n"
    assert quick_cli("spool", "list").stdout == nothing


def test_a_file_that_is_not_the_film_is_not_taken_for_it(
    quick_cli: Cli, installed: Database, spool: Spool
) -> None:
    change(installed, due_at=now() - OVERDUE - timedelta(minutes=1), dataset_sha256="f" * 64)
    assert "not the film of the database" in quick_cli("spool", "take-over").stdout
    assert find_gateway(installed) == ELSEWHERE


def test_the_only_file_of_a_waiting_film_is_never_deleted(
    quick_cli: Cli, installed: Database, spool: Spool
) -> None:
    for state in (FilmState.RECEIVED, FilmState.QUEUED):
        change(installed, state=state)
        assert "deleted 0 files; 1 wait for their result" in quick_cli("spool", "delete").stdout
    assert len(list(spool.list_files())) == 1


def test_the_file_of_a_film_that_another_gateway_finished_is_deleted(
    quick_cli: Cli, installed: Database, spool: Spool
) -> None:
    change(installed, state=FilmState.REFUSED)
    assert "not needed: delete it" in quick_cli("spool", "list").stdout
    assert "would delete 1 files" in quick_cli("spool", "delete", "--dry-run").stdout
    assert len(list(spool.list_files())) == 1
    assert "deleted 1 files" in quick_cli("spool", "delete").stdout
    assert list(spool.list_files()) == []


def test_a_host_without_a_spool_gets_none(quick_cli: Cli, installed: Database) -> None:
    run = quick_cli("spool", "list")
    assert run.returncode == 1
    assert "no gateway works with this data directory" in run.stderr
