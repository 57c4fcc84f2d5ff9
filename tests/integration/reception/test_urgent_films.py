"""An urgent sender's film is screened before those that came earlier, also when the queue is full of them."""

from __future__ import annotations

from pathlib import Path

from celery import Celery
from kombu.serialization import loads
from sqlalchemy import select

from db.database import Database
from db.states import FilmState
from db.tables import Instance
from domain.screening_request import QUEUE, TASK_NAME, ScreeningRequest
from tests.films import read, small_film
from tests.fuzzing.campaign import make_database
from tests.integration.conftest import store_raw
from tests.servers.gateway import gateway
from tests.servers.ports import free_port, wait_until
from tests.servers.redis import redis_server

ROOM = 2


def test_an_urgent_film_overtakes_in_spool_and_queue(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tbscreen.db'}"
    database = make_database(url)
    port = free_port()
    films = [small_film(tmp_path, number) for number in range(6)]
    urgent = small_film(tmp_path, 99)
    with redis_server() as broker:
        changes = {
            "TBSCREEN_BROKER_URL": broker,
            "TBSCREEN_GATEWAY__MAXIMUM_QUEUE_LENGTH": str(ROOM),
            "TBSCREEN_GATEWAY__URGENT_CALLING_AE_TITLES": '["er*"]',
        }
        with gateway(tmp_path / "data", port, url, changes):
            for film in films:
                assert store_raw(port, film) == 0x0000
            wait_until(lambda: count_queued(database) == ROOM, 30, "the queue is full")

            assert store_raw(port, urgent, calling="ER_BAY_1") == 0x0000
            wait_until(
                lambda: count_queued(database) == ROOM + 1, 30, "the urgent film overtakes in the spool"
            )
        taken = take_all(broker)
    assert len(taken) == ROOM + 1
    with database.read() as session:
        first = session.get_one(Instance, taken[0].instance_id)
        assert (first.sop_instance_uid, first.urgent) == (read(urgent).SOPInstanceUID, True)
    database.close()


def count_queued(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(Instance.id).where(Instance.state == FilmState.QUEUED.value)).all())


def take_all(broker: str) -> list[ScreeningRequest]:
    """Take what waits as a worker does: by kombu, in the order in which it is given out."""
    taken = []
    with Celery(broker=broker).connection_for_read() as connection:
        channel = connection.default_channel
        while (message := channel.basic_get(QUEUE)) is not None:
            assert message.headers["task"] == TASK_NAME
            arguments = loads(
                message.body, "application/x-msgpack", "binary", accept={"application/x-msgpack"}
            )[0]
            taken.append(ScreeningRequest.from_message(arguments[0]))
            message.ack()
    return taken
