"""Films that an answer lists as stored are there after a kill; others may be sent again."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.database import Database
from db.settings import DatabaseSettings
from tests.films import read, small_film
from tests.integration.reception.test_reception_faults import check_kept, count_rows, url_of
from tests.servers.gateway import gateway
from tests.servers.peers.stow_requests import (
    CONTENT_TYPE,
    STUDIES,
    Answer,
    encode_body,
    make_token,
    post,
)
from tests.servers.ports import free_port, wait_until


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    database = Database.open(DatabaseSettings(url=f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"))
    yield database
    database.close()


def send_until_it_dies(port: int, token: str, pairs: list[list[Path]], answers: list[Answer]) -> None:
    for films in pairs:
        try:
            answers.append(post(port, encode_body(films), token))
        except (OSError, http.client.HTTPException):
            return


def make_header(token: str, length: int) -> bytes:
    """The header of a request with a body of this length."""
    lines = (
        f"POST {STUDIES} HTTP/1.1",
        "Host: gateway",
        f"Content-Type: {CONTENT_TYPE}",
        f"Authorization: Bearer {token}",
        f"Content-Length: {length}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("listeners", ["1", "2"])
def test_what_an_answer_lists_is_there_after_a_kill(
    listeners: str, database: Database, tmp_path: Path
) -> None:
    pairs = [[small_film(tmp_path, 2 * pair), small_film(tmp_path, 2 * pair + 1)] for pair in range(20)]
    data, port, web = tmp_path / "data", free_port(), free_port()
    token, answers = make_token(database), list[Answer]()
    changes = {
        "TBSCREEN_GATEWAY__DICOMWEB__PORT": str(web),
        "TBSCREEN_GATEWAY__LISTENER_PROCESSES": listeners,
    }
    with gateway(data, port, url_of(tmp_path), changes) as process:
        sender = threading.Thread(target=send_until_it_dies, args=(web, token, pairs, answers))
        sender.start()
        wait_until(lambda: count_rows(database) >= 5, 60, "some films are kept")
        process.send_signal(signal.SIGKILL)
        sender.join(timeout=60)
        assert not sender.is_alive()

    listed = [uid for answer in answers for uid in answer.stored]
    assert 4 <= len(listed) < 40, "the kill came in the middle"
    assert {answer.status for answer in answers} == {200}
    check_kept(database, data / "spool", listed)

    with gateway(data, port, url_of(tmp_path), changes):
        again = [post(web, encode_body(films), token) for films in pairs]
    assert [len(answer.stored) for answer in again] == [2] * 20
    assert count_rows(database) == 40, "a film that is sent again is the same row"
    check_kept(
        database, data / "spool", [str(read(film).SOPInstanceUID) for films in pairs for film in films]
    )
    assert not list((data / "spool" / "incoming").iterdir())


def test_a_request_that_is_cut_by_a_kill_at_any_byte_leaves_whole_films_or_none(
    database: Database, tmp_path: Path
) -> None:
    films = [small_film(tmp_path, number) for number in range(2)]
    body = encode_body(films)
    data, port, web = tmp_path / "data", free_port(), free_port()
    token = make_token(database)
    changes = {"TBSCREEN_GATEWAY__DICOMWEB__PORT": str(web)}
    half = len(body) // 2
    # In the head of the first part, in its pixels, in the second part, and before the last boundary.
    for cut in (100, half - 50_000, half + 300_000, len(body) - 5):
        with (
            gateway(data, port, url_of(tmp_path), changes) as process,
            socket.create_connection(("127.0.0.1", web), 30) as connection,
        ):
            connection.sendall(make_header(token, len(body)) + body[:cut])
            if cut > half:
                wait_until(lambda: count_rows(database) >= 1, 30, "the first film is kept")
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=30)
        kept = count_rows(database)
        assert kept == (cut > half)
        check_kept(database, data / "spool", [str(read(film).SOPInstanceUID) for film in films][:kept])
    with gateway(data, port, url_of(tmp_path), changes):
        assert not list((data / "spool" / "incoming").iterdir())
        assert len(post(web, body, token).stored) == 2
    assert count_rows(database) == 2


def test_a_gateway_that_is_told_to_end_is_gone_soon_whoever_is_connected(
    database: Database, tmp_path: Path
) -> None:
    data, port, web = tmp_path / "data", free_port(), free_port()
    token = make_token(database)
    body = encode_body([small_film(tmp_path)])
    with (
        gateway(data, port, url_of(tmp_path), {"TBSCREEN_GATEWAY__DICOMWEB__PORT": str(web)}) as process,
        socket.create_connection(("127.0.0.1", web), 30),
        socket.create_connection(("127.0.0.1", web), 30) as half,
    ):
        half.sendall(make_header(token, len(body)) + body[:-100])
        assert len(post(web, body, token).stored) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=45) == 0
    assert count_rows(database) == 1
