"""The same processes over PostgreSQL and a Redis of their own; and what happens when parts die."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.worklist import worklist
from db.worklist.worklist_filter import WorklistFilter
from domain.screening_request import QUEUE
from tbscreen.demo.trial import Trial, trial
from tbscreen.processes.supervisor import READY_TIMEOUT_S
from tests.films import read, small_film
from tests.integration.conftest import find_processes, store_raw
from tests.servers.database import postgresql
from tests.servers.ports import wait_until
from tests.servers.product import GRAPHS_TOML
from tests.servers.redis import redis_server


@pytest.fixture(scope="module")
def distributed() -> Iterator[Trial]:
    with postgresql() as database_url, redis_server() as broker_url:
        top = f'database_url = "{database_url}"\nbroker_url = "{broker_url}"\n'
        gateway = "redispatch_after_s = 3.0\n"
        with trial(top_level=top, gateway=gateway, tables=GRAPHS_TOML) as installation:
            yield installation


def ready_file(installation: Trial, name: str) -> Path:
    """The ready file of a process; the supervisor deletes it before it starts another process."""
    return installation.directory / "data" / "run" / f"{name}.ready"


def screened(installation: Trial, path: Path) -> bool:
    uid = str(read(path).StudyInstanceUID)
    with installation.database.read() as session:
        found = worklist.find_page(session, WorklistFilter(study_instance_uids=[uid])).studies
    return bool(found) and found[0].state == "screened"


def test_a_film_goes_all_the_way_over_postgresql_and_redis(distributed: Trial, tmp_path: Path) -> None:
    path = small_film(tmp_path)
    assert distributed.database.engine.dialect.name == "postgresql"
    before = len(distributed.pacs.received)
    assert store_raw(distributed.service.dicom_port, path) == 0x0000
    assert distributed.pacs.wait_for(before + 1, 60)
    assert screened(distributed, path)


@pytest.mark.parametrize("name", ["worker", "courier"])
def test_a_killed_process_is_started_again_and_no_film_is_lost(
    distributed: Trial, tmp_path: Path, name: str
) -> None:
    before = len(distributed.pacs.received)
    killed = find_processes(distributed, name)
    for process in killed:
        process.send_signal(signal.SIGKILL)
    paths = [small_film(tmp_path, number) for number in range(3)]
    for path in paths:
        assert store_raw(distributed.service.dicom_port, path) == 0x0000

    def is_up_again() -> bool:
        distributed.service.supervisor.watch()
        found = find_processes(distributed, name)
        return bool(found) and found[0].pid != killed[0].pid and ready_file(distributed, name).exists()

    # Nearly all of the time is TensorFlow's start: seconds, or a minute on a machine that is busy.
    wait_until(is_up_again, READY_TIMEOUT_S, f"the {name} is started again")
    wait_until(lambda: len(distributed.pacs.received) >= before + 3, 60, "three reports")
    assert len(distributed.pacs.received) == before + 3
    assert all(screened(distributed, path) for path in paths)


def test_a_flushed_broker_loses_no_film(distributed: Trial, tmp_path: Path) -> None:
    from redis import Redis

    before = len(distributed.pacs.received)
    # Dead, not stopped: else Redis hands the message to its connection at once, and a flush loses nothing.
    for process in find_processes(distributed, "worker"):
        process.kill()
    path = small_film(tmp_path)
    assert store_raw(distributed.service.dicom_port, path) == 0x0000
    with Redis.from_url(distributed.settings.resolve_broker_url()) as client:
        wait_until(lambda: _queued(distributed, path), 60, "the film is queued")
        wait_until(lambda: bool(client.keys(f"{QUEUE}*")), 60, "its message waits")
        client.flushall()

    def done() -> bool:
        distributed.service.supervisor.watch()
        return len(distributed.pacs.received) >= before + 1

    wait_until(done, READY_TIMEOUT_S, "the film is dispatched again and reported")
    assert screened(distributed, path)


def _queued(installation: Trial, path: Path) -> bool:
    uid = str(read(path).StudyInstanceUID)
    with installation.database.read() as session:
        found = worklist.find_page(session, WorklistFilter(study_instance_uids=[uid])).studies
    return bool(found) and found[0].films[0].state == "queued"
