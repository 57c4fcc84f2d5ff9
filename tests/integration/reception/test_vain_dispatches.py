"""A film whose messages always get lost comes to an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from sqlalchemy import select

from db.states import FilmState
from db.tables import Instance
from dicom_gateway.preparation.preparation_loop import MOST_VAIN_DISPATCHES
from domain.codes import Refusal
from tests.films import small_film
from tests.fuzzing.campaign import make_database
from tests.integration.conftest import store_raw
from tests.servers.gateway import gateway
from tests.servers.ports import free_port, wait_until
from tests.servers.redis import redis_server


@contextmanager
def losing(broker: str) -> Iterator[None]:
    """Take each message from the broker as soon as it comes, and forget it."""
    ending = threading.Event()
    with Redis.from_url(broker) as client:

        def lose() -> None:
            while not ending.wait(0.02):
                client.flushdb()

        thread = threading.Thread(target=lose)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()


def test_a_film_whose_messages_always_get_lost_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tbscreen.db'}"
    database = make_database(url)
    port = free_port()

    def find() -> Instance:
        with database.read() as session:
            return session.scalars(select(Instance)).one()

    with redis_server() as broker, losing(broker):
        changes = {"TBSCREEN_BROKER_URL": broker, "TBSCREEN_GATEWAY__REDISPATCH_AFTER_S": "0.2"}
        with gateway(tmp_path / "data", port, url, changes):
            assert store_raw(port, small_film(tmp_path)) == 0x0000
            wait_until(lambda: find().state == FilmState.REFUSED, 90, "the film ends")
    film = find()
    assert film.refusal == Refusal.PROCESSING_FAILED
    assert film.refusal_detail == (
        f"dispatched {MOST_VAIN_DISPATCHES} times without a result while workers were at work"
    )
    database.close()
