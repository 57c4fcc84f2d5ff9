"""The Celery application takes msgpack alone and acknowledges late; its parent process has no TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from celery import Celery
from celery.exceptions import Retry
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, loads, prepare_accept_content

from db.settings import DatabaseSettings
from domain.screening_request import MESSAGE_VERSION, QUEUE, TASK_NAME, UnknownMessageVersionError
from worker.app import build_app
from worker.screener import ScreenerSettings
from worker.settings import WorkerSettings


@pytest.fixture
def app(tmp_path: Path) -> Celery:
    """An application that is never started."""
    settings = ScreenerSettings(
        DatabaseSettings(url=f"sqlite:///{tmp_path / 'tbscreen.sqlite3'}"),
        WorkerSettings(processes=3, time_limit_s=77.0),
        tmp_path / "cache",
        tmp_path,
    )
    return build_app("redis://127.0.0.1:1/0", settings)


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_only_msgpack_is_decoded(app: Celery, serializer: str) -> None:
    assert app.conf.accept_content == ["msgpack"]
    content_type, encoding, content = dumps({"version": 1}, serializer=serializer)
    with pytest.raises(ContentDisallowed):
        loads(content, content_type, encoding, accept=prepare_accept_content(app.conf.accept_content))


def test_msgpack_is_decoded(app: Celery) -> None:
    content_type, encoding, content = dumps({"array": b"\x00\x01"}, serializer=app.conf.task_serializer)
    assert content_type == "application/x-msgpack"
    assert loads(content, content_type, encoding, accept=prepare_accept_content(app.conf.accept_content)) == {
        "array": b"\x00\x01"
    }


def test_a_message_is_acknowledged_only_when_its_film_is_done(app: Celery) -> None:
    assert app.conf.task_acks_late is True
    assert app.conf.task_reject_on_worker_lost is True
    assert app.conf.task_acks_on_failure_or_timeout is False
    assert app.conf.worker_prefetch_multiplier == 1


def test_the_settings_of_the_host_reach_celery(app: Celery) -> None:
    assert app.conf.worker_concurrency == 3
    assert app.conf.task_time_limit == 77.0
    assert 0 < app.conf.task_soft_time_limit < 77.0
    assert app.conf.task_ignore_result is True
    assert [queue.name for queue in app.conf.task_queues] == [QUEUE]


def test_the_one_task_is_registered_under_its_public_name(app: Celery) -> None:
    assert [name for name in app.tasks if not name.startswith("celery.")] == [TASK_NAME]


@pytest.mark.parametrize(
    "message", [None, [], {"version": MESSAGE_VERSION}, {"version": 1, "instance_id": "1"}]
)
def test_a_malformed_message_is_dropped(app: Celery, message: object) -> None:
    assert app.tasks[TASK_NAME].run(message) == "malformed"


def test_a_message_of_a_newer_version_is_handed_back_not_dropped(app: Celery) -> None:
    with pytest.raises(Retry) as caught:
        app.tasks[TASK_NAME].run({"version": 99})
    assert isinstance(caught.value.__cause__, UnknownMessageVersionError)


def test_the_parent_process_of_a_worker_never_loads_tensorflow() -> None:
    program = (
        "import sys, worker.app, worker.tasks, worker.screener, worker.bundle_cache\n"
        "print([name for name in ('keras', 'tensorflow', 'pydicom') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "[]\n"


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, "a/b"])
def test_a_worker_s_name_is_plain(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        WorkerSettings(name=name)
